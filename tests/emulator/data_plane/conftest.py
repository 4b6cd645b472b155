"""A job to read."""

from __future__ import annotations

import pytest

from tests.emulator.running import Running


@pytest.fixture(scope="session")
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
