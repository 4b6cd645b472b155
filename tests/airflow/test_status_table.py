"""Every status, however the task came to see it: one table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout

from airflow_provider_amlrest.lifecycle import completion
from airflow_provider_amlrest.lifecycle.completion import JobTimeoutError
from airflow_provider_amlrest.lifecycle.failure import failure_text
from airflow_provider_amlrest.lifecycle.results import JobFailedError
from airflow_provider_amlrest.lifecycle.steps import table_of_steps
from airflow_provider_amlrest.rest.jobs.status import DOCUMENTED_STATUSES
from airflow_provider_amlrest.sensors import AzureMLJobSensor
from tests.support.tasks import Try

pytestmark = pytest.mark.usefixtures("patient_submission")

SUCCESS, FAILED, CANCELED, WAITS, STALLED = "success", "failed", "canceled", "waits", "stalled"

TABLE = {
    "Completed": SUCCESS,
    "Failed": FAILED,
    "Canceled": CANCELED,
    "NotResponding": STALLED,
    "Paused": STALLED,
    "NotStarted": WAITS,
    "Starting": WAITS,
    "Provisioning": WAITS,
    "Preparing": WAITS,
    "Queued": WAITS,
    "Running": WAITS,
    "Finalizing": WAITS,
    "CancelRequested": WAITS,
    "Scheduled": WAITS,
    "Unknown": WAITS,
    "Hibernating": WAITS,
}
OPERATOR = {
    FAILED: (JobFailedError, "failed: "),
    CANCELED: (AirflowFailException, "was canceled by somebody"),
    STALLED: (JobTimeoutError, "was (NotResponding|Paused) for"),
    WAITS: (JobTimeoutError, r"did not end within 1\.5 s"),
}
SENSOR = {
    FAILED: (AirflowFailException, "failed: "),
    CANCELED: (AirflowFailException, "was canceled"),
    STALLED: (Exception, "for too long"),
    WAITS: (AirflowSensorTimeout, "0.5"),
}


def test_the_table_is_complete() -> None:
    assert set(TABLE) == DOCUMENTED_STATUSES | {"Hibernating"}


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stalled jobs have less than a task's second."""
    monkeypatch.setattr(completion, "PATIENCE", {"NotResponding": 0.2, "Paused": 0.2})


@contextmanager
def seen_as(emulator: Any, client: Any, name: str, status: str) -> Iterator[None]:
    """For the block, every read of this job shows this status."""
    job = client.get_job(name)
    body = {
        "id": job.id,
        "name": name,
        "properties": {
            "jobType": "Command",
            "status": status,
            "tags": dict(job.tags),
            "properties": dict(job.properties),
        },
    }
    with emulator.fault(f"/jobs/{re.escape(name)}$", method="GET", status=200, body=body, times=None):
        yield


def ends(expected: dict[str, tuple[Any, str]], outcome: str, attempt: Try) -> Any:
    if outcome == SUCCESS:
        return attempt.execute()
    kind, words = expected[outcome]
    with pytest.raises(kind, match=words):
        attempt.execute()
    return None


@pytest.mark.parametrize(("status", "outcome"), TABLE.items())
def test_of_a_job_that_is_awaited(
    command_task: Any, client: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch, status: str, outcome: str
) -> None:
    create = type(client).create_job
    tricks: list[Any] = []

    def then_it_is_so(client: Any, *arguments: Any) -> Any:
        job = create(client, *arguments)
        tricks.append(seen_as(emulator, client, job.name, status))
        tricks[0].__enter__()
        return job

    monkeypatch.setattr(type(client), "create_job", then_it_is_so)
    task = command_task(timeout=1.5 if outcome == WAITS else 60, tags={"emulator.outcome": "stuck"})
    try:
        result = ends(OPERATOR, outcome, Try(task))
    finally:
        tricks[0].__exit__(None, None, None)
        client.cancel_job(task._submitted_name)
    if outcome == SUCCESS:
        assert result["status"] == "Completed"


@pytest.mark.parametrize(("status", "outcome"), TABLE.items())
def test_of_a_job_that_is_found_again(
    command_task: Any, client: Any, emulator: Any, status: str, outcome: str
) -> None:
    stuck = {"emulator.outcome": "stuck"}
    first = Try(command_task(wait_for_completion=False, tags=stuck)).execute()["name"]
    retry = command_task(timeout=1.5 if outcome == WAITS else 60)
    with seen_as(emulator, client, first, status):
        if outcome == CANCELED or status == "CancelRequested":
            ends(OPERATOR, CANCELED, Try(retry, try_number=2))
        elif outcome == FAILED:
            assert Try(retry, try_number=2).execute()["name"] == f"{first}-2"
        else:
            ends(OPERATOR, outcome, Try(retry, try_number=2))
            assert retry._submitted_name == first
    client.cancel_job(first)


@pytest.mark.parametrize(("status", "outcome"), TABLE.items())
def test_of_a_job_that_a_sensor_waits_for(
    command_task: Any, client: Any, emulator: Any, mode: str, status: str, outcome: str
) -> None:
    stuck = {"emulator.outcome": "stuck"}
    name = Try(command_task(wait_for_completion=False, tags=stuck)).execute()["name"]
    sensor = AzureMLJobSensor(
        task_id="wait",
        job_name=name,
        poke_interval=0.1,
        timeout=0.5 if outcome == WAITS else 60,
        deferrable=mode == "deferred",
    )
    with seen_as(emulator, client, name, status):
        ends(SENSOR, outcome, Try(sensor))
    assert client.get_job(name).outcome == "active"
    client.cancel_job(name)


STEPS = {
    "Failed": 0,
    "Canceled": 1,
    **{status: 2 for status, outcome in TABLE.items() if outcome in (WAITS, STALLED)},
    # Words that other parts of Azure ML have for steps, and words of its future.
    **dict.fromkeys(("Bypassed", "Finished", "Skipped", "Unapproved"), 2),
    "Completed": 3,
}
"""Status of a pipeline's step: its place in the table of steps."""


def test_the_table_of_steps_is_complete() -> None:
    assert STEPS.keys() > TABLE.keys()


@contextmanager
def steps_seen(emulator: Any, *steps: dict[str, Any]) -> Iterator[SimpleNamespace]:
    """A pipeline with these steps, for the block."""
    children = {"value": [{"runId": f"run-of-{step['displayName']}", **step} for step in steps]}
    with emulator.fault(r"/runs/pipeline/children$", status=200, body=children, times=None):
        yield SimpleNamespace(jobs={}, name="pipeline", type="Pipeline")


def test_steps_that_failed_come_first_and_each_status_as_it_is(client: Any, emulator: Any) -> None:
    steps = [{"displayName": status, "status": status} for status in sorted(STEPS)]
    with steps_seen(emulator, *steps) as pipeline:
        rows = table_of_steps(client, pipeline)
    assert all(row["name"] == row["status"] for row in rows)
    assert sorted(row["status"] for row in rows) == sorted(STEPS)
    places = [STEPS[row["status"]] for row in rows]
    assert places == sorted(places)


def test_a_step_that_was_reused_has_completed(client: Any, emulator: Any) -> None:
    reused = {"displayName": "a", "status": "Completed", "properties": {"azureml.isreused": "true"}}
    with steps_seen(emulator, reused, {"displayName": "b", "status": "Completed"}) as pipeline:
        rows = table_of_steps(client, pipeline)
    assert rows == [
        {"name": "a", "status": "Completed", "seconds": None, "reused": True},
        {"name": "b", "status": "Completed", "seconds": None},
    ]


@pytest.mark.parametrize("status", STEPS)
def test_only_a_step_that_failed_is_the_reason(client: Any, emulator: Any, status: str) -> None:
    details = {"runId": "run-of-it", "status": status, "error": {"error": {"message": "no such column"}}}
    with (
        steps_seen(emulator, {"displayName": "it", "status": status}) as pipeline,
        emulator.fault(r"/runs/run-of-it/details$", status=200, body=details, times=None),
        emulator.fault(r"/runs/pipeline/details$", status=200, body={"runId": "pipeline"}, times=None),
    ):
        text = failure_text(client, pipeline)
    assert ("its step 'it' failed: no such column" in text) == (status == "Failed"), text
