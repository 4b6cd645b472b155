"""What jobs wait for, and lose, when their compute changes; real commands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_amlrest.emulator import computes
from airflow_provider_amlrest.emulator.arm.compute_nodes import count_nodes
from airflow_provider_amlrest.emulator.computes import CLUSTER, INSTANCE, ComputeState, Operation
from airflow_provider_amlrest.emulator.store import utc_now
from tests.support.waiting import wait_for

from .harness import WORKSPACE, Harness

AN_HOUR = 3600.0


def make(host: Harness, kind: str = CLUSTER, least: int = 0, most: int = 1) -> ComputeState:
    """A compute ``own``, which is there at once."""
    scale = {"minNodeCount": least, "maxNodeCount": most, "nodeIdleTimeBeforeScaleDown": "PT2M"}
    resource = {"properties": {"properties": {"scaleSettings": scale}}}
    now = utc_now()
    return do(host, ComputeState(WORKSPACE.name, "own", kind, resource, now, now), "Create")


def do(host: Harness, state: ComputeState, name: str, seconds: float = 0.0) -> ComputeState:
    state = state.after(computes.new_operation(name, seconds))
    computes.keep(host.store, state)
    host.wake()
    return state


def submit(host: Harness, name: str, command: str = "true", **properties: Any) -> None:
    host.submit(name, command, computeId=f"{WORKSPACE.arm_id}/computes/own", **properties)


def test_a_cluster_gets_nodes_when_a_job_waits_for_them(host: Harness) -> None:
    tuning = host.services.scripts.tuning
    tuning.compute_seconds = AN_HOUR
    state = make(host, most=3)
    submit(host, "waits", resources={"instanceCount": 2})
    host.wait("waits", "Queued")
    counts = count_nodes(host.store, state)
    assert (counts.current, counts.target, counts.answer()["allocationState"]) == (0, 2, "Resizing")
    tuning.compute_seconds = 0.0
    submit(host, "runs")
    assert host.wait("runs").status == "Completed"
    # Its node is idle now, and kept for the next one.
    counts = count_nodes(host.store, state)
    assert (counts.current, counts.running) == (1, 0)


def test_jobs_share_the_nodes_until_there_are_more(host: Harness) -> None:
    host.services.scripts.tuning.compute_seconds = 0.0
    state = make(host, least=1, most=1)
    submit(host, "first", "sleep 600")
    host.wait("first", "Running")
    submit(host, "second")
    host.wait("second", "Queued")
    wider = {"minNodeCount": 1, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT2M"}
    state = replace(state, resource={"properties": {"properties": {"scaleSettings": wider}}})
    do(host, state, "Update")
    assert host.wait("second").status == "Completed"
    assert host.job("first").status == "Running"


def test_more_nodes_than_there_can_be(host: Harness) -> None:
    make(host, most=2)
    submit(host, "wide", resources={"instanceCount": 3})
    job = host.wait("wide")
    assert job.error is not None
    assert job.error["message"].startswith("The job wants 3 nodes (instanceCount), and own has 2.")


@pytest.mark.parametrize("end", ["Stop", "Delete"])
def test_what_runs_on_a_compute_that_goes_fails(host: Harness, end: str) -> None:
    state = make(host, INSTANCE)
    submit(host, "left", "sleep 600")
    host.wait("left", "Running")
    do(host, state, end)
    job = host.wait("left")
    assert (job.status, job.error and "compute own" in job.error["message"]) == ("Failed", True)


def test_a_job_in_line_for_a_node_sees_that_its_instance_is_stopped(host: Harness) -> None:
    state = make(host, INSTANCE)
    submit(host, "first", "sleep 600")
    host.wait("first", "Running")
    submit(host, "next")
    host.wait("next", "Queued")
    state = do(host, state, "Stop")
    host.wait("first")
    assert host.job("next").status == "Queued"
    do(host, state, "Start")
    assert host.wait("next").status == "Completed"


def test_a_job_in_line_for_a_node_sees_that_its_compute_is_deleted(host: Harness) -> None:
    state = make(host, INSTANCE)
    submit(host, "first", "sleep 600")
    host.wait("first", "Running")
    submit(host, "next")
    host.wait("next", "Queued")
    do(host, state, "Delete")
    job = host.wait("next")
    assert job.error is not None
    assert job.error["message"] == "Compute 'own' is not in the workspace, which has cpu."


def test_a_restart_goes_on_where_computes_were(host: Harness) -> None:
    """State is in the store and on the clock: a job still waits for what another start began."""
    state = make(host, INSTANCE)
    state = do(host, state, "Stop")
    submit(host, "waits")
    host.wait("waits", "Queued")
    host.stop()
    host.start()
    wait_for(lambda: host.job("waits").status == "Queued")
    starting: Operation = do(host, state, "Start").operations[-1]
    assert starting.is_over
    assert host.wait("waits").status == "Completed"
