"""MLflow: what it reads of jobs, what a script writes, and which runs are its own."""

from __future__ import annotations

import json
import math
from typing import Any

from tests.emulator.running import Running


def test_mlflow_reads_a_sweep(emulator: Running, swept: str) -> None:
    run = emulator.mlflow("runs/get", run_id=f"{swept}_0").json()["run"]
    assert run["info"]["status"] == "FINISHED"
    tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
    assert tags["mlflow.parentRunId"] == swept
    assert set(json.loads(tags["hyperparameters"])) == {"lr"}
    assert [metric["key"] for metric in run["data"]["metrics"]] == ["loss"]
    experiment = emulator.mlflow("experiments/get-by-name", experiment_name="plane").json()["experiment"]
    assert run["info"]["experiment_id"] == experiment["experiment_id"]
    best = emulator.get(f"jobs/{swept}")["properties"]["best_child_run_id"]
    search = {
        "experiment_ids": [experiment["experiment_id"]],
        "filter": f"tags.mlflow.parentRunId = '{swept}' and metrics.loss < 1e9 AND status = 'FINISHED'",
        "order_by": ["metrics.loss ASC"],
        "max_results": 2,
    }
    found = emulator.mlflow("runs/search", search).json()
    assert found["runs"][0]["info"]["run_id"] == best
    rest = emulator.mlflow("runs/search", {**search, "page_token": found["next_page_token"]}).json()
    assert [len(found["runs"]), len(rest["runs"])] == [2, 1]
    assert "next_page_token" not in rest


def test_mlflow_writes(emulator: Running) -> None:
    emulator.put("jobs/logged", emulator.command_job())
    values: list[Any] = [1.5, "NaN", "Infinity", "-Infinity", 0.5]
    for step, value in enumerate(values):
        body = {"run_id": "logged", "key": "loss", "value": value, "timestamp": 1000 + step, "step": step}
        assert emulator.mlflow("runs/log-metric", body).json() == {}
    history = emulator.mlflow("metrics/get-history", run_id="logged", metric_key="loss").json()["metrics"]
    assert [metric["value"] for metric in history] == values
    assert math.isnan(float(history[1]["value"]))
    batch = {
        "run_id": "logged",
        "metrics": [{"key": "m", "value": 2, "timestamp": 1, "step": 0}],
        "params": [{"key": "p", "value": "1"}],
        "tags": [{"key": "t", "value": "1"}],
    }
    assert emulator.mlflow("runs/log-batch", batch).status_code == 200
    assert (
        emulator.mlflow("runs/log-parameter", {"run_id": "logged", "key": "p", "value": "1"}).status_code
        == 200
    )
    changed = emulator.mlflow("runs/log-parameter", {"run_id": "logged", "key": "p", "value": "2"})
    assert (changed.status_code, changed.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    run = emulator.mlflow("runs/get", run_id="logged").json()["run"]["data"]
    assert {metric["key"]: metric["value"] for metric in run["metrics"]} == {"loss": 0.5, "m": 2.0}
    assert run["params"] == [{"key": "p", "value": "1"}]
    assert emulator.mlflow("runs/delete-tag", {"run_id": "logged", "key": "t"}).status_code == 200
    assert emulator.mlflow("runs/delete-tag", {"run_id": "logged", "key": "t"}).status_code == 404
    # A script that says FINISHED does not end the job.
    emulator.mlflow("runs/update", {"run_id": "logged", "status": "FAILED", "run_name": "named"})
    assert emulator.wait_for("logged", "Completed", "Failed") == "Completed"
    assert emulator.get("jobs/logged")["displayName"] == "named"


def test_runs_made_by_mlflow_are_no_jobs(emulator: Running) -> None:
    experiment = emulator.mlflow("experiments/create", {"name": "by-hand"}).json()["experiment_id"]
    again = emulator.mlflow("experiments/create", {"name": "by-hand"})
    assert (again.status_code, again.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    run = emulator.mlflow("runs/create", {"experiment_id": experiment, "run_name": "r"}).json()["run"]["info"]
    assert (run["status"], run["experiment_id"]) == ("RUNNING", experiment)
    assert emulator.ml("GET", f"jobs/{run['run_id']}").status_code == 404
    done = {"run_id": run["run_id"], "status": "FINISHED", "end_time": 1_800_000_000_000}
    assert emulator.mlflow("runs/update", done).json()["run_info"]["status"] == "FINISHED"
    assert emulator.mlflow("runs/create", {"experiment_id": "nope"}).status_code == 404
