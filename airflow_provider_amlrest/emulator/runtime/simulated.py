"""Command jobs without a process: statuses on a clock, for load and fault tests.

Tags on the job choose what happens:

==========================  ============================================================================
``emulator.outcome``        ``completed`` (default), ``failed``, ``canceled`` (by the service), ``stuck``
                            (queued for ever), ``preempted`` (its node is lost: NotResponding, then queued
                            and run again, then completed), ``lost`` (NotResponding, then failed)
``emulator.seconds``        seconds in each status after Queued (default 2; Finalizing takes none)
``emulator.queue_seconds``  seconds in Starting and Queued together (default 0)
``emulator.metrics``        JSON object of metrics that are logged at the end of the run
``emulator.error``          message of the error when it fails
==========================  ============================================================================

Nodes are without limit. A trial takes its tags from its sweep; its primary metric, unless
``emulator.metrics`` names it, is the sum of its numeric parameters.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds
from airflow_provider_amlrest.emulator.runtime.errors import JobError, JobTimeoutError, ServiceSideError
from airflow_provider_amlrest.emulator.store import Metric, utc_now

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.context import JobContext

TAG_PREFIX = "emulator."
OUTCOMES = ("completed", "failed", "canceled", "stuck", "preempted", "lost")


class SimulatedRunner:
    """Walks jobs through their statuses."""

    async def run(self, context: JobContext) -> None:
        """Take a job from Starting to its chosen outcome.

        :raises JobError: the outcome is a failure, or a tag cannot be read.
        """
        outcome = context.tags.get("emulator.outcome", "completed")
        if outcome not in OUTCOMES:
            raise JobError(f"Tag emulator.outcome is {outcome!r}, not one of {', '.join(OUTCOMES)}.")
        seconds = _seconds(context, "emulator.seconds", 2.0)
        waiting = _seconds(context, "emulator.queue_seconds", 0.0)
        metrics = _metrics(context)
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
        self._finish(context, outcome, metrics)

    async def _run(self, context: JobContext, seconds: float) -> None:
        limit = timeout_seconds((context.properties.get("limits") or {}).get("timeout"), "limits.timeout")
        await asyncio.sleep(seconds if limit is None else min(seconds, limit))
        if limit is not None and limit < seconds:
            raise JobTimeoutError(
                f"The job was canceled because it ran longer than limits.timeout, {limit:g} seconds."
            )

    def _finish(self, context: JobContext, outcome: str, metrics: dict[str, float]) -> None:
        now = int(time.time() * 1000)
        context.store.log_metrics(
            context.job.workspace,
            context.job.name,
            [Metric(key, value, now, 0) for key, value in metrics.items()],
        )
        message = context.tags.get("emulator.error")
        if outcome == "failed":
            raise JobError(
                message or "Execution failed. User process 'bash' exited with status code 1.",
                "UserScriptError",
            )
        if outcome == "lost":
            raise ServiceSideError(
                message or "The node that ran the job does not respond any more.", "NodeLost"
            )
        if outcome == "canceled":
            raise asyncio.CancelledError
        context.move("Finalizing")


def simulated_score(params: dict[str, Any]) -> float:
    """The primary metric of a simulated trial: the sum of its numeric parameters."""
    return float(sum(v for v in params.values() if isinstance(v, int | float) and not isinstance(v, bool)))


def _seconds(context: JobContext, tag: str, default: float) -> float:
    text = context.tags.get(tag)
    try:
        seconds = default if text is None else float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise JobError(f"Tag {tag} is {text!r}, not a number of seconds.")
    return seconds


def _metrics(context: JobContext) -> dict[str, float]:
    text = context.tags.get("emulator.metrics", "{}")
    try:
        return {str(name): float(value) for name, value in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError):
        raise JobError(f"Tag emulator.metrics is {text!r}, not a JSON object of numbers.") from None
