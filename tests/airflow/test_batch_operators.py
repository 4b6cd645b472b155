"""A batch endpoint is deployed, and asked once, over real HTTP against the emulator."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.lifecycle import batch_invocation
from airflow_provider_amlrest.lifecycle.batch_note import REQUEST_TAG
from airflow_provider_amlrest.operators import (
    AzureMLDeployBatchEndpointOperator,
    AzureMLFindOrphansOperator,
    AzureMLInvokeBatchEndpointOperator,
    orphans,
)
from airflow_provider_amlrest.operators.reading import read_wait_options
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from tests.support.emulated import Emulated
from tests.support.tasks import Try, unique
from tests.support.waiting import wait_for

STORE = "azureml://datastores/workspaceblobstore/paths"
DEPLOYMENT = {
    "name": "one",
    "model": {"path": f"{STORE}/model/", "type": "mlflow_model", "name": "m"},
    "compute": "cpu-cluster",
}
SCORING = "/jobs$"
STEP = "batchscoring"
"""The only step of such a job."""


@pytest.fixture
def endpoint(
    connection: str, emulator: Emulated, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A batch endpoint of the test's own; its name."""
    monkeypatch.setattr(batch_invocation, "APPEARS", 1.0)
    monkeypatch.setattr(batch_invocation, "LOOK_PAUSE", 0.1)
    name = f"batch-{zlib.crc32(unique(request).encode())}x"
    task = AzureMLDeployBatchEndpointOperator(
        task_id="deploy", endpoint=name, deployment=DEPLOYMENT, poll_interval=0.2
    )
    with emulator.setting("operation_seconds", 0):
        result = Try(task).execute()
    assert (result["name"], result["default_deployment"], result["status"]) == ("one", "one", "Succeeded")
    return name


def invoking(endpoint: str, **arguments: Any) -> AzureMLInvokeBatchEndpointOperator:
    data = {"data": {"type": "uri_folder", "path": f"{STORE}/in/"}}
    return AzureMLInvokeBatchEndpointOperator(
        task_id=endpoint, endpoint_name=endpoint, inputs=data, poll_interval=0.2, **arguments
    )


def score(endpoint: str, *, try_number: int = 1, **arguments: Any) -> Any:
    return Try(invoking(endpoint, **arguments), try_number=try_number).execute()


@pytest.fixture
def running(endpoint: str, emulator: Emulated, client: Any) -> Iterator[str]:
    """A job of the endpoint that does not end by itself; its name."""
    rule = {"job": STEP, "outcome": "stuck", "times": 1}
    emulator.admin("POST", "scripts", rule)
    task = invoking(endpoint)
    attempt = Try(task)
    task.render_template_fields(attempt.context)
    task._options = read_wait_options(task)
    job = task._submit(client, task._read(attempt.context), attempt.context)
    yield job.name
    client.cancel_job(job.name)


@pytest.fixture
def copy(running: str, client: Any) -> Iterator[str]:
    """A job that a person has made of it, with its tags; its name."""
    tags = dict(client.get_job(running).tags)
    job = CommandJob(command="true", environment="azureml:AzureML-any:1", compute="cpu-cluster", tags=tags)
    name = f"copy-of-{running}"
    client.create_job(name, job)
    yield name
    client.cancel_job(name)


def test_it_scores_once_and_a_retry_finds_the_job(endpoint: str, emulator: Emulated, client: Any) -> None:
    mark = emulator.mark()
    first = score(endpoint)
    again = score(endpoint, try_number=2)
    assert (first["name"], first["outputs"]) == (again["name"], again["outputs"])
    name = client.get_job(first["name"]).tags[REQUEST_TAG]
    assert first["outputs"]["score"] == f"{STORE}/airflow/{name}/predictions.csv"
    assert len(emulator.asked("POST", SCORING, since=mark)) == 1


def test_its_job_has_the_tags_that_other_jobs_have(endpoint: str, client: Any) -> None:
    name = score(endpoint)["name"]
    tags = client.get_job(name).tags
    wanted = {
        "airflow_dag_id": "tests",
        "airflow_task_id": endpoint,
        "airflow_run_id": "manual__2026-01-01T00:00:00+00:00",
        "airflow_map_index": "-1",
        "airflow_try_number": "1",
        "airflow_outlives_task": "false",
        "airflow_job": name,
    }
    assert {key: tags.get(key) for key in wanted} == wanted
    assert name in [job.name for job in client.list_jobs(tag="airflow_dag_id")]
    score(endpoint, try_number=2, cancel_on_kill=False)
    assert client.get_job(name).tags == tags


def test_a_service_that_refuses_tags_does_not_fail_the_task(
    endpoint: str, emulator: Emulated, said: Any
) -> None:
    with emulator.fault("/runs/set-tag$", method="POST", status=403, times=None):
        assert score(endpoint)["status"] == "Completed"
    assert "could not be given the tags of its task" in said()


@pytest.mark.parametrize("cancels", [False, True])
def test_it_is_an_orphan_if_its_task_is_over(
    running: str, client: Any, monkeypatch: pytest.MonkeyPatch, *, cancels: bool
) -> None:
    monkeypatch.setattr(orphans, "ask_state", lambda task: "failed")
    find = AzureMLFindOrphansOperator(task_id="find", min_age=0.001, cancel=cancels)
    found = Try(find).execute()
    assert [(one["name"], one["canceled"]) for one in found["orphans"]] == [(running, cancels)]
    if cancels:
        wait_for(lambda: client.get_job(running).status == "Canceled")
    assert client.get_job(running).is_active == (not cancels)


def test_somebodys_copy_of_it_is_neither_canceled_nor_taken_over(
    endpoint: str, running: str, copy: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "ask_state", lambda task: "failed")
    Try(AzureMLFindOrphansOperator(task_id="find", min_age=0.001, cancel=True)).execute()
    wait_for(lambda: client.get_job(running).status == "Canceled")
    assert client.get_job(copy).is_active
    assert score(endpoint, try_number=2, resubmit_canceled=True)["name"].startswith("batchjob-")


def test_a_cleared_task_ends_the_job_of_before(endpoint: str, running: str, client: Any) -> None:
    """The trigger of a deferred task is not told everywhere that the task was cleared."""
    cleared = Try(invoking(endpoint), try_number=2, max_tries=1).execute()
    assert cleared["name"] != running
    wait_for(lambda: client.get_job(running).status == "Canceled")


def test_the_job_of_a_lost_answer_is_found(endpoint: str, emulator: Emulated) -> None:
    mark = emulator.mark()
    with emulator.fault(SCORING, method="POST", when="after", status=500, times=1):
        result = score(endpoint)
    assert result["status"] == "Completed"
    assert len(emulator.asked("POST", SCORING, since=mark)) == 1


class DeathError(BaseException):
    """The end of the worker's process."""


def die_while_asking(endpoint: str, monkeypatch: pytest.MonkeyPatch, *, arrives: bool) -> None:
    """A first try that ends before the answer; whether its request has arrived."""
    ask = AzureMLClient.invoke_batch

    def dies(*arguments: Any) -> Any:
        if arrives:
            ask(*arguments)
        raise DeathError

    with monkeypatch.context() as patch:
        patch.setattr(AzureMLClient, "invoke_batch", dies)
        with pytest.raises(DeathError):
            score(endpoint)


def test_a_try_that_died_is_followed_though_the_list_has_its_job_later(
    endpoint: str, emulator: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = emulator.mark()
    with emulator.setting("list_lag_seconds", 0.5):
        die_while_asking(endpoint, monkeypatch, arrives=True)
        assert score(endpoint, try_number=2)["status"] == "Completed"
    assert len(emulator.asked("POST", SCORING, since=mark)) == 1


def test_after_a_try_that_died_nobody_asks_again_unless_told_to(
    endpoint: str, emulator: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = emulator.mark()
    die_while_asking(endpoint, monkeypatch, arrives=False)
    with pytest.raises(AirflowFailException, match="An earlier try ended before the answer came"):
        score(endpoint, try_number=2)
    assert emulator.asked("POST", SCORING, since=mark) == []
    assert score(endpoint, try_number=3, resubmit_lost=True)["status"] == "Completed"
    assert len(emulator.asked("POST", SCORING, since=mark)) == 1


def test_a_lost_request_is_not_sent_again_unless_told_to(endpoint: str, emulator: Emulated) -> None:
    mark = emulator.mark()
    with (
        emulator.fault(SCORING, method="POST", status=500, times=1),
        pytest.raises(AirflowFailException, match="was lost, and no job is to be seen that writes to"),
    ):
        score(endpoint)
    assert len(emulator.asked("POST", SCORING, since=mark)) == 1
    with emulator.fault(SCORING, method="POST", status=500, times=1):
        result = score(endpoint, try_number=2, resubmit_lost=True)
    assert result["status"] == "Completed"
