"""What is known of tasks by their serialized DAG, where Airflow no longer has their rendered templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator
from airflow.serialization import serialized_objects

from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitSweepJobOperator,
)
from airflow_provider_amlrest.plugin.tasks import JobTask, _job_task, _ours
from airflow_provider_amlrest.sensors import AzureMLJobSensor

JOB: dict[str, Any] = {"command": "true", "environment": "e:1"}


class Subclass(AzureMLSubmitCommandJobOperator):
    """A user's."""


class SubclassOfSensor(AzureMLJobSensor):
    """A user's."""


@pytest.fixture(scope="module", params=[True, False], ids=["", "links_not_loaded"])
def facts(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """As an API server and a scheduler read DAGs. A clear in an API server reads them as a scheduler does."""
    with DAG("d", schedule=None) as dag:
        AzureMLSubmitCommandJobOperator(task_id="plain", **JOB)
        Subclass(task_id="subclass", azureml_conn_id="other", api_version="2025-12-01", **JOB)
        AzureMLSubmitCommandJobOperator(task_id="template", azureml_conn_id="{{ params.x }}", **JOB)
        AzureMLSubmitSweepJobOperator(
            task_id="sweep",
            search_space={"x": {"type": "choice", "values": [1]}},
            objective={"goal": "minimize", "primary_metric": "m"},
            **JOB,
        )
        AzureMLSubmitCommandJobOperator.partial(
            task_id="mapped", environment="e:1", azureml_conn_id="other"
        ).expand(command=["a", "b"])
        AzureMLSubmitCommandJobOperator.partial(task_id="mapped_connections", **JOB).expand(
            azureml_conn_id=["a", "b"]
        )
        AzureMLJobSensor(task_id="sensor", job_name="theirs")
        SubclassOfSensor(task_id="sensor_template", job_name="{{ params.x }}")
        AzureMLCreateEnvironmentOperator(task_id="environment", name="e", image="python:3.11")
        BaseOperator(task_id="empty")
    serialization = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
    older = serialized_objects.SerializedBaseOperator
    operators = getattr(serialized_objects, "OperatorSerialization", older)
    with pytest.MonkeyPatch.context() as patch:
        for kind in (serialization, operators):
            patch.setattr(kind, "_load_operator_extra_links", request.param)
        yield _ours(serialization.from_dict(serialization.to_dict(dag)))


def test_only_tasks_that_may_have_a_job_are_ours(facts: dict[str, Any]) -> None:
    assert set(facts) == {
        "plain",
        "subclass",
        "template",
        "sweep",
        "mapped",
        "mapped_connections",
        "sensor",
        "sensor_template",
    }


@pytest.mark.parametrize(
    ("task_id", "known"),
    [
        ("plain", JobTask("azureml_default", None, None)),
        ("subclass", JobTask("other", "2025-12-01", None)),
        ("sweep", JobTask("azureml_default", None, None)),
        ("mapped", JobTask("other", None, None)),
        ("sensor", JobTask("azureml_default", None, "theirs")),
        # What only rendering tells.
        ("template", None),
        ("mapped_connections", None),
        ("sensor_template", None),
    ],
)
def test_without_rendered_templates(facts: dict[str, Any], task_id: str, known: JobTask | None) -> None:
    assert _job_task(facts[task_id], {}) == known


def test_what_was_rendered_counts(facts: dict[str, Any]) -> None:
    rendered = {"azureml_conn_id": "rendered", "api_version": None, "job_name": 7}
    assert _job_task(facts["template"], rendered) == JobTask("rendered", None, None)
    assert _job_task(facts["sensor_template"], rendered) == JobTask("rendered", None, "7")
    assert _job_task(facts["mapped_connections"], rendered) == JobTask("rendered", None, None)
