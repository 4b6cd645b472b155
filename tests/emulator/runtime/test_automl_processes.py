"""What the runs of an AutoML job are asked for, and how their answers are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.arm.jobs.automl_shapes import TASK
from airflow_provider_amlrest.emulator.arm.shapes import Place
from airflow_provider_amlrest.emulator.config import ARTIFACT_CONTAINER
from airflow_provider_amlrest.emulator.runtime.automl_candidates import CANDIDATES
from airflow_provider_amlrest.emulator.runtime.automl_children import Children
from airflow_provider_amlrest.emulator.runtime.automl_processes import PLAN, Processes
from airflow_provider_amlrest.emulator.runtime.context import JobContext
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.store import JobRecord

from .harness import WORKSPACE, Harness

DATA = {"jobInputType": "mltable", "uri": "azureml:table:1", "mode": "EvalMount"}


class Setup(Children):
    """A setup run that has ended, with these findings."""

    status = "Completed"

    async def run(
        self, name: str, properties: Mapping[str, Any], shown: Mapping[str, str] | None = None
    ) -> JobRecord:
        error = {"message": "training_data is empty"} if self.status == "Failed" else None
        return replace(self.context.job, name=name, status=self.status, error=error)


def processes(host: Harness, details: dict[str, Any] | None = None, **properties: Any) -> Processes:
    task = {"taskType": "Regression", "targetColumnName": "y", "trainingData": DATA, **(details or {})}
    kept = {"taskDetails": TASK(task, Place(())), "environmentVariables": {"A": "1"}, **properties}
    context = JobContext(host.services, WORKSPACE, JobRecord(WORKSPACE.name, "a", "AutoML", kept, "Running"))
    return Processes(context, Setup(context, lambda job: pytest.fail("it must not start"), "Command"))


def write(host: Harness, run: str, found: dict[str, Any]) -> None:
    path = f"ExperimentRun/dcid.{run}/outputs/automl.json"
    host.put_blob(path, json.dumps(found), ARTIFACT_CONTAINER)


async def test_what_is_not_installed_is_not_tried(host: Harness) -> None:
    first, *rest = CANDIDATES["Regression"]
    work = processes(host, {"limitSettings": {"maxTrials": 2}})
    write(host, "a_setup", {"missing": {first: "No module"}})
    assert await work.candidates() == rest[:2]
    write(host, "a_setup", {"missing": {}})
    assert await work.candidates() == [first, rest[0]]


async def test_a_setup_that_fails_says_why(host: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Setup, "status", "Failed")
    with pytest.raises(JobError, match="training_data is empty"):
        await processes(host).candidates()
    monkeypatch.setattr(Setup, "status", "Canceled")
    with pytest.raises(JobError, match="a_setup is Canceled"):
        await processes(host).candidates()


async def test_a_trial_knows_what_the_job_says_of_training(host: Harness) -> None:
    details = {
        "validationData": DATA,
        "weightColumnName": "w",
        "cvSplitColumnNames": ["fold"],
        "nCrossValidations": {"mode": "Custom", "value": 4},
        "validationDataSize": 0.2,
        "limitSettings": {"maxCoresPerTrial": 2},
    }
    asked = processes(host, details).properties("KNN")
    assert set(asked["inputs"]) == {"training_data", "validation_data"}
    assert asked["inputs"]["training_data"] == {**DATA, "mode": "Download"}
    assert asked["environmentVariables"]["A"] == "1"
    assert json.loads(asked["environmentVariables"][PLAN]) == {
        "algorithm": "KNN",
        "task": "Regression",
        "target": "y",
        "set_aside": ["w", "fold"],
        "folds": 4,
        "held_out": 0.2,
        "cores": 2,
    }


async def test_metrics_are_read_from_what_the_trial_has_left(host: Harness) -> None:
    write(host, "a_0", {"metrics": {"r2_score": 1}})
    assert await processes(host).metrics("a_0") == {"r2_score": 1.0}
    assert await processes(host).metrics("a_1") == {}
