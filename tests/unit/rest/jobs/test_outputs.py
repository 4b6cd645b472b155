from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.job import Job, Output
from airflow_provider_amlrest.rest.jobs.outputs import JobNotCompletedError, JobOutput, find_output
from airflow_provider_amlrest.rest.runs.run import Run, SweepTrial
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.unit.jobs import WORKSPACE

MODEL = {"default": Output(), "model": Output("mlflow_model")}
COMMAND = Job("id", "train", "Command", "Completed", outputs=MODEL)
SWEEP = replace(COMMAND, name="sweep", type="Sweep", primary_metric="auc")
PIPELINE = replace(COMMAND, name="pipe", type="Pipeline", outputs={"best": Output()})
STEP = replace(COMMAND, name="step-run", type="Command")


class Client:
    def __init__(self, *jobs: Job, api_version: str = "2025-12-01", best: str | None = "sweep_3") -> None:
        self.operations = SimpleNamespace(spelling=spelling_of(api_version, WORKSPACE))
        self.jobs = {job.name: job for job in jobs}
        self.best = best

    def get_job(self, name: str) -> Job:
        return self.jobs[name]

    def get_best_trial(self, name: str) -> SweepTrial | None:
        return SweepTrial(self.best, "Completed", {}, {}) if self.best else None

    def list_children(self, name: str) -> list[Run]:
        return [Run("step-run", "Completed", display_name="fit"), Run("other-run", "Completed")]


def find(job: Job, output: str | None = None, path: str = "", step: str | None = None, **client: Any) -> Any:
    service: Any = Client(job, STEP, **client)
    return find_output(service, job.name, output, path, step)


@pytest.mark.parametrize(
    ("job", "arguments", "found"),
    [
        (COMMAND, {}, JobOutput("train", "azureml://jobs/train/outputs/model/paths/", "mlflow_model")),
        (
            COMMAND,
            {"output": "artifacts", "path": "model"},
            JobOutput("train", "azureml://jobs/train/outputs/artifacts/paths/model"),
        ),
        (SWEEP, {}, JobOutput("sweep_3", "azureml://jobs/sweep_3/outputs/model/paths/", "mlflow_model")),
        (PIPELINE, {}, JobOutput("pipe", "azureml://jobs/pipe/outputs/best/paths/")),
        (
            PIPELINE,
            {"step": "fit", "path": "sub"},
            JobOutput("step-run", "azureml://jobs/step-run/outputs/model/paths/sub", "mlflow_model"),
        ),
        (
            COMMAND,
            {"api_version": "2021-03-01-preview", "path": "sub"},
            JobOutput(
                "train",
                "azureml://datastores/workspaceblobstore/paths/azureml/train/model/sub",
                "mlflow_model",
            ),
        ),
        (
            COMMAND,
            {"api_version": "2021-03-01-preview", "output": "artifacts", "path": "model"},
            JobOutput(
                "train", "azureml://datastores/workspaceartifactstore/paths/ExperimentRun/dcid.train/model"
            ),
        ),
    ],
)
def test_where_an_output_is(job: Job, arguments: dict[str, Any], found: JobOutput) -> None:
    assert find(job, **arguments) == found


@pytest.mark.parametrize(
    ("job", "arguments", "problem"),
    [
        (replace(COMMAND, status="Failed"), {}, "job_name: train is Failed, not Completed"),
        (replace(COMMAND, outputs={}), {}, "job_output: train has none: name the one that is the model"),
        (
            replace(COMMAND, outputs={**MODEL, "log": Output()}),
            {},
            "job_output: train has 'log', 'model': name the one",
        ),
        (COMMAND, {"output": "modle"}, "job_output: train has no output 'modle'; it has 'model'"),
        (COMMAND, {"step": "fit"}, "step: train is a command job, which has no steps"),
        (PIPELINE, {"step": "fti"}, "step: pipe has no step 'fti'; it has 'fit', 'other-run'"),
        (SWEEP, {"best": None}, "job_name: no trial of the sweep sweep has reported 'auc'"),
    ],
)
def test_what_there_is_not(job: Job, arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=f"^{problem}"):
        find(job, **arguments)


def test_a_job_that_runs_may_complete() -> None:
    with pytest.raises(JobNotCompletedError, match="job_name: train is Running, and has not ended yet"):
        find(replace(COMMAND, status="Running"))
