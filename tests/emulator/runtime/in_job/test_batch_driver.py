"""A batch deployment really scores: its script, in mini-batches, with its model, to its output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.batch import make_scoring, started, step_log, text_at
from tests.emulator.online import operation, upload
from tests.emulator.running import Running

SCRIPT = """
import os, pathlib, sys

def init():
    global weight
    weight = int(pathlib.Path(os.environ["AZUREML_MODEL_DIR"], "weights.txt").read_text())
    print("init", os.environ["WHO"], sys.argv[1:])

def run(mini_batch):
    print("batch of", len(mini_batch))
    rows = []
    for path in map(pathlib.Path, mini_batch):
        if path.name == "bad.txt":
            raise ValueError("a bad file")
        rows.append(f"{path.name},{weight * int(path.read_text())}")
    return rows
"""
SUMMARY = """
import os, pathlib

def init():
    pass

def run(mini_batch):
    for path in map(pathlib.Path, mini_batch):
        pathlib.Path(os.environ["AZUREML_BI_OUTPUT_PATH"], f"{path.stem}.out").write_text(path.read_text())
    return mini_batch
"""


@pytest.fixture
def scoring(storing_emulator: Running) -> Iterator[Running]:
    storing_emulator.admin("PATCH", "settings", {"operation_seconds": 0})
    yield storing_emulator
    for endpoint in storing_emulator.ml("GET", "batchEndpoints").json()["value"]:
        operation(storing_emulator, storing_emulator.ml("DELETE", f"batchEndpoints/{endpoint['name']}"))


def data(emulator: Running, folder: str, **files: str) -> dict[str, Any]:
    uri = upload(emulator, folder, {f"{name}.txt": text for name, text in files.items()})
    return {"in": {"jobInputType": "UriFolder", "uri": uri}}


def outputs(place: str) -> dict[str, Any]:
    uri = f"azureml://datastores/workspaceblobstore/paths/{place}"
    return {"score": {"jobOutputType": "UriFolder" if place.endswith("/") else "UriFile", "uri": uri}}


def test_mini_batches_over_a_folder_become_predictions(scoring: Running) -> None:
    variables = {"WHO": "me"}
    make_scoring(scoring, "nightly", SCRIPT, miniBatchSize=2, environmentVariables=variables)
    inputs = data(scoring, "batch/in", a="1", b="2", c="3")
    job = started(scoring, "nightly", inputs, outputData=outputs("batch/out/predictions.csv"))
    assert scoring.wait_for(job, "Completed", "Failed") == "Completed", step_log(scoring, job)
    rows = text_at(scoring, "/paths/batch/out/predictions.csv").splitlines()
    assert sorted(rows) == ["a.txt,3", "b.txt,6", "c.txt,9"]
    said = step_log(scoring, job)
    assert "3 files in 2 mini-batches" in said
    assert "init me ['--logging_level', 'Info']" in said


def test_where_nothing_is_said_the_rows_go_to_the_default_datastore(scoring: Running) -> None:
    make_scoring(scoring, "nightly", SCRIPT, environmentVariables={"WHO": "me"}, outputFileName="rows.csv")
    inputs = data(scoring, "batch/one", a="1")
    inputs["in"] = {"jobInputType": "UriFile", "uri": f"{inputs['in']['uri']}/a.txt"}
    job = started(scoring, "nightly", inputs)
    assert scoring.wait_for(job, "Completed", "Failed") == "Completed", step_log(scoring, job)
    [child] = scoring.history("GET", f"runs/{job}/children").json()["value"]
    assert text_at(scoring, f"/paths/azureml/{child['runId']}/score/rows.csv") == "a.txt,3\n"


def test_a_script_that_writes_its_results_itself(scoring: Running) -> None:
    make_scoring(scoring, "nightly", SUMMARY, outputAction="SummaryOnly")
    job = started(scoring, "nightly", data(scoring, "batch/sum", a="1"), outputData=outputs("batch/summary/"))
    assert scoring.wait_for(job, "Completed", "Failed") == "Completed", step_log(scoring, job)
    assert text_at(scoring, "/paths/batch/summary/a.out") == "1"


def test_failures_beyond_the_threshold_fail_the_job(scoring: Running) -> None:
    settings = {"retrySettings": {"maxRetries": 1}, "environmentVariables": {"WHO": "me"}, "miniBatchSize": 1}
    make_scoring(scoring, "nightly", SCRIPT, **settings)
    inputs = data(scoring, "batch/bad", a="1", bad="x")
    job = started(scoring, "nightly", inputs, errorThreshold=0)
    assert scoring.wait_for(job, "Completed", "Failed") == "Failed"
    assert step_log(scoring, job).count("ValueError: a bad file") == 2
    tolerant = started(scoring, "nightly", inputs, errorThreshold=1)
    assert scoring.wait_for(tolerant, "Completed", "Failed") == "Completed"


def test_the_same_request_again_is_scored_again(scoring: Running) -> None:
    make_scoring(scoring, "nightly", SCRIPT, environmentVariables={"WHO": "me"})
    inputs = data(scoring, "batch/again", a="1")
    for _ in range(2):
        job = started(scoring, "nightly", inputs)
        assert scoring.wait_for(job, "Completed", "Failed") == "Completed", step_log(scoring, job)
        [child] = scoring.history("GET", f"runs/{job}/children").json()["value"]
        assert "azureml.isreused" not in child["properties"]
