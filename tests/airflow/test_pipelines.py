"""Pipelines: submitted by their YAML and as arguments, and what their end leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.lifecycle.record import RESULT_KEY
from airflow_provider_amlrest.lifecycle.results import JobFailedError
from airflow_provider_amlrest.operators import (
    AzureMLCreateComponentOperator,
    AzureMLSubmitJobOperator,
    AzureMLSubmitPipelineJobOperator,
)
from tests.support.emulated import Emulated
from tests.support.tasks import Try, found, unique

COMPONENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: train
inputs:
  data: {type: uri_folder}
  rate: {type: number, default: 0.1}
outputs:
  model: {type: uri_folder}
command: echo ${{inputs.rate}} > ${{outputs.model}}/model.txt
code: ./src
environment:
  image: python:3.11
"""
PIPELINE = """\
type: pipeline
settings:
  default_compute: azureml:cpu-cluster
inputs:
  data: {type: uri_folder, path: ./data}
outputs:
  model: {type: uri_folder}
jobs:
  prepare:
    command: cp ${{inputs.data}}/* ${{outputs.out}}
    environment: azureml:AzureML-sklearn-1.5@latest
    inputs:
      data: ${{parent.inputs.data}}
    outputs:
      out:
        type: uri_folder
  train:
    component: ./train.yml
    inputs:
      data: ${{parent.jobs.prepare.outputs.out}}
      rate: 0.5
    outputs:
      model: ${{parent.outputs.model}}
tags:
  emulator.seconds: "0.2"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("src", "data"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.txt").write_text("text\n")
    (tmp_path / "train.yml").write_text(COMPONENT)
    (tmp_path / "pipeline.yml").write_text(PIPELINE)
    return tmp_path


@pytest.fixture
def ran(connection: str, mode: str, request: pytest.FixtureRequest, folder: Path) -> Callable[..., Any]:
    """Run an operator as Airflow does, with the DAG's file in the folder; its result."""

    def run(operator: Any, try_number: int = 1, **arguments: Any) -> Any:
        waits = {"poll_interval": 0.2, "deferrable": mode == "deferred"}
        if operator is AzureMLCreateComponentOperator:
            waits = {}
        task = operator(task_id=unique(request)[-60:], retries=2, **{**waits, **arguments})
        return Try(task, dag_file=str(folder / "dag.py"), try_number=try_number, max_tries=2).execute()

    return run


def steps_of(result: Any) -> dict[str, str]:
    return {step["name"]: step["status"] for step in result["steps"]}


def test_a_pipeline_of_a_file(ran: Any, emulator: Emulated) -> None:
    result = ran(AzureMLSubmitJobOperator, job="pipeline.yml")
    assert result["status"] == "Completed"
    assert steps_of(result) == {"prepare": "Completed", "train": "Completed"}
    assert list(result["outputs"]) == ["model"]
    mark = emulator.mark()
    assert ran(AzureMLSubmitJobOperator, job="pipeline.yml", try_number=2) == result
    assert [sent for sent in emulator.asked(since=mark) if sent["method"] == "PUT"] == [], "taken over"


def test_the_same_again_registers_nothing(ran: Any, emulator: Emulated, request: Any) -> None:
    ran(AzureMLSubmitJobOperator, job="pipeline.yml")
    mark = emulator.mark()
    result = ran(AzureMLSubmitJobOperator, job="pipeline.yml", job_name=unique(request)[-40:])
    sent = [asked["path"] for asked in emulator.asked(since=mark) if asked["method"] == "PUT"]
    assert [path for path in sent if "/jobs/" not in path] == []
    assert [step.get("reused") for step in result["steps"]] == [True, True]


def test_a_pipeline_of_arguments(ran: Any) -> None:
    step = {"component": "train.yml", "inputs": {"data": "${{parent.inputs.data}}"}}
    result = ran(
        AzureMLSubmitPipelineJobOperator,
        jobs={"first": {**step, "compute": "cpu-cluster"}, "second": {**step, "compute": "cpu-cluster"}},
        inputs={"data": {"type": "uri_folder", "path": "data"}},
        settings={"force_rerun": "True"},
        tags={"emulator.seconds": "0.2"},
    )
    assert steps_of(result) == {"first": "Completed", "second": "Completed"}


def test_metrics_of_steps(ran: Any, folder: Path) -> None:
    (folder / "pipeline.yml").write_text(PIPELINE + "  emulator.metrics: '{\"loss\": 0.25}'\n")
    result = ran(AzureMLSubmitJobOperator, job="pipeline.yml", metrics_of=["train"])
    assert result["step_metrics"] == {"train": {"loss": 0.25}}
    with pytest.raises(AirflowFailException, match="metrics_of: the job has no step 'test'; it has: p"):
        ran(AzureMLSubmitJobOperator, job="pipeline.yml", metrics_of="['test']")


def test_a_failed_pipeline_names_the_step(ran: Any, folder: Path) -> None:
    failing = PIPELINE.replace("tags:", "tags:\n  emulator.outcome: failed\n  emulator.error: no such column")
    (folder / "pipeline.yml").write_text(failing)
    with pytest.raises(JobFailedError, match=r"failed: its step 'prepare' failed: .*no such column"):
        ran(AzureMLSubmitJobOperator, job="pipeline.yml")


def test_a_failed_pipeline_leaves_what_became_of_its_steps_for_lists(
    connection: str, folder: Path, request: Any
) -> None:
    failing = PIPELINE.replace("tags:", "tags:\n  emulator.outcome: failed")
    (folder / "pipeline.yml").write_text(failing)
    task = AzureMLSubmitJobOperator(task_id=unique(request)[-60:], job="pipeline.yml", poll_interval=0.2)
    attempt = Try(task, dag_file=str(folder / "dag.py"))
    with pytest.raises(JobFailedError):
        attempt.execute()
    assert attempt.xcoms[RESULT_KEY] == {
        "status": "Failed",
        "metrics": {},
        "steps": {"done": 0, "total": 2, "failed": ["prepare"]},
    }


def test_a_component_is_registered_once(ran: Any, client: Any, folder: Path, request: Any) -> None:
    name = "c" + unique(request)[-40:].replace("-", "_")
    (folder / "train.yml").write_text(COMPONENT.replace("name: train", f"name: {name}"))
    made = ran(AzureMLCreateComponentOperator, component="train.yml")
    assert made["outcome"] == "registered"
    assert ran(AzureMLCreateComponentOperator, component="train.yml") == found(made)
    spec = client.get_component(made["name"], made["version"]).spec
    assert spec["command"].startswith("echo ${{inputs.rate}}")
    (folder / "src" / "file.txt").write_text("other\n")
    other = ran(AzureMLCreateComponentOperator, component="train.yml")
    assert (other["outcome"], other["version"] != made["version"]) == ("registered", True)
    chosen = ran(AzureMLCreateComponentOperator, component="train.yml", version="7")
    assert (chosen["version"], chosen["outcome"]) == ("7", "registered")
    (folder / "train.yml").write_text(f"{COMPONENT.replace('name: train', f'name: {name}')}display_name: x\n")
    assert ran(AzureMLCreateComponentOperator, component="train.yml", version="7") == found(chosen)
    (folder / "src" / "file.txt").write_text("another\n")
    with pytest.raises(AirflowFailException, match="409"):
        ran(AzureMLCreateComponentOperator, component="train.yml", version="7")


def test_what_a_component_names_and_is_not_there_is_said_with_its_line(ran: Any, folder: Path) -> None:
    (folder / "train.yml").write_text(COMPONENT.replace("\n  image: python:3.11", " azureml:none:1"))
    with pytest.raises(AirflowFailException, match=r"^train\.yml, line 11, environment: the workspace has"):
        ran(AzureMLCreateComponentOperator, component="train.yml")
    (folder / "train.yml").write_text(COMPONENT.replace("./src", "./none"))
    with pytest.raises(AirflowFailException, match=r"^train\.yml, line 10, code: there is no file or folder"):
        ran(AzureMLCreateComponentOperator, component="train.yml")


def test_what_a_definition_in_arguments_names_and_is_not_there_is_said(ran: Any) -> None:
    component = {"command": "true", "environment": "azureml:none:1"}
    step = {"component": component, "compute": "azureml:cpu-cluster"}
    with pytest.raises(AirflowFailException, match=r"^jobs\.a\.component\.environment: the workspace has"):
        ran(AzureMLSubmitPipelineJobOperator, jobs={"a": step})
    with pytest.raises(AirflowFailException, match=r"^jobs\.a\.environment: the workspace has"):
        ran(AzureMLSubmitPipelineJobOperator, jobs={"a": {**component, "compute": "azureml:cpu-cluster"}})


TWICE = """\
type: pipeline
settings: {default_compute: azureml:cpu-cluster}
jobs:
  a:
    command: cat ${{inputs.data}}/file.txt
    code: ./src
    environment: azureml:AzureML-sklearn-1.5@latest
    inputs: {data: {type: uri_folder, path: ./data}}
  b:
    command: wc ${{inputs.data}}/file.txt
    code: ./src
    environment: azureml:AzureML-sklearn-1.5@latest
    inputs: {data: {type: uri_folder, path: ./data}}
tags: {emulator.seconds: "0.2"}
"""


def test_what_two_steps_use_is_uploaded_and_said_once(
    ran: Any, folder: Path, request: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for name in ("src", "data"):
        (folder / name / "file.txt").write_text(f"{name} of {unique(request)}")
    (folder / "twice.yml").write_text(TWICE)
    ran(AzureMLSubmitJobOperator, job="twice.yml")
    uploads = [line for line in caplog.messages if line.startswith("Uploading")]
    assert len(uploads) == 2
    assert [str(folder / name) in line for name, line in zip(("src", "data"), uploads, strict=True)] == [
        True
    ] * 2
