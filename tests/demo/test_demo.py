"""``make demo`` as a newcomer types it, twice in a row."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "demo"
TASKS = {
    "lightgbm_iris_training": {
        "check_compute",
        "default_datastore",
        "create_environment",
        "register_data",
        "upload_code",
        "train",
        "wait_for_training",
        "sweep",
        "report",
    },
    "iris_pipeline_job": {"classify", "report"},
}

pytestmark = pytest.mark.demo


def run_demo() -> tuple[dict[str, Any], str]:
    """What ``summary.json`` says, and what the screen shows."""
    demo = subprocess.run(["make", "demo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    return json.loads((BUILD / "summary.json").read_text()), demo.stdout


def registered() -> list[tuple[str, str]]:
    """Requests that make or prepare an asset, as the emulator's request log has them."""
    lines = [json.loads(line) for line in (BUILD / "emulator" / "requests.jsonl").read_text().splitlines()]
    kinds = ("/environments/", "/codes/", "/data/", "/components/")
    return [
        (line["method"], line["path"])
        for line in lines
        if line["method"] in ("PUT", "POST") and any(kind in line["path"] for kind in kinds)
    ]


def uploaded() -> set[tuple[str, str, str]]:
    """Container, name and time of the blobs of code and data, as Azurite's own database has them.

    What jobs write is left out: logs (container ``azureml``) and outputs (``azureml/<job>/...``).
    """
    database = json.loads((BUILD / "emulator" / "azurite" / "__azurite_db_blob__.json").read_text())
    blobs = next(part["data"] for part in database["collections"] if part["name"] == "$BLOBS_COLLECTION$")
    return {
        (blob["containerName"], blob["name"], blob["properties"]["lastModified"])
        for blob in blobs
        if blob["containerName"] != "azureml" and not blob["name"].startswith("azureml/")
    }


def test_demo_trains_sweeps_runs_a_pipeline_and_reuses_assets() -> None:
    first, screen = run_demo()
    registered_first, uploaded_first = registered(), uploaded()
    second, _ = run_demo()

    for summary in (first, second):
        assert set(summary) == {"command_job", "sweep_job", "pipeline_job", "steps", "seconds"}
        assert summary["command_job"]["status"] == "Completed"
        assert 0.8 < summary["command_job"]["metrics"]["accuracy"] <= 1.0
        sweep = summary["sweep_job"]
        assert sweep["status"] == "Completed"
        assert sweep["trials"] >= 8
        assert set(sweep["best_trial"]) == {"name", "params", "metric"}
        assert len(sweep["all_trials"]) == sweep["trials"]
        assert sweep["best_trial"]["metric"] == min(trial["metric"] for trial in sweep["all_trials"])
        pipeline = summary["pipeline_job"]
        assert pipeline["status"] == "Completed"
        assert {step["name"]: step["status"] for step in pipeline["steps"]} == {
            "split": "Completed",
            "classify": "Completed",
        }
        for dag_id, tasks in TASKS.items():
            assert {step["task_id"] for step in summary["steps"] if step["dag_id"] == dag_id} == tasks
        assert {step["state"] for step in summary["steps"]} == {"success"}
    assert first["command_job"]["name"] != second["command_job"]["name"]
    assert first["command_job"]["metrics"]["log_loss"] == second["command_job"]["metrics"]["log_loss"]
    assert first["sweep_job"]["best_trial"]["name"] in screen
    assert first["pipeline_job"]["name"] in screen
    assert [step.get("reused") for step in second["pipeline_job"]["steps"]] == [True, True]
    assert registered_first
    assert registered() == registered_first, "the second run must register nothing new"
    files = {name.rpartition("/")[2] for _, name, _ in uploaded_first}
    assert files >= {"train.py", "iris.csv", "split.py", "classify.py"}
    assert any("/components/" in path for _, path in registered_first)
    assert uploaded() == uploaded_first, "the second run must upload nothing"


def test_demo_leaves_no_process_behind() -> None:
    """Every process of the demo has the build folder in its environment or command line."""
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(BUILD).encode() in text:
            left.append(process.name)
    assert left == []
