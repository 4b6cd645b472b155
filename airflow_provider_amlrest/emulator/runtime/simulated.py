"""Command jobs without a process: statuses on a clock. How each goes, its tags or a script say (scripts.py).

Nodes are without limit. A trial takes its tags from its sweep; its primary metric, unless
``emulator.metrics`` names it, is the sum of its numeric parameters.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.arm.compute_nodes import current_nodes
from airflow_provider_amlrest.emulator.behaviour.scripts import CANCELED
from airflow_provider_amlrest.emulator.computes import find
from airflow_provider_amlrest.emulator.config import ARTIFACT_CONTAINER
from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds
from airflow_provider_amlrest.emulator.runtime.errors import (
    JobCanceledError,
    JobError,
    JobTimeoutError,
    ServiceSideError,
)
from airflow_provider_amlrest.emulator.runtime.registration import register_without_files
from airflow_provider_amlrest.emulator.store import Metric, utc_now

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

    from airflow_provider_amlrest.emulator.behaviour.scripts import Behaviour
    from airflow_provider_amlrest.emulator.runtime.context import JobContext

STD_LOG = "user_logs/std_log.txt"
SOMEBODY_ELSE = {"userObjectId": "5c3d8f0e-1b7a-4c62-9f4d-0a2e6b8c7d91", "userName": "Firstname Lastname"}
"""Not who submits the jobs: the person of the outcome ``canceled_by_person``."""
PREEMPTION = (
    "AzureMLCompute job failed. PreemptionError: Nodes of this job got pre-empted. Check if the run has "
    "failed or restarted. Reason: Received pre-emption warning signal"
)
"""As users report it, of jobs that Failed."""
LOG_PIECES = 20
"""In how many pieces a log appears, at most."""


class SimulatedRunner:
    """Walks jobs through their statuses."""

    async def run(self, context: JobContext) -> None:
        """Take a job from Starting to its chosen outcome.

        :raises JobError: the outcome is a failure, or a tag cannot be read.
        """
        behaviour = read_tags(context)
        outcome, seconds, waiting = behaviour.outcome, behaviour.seconds, behaviour.queue_seconds
        await asyncio.sleep(waiting / 2)
        context.move("Queued", run_tags={**context.job.run_tags, **queue_tags(context, outcome)})
        await asyncio.sleep(waiting / 2 if outcome != "stuck" else math.inf)
        context.move("Running", started_at=utc_now())
        await self._run(context, behaviour)
        if outcome in {"preempted", "lost"}:
            context.move("NotResponding")
            await asyncio.sleep(seconds)
        if outcome == "preempted":
            context.move("Queued")
            context.move("Running")
            await self._run(context, behaviour)
        self._finish(context, behaviour)

    async def _run(self, context: JobContext, behaviour: Behaviour) -> None:
        limit = timeout_seconds((context.properties.get("limits") or {}).get("timeout"), "limits.timeout")
        seconds = behaviour.seconds if limit is None else min(behaviour.seconds, limit)
        await asyncio.gather(
            asyncio.sleep(seconds),
            self._write_log(context, behaviour.log_lines, seconds),
            self._log_metrics(context, behaviour, seconds),
        )
        if limit is not None and limit < behaviour.seconds:
            raise JobTimeoutError(
                f"The job was canceled because it ran longer than limits.timeout, {limit:g} seconds."
            )

    async def _write_log(self, context: JobContext, lines: int, seconds: float) -> None:
        """Log for so many seconds. A job that runs again has a new log in the old one's place."""
        if not lines:
            return
        blob = await asyncio.to_thread(_new_log, context)
        context.add_log_file(STD_LOG)
        pieces = min(lines, LOG_PIECES) if seconds else 1
        for piece in range(pieces):
            await asyncio.sleep(seconds / pieces)
            numbers = range(lines * piece // pieces, lines * (piece + 1) // pieces)
            text = "".join(f"line {number + 1} of {lines}\n" for number in numbers)
            await asyncio.to_thread(blob.append_block, text.encode())

    async def _log_metrics(self, context: JobContext, behaviour: Behaviour, seconds: float) -> None:
        """All steps but the last, which comes at the end. Each goes half of the way that is left."""
        for step in range(behaviour.metric_steps - 1):
            await asyncio.sleep(seconds / behaviour.metric_steps)
            _log(context, behaviour, step, 1 - 0.5 ** (step + 1))

    def _finish(self, context: JobContext, behaviour: Behaviour) -> None:
        _log(context, behaviour, behaviour.metric_steps - 1)
        if behaviour.outcome == "failed":
            raise JobError(
                behaviour.error or "Execution failed. User process 'bash' exited with status code 1.",
                "UserScriptError",
            )
        if behaviour.outcome == "lost":
            raise ServiceSideError(
                behaviour.error or "The node that ran the job does not respond any more.", "NodeLost"
            )
        if behaviour.outcome == "evicted":
            raise _preemption(behaviour)
        if behaviour.outcome in CANCELED:
            raise canceled(behaviour)
        context.move("Finalizing")
        register_without_files(context)


def canceled(behaviour: Behaviour) -> JobCanceledError:
    """How a job ends that a script lets somebody cancel."""
    if behaviour.outcome == "canceled_by_person":
        return JobCanceledError(by=SOMEBODY_ELSE)
    return JobCanceledError(_preemption(behaviour) if behaviour.outcome == "canceled_by_preemption" else None)


def _preemption(behaviour: Behaviour) -> JobError:
    return JobError(behaviour.error or PREEMPTION, "PreemptionError")


def _log(context: JobContext, behaviour: Behaviour, step: int, share: float = 1.0) -> None:
    """Log this share of each metric."""
    now = int(time.time() * 1000)
    metrics = [Metric(key, share * value, now, step) for key, value in behaviour.metrics.items()]
    context.store.log_metrics(context.job.workspace, context.job.name, metrics)


def _new_log(context: JobContext) -> BlobClient:
    blobs = context.services.blobs
    blobs.start()
    blobs.ensure_container(ARTIFACT_CONTAINER)
    blob = blobs.service.get_blob_client(
        ARTIFACT_CONTAINER, f"ExperimentRun/dcid.{context.job.name}/{STD_LOG}"
    )
    blob.create_append_blob()
    return blob


def queue_tags(context: JobContext, outcome: str) -> dict[str, str]:
    """What the service says of the compute when it queues a job. It does not change it any more."""
    compute = str(context.properties.get("computeId") or "").rpartition("/")[2]
    state = find(context.store, context.services.settings, context.workspace, compute) if compute else None
    if state is None:
        return {}
    size = current_nodes(context.store, state)
    nodes = {
        "AllocationState": "steady",
        "PreparingNodeCount": 0,
        "RunningNodeCount": size if outcome == "stuck" else 0,
        "CurrentNodeCount": size,
    }
    return {"_aml_system_ComputeTargetStatus": json.dumps(nodes, separators=(",", ":"))}


def read_tags(context: JobContext) -> Behaviour:
    """How a job goes.

    :raises JobError: one of its tags cannot be read.
    """
    try:
        return context.services.scripts.behaviour(context.job)
    except ValueError as error:
        raise JobError(f"Tag {error}") from None


def simulated_score(params: dict[str, Any]) -> float:
    """The primary metric of a simulated trial: the sum of its numeric parameters."""
    return float(sum(v for v in params.values() if isinstance(v, int | float) and not isinstance(v, bool)))
