"""Sweeps of real processes; the test logs the trials' metrics, as MLflow's routes would."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_amlrest.emulator.config import Compute
from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage
from airflow_provider_amlrest.emulator.store import JobRecord, Metric
from tests.support.waiting import wait_for

from .harness import WORKSPACE, Harness, make_harness


@pytest.fixture
def cluster(tmp_path: Path, blobs: BlobStorage) -> Iterator[Harness]:
    """Runtime ``host`` with four nodes."""
    harness = make_harness(tmp_path, "host", blobs, (Compute("cpu", 4),))
    harness.start()
    yield harness
    harness.stop()
    harness.store.close()


def waiting_trial(harness: Harness) -> dict[str, str]:
    """A trial that runs until the test makes the file ``go-<trial>``."""
    go = harness.services.settings.data_dir / "go"
    wait = f"while [ ! -e {go}-$AZUREML_RUN_ID ]; do sleep 0.05; done"
    command = f"echo $AZUREML_SWEEP_lr ${{{{search_space.lr}}}}; {wait}"
    return {"command": command, "environmentId": "azureml:env:1"}


def let_go(harness: Harness, trial: str) -> None:
    (harness.services.settings.data_dir / f"go-{trial}").touch()


def log_loss(harness: Harness, trial: str, *values: float) -> None:
    now = int(time.time() * 1000)
    harness.store.log_metrics(
        WORKSPACE.name, trial, [Metric("loss", v, now, i) for i, v in enumerate(values)]
    )


def trial(harness: Harness, name: str) -> JobRecord:
    job = wait_for(lambda: harness.store.job(WORKSPACE.name, name))
    assert isinstance(job, JobRecord)
    return job


def test_best_trial_is_known_while_the_sweep_runs(cluster: Harness) -> None:
    cluster.submit_sweep("s", trial=waiting_trial(cluster))
    for name in ("s_0", "s_1"):
        trial(cluster, name)
        cluster.wait(name, "Running")
    assert cluster.store.job(WORKSPACE.name, "s_2") is None  # maxConcurrentTrials is 2
    log_loss(cluster, "s_1", 0.9, 0.2, 0.5)
    log_loss(cluster, "s_0", 0.4, 0.3)
    wait_for(lambda: cluster.job("s").run_properties.get("best_child_run_id") == "s_1")
    assert cluster.job("s").run_properties["score"] == "0.2"
    for i in range(4):
        trial(cluster, f"s_{i}")
        let_go(cluster, f"s_{i}")
    assert cluster.wait("s").status == "Completed"
    first, again = cluster.log("s_0").split()
    assert first == again


def test_policy_stops_a_trial_that_falls_behind(cluster: Harness) -> None:
    cluster.submit_sweep(
        "s",
        trial=waiting_trial(cluster),
        earlyTermination={"policyType": "Bandit", "slackAmount": 0.1, "evaluationInterval": 2},
        limits={"jobLimitsType": "Sweep", "maxTotalTrials": 2, "maxConcurrentTrials": 2},
    )
    for name in ("s_0", "s_1"):
        trial(cluster, name)
        cluster.wait(name, "Running")
    log_loss(cluster, "s_0", 0.2)
    log_loss(cluster, "s_1", 0.9)
    time.sleep(1.5)  # one value is too early for an interval of two
    assert cluster.job("s_1").status == "Running"
    log_loss(cluster, "s_0", 0.1)
    log_loss(cluster, "s_1", 0.8)
    assert cluster.wait("s_1").status == "Canceled"
    assert cluster.job("s_0").status == "Running"
    let_go(cluster, "s_0")
    sweep = cluster.wait("s")
    assert sweep.status == "Completed"
    assert sweep.run_properties["best_child_run_id"] == "s_0"


def test_trials_share_the_nodes_of_their_compute(tmp_path: Path, blobs: BlobStorage) -> None:
    harness = make_harness(tmp_path, "host", blobs, (Compute("cpu", 1),))
    harness.start()
    try:
        harness.submit_sweep("s", trial=waiting_trial(harness))
        for name in ("s_0", "s_1"):
            trial(harness, name)
        assert harness.wait("s_0", "Running").status == "Running"
        assert harness.wait("s_1", "Queued").status == "Queued"
        harness.cancel("s")
        assert harness.wait("s").status == "Canceled"
        assert [harness.job(n).status for n in ("s_0", "s_1")] == ["Canceled", "Canceled"]
    finally:
        harness.stop()


def test_restart_runs_only_the_trials_that_had_not_ended(cluster: Harness) -> None:
    cluster.submit_sweep("s", trial=waiting_trial(cluster))
    trial(cluster, "s_0")
    let_go(cluster, "s_0")
    ended = cluster.wait("s_0").ended_at
    log_loss(cluster, "s_0", 0.1)
    trial(cluster, "s_2")
    cluster.stop()
    cluster.start()
    for i in range(1, 4):
        trial(cluster, f"s_{i}")
        let_go(cluster, f"s_{i}")
    sweep = cluster.wait("s")
    assert sweep.status == "Completed"
    assert cluster.job("s_0").ended_at == ended
    assert sweep.run_properties["best_child_run_id"] == "s_0"
    assert [t.status for t in cluster.store.children(WORKSPACE.name, "s")] == ["Completed"] * 4
