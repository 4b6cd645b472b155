"""Why a job has not begun to run, by the state of its compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_amlrest.rest.http.call import Flow
from airflow_provider_amlrest.rest.http.errors import NotFoundError
from airflow_provider_amlrest.rest.runs.causes import diagnose
from airflow_provider_amlrest.rest.workspace.resources import Compute

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.workspace.operations import WorkspaceOperations

WAITING = frozenset({"NotStarted", "Queued"})
"""Statuses of a job that has no nodes yet. One that is being prepared may hold some itself."""


class Delay(NamedTuple):
    """Why a job waits, and what to do."""

    problem: str
    advice: str
    is_full: bool = False
    """Whether other jobs hold all nodes."""


_START = "Start it, or choose another compute and submit the job again."


def explain_wait(operations: WorkspaceOperations, job: Job) -> Flow[Delay | None]:
    """Why a job has not begun to run; None: it has, or it is serverless, of which nobody says."""
    name = (job.compute or "").rpartition("/")[2]
    if job.status not in WAITING or not name:
        return None
    try:
        compute = yield from operations.get_compute(name)
    except NotFoundError:
        return Delay(f"There is no compute {name} any more.", "Choose another one, and submit the job again.")
    return why_waiting(compute)


def why_waiting(compute: Compute) -> Delay | None:
    """Why a job on this compute waits; None: the compute does not say.

    The members are those of the recordings; how long a state lasts, none of them tells.
    """
    return _of_state(compute) or _of_nodes(compute)


def _of_state(compute: Compute) -> Delay | None:
    name = compute.name
    if compute.errors:
        found = diagnose(compute.errors[0], "")
        return Delay(f"{name} gets no nodes: {compute.errors[0]}", found.advice if found else "")
    if compute.state in ("Failed", "Canceled"):
        return Delay(f"{name} could not be made: it is {compute.state}.", "Make it anew, or choose another.")
    if compute.state == "Deleting":
        return Delay(f"{name} is being deleted.", "Choose another compute, and submit the job again.")
    if compute.state in ("Creating", "Updating"):
        return Delay(f"{name} is {compute.state}.", "Wait: that takes minutes.")
    if compute.power and compute.power not in ("Running", "JobRunning"):
        return Delay(f"{name} is {compute.power}.", _START)
    return None


def _of_nodes(compute: Compute) -> Delay | None:
    name, nodes = compute.name, compute.nodes
    if nodes is None:
        return None
    if not nodes.most:
        return Delay(f"{name} may have no nodes: max_instances is 0.", "Raise max_instances.")
    if nodes.running >= nodes.most:
        held = "the only node" if nodes.most == 1 else f"all {nodes.most} nodes"
        return Delay(
            f"Other jobs hold {held} of {name}.",
            "Wait, raise max_instances, or choose another compute.",
            is_full=True,
        )
    if nodes.idle:
        return Delay(
            f"{name} has {nodes.idle} idle of {nodes.current} nodes.",
            "Wait: the job is about to begin, unless it needs more.",
        )
    return Delay(
        f"{name} gets nodes: it has {nodes.current} of at most {nodes.most}.",
        "Wait: a node takes minutes. If none comes, look at the quota, and at the compute in the Studio.",
    )
