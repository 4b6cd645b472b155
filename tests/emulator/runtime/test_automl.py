"""AutoML jobs: trials on a clock, and trials that really train."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.arm.jobs.automl_shapes import TASK
from airflow_provider_amlrest.emulator.arm.shapes import Place
from airflow_provider_amlrest.emulator.runtime.automl_candidates import CANDIDATES, simulated_metrics
from airflow_provider_amlrest.emulator.store import JobRecord
from tests.support.waiting import wait_for

from .harness import WORKSPACE, Harness

FOLDER = "azureml://datastores/workspaceblobstore/paths/"
MLTABLE = (
    "paths: [{file: ./table.csv}]\ntransformations:\n- read_delimited: {delimiter: ',', encoding: utf8}\n"
)


def submit(harness: Harness, name: str, details: dict[str, Any] | None = None, **properties: Any) -> str:
    """Add an AutoML job as the server would."""
    data = {"jobInputType": "mltable", "uri": f"{FOLDER}train"}
    wanted = {"taskType": "Classification", "targetColumnName": "y", "trainingData": data, **(details or {})}
    defaults = {
        "jobType": "AutoML",
        "experimentName": "exp",
        "computeId": f"{WORKSPACE.arm_id}/computes/cpu",
        "environmentId": None,
        "environmentVariables": None,
        "taskDetails": TASK(wanted, Place(())),
        "outputs": {},
        "tags": {"emulator.seconds": "0"},
    }
    harness.store.add_job(JobRecord(WORKSPACE.name, name, "AutoML", defaults | properties, "NotStarted"))
    harness.wake()
    return name


def limits(**members: Any) -> dict[str, Any]:
    return {"limitSettings": members}


def trials(harness: Harness, name: str) -> list[JobRecord]:
    children = harness.store.children(WORKSPACE.name, name)
    return sorted((c for c in children if not c.name.endswith("_setup")), key=lambda trial: trial.created_at)


def metrics(harness: Harness, name: str) -> dict[str, float]:
    found = harness.store.latest_metrics(WORKSPACE.name, name)
    return {key: metric.value for key, metric in found.items()}


# on a clock


def test_the_best_trial_is_marked_as_the_service_marks_it(simulated: Harness) -> None:
    submit(simulated, "a", {"primaryMetric": "accuracy"} | limits(maxTrials=4))
    job = simulated.wait("a")
    assert job.status == "Completed", job.error
    algorithms = CANDIDATES["Classification"][:4]
    scores = [simulated_metrics("Classification", algorithm)["accuracy"] for algorithm in algorithms]
    best = scores.index(max(scores))
    assert job.run_tags["automl_best_child_run_id"] == f"a_{best}"
    assert job.run_tags["run_algorithm_000"] == ";".join(algorithms)
    assert job.run_tags["iteration_000"] == "0;1;2;3"
    assert [float(text) for text in job.run_tags["score_000"].split(";")] == scores
    assert [trial.name for trial in trials(simulated, "a")] == ["a_0", "a_1", "a_2", "a_3"]
    trial = simulated.job(f"a_{best}")
    assert trial.run_properties["run_algorithm"] == algorithms[best]
    assert float(trial.run_properties["score"]) == max(scores)
    assert metrics(simulated, "a") == metrics(simulated, trial.name)
    assert set(metrics(simulated, "a")) > {"accuracy", "AUC_weighted"}


def test_an_error_is_the_better_the_smaller_it_is(simulated: Harness) -> None:
    submit(simulated, "a", {"taskType": "Regression"} | limits(maxTrials=5))
    job = simulated.wait("a")
    scores = [float(text) for text in job.run_tags["score_000"].split(";")]
    assert job.run_tags["automl_best_child_run_id"] == f"a_{scores.index(min(scores))}"
    assert metrics(simulated, "a")["normalized_root_mean_squared_error"] == min(scores)


def test_no_more_trials_run_side_by_side_than_the_limit(simulated: Harness) -> None:
    tags = {"emulator.outcome": "stuck"}
    submit(simulated, "a", limits(maxTrials=5, maxConcurrentTrials=2), tags=tags)
    wait_for(lambda: [t.status for t in trials(simulated, "a")] == ["Queued", "Queued"])
    time.sleep(0.2)
    assert len(trials(simulated, "a")) == 2
    simulated.cancel("a")
    assert simulated.wait("a").status == "Canceled"
    assert {trial.status for trial in trials(simulated, "a")} == {"Canceled"}


def test_a_score_that_is_good_enough_ends_it(simulated: Harness) -> None:
    submit(simulated, "a", {"primaryMetric": "accuracy"} | limits(exitScore=0.1))
    assert simulated.wait("a").status == "Completed"
    assert len(trials(simulated, "a")) == 1


def test_allowed_and_blocked_algorithms(simulated: Harness) -> None:
    settings = {
        "allowedTrainingAlgorithms": ["SGD", "LightGBM", "KNN"],
        "blockedTrainingAlgorithms": ["KNN"],
    }
    submit(simulated, "a", {"trainingSettings": settings})
    assert simulated.wait("a").run_tags["run_algorithm_000"] == "LightGBM;SGD"


def test_it_fails_where_no_algorithm_is_left(simulated: Harness) -> None:
    submit(simulated, "a", {"trainingSettings": {"allowedTrainingAlgorithms": ["XGBoostClassifier"]}})
    job = simulated.wait("a")
    assert job.status == "Failed"
    assert job.error is not None
    assert "No algorithm is left to be tried" in job.error["message"]
    assert "No algorithm is left" in job.run_properties["errors"]


def test_it_fails_when_all_trials_fail(simulated: Harness) -> None:
    tags = {"emulator.outcome": "failed", "emulator.error": "out of memory"}
    submit(simulated, "a", limits(maxTrials=2), tags=tags)
    job = simulated.wait("a")
    assert job.status == "Failed"
    assert job.error is not None
    assert "None of the 2 trials completed" in job.error["message"]
    assert "out of memory" in job.error["message"]
    assert "automl_best_child_run_id" not in job.run_tags


def test_scripted_metrics_are_those_of_the_trials(simulated: Harness) -> None:
    tags = {"emulator.seconds": "0", "emulator.metrics": json.dumps({"AUC_weighted": 0.5})}
    submit(simulated, "a", limits(maxTrials=1), tags=tags)
    assert simulated.wait("a").run_tags["score_000"] == "0.5"


def test_tag_that_cannot_be_read(simulated: Harness) -> None:
    submit(simulated, "a", tags={"emulator.metrics": "many"})
    job = simulated.wait("a")
    assert job.error is not None
    assert "emulator.metrics is 'many'" in job.error["message"]


def test_out_of_time_it_completes_with_what_it_has(simulated: Harness) -> None:
    details = limits(maxTrials=3, timeout="PT1S")
    submit(simulated, "a", details, tags={"emulator.seconds": "0.6"})
    job = simulated.wait("a")
    assert (job.status, job.run_tags["automl_best_child_run_id"]) == ("Completed", "a_0")
    assert [trial.status for trial in trials(simulated, "a")] == ["Completed", "Canceled"]


def test_out_of_time_without_a_score_it_fails(simulated: Harness) -> None:
    submit(simulated, "a", limits(timeout="PT0.2S"), tags={"emulator.seconds": "600"})
    job = simulated.wait("a")
    assert job.error is not None
    assert "within limitSettings.timeout, 0.2 seconds" in job.error["message"]


def test_trial_timeout_cancels_the_trial(simulated: Harness) -> None:
    submit(simulated, "a", limits(maxTrials=1, trialTimeout="PT0.1S"), tags={"emulator.seconds": "600"})
    assert simulated.wait("a").status == "Failed"
    assert simulated.job("a_0").status == "Canceled"


def test_restart_goes_on(simulated: Harness) -> None:
    details = limits(maxTrials=2, maxConcurrentTrials=2)
    submit(simulated, "a", details, tags={"emulator.seconds": "0.5"})
    wait_for(lambda: len(trials(simulated, "a")) == 2)
    simulated.stop()
    assert simulated.job("a").active
    simulated.start()
    assert simulated.wait("a").status == "Completed"
    assert [trial.status for trial in trials(simulated, "a")] == ["Completed"] * 2


# in processes


def put_table(harness: Harness, folder: str, rows: int, *, mltable: str = MLTABLE) -> None:
    """A table in which ``y`` follows from two of its columns, and ``number`` from all."""
    draw = random.Random(rows)
    lines = ["x,colour,id,y,number"]
    for index in range(rows):
        x, colour = draw.random(), draw.choice(["red", "blue"])
        y = "yes" if (x > 0.5) == (colour == "red") else "no"
        lines.append(f"{'' if index % 20 == 3 else x},{colour},row-{index},{y},{x + (colour == 'red')}")
    harness.put_blob(f"{folder}/table.csv", "\n".join(lines))
    harness.put_blob(f"{folder}/MLTable", mltable)


def test_without_scikit_learn_it_fails_and_says_so(host: Harness) -> None:
    put_table(host, "train", 20)
    submit(host, "a")
    job = host.wait("a")
    assert job.status == "Failed"
    assert job.error is not None
    assert [child.name for child in host.store.children(WORKSPACE.name, "a")] == ["a_setup"]
    for said in (job.error["message"], job.run_properties["errors"], host.log("a_setup")):
        assert "AutoML needs scikit-learn, which is not installed in the job's environment" in said


def test_forecasts_are_not_trained(host: Harness) -> None:
    submit(host, "a", {"taskType": "Forecasting"})
    job = host.wait("a")
    assert job.error is not None
    assert "Forecasting is not emulated where jobs really run" in job.error["message"]


def test_data_that_is_not_there_is_named(host: Harness) -> None:
    submit(host, "a", {"trainingData": {"jobInputType": "mltable", "uri": f"{FOLDER}nowhere"}})
    job = host.wait("a")
    assert job.error is not None
    assert "Input 'training_data' could not be fetched" in job.error["message"]


@pytest.mark.demo
def test_models_are_really_trained(venv: Harness) -> None:
    """With the packages that stand in for the service's environment, from the package index."""
    put_table(venv, "train", 200)
    put_table(venv, "validation", 101)
    allowed = ["LightGBM", "RandomForest", "BernoulliNaiveBayes"]
    details = {"primaryMetric": "accuracy", "trainingSettings": {"allowedTrainingAlgorithms": allowed}}
    drop = f"{MLTABLE}- drop_columns: [number]\n"
    put_table(venv, "dropped", 200, mltable=drop)
    data = {"trainingData": {"jobInputType": "mltable", "uri": f"{FOLDER}dropped"}}
    submit(venv, "classified", details | data | limits(maxConcurrentTrials=2))
    job = venv.wait("classified")
    assert job.status == "Completed", job.error
    scores = dict(
        zip(job.run_tags["run_algorithm_000"].split(";"), job.run_tags["score_000"].split(";"), strict=True)
    )
    assert set(scores) == set(allowed)
    assert float(scores["RandomForest"]) > 0.9 > float(scores["BernoulliNaiveBayes"])
    best = venv.job(job.run_tags["automl_best_child_run_id"])
    assert best.run_properties["run_algorithm"] in ("LightGBM", "RandomForest")
    assert metrics(venv, "classified") == metrics(venv, best.name)
    assert "Column 'id' is left out" in venv.log(best.name)

    validation = {"validationData": {"jobInputType": "mltable", "uri": f"{FOLDER}validation"}}
    wanted = {"taskType": "Regression", "targetColumnName": "number"} | validation
    submit(venv, "predicted", wanted)
    job = venv.wait("predicted")
    assert job.status == "Completed", job.error
    assert len(trials(venv, "predicted")) == len(CANDIDATES["Regression"])
    assert metrics(venv, "predicted")["normalized_root_mean_squared_error"] < 0.1
    assert metrics(venv, "predicted")["r2_score"] > 0.9

    submit(venv, "wrong", {"targetColumnName": "z"})
    error = venv.wait("wrong").error
    assert error is not None
    assert "training_data has no column 'z', the targetColumnName. It has x, colour" in error["message"]
