"""Who may ask the pages' server what. No browser is needed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.waiting import wait_for
from tests.ui.stage import Stage

pytestmark = pytest.mark.ui

OF_TASK = ("/task", "/task/data", "/task/log", "/task/trials", "/task/steps")
OF_DAG = ("/run", "/run/data", "/history/data")
OF_ALL = ("/recent", "/recent/data", "/assets/{version}/{name:path}", "/icon.svg", "/icon-dark.svg")
CANCEL = "/task/cancel"
NO_STEP = "has no such step"
HEADERS = {"X-AzureML": "cancel"}


@pytest.fixture(scope="module")
def task(stage: Stage) -> dict[str, str]:
    """A task whose job runs until somebody ends it."""
    run_id = stage.airflow.api.trigger("endless")
    wait_for(lambda: stage.job_of(run_id))
    admin = stage.session("admin")
    query = {"dag_id": "endless", "run_id": run_id, "task_id": "train", "map_index": "{MAP_INDEX}"}
    wait_for(lambda: admin.get(f"{stage.airflow.url}/azureml/task/data", params=query, timeout=30).ok)
    return query


def ask(stage: Stage, role: str | None, path: str, query: dict[str, str], method: str = "GET") -> Any:
    path = path.replace("{version}", "x").replace("{name:path}", "main.js")
    headers = HEADERS if method == "POST" else {}
    url = f"{stage.airflow.url}/azureml{path}"
    return stage.session(role).request(method, url, params=query, headers=headers, timeout=30)


def canceled(stage: Stage, task: dict[str, str], since: int) -> list[Any]:
    """Whether somebody has canceled the task's job since."""
    return stage.emulated.asked("POST", f"/{stage.job_of(task['run_id']).name}/cancel", since=since)


def test_every_route_is_in_this_file() -> None:
    from airflow_provider_amlrest.plugin.app import create_app

    routes = {(route.path, *sorted(route.methods)) for route in create_app().routes}
    assert routes == {*((path, "GET") for path in (*OF_TASK, *OF_DAG, *OF_ALL)), (CANCEL, "POST")}


@pytest.mark.parametrize("path", [*OF_TASK, *OF_DAG, *OF_ALL, CANCEL])
def test_nobody_is_let_in_without_signing_in(stage: Stage, task: dict[str, str], path: str) -> None:
    method = "POST" if path == CANCEL else "GET"
    before = stage.emulated.mark()
    answer = ask(stage, None, path, task, method)
    assert answer.status_code == 401
    assert "You are not signed in" in answer.text
    assert not canceled(stage, task, before)


@pytest.mark.parametrize("path", [*OF_TASK, *OF_DAG, CANCEL])
def test_who_may_not_read_the_dag_sees_nothing(stage: Stage, task: dict[str, str], path: str) -> None:
    method = "POST" if path == CANCEL else "GET"
    answer = ask(stage, "nobody", path, task, method)
    assert answer.status_code == 403
    assert "may not" in answer.text
    assert "endless" not in answer.text


def test_who_may_read_no_dag_has_an_empty_list(stage: Stage, task: dict[str, str]) -> None:
    assert ask(stage, "nobody", "/recent/data", {}).json()["rows"] == []
    assert ask(stage, "viewer", "/recent/data", {}).json()["rows"] != []


def test_a_list_is_filtered(stage: Stage, ended: dict[str, str]) -> None:
    def rows(**query: str) -> set[tuple[str, str]]:
        told = ask(stage, "viewer", "/recent/data", query).json()["rows"]
        return {(row["task"]["dag_id"], row["task"]["task_id"]) for row in told}

    assert {("training", "train"), ("failing", "train"), ("mixed", "mapped")} <= rows()
    assert rows(state="failed", dag_id="failing") == {("failing", "train")}
    assert ("training", "train") not in rows(state="failed")
    assert ("mixed", "mapped") not in rows(experiment="iris")
    assert ("training", "train") in rows(experiment="iris")
    assert rows(dag_id="no-such-dag") == rows(experiment="none") == set()


@pytest.mark.parametrize("path", [*OF_TASK, *OF_DAG, *OF_ALL])
def test_who_may_read_reads(stage: Stage, task: dict[str, str], path: str) -> None:
    assert ask(stage, "viewer", path, task).status_code == 200


def test_who_may_only_read_cancels_nothing(stage: Stage, task: dict[str, str]) -> None:
    before = stage.emulated.mark()
    answer = ask(stage, "viewer", CANCEL, task, "POST")
    assert answer.status_code == 403
    assert "right to edit" in answer.json()["error"]
    assert ask(stage, "viewer", "/task/data", task).json()["may_cancel"] is False
    assert ask(stage, "user", "/task/data", task).json()["may_cancel"] is True
    assert not canceled(stage, task, before)


def test_a_form_of_another_site_cancels_nothing(stage: Stage, task: dict[str, str]) -> None:
    url = f"{stage.airflow.url}/azureml{CANCEL}"
    before = stage.emulated.mark()
    answer = stage.session("admin").post(url, params=task, timeout=30)
    assert answer.status_code == 400
    assert not canceled(stage, task, before)


def test_a_right_to_one_dag_is_no_right_to_another_job(stage: Stage, task: dict[str, str]) -> None:
    """What is asked for says which task, and nothing else: neither job nor connection."""
    strange = {**task, "job_name": "x", "azureml_conn_id": "other", "dag_id": "training"}
    assert ask(stage, "viewer", "/task/data", strange).status_code == 404


@pytest.mark.parametrize(
    "name", ["../app.py", "%2e%2e/app.py", "page.html", "package.json", "echarts/LICENSE"]
)
def test_only_what_pages_need_is_served(stage: Stage, name: str) -> None:
    answer = stage.session("admin").get(f"{stage.airflow.url}/azureml/assets/x/{name}", timeout=30)
    assert answer.status_code == 404


def test_answers_may_not_be_kept_or_framed_elsewhere(stage: Stage, task: dict[str, str]) -> None:
    page = ask(stage, "viewer", "/task", task)
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    data = ask(stage, "viewer", "/task/data", task)
    assert "no-cache" in data.headers["Cache-Control"]
    secret = stage.emulated.facts["client_secret"]
    for path in (*OF_TASK, *OF_DAG, *OF_ALL):
        text = ask(stage, "viewer", path, task).text
        assert secret not in text
        assert "sig=" not in text, path


def test_what_has_not_changed_is_not_sent_again(stage: Stage, ended: dict[str, str]) -> None:
    query = {"dag_id": "sweeping", "run_id": ended["sweeping"], "task_id": "sweep"}
    url = f"{stage.airflow.url}/azureml/task/trials"
    session = stage.session("viewer")
    first = session.get(url, params=query, timeout=30)
    again = session.get(url, params=query, headers={"If-None-Match": first.headers["ETag"]}, timeout=30)
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_ten_open_tabs_cost_no_more_reads_than_one(stage: Stage) -> None:
    """Of a job that no task waits for: all that is read, pages read."""
    run_id = stage.airflow.api.trigger("loose")
    wait_for(lambda: stage.job_of(run_id))
    session = stage.session("viewer")
    query = {"dag_id": "loose", "run_id": run_id, "task_id": "train"}

    def reads(tabs: int) -> int:
        before = stage.emulated.mark()
        for _ in range(5):
            for path in ("data", "log") * tabs:
                url = f"{stage.airflow.url}/azureml/task/{path}"
                wait_for(lambda: session.get(url, params=query, timeout=30).ok)  # noqa: B023
            time.sleep(3)
        return len(stage.reads(before))

    reads(1)
    one, ten = reads(1), reads(10)
    assert one > 0
    assert ten <= 2 * one


ODD: tuple[dict[str, str], ...] = (
    {"map_index": "9223372036854775808"},
    {"map_index": "-9223372036854775809"},
    {"map_index": "2147483648"},
    {"map_index": "-2"},
    {"map_index": "1" * 5000},
    {"map_index": "one"},
    {"map_index": "\N{ARABIC-INDIC DIGIT THREE}"},
    {"dag_id": "endless\0"},
    {"run_id": "a\0b"},
    {"task_id": "\0"},
)


@pytest.mark.parametrize("odd", ODD, ids=str)
@pytest.mark.parametrize("path", ["/task/data", "/task/log", "/task/trials", "/task/steps", CANCEL])
def test_an_odd_query_is_refused(stage: Stage, task: dict[str, str], path: str, odd: dict[str, str]) -> None:
    answer = ask(stage, "admin", path, {**task, **odd}, "POST" if path == CANCEL else "GET")
    assert answer.status_code == 400
    assert len(answer.text) < 1000


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/task/log", {"after": "-1"}),
        ("/task/log", {"after": "x"}),
        ("/task/log", {"after": "1" * 5000}),
        ("/run/data", {"run_id": "\0"}),
        ("/history/data", {"task_id": "\0"}),
        ("/recent/data", {"state": "\0"}),
        ("/recent/data", {"experiment": "\0"}),
    ],
)
def test_odd_queries_of_the_others(
    stage: Stage, task: dict[str, str], path: str, query: dict[str, str]
) -> None:
    assert ask(stage, "admin", path, {**task, **query}).status_code == 400


def test_what_is_missing_or_said_twice_is_refused(stage: Stage, task: dict[str, str]) -> None:
    for name in ("run_id", "task_id"):
        rest = {key: value for key, value in task.items() if key != name}
        assert ask(stage, "admin", "/task/data", rest).status_code == 400
    twice = stage.session("admin").get(
        f"{stage.airflow.url}/azureml/task/data", params=[*task.items(), ("dag_id", "training")], timeout=30
    )
    assert twice.status_code == 400


def test_a_place_beyond_the_end_of_the_log_is_none(stage: Stage, task: dict[str, str]) -> None:
    answer = ask(stage, "admin", "/task/log", {**task, "after": str(10**30)})
    assert (answer.status_code, answer.json()["lines"]) == (200, [])


@pytest.mark.parametrize(
    "step",
    ["no-such-run", "", "/", "a/b", "../x", "x" * 5000, "/".join("a" * 50)],
    ids=lambda step: step[:20],
)
def test_a_step_that_the_job_has_not_is_none(stage: Stage, task: dict[str, str], step: str) -> None:
    status = 404 if step else 200
    for path in ("/task/data", "/task/log", "/task/trials", "/task/steps"):
        answer = ask(stage, "admin", path, {**task, "step": step})
        assert answer.status_code == status, path
        assert len(answer.text) < 5000
        assert (NO_STEP in answer.text) == (status == 404)


def test_a_job_is_no_step_of_another_ones(stage: Stage, task: dict[str, str], ended: dict[str, str]) -> None:
    """Nor are another job's steps and trials, whether there are such runs or not."""
    of_sweep = {"dag_id": "sweeping", "run_id": ended["sweeping"], "task_id": "sweep"}
    of_pipeline = {"dag_id": "pipeline", "run_id": ended["pipeline"], "task_id": "retrain"}
    trial = ask(stage, "viewer", "/task/trials", of_sweep).json()["rows"][0][0]
    rows = ask(stage, "viewer", "/task/steps", of_pipeline).json()["rows"]
    steps = {row[0]: row[2] for row in rows}
    for own, run in ((of_sweep, trial), (of_pipeline, steps["prepare"])):
        assert ask(stage, "viewer", "/task/data", {**own, "step": run}).status_code == 200
    sweep, pipeline = (stage.job_of(own["run_id"]).name for own in (of_sweep, of_pipeline))
    strange = (sweep, pipeline, trial, f"{steps['publish']}/{steps['prepare']}", f"{steps['tune']}/{trial}")
    told = set()
    for run in (*strange, "no-such-run"):
        for path in ("/task/data", "/task/log", "/task/steps"):
            answer = ask(stage, "viewer", path, {**of_pipeline, "step": run})
            told.add((answer.status_code, NO_STEP in answer.text))
    told.add((ask(stage, "viewer", "/task/log", {**task, "step": steps["prepare"]}).status_code, True))
    assert told == {(404, True)}


def test_a_step_is_not_canceled(stage: Stage, task: dict[str, str], ended: dict[str, str]) -> None:
    own = {"dag_id": "pipeline", "run_id": ended["pipeline"], "task_id": "retrain"}
    row = ask(stage, "admin", "/task/steps", own).json()["rows"][0]
    assert ask(stage, "admin", "/task/data", {**own, "step": row[2]}).json()["may_cancel"] is False
