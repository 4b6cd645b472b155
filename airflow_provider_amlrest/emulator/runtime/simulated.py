"""Command jobs without a process: statuses on a clock. How each goes, its tags or a script say (scripts.py).

Nodes are without limit. A trial takes its tags from its sweep; its primary metric, unless
``emulator.metrics`` names it, is the sum of its numeric parameters.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds
from airflow_provider_amlrest.emulator.runtime.errors import JobError, JobTimeoutError, ServiceSideError
from airflow_provider_amlrest.emulator.store import Metric, utc_now

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.scripts import Behaviour


class SimulatedRunner:
    """Walks jobs through their statuses."""

    async def run(self, context: JobContext) -> None:
        """Take a job from Starting to its chosen outcome.

        :raises JobError: the outcome is a failure, or a tag cannot be read.
        """
        behaviour = read_tags(context)
        outcome, seconds, waiting = behaviour.outcome, behaviour.seconds, behaviour.queue_seconds
        await asyncio.sleep(waiting / 2)
        context.move("Queued")
        await asyncio.sleep(waiting / 2 if outcome != "stuck" else math.inf)
        context.move("Running", started_at=utc_now())
        await self._run(context, seconds)
        if outcome in {"preempted", "lost"}:
            context.move("NotResponding")
            await asyncio.sleep(seconds)
        if outcome == "preempted":
            context.move("Queued")
            context.move("Running")
            await self._run(context, seconds)
        self._finish(context, behaviour)

    async def _run(self, context: JobContext, seconds: float) -> None:
        limit = timeout_seconds((context.properties.get("limits") or {}).get("timeout"), "limits.timeout")
        await asyncio.sleep(seconds if limit is None else min(seconds, limit))
        if limit is not None and limit < seconds:
            raise JobTimeoutError(
                f"The job was canceled because it ran longer than limits.timeout, {limit:g} seconds."
            )

    def _finish(self, context: JobContext, behaviour: Behaviour) -> None:
        now = int(time.time() * 1000)
        context.store.log_metrics(
            context.job.workspace,
            context.job.name,
            [Metric(key, value, now, 0) for key, value in behaviour.metrics.items()],
        )
        if behaviour.outcome == "failed":
            raise JobError(
                behaviour.error or "Execution failed. User process 'bash' exited with status code 1.",
                "UserScriptError",
            )
        if behaviour.outcome == "lost":
            raise ServiceSideError(
                behaviour.error or "The node that ran the job does not respond any more.", "NodeLost"
            )
        if behaviour.outcome == "canceled":
            raise asyncio.CancelledError
        context.move("Finalizing")


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
