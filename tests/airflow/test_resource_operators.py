"""Operators that bring resources to a state, and that ask what serves: what they send and return."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.lifecycle import batch_invocation, patience
from airflow_provider_amlrest.operators import (
    AzureMLCreateComputeOperator,
    AzureMLDeployBatchEndpointOperator,
    AzureMLDeployOnlineEndpointOperator,
    AzureMLInvokeBatchEndpointOperator,
    AzureMLInvokeOnlineEndpointOperator,
)
from airflow_provider_amlrest.rest.http.errors import AzureMLError, UnreachableError
from tests.support.resources import Resources
from tests.support.tasks import Try
from tests.unit.answers import Answered

SHOP = "onlineEndpoints/shop"
MODEL = "azureml:m:1"


def run(operator: Any, **arguments: Any) -> Any:
    return Try(operator(**{"task_id": "t", "poll_interval": 0.01, **arguments})).execute()


def ask(**arguments: Any) -> Any:
    return Try(AzureMLInvokeOnlineEndpointOperator(task_id="t", endpoint_name="shop", **arguments)).execute()


def deploy(**arguments: Any) -> Any:
    blue = {"endpoint": "shop", "deployment": {"model": MODEL}, "deployment_name": "blue"}
    return run(AzureMLDeployOnlineEndpointOperator, **{**blue, **arguments})


def test_an_endpoint_and_its_deployment_are_made_once(resources: Resources) -> None:
    result = deploy()
    assert resources.sent == [f"PUT {SHOP}", f"PUT {SHOP}/deployments/blue"]
    assert result == {
        "id": f"/{SHOP}/deployments/blue",
        "name": "blue",
        "status": "Succeeded",
        "outcome": "created",
        "endpoint_name": "shop",
        "scoring_uri": f"https://score/{SHOP}",
        "traffic": {},
    }
    assert deploy()["outcome"] == "unchanged"
    assert len(resources.sent) == 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"endpoint": "my_shop"}, "endpoint: 'my_shop' is not a valid name for an endpoint"),
        ({"deployment_name": "v1"}, "name: 'v1' is not a valid name for a deployment"),
        ({"endpoint": "s"}, "endpoint: 's' is not a valid name for an endpoint"),
        ({"deployment": None}, "deployment: it is missing: deployment_name and model are parts of one"),
        *[
            ({"deployment": {"model": MODEL, **members}}, problem)
            for members, problem in [
                ({"scale_settings": {"type": ["a"]}}, r"scale_settings.type: \['a'\] is not one of"),
                ({1: 2}, "1: unknown key '1'"),
                ({"environment": {}}, "environment.image: give either"),
                ({"model": {}}, r"^model.path: it is missing"),
                ({"model": {"path": "none"}}, r"^model.path: there is no file or folder"),
                ({"model": {"path": "none", "type": "x"}}, r"^model.type: 'x' is not one of"),
                (
                    {"request_settings": {"request_timeout_ms": -1}},
                    "request_settings.request_timeout_ms: -1 must be a whole number from 0",
                ),
            ]
        ],
        *[
            ({"endpoint": {"name": "shop", **members}}, problem)
            for members, problem in [
                ({"auth_mode": ["key"]}, r"auth_mode: \['key'\] is not one of"),
                ({"identity": {"type": {}}}, "identity.type: {} is not one of"),
                *[
                    (
                        {"identity": {"type": "user_assigned", "user_assigned_identities": ids}},
                        "identity.user_assigned_identities: .* must be (a list|the ARM id of one)",
                    )
                    for ids in (12, [None], [{"resource_id": None}], [""])
                ],
            ]
        ],
        (
            {"deployment": {"model": MODEL, "endpoint_name": "other"}},
            "deployment: its endpoint_name is 'other', but the endpoint is 'shop'",
        ),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_sent(
    resources: Resources, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(AirflowFailException, match=problem):
        deploy(**arguments)
    assert resources.sent == []


def test_a_named_endpoint_that_has_failed_is_sent_again_as_it_is(resources: Resources) -> None:
    """Its name alone says nothing of who may ask it, or which deployment answers."""
    traffic, own = {"blue": 90, "green": 10}, {"team": "ml"}
    wire = resources.add(
        SHOP, authMode="AADToken", provisioningState="Failed", traffic=traffic, properties=own
    )
    users = {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/a": {"clientId": "1"}}}
    wire |= {"tags": {"a": "b"}, "identity": users, "location": "here"}
    assert deploy(deployment=None, deployment_name=None)["outcome"] == "updated"
    now = resources.found[SHOP]
    assert now["tags"] == {"a": "b"}
    assert now["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/a": {}}}
    sent = {name: now["properties"][name] for name in ("authMode", "traffic", "properties")}
    assert sent == {"authMode": "AADToken", "traffic": traffic, "properties": own}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"request": {1, 2}}, "request: it cannot be written as JSON: .* set"),
        ({"request": {"at": date(2026, 1, 1)}}, "request: it cannot be written as JSON: .* date"),
        ({"deployment_name": "green\nX-Key: 1"}, "deployment_name: .* is not a valid name for a deployment"),
        ({"deployment_name": "grün"}, "deployment_name: .* is not a valid name for a deployment"),
    ],
)
def test_a_request_that_cannot_be_sent(resources: Resources, arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(AirflowFailException, match=problem):
        ask(**{"request": 1, **arguments})


def test_a_request_of_a_file_that_windows_wrote(resources: Resources, tmp_path: Path) -> None:
    resources.add(SHOP)
    resources.answers = lambda call: Answered({"sent": call.request.content})
    (tmp_path / "request.json").write_bytes(b'\xef\xbb\xbf{"x":\r\n1}')
    assert ask(request_file=tmp_path / "request.json")["answer"] == {"sent": '{"x":\n1}'}


def test_a_batch_endpoint_is_asked_for_a_deployment_by_its_name(resources: Resources) -> None:
    asked = {"endpoint_name": "shop", "deployment_name": "a b", "inputs": {"x": 1}}
    with pytest.raises(AirflowFailException, match="deployment_name: 'a b' is not a valid name"):
        run(AzureMLInvokeBatchEndpointOperator, **asked)


@pytest.mark.parametrize(
    ("retries", "problem"),
    [
        ({"max_retries": "many"}, r"settings.retry_settings.max_retries: 'many' must be a whole number"),
        ({"timeout": 0}, r"settings.retry_settings.timeout: 0 must be a number of seconds"),
    ],
)
def test_settings_of_a_batch_deployment_that_cannot_be(
    resources: Resources, retries: dict[str, Any], problem: str
) -> None:
    deployment = {"name": "blue", "model": MODEL, "compute": "cpu", "settings": {"retry_settings": retries}}
    with pytest.raises(AirflowFailException, match=problem):
        run(AzureMLDeployBatchEndpointOperator, endpoint="shop", deployment=deployment)
    assert resources.sent == []


def test_times_are_sent_as_they_are(resources: Resources) -> None:
    """Not as 1.23457e+06."""
    times = {"polling_interval": 1234567}
    settings = {"request_settings": {"request_timeout_ms": "1234567"}, "scale_settings": times}
    deploy(deployment={"model": MODEL, **settings})
    sent = resources.found[f"{SHOP}/deployments/blue"]["properties"]
    assert sent["requestSettings"]["requestTimeout"] == "PT1234.567S"
    assert sent["scaleSettings"]["pollingInterval"] == "PT1234567S"


def test_who_does_not_wait_still_makes_all(resources: Resources) -> None:
    """What comes next needs what comes before; only the end of the last is not waited for."""
    resources.looks = 3
    result = deploy(wait_for_completion=False)
    assert resources.sent == [f"PUT {SHOP}", f"PUT {SHOP}/deployments/blue"]
    assert (result["status"], result["outcome"], bool(result["id"])) == ("Creating", "created", True)


def test_who_does_not_wait_still_changes_what_another_is_changing(resources: Resources) -> None:
    resources.add("computes/cpu", computeType="AmlCompute", properties={"vmSize": "A", "scaleSettings": {}})
    resources.begin("computes/cpu")
    result = run(AzureMLCreateComputeOperator, name="cpu", size="Standard_B", wait_for_completion=False)
    assert (resources.sent, result["outcome"]) == (["PUT computes/cpu"], "updated")


def deploy_batch() -> Any:
    deployment = {"model": MODEL, "compute": "cpu", "name": "one"}
    return run(AzureMLDeployBatchEndpointOperator, endpoint="scores", deployment=deployment)


def test_what_a_batch_deployment_returns_is_about_the_deployment(resources: Resources) -> None:
    resources.add("computes/cpu", computeType="AmlCompute")
    first = deploy_batch()
    assert (first["name"], first["status"], first["outcome"]) == ("one", "Succeeded", "created")
    assert first["id"] == "/batchEndpoints/scores/deployments/one"
    assert (first["endpoint_name"], first["default_deployment"]) == ("scores", "one")
    assert deploy_batch() == {**first, "outcome": "unchanged"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, AirflowFailException),
        (424, AirflowFailException),
        (408, AzureMLError),
        (429, AzureMLError),
        (503, AzureMLError),
    ],
)
def test_answers_that_may_pass_are_retried(resources: Resources, status: int, error: type[Exception]) -> None:
    resources.add(SHOP)
    resources.answers = lambda call: Answered("no", status)
    with pytest.raises(error, match=f"has answered {status}: no"):
        Try(AzureMLInvokeOnlineEndpointOperator(task_id="t", endpoint_name="shop", request={})).execute()


def test_an_answer_is_in_the_log_without_its_content(resources: Resources, said: Callable[[], str]) -> None:
    resources.add(SHOP)
    resources.answers = lambda call: Answered("42.5", 200)
    Try(AzureMLInvokeOnlineEndpointOperator(task_id="t", endpoint_name="shop", request={})).execute()
    text = said()
    assert "online endpoint shop has answered 200" in text
    assert "42.5" not in text


def test_a_task_that_was_ended_makes_no_deployment(resources: Resources) -> None:
    task = AzureMLDeployOnlineEndpointOperator(
        task_id="t", poll_interval=0.01, endpoint="shop", deployment={"model": MODEL, "name": "blue"}
    )
    resources.told = task.on_kill
    with pytest.raises(AzureMLError, match="The task was ended"):
        Try(task).execute()
    assert resources.sent == [f"PUT {SHOP}"]


def test_a_batch_endpoint_is_asked_once_though_its_job_cannot_be_seen_at_first(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails after the answer is tried again, and nothing before it."""
    seen: list[str] = []

    def see(client: Any, name: str) -> Any:
        seen.append(name)
        raise UnreachableError(f"GET jobs/{name}", "no answer") if len(seen) == 1 else _SeenError

    resources.add("batchEndpoints/scores", authMode="AADToken")
    asked: list[Any] = []
    resources.answers = lambda call: asked.append(call) or Answered({"name": "batchjob-1"})
    monkeypatch.setattr(batch_invocation, "appearing", see)
    monkeypatch.setattr(patience, "SUBMIT_OUTAGE", 60.0)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    data = {"data": {"type": "uri_folder", "path": "azureml://datastores/d/paths/in/"}}
    task = AzureMLInvokeBatchEndpointOperator(task_id="t", endpoint_name="scores", inputs=data)
    with pytest.raises(_SeenError):
        Try(task).execute()
    assert (len(asked), seen) == (1, ["batchjob-1", "batchjob-1"])


class _SeenError(Exception):
    pass
