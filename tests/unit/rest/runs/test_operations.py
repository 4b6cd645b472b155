"""What is read of steps and trials, fed with answers."""

from __future__ import annotations

import json

import pytest

from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.operations import Operations
from tests.unit.answers import Answered, drive
from tests.unit.jobs import WORKSPACE, arm_id


@pytest.fixture
def operations() -> Operations:
    operations = Operations(WORKSPACE, PUBLIC, "2025-12-01")
    operations.endpoints = ("https://h", "https://m")
    return operations


def test_trials_of_a_step_have_the_parameters_that_its_run_has(operations: Operations) -> None:
    """Resource Manager answers a step without properties."""
    bare = Answered({"id": arm_id("jobs", "s"), "name": "s"})
    children = Answered({"value": [{"runId": "s_1", "status": "Completed"}]})
    experiment = Answered({"run": {"info": {"experiment_id": "e"}}})
    metrics = {"metrics": [{"key": "acc", "value": 0.5}]}
    found = Answered({"runs": [{"info": {"run_id": "s_1"}, "data": metrics}]})
    run = Answered({"runId": "s", "tags": {"_aml_system_s_1": json.dumps({"lr": 0.1})}})
    trials, sends = drive(
        operations.list_trials("s"),
        *(bare, run, children, experiment, found),
    )
    assert [(trial.params, trial.metrics) for trial in trials] == [({"lr": 0.1}, {"acc": 0.5})]
    assert sends[1].request.url == "https://h/runs/s"


def test_the_job_that_a_run_is_a_part_of(operations: Operations) -> None:
    found, _ = drive(operations.get_root("r"), Answered({"runId": "r", "rootRunId": "p"}))
    assert found == "p"
    assert drive(operations.get_root("j"), Answered({"runId": "j"}))[0] == "j"


def test_the_steps_of_a_pipeline_component(operations: Operations) -> None:
    component = arm_id("components", "inner", "1")
    spec = {"type": "pipeline", "jobs": {"a": {"type": "command"}}}
    found, [send] = drive(
        operations.get_plan(component),
        Answered({"id": component, "name": "1", "properties": {"componentSpec": spec}}),
    )
    assert list(found) == ["a"]
    assert send.request.url.startswith(f"https://management.azure.com{component}?")
    gone = Answered({"error": {"code": "NotFound"}}, 404)
    assert drive(operations.get_plan(component), gone)[0] == {}


@pytest.mark.parametrize(
    "elsewhere", ["azureml://registries/r/components/c/versions/1", "c", "/subscriptions/s/resourceGroups/g"]
)
def test_a_component_that_is_not_the_workspaces_is_not_read(operations: Operations, elsewhere: str) -> None:
    with pytest.raises(StopIteration) as ended:
        next(operations.get_plan(elsewhere))
    assert ended.value.value == {}
