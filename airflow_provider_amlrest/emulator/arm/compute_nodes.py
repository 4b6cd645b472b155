"""How many nodes a compute has: what its jobs need and its scale settings allow, as they are now.

A cluster grows as soon as a job waits for nodes, and keeps idle ones for ``nodeIdleTimeBeforeScaleDown``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import isodate  # type: ignore[import-untyped]

from airflow_provider_amlrest.emulator.arm.jobs import kind_of
from airflow_provider_amlrest.emulator.computes import ComputeState
from airflow_provider_amlrest.emulator.store import JobRecord, Store

ON_NODES = ("Running", "Finalizing", "NotResponding")
"""Statuses of jobs that hold nodes."""
STATES = ("preparing", "running", "idle", "unusable", "leaving", "preempted")


@dataclass(frozen=True)
class NodeCounts:
    state: ComputeState
    current: int = 0
    target: int = 0
    running: int = 0

    def answer(self) -> dict[str, Any]:
        """The members of a cluster that tell of its nodes; recorded: nothing is told before it is there."""
        names = ("currentNodeCount", "targetNodeCount", "nodeStateCounts", "allocationState")
        if self.state.provisioning_state == "Creating":
            return dict.fromkeys(names)
        counts = dict.fromkeys(STATES, 0)
        counts |= {
            "preparing": max(self.target - self.current, 0),
            "running": self.running,
            "idle": self.current - self.running,
        }
        steady = self.target == self.current and self.state.provisioning_state != "Updating"
        return {
            "currentNodeCount": self.current,
            "targetNodeCount": self.target,
            "nodeStateCounts": {f"{state}NodeCount": counts[state] for state in STATES},
            "allocationState": "Steady" if steady else "Resizing",
            "allocationStateTransitionTime": self.state.modified_at,
        }


def count_nodes(store: Store, state: ComputeState) -> NodeCounts:
    """The nodes of a compute, by the jobs that run, wait and have ended."""
    most = state.scale[1]
    running = min(sum(_wanted(job) for job in running_jobs(store, state)), most)
    waiting = sum(_wanted(job) for job in store.jobs_with_status("Queued") if on_compute(job, state))
    current = min(most, max(current_nodes(store, state), running))
    return NodeCounts(state, current, min(most, max(current, running + waiting)), running)


def current_nodes(store: Store, state: ComputeState) -> int:
    """The nodes that are there, whether a job runs on them or not."""
    least, most = state.scale
    if least == most:
        return most
    jobs = [job for job in store.all_jobs(state.workspace) if on_compute(job, state)]
    running = sum(_wanted(job) for job in jobs if job.status in ON_NODES)
    return min(most, max(least, running, _kept(state, jobs)))


def running_jobs(store: Store, state: ComputeState) -> list[JobRecord]:
    return [job for status in ON_NODES for job in store.jobs_with_status(status) if on_compute(job, state)]


def on_compute(job: JobRecord, state: ComputeState) -> bool:
    """Whether a job takes nodes of a compute."""
    kind = kind_of(job.job_type)
    name = (job.properties.get("computeId") or "").rpartition("/")[2]
    return (
        kind is not None
        and kind.occupies_nodes
        and job.workspace == state.workspace
        and name.lower() == state.name.lower()
    )


def _wanted(job: JobRecord) -> int:
    return int((job.properties.get("resources") or {}).get("instanceCount") or 1)


def _kept(state: ComputeState, jobs: list[JobRecord]) -> int:
    """The nodes that jobs had together, of late enough for them to be kept idle."""
    idle = isodate.parse_duration(state.settings["scaleSettings"]["nodeIdleTimeBeforeScaleDown"])
    since = (datetime.now(UTC) - idle).isoformat()
    ended = [job.ended_at for job in jobs if job.ended_at and job.started_at and job.ended_at >= since]
    return max((_together(jobs, moment) for moment in ended), default=0)


def _together(jobs: list[JobRecord], moment: str) -> int:
    """The nodes in use at a moment, at which a job was still running."""
    return sum(
        _wanted(job)
        for job in jobs
        if job.started_at and job.started_at <= moment and (job.ended_at is None or job.ended_at >= moment)
    )
