"""Who may see which online endpoint, whatever XComs say. No browser is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_amlrest.lifecycle.endpoint_record import ENDPOINT_KEY
from airflow_provider_amlrest.plugin.app import NO_JOB
from tests.support.endpoints import make_endpoint
from tests.ui.stage import Stage
from tests.ui.test_forged import ask, query, record

pytestmark = pytest.mark.ui

OF_JOBS = ("/task/log", "/task/trials", "/task/steps")
OTHER = "not-of-this-task"
TASKS = ("deploy_blue", "all_to_blue", "deploy_green", "refused", "ask", "rollout")


@pytest.fixture(scope="module")
def other(stage: Stage) -> Iterator[str]:
    """An endpoint that no task of Airflow has made."""
    with stage.client() as client:
        make_endpoint(client, OTHER, "blue", traffic={"blue": 100})
    return OTHER


def page(stage: Stage, ended: dict[str, str], task_id: str) -> Any:
    return ask(stage, "/task/data", query("serving", ended["serving"], task_id))


@pytest.mark.parametrize("task_id", TASKS)
def test_all_tasks_that_work_on_an_endpoint_show_it(
    stage: Stage, ended: dict[str, str], task_id: str
) -> None:
    shown = page(stage, ended, task_id).json()["endpoint"]
    assert (shown["name"], shown["rollout"]["before"]) == ("iris-shop", {"blue": 100})
    assert {one["name"]: one["share"] for one in shown["deployments"]}.items() >= {
        "blue": 90,
        "green": 10,
    }.items()
    assert (shown["rollout"]["by"] == "this task") == (task_id == "rollout")
    assert bool(shown["test"]) == (task_id in ("all_to_blue", "refused", "rollout"))


def test_no_key_is_told(stage: Stage, ended: dict[str, str]) -> None:
    with stage.client() as client:
        access = client.get_access(client.get_resource("onlineEndpoints/iris-shop"))
    assert access.secret
    before = stage.emulated.mark()
    for task_id in TASKS:
        text = page(stage, ended, task_id).text
        assert access.secret not in text
        assert stage.emulated.facts["client_secret"] not in text
    assert not stage.emulated.asked("POST", "/onlineEndpoints/", since=before), "nobody has asked for one"


def test_it_has_no_log_no_steps_and_is_not_canceled(stage: Stage, ended: dict[str, str]) -> None:
    asked = query("serving", ended["serving"], "rollout")
    for path in OF_JOBS:
        answer = ask(stage, path, asked)
        assert (answer.status_code, NO_JOB in answer.text) == (404, True)
    assert ask(stage, "/task/cancel", asked, "POST").status_code == 404


def test_who_may_not_read_the_dag_sees_no_endpoint(stage: Stage, ended: dict[str, str]) -> None:
    url = f"{stage.airflow.url}/azureml/task/data"
    asked = query("serving", ended["serving"], "rollout")
    for role, status in (("nobody", 403), (None, 401)):
        answer = stage.session(role).get(url, params=asked, timeout=30)
        assert (answer.status_code, "iris-shop" in answer.text) == (status, False)
    assert stage.session("viewer").get(url, params=asked, timeout=30).status_code == 200


def test_lists_have_jobs_only(stage: Stage, ended: dict[str, str]) -> None:
    asked = query("serving", ended["serving"])
    assert ask(stage, "/run/data", asked).json()["rows"] == []
    assert ask(stage, "/recent/data", {"dag_id": "serving"}).json()["rows"] == []
    history = ask(stage, "/history/data", {"dag_id": "serving", "task_id": "rollout"})
    assert (history.status_code, history.json()["runs"]) == (200, [])


@pytest.mark.parametrize("task_id", ["deploy_blue", "deploy_green", "rollout", "ask"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_record_points_at_no_endpoint_of_another(
    stage: Stage, ended: dict[str, str], other: str, task_id: str, exists: bool
) -> None:
    """One answer, whether there is such an endpoint or not; nothing else in a record is read."""
    asked = query("serving", ended["serving"], task_id)
    true = record(stage, asked, key=ENDPOINT_KEY)
    name = other if exists else "no-such-endpoint"
    record(stage, asked, {**true, "name": name}, key=ENDPOINT_KEY)
    answer = ask(stage, "/task/data", asked)
    assert (answer.status_code, answer.json()["error"]) == (404, NO_JOB)
    strange = {"conn_id": "no_such_connection", "studio_url": "https://evil.example.org"}
    record(stage, asked, {**true, **strange}, key=ENDPOINT_KEY)
    answer = ask(stage, "/task/data", asked)
    assert (answer.status_code, "evil" in answer.text) == (200, False)


def test_a_record_on_any_other_task_is_none(stage: Stage, ended: dict[str, str]) -> None:
    true = record(stage, query("serving", ended["serving"], "rollout"), key=ENDPOINT_KEY)
    asked = query("mixed", ended["mixed"], "other")
    record(stage, asked, true, key=ENDPOINT_KEY)
    assert ask(stage, "/task/data", asked).status_code == 404


@pytest.mark.parametrize("value", ["text", 7, ["x"], {"name": 7}, {"name": "../jobs"}, {"name": ""}])
def test_odd_records_of_endpoints(stage: Stage, ended: dict[str, str], value: Any) -> None:
    asked = query("serving", ended["serving"], "ask")
    true = record(stage, asked, key=ENDPOINT_KEY)
    record(stage, asked, value, key=ENDPOINT_KEY)
    assert ask(stage, "/task/data", asked).status_code == 404
    record(stage, asked, true, key=ENDPOINT_KEY)
    assert ask(stage, "/task/data", asked).status_code == 200


@pytest.mark.parametrize("status", [403, 503])
def test_a_workspace_that_does_not_answer(stage: Stage, ended: dict[str, str], status: int) -> None:
    """What was read before stays; without it, there is one sentence."""
    with stage.emulated.fault("/onlineEndpoints/iris-shop", status=status, times=None):
        answer = page(stage, ended, "ask")
        assert "Traceback" not in answer.text
        said = answer.json()
        assert said.get("endpoint") or str(status) in said["error"]
