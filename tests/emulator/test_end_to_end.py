"""The runtime inside the real emulator: a script that logs to MLflow, a sweep of it, and a kill -9."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from tests.emulator.running import Running

SCRIPT = """
import argparse, mlflow
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
lr = parser.parse_args().lr
with mlflow.start_run():
    mlflow.log_param("lr", f"{lr:.3f}")
    for step in range(3):
        mlflow.log_metric("loss", abs(lr - 0.3) + 2 - step, step=step)
print("trained with", f"{lr:.3f}")
"""
CONDA = {"dependencies": ["python=3.11", "pip", {"pip": ["mlflow-skinny==3.15.0"]}]}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    emulator = Running(tmp_path / "data", "--runtime", "venv")
    yield emulator
    assert emulator.stop() == 0, emulator.log.read_text()


def prepare(emulator: Running) -> dict[str, Any]:
    """Register an environment and upload code; the fields of a job that uses them."""
    emulator.put("environments/mlflow/versions/1", {"image": "python", "condaFile": json.dumps(CONDA)})
    answer = emulator.ml(
        "POST", "codes/train/versions/1/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}
    )
    place = answer.json()["blobReferenceForConsumption"]
    with ContainerClient.from_container_url(
        place["credential"]["sasUri"], connection_verify=emulator.facts["ca_bundle"]
    ) as container:
        container.upload_blob("src/train.py", SCRIPT)
    emulator.put("codes/train/versions/1", {"codeUri": f"{place['blobUri']}/src"})
    return {"codeId": f"{emulator.workspace}/codes/train/versions/1", "environmentId": "azureml:mlflow:1"}


def details(emulator: Running, name: str) -> dict[str, Any]:
    return dict(emulator.history("GET", f"runs/{name}/details").json())


def test_script_logs_to_its_run_and_a_sweep_finds_the_best(running: Running) -> None:
    fields = prepare(running)
    compute = f"{running.workspace}/computes/cpu-cluster"
    running.put(
        "jobs/one",
        {**fields, "jobType": "Command", "command": "python train.py --lr 0.1", "computeId": compute},
    )
    assert running.wait_for("one", "Completed", "Failed") == "Completed", details(running, "one")
    data = running.mlflow("runs/get", run_id="one").json()["run"]["data"]
    assert [(m["key"], m["step"]) for m in data["metrics"]] == [("loss", 2)]
    assert data["metrics"][0]["value"] == pytest.approx(0.2)
    log = running.http.get(
        details(running, "one")["logFiles"]["user_logs/std_log.txt"], headers={"Authorization": ""}
    )
    assert "trained with 0.100" in log.text

    trial = {**fields, "command": "python train.py --lr ${{search_space.lr}}"}
    running.put(
        "jobs/sweep",
        {
            "jobType": "Sweep",
            "trial": trial,
            "computeId": compute,
            "objective": {"goal": "Minimize", "primaryMetric": "loss"},
            "samplingAlgorithm": {"samplingAlgorithmType": "Grid"},
            "searchSpace": {"lr": ["choice", [[0.9, 0.35, 0.5]]]},
            "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 10, "maxConcurrentTrials": 2},
        },
    )
    assert running.wait_for("sweep", "Completed", "Failed") == "Completed"
    sweep = running.get("jobs/sweep")
    assert sweep["properties"]["best_child_run_id"] == "sweep_1"
    assert float(sweep["properties"]["score"]) == pytest.approx(0.05)
    assert json.loads(sweep["tags"]["_aml_system_sweep_1"]) == {"lr": 0.35}
    children = running.history("GET", "runs/sweep/children").json()["value"]
    assert sorted((run["runId"], run["status"]) for run in children) == [
        (f"sweep_{i}", "Completed") for i in range(3)
    ]


def test_killed_emulator_runs_the_job_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    first = Running(tmp_path / "data", "--runtime", "host")
    job = first.command_job(command=f"echo run >> {mark}; [ $(wc -l < {mark}) -gt 1 ] || sleep 300")
    first.put("jobs/j", job)
    first.wait_for("j", "Running")
    while not mark.exists():
        assert first.get("jobs/j")["status"] == "Running"
    first.kill()
    first.ready_file.unlink()
    second = Running(tmp_path / "data", "--runtime", "host")
    try:
        assert second.wait_for("j", "Completed", "Failed") == "Completed"
        assert mark.read_text() == "run\nrun\n"
    finally:
        assert second.stop() == 0
