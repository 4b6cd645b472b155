"""Run history and MLflow: what they tell, and to whom."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.data_plane.mlflow_filter import parse_filter
from tests.emulator.running import Running


@pytest.fixture(scope="module")
def swept(emulator: Running) -> str:
    """A finished sweep of three trials."""
    emulator.environment()
    properties = {
        "jobType": "Sweep",
        "experimentName": "plane",
        "objective": {"primaryMetric": "loss", "goal": "Minimize"},
        "samplingAlgorithm": {"samplingAlgorithmType": "Random", "seed": 1},
        "searchSpace": {"lr": ["uniform", [0.01, 0.9]]},
        "trial": {"command": "x", "environmentId": "azureml:env:1"},
        "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 3, "maxConcurrentTrials": 3},
        "computeId": f"{emulator.workspace}/computes/cpu-cluster",
        "tags": {"emulator.seconds": "0.1"},
    }
    emulator.put("jobs/plane", properties)
    assert emulator.wait_for("plane", "Completed", "Failed") == "Completed"
    return "plane"


def test_run_and_details(emulator: Running, swept: str) -> None:
    run = emulator.history("GET", f"runs/{swept}").json()
    details = emulator.history("GET", f"runs/{swept}/details", **{"api-version": "v1.0"}).json()
    assert (run["runId"], run["status"], run["rootRunId"], run["parentRunId"]) == (
        swept,
        "Completed",
        swept,
        None,
    )
    assert run["dataContainerId"] == f"dcid.{swept}"
    assert run["createdUtc"] == details["createdTimeUtc"]
    assert run["properties"]["best_child_run_id"].startswith(f"{swept}_")
    assert details["status"] == "Completed"
    assert details["logFiles"] == {}
    bundle = emulator.history("POST", "rundata", {"runId": swept, "selectRunMetadata": True}).json()
    assert bundle["runMetadata"]["runId"] == swept
    answer = emulator.history("GET", f"runs/{swept}")
    assert not [name for name in answer.headers if "ratelimit" in name]


def test_children_are_paged(emulator: Running, swept: str) -> None:
    names = []
    answer = emulator.history("GET", f"runs/{swept}/children", **{"$top": "2"}).json()
    assert len(answer["value"]) == 2
    names += [run["runId"] for run in answer["value"]]
    answer = emulator.http.get(answer["nextLink"]).json()
    names += [run["runId"] for run in answer["value"]]
    assert names == [f"{swept}_0", f"{swept}_1", f"{swept}_2"]
    assert not {"nextLink", "continuationToken"} & set(answer)
    assert {run["parentRunId"] for run in answer["value"]} == {swept}


def test_run_can_be_edited(emulator: Running, swept: str) -> None:
    body = {"displayName": "nicer", "tags": {"t": "1"}, "hidden": True}
    run = emulator.history("PATCH", f"experiments/plane/runs/{swept}", body).json()
    assert (run["displayName"], run["tags"]["t"], run["hidden"]) == ("nicer", "1", True)
    assert emulator.get(f"jobs/{swept}")["isArchived"] is True


def test_unknown_and_unauthenticated(emulator: Running) -> None:
    missing = emulator.history("GET", "runs/none")
    assert (missing.status_code, missing.json()["error"]["message"]) == (404, "Run none was not found.")
    assert {"correlation", "environment", "location", "time", "componentName"} <= set(missing.json())
    url = f"/history/v1.0{emulator.workspace}/runs/none"
    assert emulator.http.get(url, headers={"Authorization": "Bearer x"}).status_code == 401
    other = emulator.http.get(url.replace("/workspaces/emulator", "/workspaces/other"))
    assert other.status_code == 404
    assert emulator.history("GET", "runs/none/unknown").status_code == 501


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


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("metrics.loss < 0.5", True),
        ("metrics.loss >= 0.5", False),
        ("params.lr = '0.1' and tags.`a b` = 'x'", True),
        ("params.lr != '0.1'", False),
        ("attributes.status = 'FINISHED'", True),
        ("status IN ('FAILED', 'FINISHED')", True),
        ("run_name LIKE 'tri%'", True),
        ("run_name ILIKE 'TRI_L'", True),
        ("tags.\"mlflow.parentRunId\" = 'sweep'", True),
        ("tags.none = 'x'", False),
    ],
)
def test_filters(text: str, holds: bool) -> None:
    views: dict[str, dict[str, Any]] = {
        "attributes": {"status": "FINISHED", "run_name": "trial"},
        "metrics": {"loss": 0.3},
        "params": {"lr": "0.1"},
        "tags": {"a b": "x", "mlflow.parentRunId": "sweep"},
    }
    assert all(clause.holds(views[clause.entity]) for clause in parse_filter(text)) is holds


@pytest.mark.parametrize("text", ["metrics.loss", "metrics.loss < 1 or params.x = '1'", "and", "loss ~ 3"])
def test_filters_that_are_not_understood(emulator: Running, text: str) -> None:
    answer = emulator.mlflow("runs/search", {"filter": text})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
