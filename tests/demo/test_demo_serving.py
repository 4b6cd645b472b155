"""``make demo-serving`` as a newcomer types it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUMMARY = ROOT / "build" / "demo-serving" / "summary.json"
SPECIES = ["setosa", "versicolor", "virginica"]


@pytest.mark.demo_serving
def test_two_models_come_into_service_and_a_third_is_rolled_back() -> None:
    SUMMARY.unlink(missing_ok=True)
    demo = subprocess.run(["make", "demo-serving"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    first, better, wrong = json.loads(SUMMARY.read_text())["runs"]
    assert first["log_loss"] > better["log_loss"] > wrong["log_loss"]
    for run, deployment in ((first, "iris-1"), (better, "iris-2")):
        assert (run["requests"], run["answered by"]) == ({deployment: 100}, deployment)
        assert [flower["species"] for flower in run["answer"]] == SPECIES
    assert (wrong["accepted"], wrong["requests"], wrong["answer"]) == (True, "rolled back", None)
