"""What is known of tasks by their serialized DAG, where Airflow no longer has their rendered templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator
from airflow.serialization import serialized_objects

from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLDeleteEndpointOperator,
    AzureMLDeployBatchEndpointOperator,
    AzureMLDeployOnlineEndpointOperator,
    AzureMLInvokeBatchEndpointOperator,
    AzureMLInvokeOnlineEndpointOperator,
    AzureMLShiftTrafficOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitSweepJobOperator,
)
from airflow_provider_amlrest.plugin.tasks import (
    DagTasks,
    EndpointTask,
    JobTask,
    _endpoint_task,
    _job_task,
    _ours,
)
from airflow_provider_amlrest.sensors import AzureMLJobSensor

JOB: dict[str, Any] = {"command": "true", "environment": "e:1"}


class Subclass(AzureMLSubmitCommandJobOperator):
    """A user's."""


class SubclassOfSensor(AzureMLJobSensor):
    """A user's."""


class SubclassOfShift(AzureMLShiftTrafficOperator):
    """A user's."""


def endpoint_tasks() -> None:
    AzureMLDeployOnlineEndpointOperator(task_id="deploy", endpoint="shop")
    AzureMLDeployOnlineEndpointOperator(task_id="deploy_mapping", endpoint={"name": "shop"})
    AzureMLDeployOnlineEndpointOperator(task_id="deploy_file", endpoint="shop.yml", azureml_conn_id="other")
    AzureMLDeployOnlineEndpointOperator(task_id="deploy_template", endpoint="{{ params.x }}")
    AzureMLShiftTrafficOperator(task_id="shift", endpoint_name="shop", steps=[{"green": 100}])
    SubclassOfShift(task_id="shift_template", endpoint_name="{{ params.x }}", steps=[{"green": 100}])
    AzureMLInvokeOnlineEndpointOperator(task_id="invoke", endpoint_name="shop", request={})
    AzureMLInvokeOnlineEndpointOperator.partial(
        task_id="mapped_requests", endpoint_name="shop", azureml_conn_id="other"
    ).expand(request=[1, 2])
    AzureMLDeleteEndpointOperator(task_id="delete", endpoint_name="shop")
    AzureMLDeployBatchEndpointOperator(task_id="deploy_batch", endpoint="shop")


@pytest.fixture(scope="module", params=[True, False], ids=["", "links_not_loaded"])
def facts(request: pytest.FixtureRequest) -> Iterator[DagTasks]:
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
        AzureMLInvokeBatchEndpointOperator(task_id="batch", endpoint_name="shop", inputs={})
        endpoint_tasks()
        AzureMLCreateEnvironmentOperator(task_id="environment", name="e", image="python:3.11")
        BaseOperator(task_id="empty")
    serialization = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
    older = serialized_objects.SerializedBaseOperator
    operators = getattr(serialized_objects, "OperatorSerialization", older)
    with pytest.MonkeyPatch.context() as patch:
        for kind in (serialization, operators):
            patch.setattr(kind, "_load_operator_extra_links", request.param)
        yield _ours(serialization.from_dict(serialization.to_dict(dag)))


def test_only_tasks_that_may_have_a_job_are_ours(facts: DagTasks) -> None:
    assert set(facts.jobs) == {
        "batch",
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
def test_without_rendered_templates(facts: DagTasks, task_id: str, known: JobTask | None) -> None:
    assert _job_task(facts.jobs[task_id], {}) == known


def test_what_was_rendered_counts(facts: DagTasks) -> None:
    rendered = {"azureml_conn_id": "rendered", "api_version": None, "job_name": 7}
    assert _job_task(facts.jobs["template"], rendered) == JobTask("rendered", None, None)
    assert _job_task(facts.jobs["sensor_template"], rendered) == JobTask("rendered", None, "7")
    assert _job_task(facts.jobs["mapped_connections"], rendered) == JobTask("rendered", None, None)


@pytest.mark.parametrize(
    ("task_id", "known"),
    [
        ("deploy", EndpointTask("azureml_default", None, "shop")),
        ("shift", EndpointTask("azureml_default", None, "shop")),
        ("invoke", EndpointTask("azureml_default", None, "shop")),
        ("mapped_requests", EndpointTask("other", None, "shop")),
        # The tags of what they have deployed must name them.
        ("deploy_mapping", EndpointTask("azureml_default", None, None)),
        ("deploy_file", EndpointTask("other", None, None)),
        ("deploy_template", EndpointTask("azureml_default", None, None)),
        # What only rendering tells.
        ("shift_template", None),
    ],
)
def test_tasks_with_endpoints_without_rendered_templates(
    facts: DagTasks, task_id: str, known: EndpointTask | None
) -> None:
    assert _endpoint_task(facts.endpoints[task_id], {}) == known


def test_only_tasks_with_online_endpoints_have_one(facts: DagTasks) -> None:
    assert {"delete", "deploy_batch", "batch", "plain", "empty"}.isdisjoint(facts.endpoints)
    assert len(facts.endpoints) == 8


@pytest.mark.parametrize(
    ("task_id", "rendered", "name"),
    [
        ("deploy_template", {"endpoint": "shop"}, "shop"),
        ("deploy_mapping", {"endpoint": {"name": "shop", "auth_mode": "key"}}, "shop"),
        ("deploy_mapping", {"endpoint": {"auth_mode": "key"}}, None),
        ("deploy_template", {"endpoint": "Truncated. You can change this behaviour"}, None),
        ("shift_template", {"endpoint_name": "other"}, "other"),
    ],
)
def test_the_endpoint_that_was_rendered_counts(
    facts: DagTasks, task_id: str, rendered: dict[str, Any], name: str | None
) -> None:
    known = {"azureml_conn_id": "rendered", **rendered}
    assert _endpoint_task(facts.endpoints[task_id], known) == EndpointTask("rendered", None, name)


def test_a_name_that_is_masked_or_none_leads_nowhere(facts: DagTasks) -> None:
    for name in ("***", "a/b", "None", None, 7):
        known = _endpoint_task(facts.endpoints["shift_template"], {"endpoint_name": name})
        assert known is None or name == "None"
