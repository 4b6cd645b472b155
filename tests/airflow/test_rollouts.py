"""Rollouts: what they send, step by step, and how they go back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, TaskDeferred

from airflow_provider_amlrest import triggers
from airflow_provider_amlrest.lifecycle import patience, stopping
from airflow_provider_amlrest.lifecycle.rollout import back
from airflow_provider_amlrest.lifecycle.task_state import TryState
from airflow_provider_amlrest.operators import (
    AzureMLDeployOnlineEndpointOperator,
    AzureMLShiftTrafficOperator,
    safe_rollout,
)
from airflow_provider_amlrest.rest.http.errors import AzureMLError, ConflictError
from airflow_provider_amlrest.rest.resources.traffic import ROLLOUT
from tests.support.resources import Resources
from tests.support.tasks import Try, as_stored
from tests.unit.answers import Answered

SHOP = "onlineEndpoints/shop"
MODEL = "azureml:m:1"


def shift(**arguments: Any) -> Any:
    rollout = {"endpoint_name": "shop", "steps": [{"green": 10}, {"green": 100}], "pause": 0}
    return AzureMLShiftTrafficOperator(**{"task_id": "t", "poll_interval": 0.01, **rollout, **arguments})


@pytest.fixture
def shop(resources: Resources) -> Resources:
    """An endpoint whose blue deployment serves; green is new."""
    resources.add(SHOP, traffic={"blue": 100})
    for name in ("blue", "green"):
        resources.add(f"{SHOP}/deployments/{name}")
    return resources


def traffic(resources: Resources) -> tuple[dict[str, int], bool]:
    """The shares, and whether a rollout is noted."""
    properties = resources.found[SHOP]["properties"]
    return properties["traffic"], ROLLOUT in properties.get("properties", {})


def _stop() -> None:
    raise AzureMLError("ended")


def test_a_rollout_ends_without_a_note_of_it(shop: Resources) -> None:
    result = Try(shift(smoke_test={"requests": [{}]})).execute()
    assert traffic(shop) == ({"green": 100}, False)
    assert (result["outcome"], result["status"]) == ("shifted", "Succeeded")
    assert (result["before"], result["shares"], result["unused"]) == ({"blue": 100}, {"green": 100}, ["blue"])
    assert [test["deployment"] for test in result["tests"]] == ["green"]
    assert shop.sent == [f"PUT {SHOP}"] * 3


def test_a_try_that_died_after_the_last_request_leaves_nothing_unused(shop: Resources) -> None:
    """The next one says of it what it would have said."""
    first = Try(shift()).execute()
    shop.sent.clear()
    again = Try(shift(), try_number=2).execute()
    assert again == {**first, "outcome": "unchanged"}
    assert (again["unused"], shop.sent) == (["blue"], [])


def test_a_rollout_logs_what_each_request_changes(shop: Resources, said: Callable[[], str]) -> None:
    Try(shift(steps=[{"green": 100}])).execute()
    text = said()
    assert "online endpoint shop: shares: {'blue': 100} -> {'green': 100}" in text
    note = "by tests t manual__2026-01-01T00:00:00+00:00, from {'blue': 100}"
    assert f"online endpoint shop: rollout: none -> {note}" in text
    assert f"online endpoint shop: rollout: {note} -> none" in text
    assert "shares: {'green': 100}" not in text


def test_a_rollout_warns_of_a_deployment_that_has_failed(shop: Resources, said: Callable[[], str]) -> None:
    """It is no error: what the deployment served before a change of it failed, it may still serve."""
    shop.found[f"{SHOP}/deployments/green"]["properties"]["provisioningState"] = "Failed"
    Try(shift(steps=[{"green": 100}])).execute()
    assert "Deployment green is Failed: it may not answer the requests that it gets." in said()
    assert "Deployment blue" not in said()


def test_a_test_that_fails_on_the_way_leads_back(shop: Resources) -> None:
    def fails_later(call: Any) -> Answered:
        return Answered({}, 200 if traffic(shop)[0] == {"blue": 100} else 500)

    shop.answers = fails_later
    with pytest.raises(
        AirflowFailException, match=r"answered 500 .*[.] The shares are again those of before"
    ) as caught:
        Try(shift(smoke_test={"requests": [{}]})).execute()
    assert caught.value.__suppress_context__, "the task's log would have two tracebacks"
    assert traffic(shop) == ({"blue": 100}, False)


def test_a_refusal_on_the_way_leads_back(shop: Resources) -> None:
    """Nobody tries again: the shares would stay in between."""
    shop.refusals = [None, Answered({"error": {"code": "BadRequest", "message": "no quota"}}, 400)]
    with pytest.raises(
        AirflowFailException, match=r"shop: PUT .* was refused: no quota .*again those of before"
    ):
        Try(shift()).execute()
    assert traffic(shop) == ({"blue": 100}, False)


def test_a_way_back_that_is_refused_says_so(shop: Resources) -> None:
    refused = Answered({"error": {"code": "AuthorizationFailed", "message": "no write"}}, 403)
    shop.refusals = [None, refused, refused]
    with pytest.raises(
        AirflowFailException, match=r"no write.*The shares .* could not be set back to .*no write"
    ):
        Try(shift()).execute()
    assert traffic(shop) == ({"green": 10, "blue": 90}, True)


def test_a_change_of_the_endpoint_during_a_rollout_keeps_its_way_back(shop: Resources) -> None:
    """Whoever goes on with the rollout finds the shares of before."""
    note = '{"by": "another", "start": {"blue": 100}}'
    shop.found[SHOP]["properties"]["properties"] = {ROLLOUT: note, "gone": "1"}
    shop.found[SHOP]["properties"]["traffic"] = {"blue": 90, "green": 10}
    endpoint = {"name": "shop", "tags": {"team": "ml"}, "properties": {"own": "1"}}
    task = AzureMLDeployOnlineEndpointOperator(task_id="t", poll_interval=0.01, endpoint=endpoint)
    assert Try(task).execute()["outcome"] == "updated"
    properties = shop.found[SHOP]["properties"]
    assert properties["properties"] == {"own": "1", ROLLOUT: note}
    assert properties["traffic"] == {"blue": 90, "green": 10}


def test_without_rollback_the_rollout_stays_unfinished(shop: Resources) -> None:
    shop.answers = lambda call: Answered({}, 200 if traffic(shop)[0] == {"blue": 100} else 500)
    with pytest.raises(AirflowFailException, match="The shares stay as they are"):
        Try(shift(smoke_test={"requests": [{}]}, rollback=False)).execute()
    assert traffic(shop) == ({"green": 10, "blue": 90}, True)


def deferred(shop: Resources) -> Any:
    """The trigger of a rollout that pauses after its first step."""
    task = shift(deferrable=True, pause=60)
    attempt = Try(task)
    task.render_template_fields(attempt.context)
    with pytest.raises(TaskDeferred) as first:
        task.execute(attempt.context)
    for _ in range(2):
        shop.client().get_resource(SHOP)
    kwargs = {**first.value.kwargs, "event": {"status": "ended"}}
    with pytest.raises(TaskDeferred) as second:
        task.execute_complete(attempt.context, **kwargs)
    assert traffic(shop) == ({"green": 10, "blue": 90}, True)
    return as_stored(second.value.trigger)


@pytest.mark.parametrize("ended", [True, False])
def test_a_deferred_rollout_that_somebody_ends_goes_back(
    shop: Resources, monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    """A triggerer that only restarts leaves it, for the next one."""

    async def has_left(trigger: Any) -> bool:
        return ended

    async def end(trigger: Any) -> None:
        await trigger.on_kill()
        await trigger.cleanup()

    trigger = deferred(shop)
    monkeypatch.setattr(triggers, "has_left_deferral", has_left)
    monkeypatch.setattr(trigger, "_client", shop.async_client)
    asyncio.run(end(trigger))
    assert traffic(shop) == (({"blue": 100}, False) if ended else ({"green": 10, "blue": 90}, True))


@pytest.mark.parametrize("waits_in", ["worker", "triggerer"])
def test_the_way_back_is_gone_although_the_endpoint_is_being_changed(
    shop: Resources, monkeypatch: pytest.MonkeyPatch, waits_in: str
) -> None:
    """The service refuses it at first."""
    monkeypatch.setattr(patience, "BACK_PAUSE", 0.01)
    monkeypatch.setattr(stopping, "ask_from_signal", lambda ti, patience: TryState("failed", True))
    shop.looks = 3

    async def end(trigger: Any) -> None:
        await trigger.on_kill()
        await trigger.cleanup()

    if waits_in == "triggerer":
        trigger = deferred(shop)
        monkeypatch.setattr(triggers, "has_left_deferral", has_left_deferral)
        monkeypatch.setattr(trigger, "_client", shop.async_client)
        shop.begin(SHOP)
        asyncio.run(end(trigger))
    else:
        task = shift()
        shop.told = task.on_kill
        with pytest.raises(AzureMLError, match="The task was ended"):
            Try(task).execute()
    assert traffic(shop) == ({"blue": 100}, False)


def test_what_is_read_during_a_change_may_be_what_was_before(shop: Resources) -> None:
    shop.looks = 2
    shop.begin(SHOP)
    with pytest.raises(ConflictError):
        shop.client().bring(back(SHOP, "shop", {"start": {"blue": 100}, "expected": [{"blue": 100}]}))


async def has_left_deferral(trigger: Any) -> bool:
    return True


@pytest.mark.parametrize(
    ("state", "left"), [("failed", ({"blue": 100}, False)), ("queued", ({"green": 10, "blue": 90}, True))]
)
def test_a_rollout_in_a_worker_that_is_told_to_go(
    shop: Resources, monkeypatch: pytest.MonkeyPatch, state: str, left: Any
) -> None:
    monkeypatch.setattr(stopping, "ask_from_signal", lambda ti, patience: TryState(state, True))
    task = shift(retries=1, pause=60)
    monkeypatch.setattr(task, "_pause", lambda rollout, seconds: task.on_kill() or _stop())
    with pytest.raises((SystemExit, AzureMLError)):
        Try(task).execute()
    assert traffic(shop) == left


def test_a_rollout_that_was_ended_does_not_go_on_after_its_way_back(
    shop: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow 3 kills the process only some seconds after it was told to end."""
    monkeypatch.setattr(stopping, "ask_from_signal", lambda ti, patience: TryState("failed", True))
    tested: list[Any] = []

    def ends(answers: list[Any]) -> None:
        tested.append(answers)
        if traffic(shop)[0] != {"blue": 100}:
            task.on_kill()

    task = shift(smoke_test={"requests": [{}]}, smoke_check=ends)
    with pytest.raises(AzureMLError, match="The task was ended; nothing more is sent about online endp"):
        Try(task).execute()
    assert tested
    assert traffic(shop) == ({"blue": 100}, False)


def test_the_name_of_a_new_deployment_may_be_a_template(resources: Resources) -> None:
    with DAG("rollout", schedule=None) as dag:
        safe_rollout(
            endpoint_name="shop", deployment_name="v{{ params.version }}", deployment={"model": MODEL}
        )
    task: Any = dag.get_task("safe_rollout.shift")
    task.render_template_fields({**Try(task).context, "params": {"version": 3}})
    assert task.steps == [{"v3": 10}, {"v3": 50}, {"v3": 100}]


class _Mapped(Try):
    """A try of a task in a mapped group: the others of the group have returned something, too."""

    results: ClassVar[dict[tuple[str, int], Any]] = {}

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        assert key == "return_value"
        return self.results.get((task_ids, map_indexes))


@pytest.mark.parametrize("map_index", [-1, 0, 1])
def test_a_rollout_may_be_mapped_and_its_deployment_named_by_a_task(
    resources: Resources, monkeypatch: pytest.MonkeyPatch, map_index: int
) -> None:
    with DAG("rollout", schedule=None) as dag:
        named = AzureMLDeployOnlineEndpointOperator(task_id="named", endpoint="shop")
        safe_rollout(endpoint_name="shop", deployment_name=named.output, deployment={"model": MODEL})
    shift, delete = dag.get_task("safe_rollout.shift"), dag.get_task("safe_rollout.delete_unused")
    results = {
        **{("safe_rollout.deploy", index): {"name": f"v{index}"} for index in (-1, 0, 1)},
        **{("safe_rollout.shift", index): {"unused": [f"old{index}"]} for index in (-1, 0, 1)},
    }
    monkeypatch.setattr(_Mapped, "results", results)
    task: Any = shift
    task.render_template_fields(_Mapped(task, map_index=map_index).context)
    assert task.steps == [{f"v{map_index}": share} for share in (10, 50, 100)]
    task = delete
    task.render_template_fields(_Mapped(task, map_index=map_index).context)
    assert task.deployment_name == f"['old{map_index}']"
