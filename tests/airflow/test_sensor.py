"""The sensor waits for jobs that others submitted."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.lifecycle.record import JOB_KEY
from airflow_provider_amlrest.links import AzureMLStudioLink
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.http.errors import AzureMLError, NotFoundError
from airflow_provider_amlrest.sensors import AzureMLJobSensor
from tests.support.emulated import Emulated
from tests.support.tasks import Try


@pytest.fixture
def submitted(command_task: Any) -> Any:
    """Submit a job with these tags; its name."""

    def submit(**tags: str) -> str:
        named = {f"emulator.{key}": value for key, value in tags.items()}
        return str(Try(command_task(wait_for_completion=False, tags=named)).execute()["name"])

    return submit


def sense(name: str) -> Any:
    return Try(AzureMLJobSensor(task_id="wait", job_name=name, poke_interval=0.2, timeout=300)).execute()


def test_it_returns_what_a_waiting_operator_would(submitted: Any) -> None:
    name = submitted(seconds="0.5", metrics=json.dumps({"auc": 0.9}))
    result = sense(name)
    assert result["name"] == name
    assert result["status"] == "Completed"
    assert result["metrics"] == {"auc": 0.9}


def test_it_fails_with_the_jobs_error(submitted: Any) -> None:
    with pytest.raises(AirflowFailException, match="disk full"):
        sense(submitted(seconds="0.1", outcome="failed", error="disk full"))


def test_it_fails_if_the_job_was_canceled(submitted: Any) -> None:
    with pytest.raises(AirflowFailException, match="was canceled"):
        sense(submitted(seconds="0.1", outcome="canceled"))


@pytest.mark.usefixtures("no_pauses")
def test_a_failed_read_is_not_a_failed_job(submitted: Any, emulator: Any) -> None:
    name = submitted(seconds="1")
    with emulator.fault(f"/jobs/{name}$", method="GET", status=500, times=6):
        assert sense(name)["status"] == "Completed"


def test_a_job_that_does_not_exist(client: AzureMLClient) -> None:
    with pytest.raises(AzureMLError, match=r"no-such-job.*JobNotFound.*waits for jobs that exist") as told:
        sense("no-such-job")
    assert "check job_name" in str(told.value)
    workspace = client.operations.workspace.name
    assert f"in {workspace!r}, the workspace of the connection 'azureml_default'" in str(told.value)


def test_a_workspace_that_does_not_exist_is_no_missing_job(
    emulator: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = emulator.connection_uri(workspace_name="elsewhere")
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", uri)
    with pytest.raises(NotFoundError, match=r"Check workspace_name and resource_group in the connection\.$"):
        sense("no-such-job")


def test_the_link_is_pushed_before_the_end(submitted: Any) -> None:
    sensor = AzureMLJobSensor(task_id="wait", job_name=submitted(outcome="stuck"))
    attempt = Try(sensor)
    sensor.render_template_fields(attempt.context)
    assert sensor.poke(attempt.context) is False
    assert "/runs/" in attempt.xcoms[AzureMLStudioLink.key]
    assert attempt.xcoms[JOB_KEY]["name"] == sensor.job_name


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_at_the_end_of_the_job_it_closes_what_it_opened(submitted: Any, outcome: str) -> None:
    sensor = AzureMLJobSensor(
        task_id="wait", job_name=submitted(seconds="0", outcome=outcome), poke_interval=0.2, timeout=300
    )
    with nullcontext() if outcome == "completed" else pytest.raises(AirflowFailException, match="failed"):
        Try(sensor).execute()
    assert "credential" not in vars(sensor.hook)


def test_a_status_is_said_once(submitted: Any, said: Any) -> None:
    sensor = AzureMLJobSensor(task_id="wait", job_name=submitted(outcome="stuck"))
    attempt = Try(sensor)
    sensor.render_template_fields(attempt.context)
    while "is Queued" not in said():
        assert sensor.poke(attempt.context) is False
    for _ in range(6):
        assert sensor.poke(attempt.context) is False
    # Each log handler says it: as the logger's line, and perhaps as the terminal's.
    assert 1 <= said().count("is Queued") <= 2


def test_without_xcoms_there_is_none(submitted: Any) -> None:
    sensor = AzureMLJobSensor(task_id="wait", job_name=submitted(outcome="stuck"), do_xcom_push=False)
    attempt = Try(sensor)
    sensor.render_template_fields(attempt.context)
    sensor.poke(attempt.context)
    assert attempt.xcoms == {}
