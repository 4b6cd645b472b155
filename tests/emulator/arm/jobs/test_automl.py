"""AutoML jobs: what is taken, in which versions, and what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.schemas import API, published
from tests.emulator.running import Running, said

DATA = {"jobInputType": "mltable", "uri": "azureml://datastores/workspaceblobstore/paths/train"}
GOLDEN = sorted(path.name for path in Path(API / "sdk-golden").glob("cli__jobs__*automl*.json"))
IMAGES_AND_TEXT = (
    *("ImageClassification", "ImageClassificationMultilabel", "ImageInstanceSegmentation"),
    *("ImageObjectDetection", "TextClassification", "TextClassificationMultilabel", "TextNER"),
)


def automl_job(emulator: Running, details: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    task = {"taskType": "classification", "targetColumnName": "y", "trainingData": DATA, **(details or {})}
    compute = f"{emulator.workspace}/computes/cpu-cluster"
    return {"jobType": "AutoML", "computeId": compute, "taskDetails": task, **changes}


def test_new_job_is_filled_in(emulator: Running) -> None:
    got = emulator.put("jobs/automl-new", automl_job(emulator, {"primaryMetric": "accuracy"}))
    details = got["taskDetails"]
    assert (details["taskType"], details["primaryMetric"]) == ("Classification", "Accuracy")
    assert details["limitSettings"] == {
        "maxTrials": 1000,
        "trialTimeout": "PT30M",
        "timeout": "PT6H",
        "maxConcurrentTrials": 1,
        "maxCoresPerTrial": -1,
        "exitScore": None,
        "enableEarlyTermination": True,
    }
    assert details["trainingData"]["mode"] == "ReadOnlyMount"
    assert "inputs" not in got
    assert got["outputs"] == {}
    assert set(got["services"]) == {"Tracking", "Studio"}
    assert got["properties"]["primary_metric"] == "accuracy"
    assert got["properties"]["target"] == "cpu-cluster"
    assert got["status"] == "NotStarted"


def test_simulated_job_knows_its_best_trial(emulator: Running) -> None:
    limits = {"limitSettings": {"maxTrials": 3}}
    emulator.put("jobs/automl-best", automl_job(emulator, limits, tags={"emulator.seconds": "0"}))
    assert emulator.wait_for("automl-best", "Completed", "Failed") == "Completed"
    best = emulator.get("jobs/automl-best")["tags"]["automl_best_child_run_id"]
    children = emulator.history("GET", "runs/automl-best/children").json()["value"]
    assert best in {child["runId"] for child in children}
    assert {child["properties"]["runTemplate"] for child in children} == {"automl_child"}
    run = emulator.mlflow("runs/get", run_id=best).json()["run"]["data"]
    assert "AUC_weighted" in {metric["key"] for metric in run["metrics"]}
    assert emulator.history("GET", "runs/automl-best").json()["runType"] == "automl"


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"taskType": None}, "properties.taskDetails.taskType field is required"),
        ({"taskType": "Clustering"}, "Allowed values: Classification,Regression,Forecasting,Image"),
        ({"trainingData": None}, "properties.taskDetails.trainingData field is required"),
        ({"trainingData": {**DATA, "jobInputType": "uri_file"}}, "Allowed values: mltable"),
        ({"trainingData": {"jobInputType": "mltable"}}, "trainingData.uri field is required"),
        ({"targetColumnName": None}, "properties.taskDetails.targetColumnName field is required"),
        ({"primaryMetric": "R2Score"}, "Allowed values: AUCWeighted,Accuracy,NormMacroRecall"),
        ({"taskType": "Regression", "primaryMetric": "Accuracy"}, "Allowed values: SpearmanCorrelation"),
        ({"limitSettings": {"maxTrials": 0}}, "'properties.taskDetails.limitSettings.maxTrials'"),
        ({"limitSettings": {"timeout": "3h"}}, "not an ISO 8601 duration"),
        ({"limitSettings": {"maxTotalTrials": 3}}, "on object of type 'TableVerticalLimitSettings'"),
        ({"trainingSettings": {"allowedTrainingAlgorithms": ["ElasticNet"]}}, "LogisticRegression"),
        ({"nCrossValidations": {"mode": "Custom"}}, "nCrossValidations.value field is required"),
        ({"forecastingSettings": {}}, "'forecastingSettings' on object of type 'Classification'"),
        ({"featurizationSettings": {"mode": "full"}}, "Allowed values: Auto,Custom,Off"),
    ],
)
def test_what_does_not_fit_is_400_and_named(emulator: Running, details: dict[str, Any], words: str) -> None:
    answer = emulator.ml("PUT", "jobs/automl-wrong", {"properties": automl_job(emulator, details)})
    assert answer.status_code == 400
    assert words in said(answer)


def test_there_are_no_inputs_but_the_task_s(emulator: Running) -> None:
    answer = emulator.ml("PUT", "jobs/automl-wrong", {"properties": automl_job(emulator, inputs={})})
    assert "Could not find member 'inputs' on object of type 'AutoMLJob'" in said(answer)


@pytest.mark.parametrize("task", IMAGES_AND_TEXT)
def test_images_and_text_are_not_emulated(emulator: Running, task: str) -> None:
    answer = emulator.ml("PUT", "jobs/x", {"properties": automl_job(emulator, {"taskType": task})})
    assert answer.status_code == 501
    assert "AutoML tasks on images and text" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("version", "put", "get"),
    [
        ("2022-02-01-preview", 501, 404),
        ("2022-05-01", 400, 404),
        ("2022-06-01-preview", 201, 200),
        ("2022-10-01", 201, 200),
        ("2026-05-01", 201, 200),
    ],
)
def test_versions(emulator: Running, version: str, put: int, get: int) -> None:
    name, job = f"automl-{version}", automl_job(emulator)
    assert emulator.ml("PUT", f"jobs/{name}", {"properties": job}, version=version).status_code == put
    emulator.ml("PUT", f"jobs/{name}", {"properties": job})
    assert emulator.ml("GET", f"jobs/{name}", version=version).status_code == get


def test_settings_that_only_previews_had(emulator: Running) -> None:
    job = automl_job(emulator, {"limitSettings": {"sweepTrials": 0, "sweepConcurrentTrials": 0}})
    made = emulator.put("jobs/automl-preview", job, version="2024-01-01-preview")
    assert made["taskDetails"]["limitSettings"]["sweepTrials"] == 0
    assert "sweepTrials" not in emulator.get("jobs/automl-preview")["taskDetails"]["limitSettings"]
    assert emulator.ml("PUT", "jobs/automl-general", {"properties": job}).status_code == 400


@pytest.mark.skipif(not GOLDEN, reason="the reference data (../shared) is not on this machine")
def test_what_microsofts_client_makes_of_its_examples_is_taken(emulator: Running) -> None:
    """But for what is computed where nothing is known of this workspace: ids."""
    taken = []
    for number, name in enumerate(GOLDEN):
        golden = published(f"sdk-golden/{name}")
        if golden["kind"] != "autoMLJob":
            continue
        sent = golden["rest"]["properties"] | {"computeId": f"{emulator.workspace}/computes/cpu-cluster"}
        body = {"properties": sent}
        answer = emulator.ml("PUT", f"jobs/golden-{number}", body, version="2024-01-01-preview")
        task = sent["taskDetails"]["taskType"]
        assert answer.status_code == (501 if task in IMAGES_AND_TEXT else 201), answer.text
        taken += [task] if answer.status_code == 201 else []
    assert set(taken) == {"Classification", "Regression", "Forecasting"}
