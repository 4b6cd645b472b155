"""DAGs with ``render_template_as_native_obj``: what is text to Azure ML stays text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLSubmitCommandJobOperator,
)
from airflow_provider_amlrest.sensors import AzureMLJobSensor
from tests.support.tasks import Try


@pytest.fixture
def native(connection: str) -> Any:
    """A DAG whose templates become Python objects."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with DAG("native", schedule=None, start_date=start, render_template_as_native_obj=True) as dag:
        yield dag


def test_text_that_looks_like_a_number_is_text(native: Any, client: Any) -> None:
    environment = Try(
        AzureMLCreateEnvironmentOperator(
            task_id="environment", name="native", image="python:3.11", version="1.10"
        )
    ).execute()
    assert environment["version"] == "1.10"
    job = AzureMLSubmitCommandJobOperator(
        task_id="job",
        command="echo ${{inputs.lr}}",
        environment=environment,
        inputs={"lr": "{{ 0.5 }}"},
        tags={"emulator.seconds": "0"},
        job_name="{{ 20260101 }}",
        experiment_name="{{ 20260101 }}",
        poll_interval=0.2,
    )
    assert Try(job).execute()["name"] == "20260101"
    assert client.get_job("20260101").experiment_name == "20260101"
    assert job.command == "echo ${{inputs.lr}}"
    sensor = AzureMLJobSensor(task_id="sensor", job_name="{{ 20260101 }}", poke_interval=0.2)
    assert Try(sensor).execute()["status"] == "Completed"


def test_text_that_a_template_makes_is_text(native: Any) -> None:
    task = AzureMLCreateEnvironmentOperator(
        task_id="environment", name="native", image="python:3.11", version="{{ '1.10' }}_0"
    )
    assert Try(task).execute()["version"] == "1.10_0"


def test_what_is_no_text_is_refused(connection: str, emulator: Any) -> None:
    mark = emulator.mark()
    given: Any = {"version": 1.1}
    task = AzureMLCreateEnvironmentOperator(
        task_id="environment", name="native", image="python:3.11", **given
    )
    with pytest.raises(AirflowFailException, match=r"version: 1\.1 must be text"):
        Try(task).execute()
    assert emulator.asked(since=mark) == []
