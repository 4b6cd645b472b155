"""Who may write XComs of a DAG, and nothing else, points the pages at no other job. No browser is needed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_amlrest.lifecycle.record import JOB_KEY
from airflow_provider_amlrest.plugin.app import NO_JOB
from tests.support.waiting import wait_for
from tests.ui.stage import Stage

pytestmark = pytest.mark.ui

OF_TASK = ("/task/data", "/task/log", "/task/trials", "/task/steps")
HEADERS = {"X-AzureML": "cancel"}
Query = dict[str, str]


def query(dag_id: str, run_id: str, task_id: str = "train") -> Query:
    return {"dag_id": dag_id, "run_id": run_id, "task_id": task_id}


def ask(stage: Stage, path: str, asked: Query, method: str = "GET") -> Any:
    headers = HEADERS if method == "POST" else {}
    url = f"{stage.airflow.url}/azureml{path}"
    return stage.session("user").request(method, url, params=asked, headers=headers, timeout=60)


READ = """
SELECT value FROM xcom WHERE dag_id = :dag_id AND run_id = :run_id AND task_id = :task_id AND key = :key
"""
REMOVE = """
DELETE FROM xcom WHERE dag_id = :dag_id AND run_id = :run_id AND task_id = :task_id AND key = :key
"""
WRITE = """
INSERT INTO xcom (dag_run_id, dag_id, run_id, task_id, map_index, key, value, timestamp)
SELECT id, dag_id, run_id, :task_id, -1, :key, :value, :now FROM dag_run
WHERE dag_id = :dag_id AND run_id = :run_id
"""


def record(stage: Stage, asked: Query, value: Any = None, *, key: str = JOB_KEY) -> Any:
    """The record in a task's XCom; with a value, write that first, as the code of any task of the DAG can."""
    where = {**asked, "key": key}
    with sqlite3.connect(stage.airflow.home / "airflow.db", timeout=60) as database:
        if value is not None:
            database.execute(REMOVE, where)
            now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
            database.execute(WRITE, {**where, "value": json.dumps(value), "now": now})
        row = database.execute(READ, where).fetchone()
    return json.loads(str(row[0])) if row else None  # SQLite keeps 7 as a number


def made(stage: Stage, dag_id: str) -> tuple[Query, str]:
    """A task with a job that goes on; the job's name."""
    asked = query(dag_id, stage.airflow.api.trigger(dag_id))
    job = wait_for(lambda: stage.job_of(asked["run_id"]))
    wait_for(lambda: ask(stage, "/task/data", asked).ok)
    return asked, job.name


@pytest.fixture(scope="module")
def victim(stage: Stage) -> Iterator[str]:
    """The name of another DAG's job."""
    asked, name = made(stage, "endless")
    yield name
    stage.airflow.api.mark(asked["dag_id"], asked["run_id"], "train", "failed")


@pytest.fixture(scope="module")
def own(stage: Stage) -> tuple[Query, Any]:
    """A task whose XComs somebody may write, and its true record."""
    asked, name = made(stage, "loose")
    true = wait_for(lambda: record(stage, asked))
    assert true["name"] == name
    return asked, true


def seen(stage: Stage, asked: Query) -> list[tuple[str, int, str]]:
    """All that the pages tell of a task."""
    told = [
        (path, answer.status_code, answer.text) for path in OF_TASK for answer in [ask(stage, path, asked)]
    ]
    answer = ask(stage, "/task/cancel", asked, "POST")
    return [*told, ("cancel", answer.status_code, answer.text)]


@pytest.mark.parametrize("target", ["of another DAG", "that is none"])
@pytest.mark.parametrize("conn_id", ["azureml_default", "no_such_connection"])
def test_a_record_points_at_no_job_of_another_task(
    stage: Stage, own: tuple[Query, Any], victim: str, target: str, conn_id: str
) -> None:
    """One answer, whether there is such a job and such a connection or not."""
    asked, true = own
    name = victim if target == "of another DAG" else "no-such-job"
    before = stage.emulated.mark()
    record(stage, asked, {**true, "name": name, "conn_id": conn_id, "studio_url": "https://evil.example.org"})
    for path, status, text in seen(stage, asked):
        assert status == 404, path
        assert NO_JOB in text, path
    [row] = ask(stage, "/run/data", asked).json()["rows"]
    assert (row["status"], row["ended"]) == (None, None)
    assert ask(stage, "/run/data", asked).json()["notice"] is None
    recent = ask(stage, "/recent/data", {"dag_id": "loose"}).json()
    assert [row["status"] for row in recent["rows"] if row["job"] == name] == [None]
    assert recent["notice"] is None
    assert not stage.emulated.asked("POST", "/cancel", since=before)
    record(stage, asked, true)


def test_connection_and_link_of_a_record_are_not_read(stage: Stage, own: tuple[Query, Any]) -> None:
    asked, true = own
    record(stage, asked, {**true, "conn_id": "no_such_connection", "studio_url": "https://evil.example.org"})
    told = ask(stage, "/task/data", asked)
    assert told.status_code == 200
    assert told.json()["job"]["studio_url"].startswith("https://ml.azure.com/runs/")
    assert "evil" not in told.text
    record(stage, asked, true)


def test_a_task_that_is_none_of_ours_has_no_job(
    stage: Stage, own: tuple[Query, Any], ended: dict[str, str]
) -> None:
    asked = query("mixed", ended["mixed"], "other")
    record(stage, asked, own[1])
    assert {(status, NO_JOB in text) for _, status, text in seen(stage, asked)} == {(404, True)}
    rows = ask(stage, "/run/data", asked).json()["rows"]
    assert "other" not in {row["task"]["task_id"] for row in rows}


def test_a_sensor_shows_the_job_that_it_was_told_of_and_no_other(
    stage: Stage, victim: str, ended: dict[str, str]
) -> None:
    asked = query("mixed", ended["mixed"], "sense")
    assert ask(stage, "/task/data", asked).status_code == 200
    true = record(stage, asked)
    record(stage, asked, {**true, "name": victim})
    assert {(status, NO_JOB in text) for _, status, text in seen(stage, asked)} == {(404, True)}
    record(stage, asked, true)
    assert ask(stage, "/task/data", asked).status_code == 200


@pytest.mark.parametrize(
    "value", ["text", 7, ["x"], {"name": 7}, {"name": "x", "request": [1]}, {"name": ""}]
)
def test_odd_records(stage: Stage, own: tuple[Query, Any], value: Any) -> None:
    asked, true = own
    record(stage, asked, value)
    assert {status for _, status, _ in seen(stage, asked)} == {404}
    for path in ("/run/data", "/recent/data", "/history/data"):
        assert ask(stage, path, asked).status_code == 200
    record(stage, asked, true)
