"""What pages are told of online endpoints, and which ones they show."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_amlrest import plugin
from airflow_provider_amlrest.lifecycle.endpoint_record import EndpointRecord
from airflow_provider_amlrest.lifecycle.rollout import author
from airflow_provider_amlrest.lifecycle.task_state import TaskKey
from airflow_provider_amlrest.rest.resources.resource import gone, read_resource
from airflow_provider_amlrest.rest.resources.traffic import ROLLOUT
from tests.support.emulated import Emulated
from tests.support.endpoints import INSTANCE_TYPE

if not plugin._has_pages():
    pytest.skip("Airflow has pages since 3.1; its database was another one before", allow_module_level=True)

from airflow_provider_amlrest.plugin import endpoints, live, reads, view
from airflow_provider_amlrest.plugin.endpoints import Serving, TaskEndpoint, endpoint_page
from airflow_provider_amlrest.plugin.live import EndpointRef, JobCache
from airflow_provider_amlrest.plugin.records import TaskJob
from airflow_provider_amlrest.plugin.tasks import EndpointTask

KEY = TaskKey("d", "t", "r", -1)
ENDED = datetime.fromtimestamp(1_000, UTC)
TEST = {"at": 5.0, "error": "", "passed": [{"deployment": "green", "requests": 2, "seconds": 0.1}]}


# the page


def endpoint(state: str = "Succeeded", tags: dict[str, str] | None = None, **properties: Any) -> Any:
    known = {"provisioningState": state, "authMode": "Key", "scoringUri": "https://x/score?key=1"}
    wire = {"id": "/e", "tags": tags, "properties": {**known, **properties}}
    return read_resource("onlineEndpoints/shop", wire)


def deployment(name: str, state: str = "Succeeded", tags: Any = None, **properties: Any) -> Any:
    known = {"provisioningState": state, "instanceType": INSTANCE_TYPE, **properties}
    wire = {"sku": {"capacity": 2}, "tags": tags, "properties": known}
    return read_resource(f"onlineEndpoints/shop/deployments/{name}", wire)


def asked(name: str | None = "shop", state: str | None = "success", test: Any = None) -> TaskEndpoint:
    task = TaskJob(KEY, state, 1, ENDED, ENDED, None, None, {})
    record = EndpointRecord.read({"name": "shop", "test": test})
    assert record is not None
    return TaskEndpoint(task, record, EndpointTask("c", None, name))


class Studio:
    def studio_page(self, path: str) -> str:
        return f"https://studio/{path}"


def page(serving: Serving, asked: TaskEndpoint, now: float = 1_000.0) -> dict[str, Any]:
    shown: Any = endpoints.LiveEndpoint("shop", None, Studio())  # type: ignore[arg-type]
    shown.serving.value = serving
    return endpoint_page(asked, shown, now)


def test_the_page_of_an_endpoint() -> None:
    note = json.dumps({"by": author(KEY), "start": {"blue": 100}})
    shop = endpoint(
        traffic={"Blue": 90, "green": 10}, mirrorTraffic={"green": 20}, properties={ROLLOUT: note}
    )
    models = [f"/subscriptions/s/.../models/iris/versions/{number}" for number in (1, 2)]
    serving = Serving(
        shop, (deployment("green", "Updating", model=models[1]), deployment("blue", model=models[0]))
    )
    told = page(serving, asked(test=TEST))
    common = {"instance_type": INSTANCE_TYPE, "instances": 2}
    assert told["endpoint"] == {
        "name": "shop",
        "id": "/e",
        "state": "Succeeded",
        "outcome": "succeeded",
        "studio_url": "https://studio/endpoints/realtime/shop/detail",
        "scoring_uri": "https://x/score",
        "auth_mode": "Key",
        "deployments": [
            {
                "name": "blue",
                "state": "Succeeded",
                "outcome": "succeeded",
                "share": 90,
                "mirrored": 0,
                "model": "iris:1",
                **common,
            },
            {
                "name": "green",
                "state": "Updating",
                "outcome": "active",
                "share": 10,
                "mirrored": 20,
                "model": "iris:2",
                **common,
            },
        ],
        "rollout": {"by": "this task", "before": {"blue": 100}},
        "test": {**TEST, "passed": tuple(TEST["passed"])},
    }
    assert (told["task"]["task_id"], told["notice"]) == ("t", None)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (author(replace(KEY, run_id="manual 1")), "task d.t in run manual 1"),
        (author(replace(KEY, map_index=3)), "task d.t [3] in run r"),
        ("somebody's script", "somebody's script"),
        (None, ""),
    ],
)
def test_who_does_a_rollout(by: str | None, said: str) -> None:
    note = json.dumps({"by": by, "start": {"blue": "all", "green": 5}})
    told = page(Serving(endpoint(properties={ROLLOUT: note}), ()), asked())["endpoint"]
    assert told["rollout"] == {"by": said, "before": {"green": 5}}


@pytest.mark.parametrize(
    ("serving", "state", "now", "poll"),
    [
        (Serving(endpoint(), ()), "running", 9_999, view.ACTIVE_POLL),
        (Serving(endpoint(), ()), None, 9_999, view.ACTIVE_POLL),
        (Serving(endpoint("Updating"), ()), "success", 9_999, view.ACTIVE_POLL),
        (Serving(endpoint(), (deployment("b", "Creating"),)), "success", 9_999, view.ACTIVE_POLL),
        (Serving(endpoint(properties={ROLLOUT: '{"start": {}}'}), ()), "failed", 9_999, view.ACTIVE_POLL),
        (Serving(endpoint(), (deployment("b", "Failed"),)), "success", 1_010, view.SETTLING_POLL),
        (Serving(endpoint(), (deployment("b", "Failed"),)), "success", 9_999, None),
    ],
)
def test_how_often_it_is_loaded_again(
    serving: Serving, state: str | None, now: float, poll: float | None
) -> None:
    assert page(serving, asked(state=state), now)["poll"] == poll


def test_a_deployment_that_failed_and_one_of_which_little_is_known() -> None:
    odd = {"model": "https://account/x?sig=secret", "instanceType": None}
    told = page(Serving(endpoint(), (deployment("b", "Failed", **odd),)), asked())["endpoint"]
    [row] = told["deployments"]
    assert (row["state"], row["outcome"], row["share"]) == ("Failed", "failed", 0)
    assert (row["model"], row["instance_type"]) == ("", "")
    assert "secret" not in str(told)


def test_settings_of_a_deployment_and_messages_of_the_service_are_not_told() -> None:
    """They may have secrets, and only the task's own process could mask them."""
    private = {"environmentVariables": {"K": "s3cret"}, "provisioningErrors": [{"message": "no s3cret"}]}
    serving = Serving(endpoint(description="s3cret", tags={"x": "s3cret"}), (deployment("b", **private),))
    assert "s3cret" not in str(page(serving, asked()))


OWN, OTHER = ({"airflow_dag_id": "d", "airflow_task_id": task_id} for task_id in ("t", "other"))


@pytest.mark.parametrize(
    ("name", "serving", "proven"),
    [
        ("shop", Serving(endpoint(), ()), True),
        ("shop", Serving(gone("onlineEndpoints/shop"), ()), False),
        (None, Serving(endpoint(tags=OWN), ()), True),
        (None, Serving(endpoint(tags=OTHER), (deployment("b", tags=OWN),)), True),
        (None, Serving(endpoint(tags=OTHER), (deployment("b", tags=OTHER),)), False),
        (None, Serving(endpoint(), (deployment("b"),)), False),
    ],
)
def test_where_a_file_names_the_endpoint_tags_must_name_the_task(
    name: str | None, serving: Serving, proven: bool
) -> None:
    assert asked(name).is_proven(serving) is proven


def test_a_record_that_names_another_endpoint_does_not_count() -> None:
    assert asked("shop").counts
    assert asked(None).counts
    assert not asked("other").counts


# an endpoint that a page is open on


async def close(board: JobCache) -> None:
    for workspace in board._workspaces.values():
        workspace._task.cancel()
        await asyncio.wait({workspace._task})


async def test_many_pages_read_an_endpoint_once_and_again_when_it_is_time(
    shop: str, emulator: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, what, mark = JobCache(), EndpointRef("azureml_default", None, shop), emulator.mark()
    found = await asyncio.gather(*(board.endpoint(what) for _ in range(20)))
    assert len({id(one) for one in found}) == 1
    serving = found[0].serving.value
    assert serving is not None
    assert [one.name.rpartition("/")[2] for one in serving.deployments] in (
        ["blue", "green"],
        ["green", "blue"],
    )
    reads_of = len(emulator.asked("GET", f"/onlineEndpoints/{shop}", since=mark))
    assert reads_of == 2, "the endpoint and its deployments"
    assert not emulator.asked("POST", "/onlineEndpoints/", since=mark), "neither key nor token"
    with emulator.fault(f"/onlineEndpoints/{shop}", status=403, times=None):
        await board.endpoint(what)
        assert found[0].serving.error is None, "it is not time yet"
        monkeypatch.setattr(reads, "PART_SECONDS", 0.0)
        await board.endpoint(what)
        assert "403" in str(found[0].serving.error)
        assert found[0].serving.value is serving
    await close(board)


async def test_an_endpoint_that_is_not_there(connection: str) -> None:
    board = JobCache()
    found = await board.endpoint(EndpointRef("azureml_default", None, "no-such-endpoint"))
    assert found.serving.value is not None
    assert not found.serving.value.endpoint.exists
    await close(board)


async def test_an_endpoint_that_nobody_asks_for_is_let_go(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "IDLE", 0.4)
    board, what = JobCache(), EndpointRef("azureml_default", None, shop)
    first = await board.endpoint(what)
    async with asyncio.timeout(20):
        await asyncio.wait({workspace._task for workspace in board._workspaces.values()})
    assert await board.endpoint(what) is not first
    await close(board)
