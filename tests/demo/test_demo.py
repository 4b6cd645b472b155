"""``make demo`` as a newcomer types it, twice in a row."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "demo"
REQUESTS = BUILD / "emulator" / "requests.jsonl"
STEPS = {
    "check_compute",
    "default_datastore",
    "create_environment",
    "register_data",
    "upload_code",
    "train",
    "wait_for_training",
    "sweep",
    "report",
}

pytestmark = pytest.mark.demo


def run_demo() -> tuple[dict[str, Any], str]:
    """What ``summary.json`` says, and what the screen shows."""
    demo = subprocess.run(["make", "demo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    return json.loads((BUILD / "summary.json").read_text()), demo.stdout


def writes() -> list[str]:
    """PUT requests on assets, as the emulator's request log has them."""
    lines = [json.loads(line) for line in REQUESTS.read_text().splitlines()] if REQUESTS.exists() else []
    kinds = ("/environments/", "/codes/", "/data/")
    return [
        line["path"] for line in lines if line["method"] == "PUT" and any(k in line["path"] for k in kinds)
    ]


def test_demo_trains_sweeps_and_reuses_assets() -> None:
    first, screen = run_demo()
    written = writes()
    second, _ = run_demo()

    for summary in (first, second):
        assert set(summary) == {"command_job", "sweep_job", "steps", "seconds"}
        assert summary["command_job"]["status"] == "Completed"
        assert 0.8 < summary["command_job"]["metrics"]["accuracy"] <= 1.0
        sweep = summary["sweep_job"]
        assert sweep["status"] == "Completed"
        assert sweep["trials"] >= 8
        assert set(sweep["best_trial"]) == {"name", "params", "metric"}
        assert {step["task_id"] for step in summary["steps"]} == STEPS
        assert {step["state"] for step in summary["steps"]} == {"success"}
    assert first["command_job"]["name"] != second["command_job"]["name"]
    assert first["command_job"]["metrics"]["log_loss"] == second["command_job"]["metrics"]["log_loss"]
    assert first["sweep_job"]["best_trial"]["name"] in screen
    assert writes() == written, "the second run must register nothing new"


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
