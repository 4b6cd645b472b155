"""A batch endpoint is deployed, and asked once, over real HTTP against the emulator."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.lifecycle import batch_invocation
from airflow_provider_amlrest.lifecycle.batch_note import REQUEST_TAG
from airflow_provider_amlrest.operators import (
    AzureMLDeployBatchEndpointOperator,
    AzureMLInvokeBatchEndpointOperator,
)
from airflow_provider_amlrest.rest import AzureMLClient
from tests.support.emulated import Emulated
from tests.support.tasks import Try, unique

STORE = "azureml://datastores/workspaceblobstore/paths"
DEPLOYMENT = {
    "name": "one",
    "model": {"path": f"{STORE}/model/", "type": "mlflow_model", "name": "m"},
    "compute": "cpu-cluster",
}
SCORING = "/jobs$"


@pytest.fixture
def endpoint(connection: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A batch endpoint of the test's own; its name."""
    monkeypatch.setattr(batch_invocation, "APPEARS", 1.0)
    monkeypatch.setattr(batch_invocation, "LOOK_PAUSE", 0.1)
    name = f"batch-{zlib.crc32(unique(request).encode())}x"
    task = AzureMLDeployBatchEndpointOperator(
        task_id="deploy", endpoint=name, deployment=DEPLOYMENT, poll_interval=0.2
    )
    result = Try(task).execute()
    assert (result["name"], result["default_deployment"], result["status"]) == ("one", "one", "Succeeded")
    return name


def score(endpoint: str, *, try_number: int = 1, **arguments: Any) -> Any:
    data = {"data": {"type": "uri_folder", "path": f"{STORE}/in/"}}
    task = AzureMLInvokeBatchEndpointOperator(
        task_id=endpoint, endpoint_name=endpoint, inputs=data, poll_interval=0.2, **arguments
    )
    return Try(task, try_number=try_number).execute()


def test_it_scores_once_and_a_retry_finds_the_job(endpoint: str, emulator: Emulated, client: Any) -> None:
    mark = emulator.mark()
    first = score(endpoint)
    again = score(endpoint, try_number=2)
    assert (first["name"], first["outputs"]) == (again["name"], again["outputs"])
    name = client.get_job(first["name"]).tags[REQUEST_TAG]
    assert first["outputs"]["score"] == f"{STORE}/airflow/{name}/predictions.csv"
    assert len(emulator.asked("POST", SCORING, since=mark)) == 1


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
