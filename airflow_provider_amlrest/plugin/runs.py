"""What pages show of a run: a task's job, a step of it, a trial. Each part is read on request."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from airflow_provider_amlrest.lifecycle.steps import planned_of
from airflow_provider_amlrest.plugin.reads import CachedRead
from airflow_provider_amlrest.rest.jobs import has_steps, has_trials, type_of_step
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.jobs.plan import read_plan
from airflow_provider_amlrest.rest.jobs.status import Outcome
from airflow_provider_amlrest.rest.runs.log_tail import LogTail
from airflow_provider_amlrest.rest.runs.queue import WAITING
from airflow_provider_amlrest.rest.runs.run import Run
from airflow_provider_amlrest.rest.times import timestamp

if TYPE_CHECKING:
    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.rest.aio import AsyncAzureMLClient
    from airflow_provider_amlrest.rest.jobs.plan import PlannedStep
    from airflow_provider_amlrest.rest.runs.failure import Failure
    from airflow_provider_amlrest.rest.runs.queue import Delay
    from airflow_provider_amlrest.rest.runs.run import MetricPoint, SweepTrial

SETTLE_SECONDS = 60.0
"""Seconds after a job's end in which metrics and logs may still arrive."""
MAX_METRICS = 24
"""Metrics whose history is read."""
MAX_STEPS = 1000
"""Steps of a pipeline that are read."""
TRIAL_TYPE = "Command"
"""Type on the wire of what a sweep's trials are."""


class LiveRun:
    """A run for which at least one page was open recently."""

    def __init__(self, name: str, client: AsyncAzureMLClient, hook: AzureMLHook) -> None:
        self.name = name
        self.job: Job | None = None
        """The job; a step or a trial is described like one. None: it was never read."""
        self.error: str | None = None
        """Why its status cannot be read now; the job is then as it was last read."""
        self.seen: list[tuple[str, float]] = []
        """Its statuses while a page was open, each with seconds since the epoch."""
        self.asked_at = time.monotonic()
        self.ended_at: float | None = None
        """Seconds since the epoch; None: the run is active, or its end is not known yet."""
        self.log_lines: list[str] = []
        self.run: CachedRead[Run] = CachedRead(lambda: client.get_run(name))
        self.metrics: CachedRead[dict[str, list[MetricPoint]]] = CachedRead(self._read_metrics)
        self.trials: CachedRead[list[SweepTrial]] = CachedRead(lambda: client.list_trials(name))
        self.steps: CachedRead[list[Run]] = CachedRead(self._read_steps)
        self.plan: CachedRead[Mapping[str, PlannedStep]] = CachedRead(self._read_plan)
        """Its steps with what each waits for; empty if that is not known."""
        self.delay: CachedRead[Delay | None] = CachedRead(self._read_delay)
        """Why the job has not begun to run."""
        self.failure: CachedRead[Failure] = CachedRead(self._read_failure)
        """Why it failed, with the end of its log: the log itself stops at a maximum."""
        self.log: CachedRead[list[str]] = CachedRead(self._read_log)
        self._client = client
        self._hook = hook
        self._last_values: dict[str, float] = {}
        self._tail = LogTail()
        self._opened: dict[str, LiveStep] = {}

    @property
    def active(self) -> bool:
        """Whether the run may still change its status; also True for one that was never read."""
        return self.job is None or self.job.outcome is Outcome.ACTIVE

    @property
    def failed(self) -> bool:
        return self.job is not None and self.job.outcome is Outcome.FAILED

    @property
    def waits(self) -> bool:
        """Whether the run has not begun yet."""
        return self.job is not None and self.job.status in WAITING

    @property
    def settled(self) -> bool:
        """Whether it ended so long ago that it will not change any more."""
        return self.ended_at is not None and time.time() - self.ended_at > SETTLE_SECONDS

    @property
    def studio_url(self) -> str:
        """Its page in Azure ML Studio. Only for a run that has been read."""
        assert self.job is not None, "it has been read"  # noqa: S101
        return self._hook.studio_url(self.job)

    async def step(self, name: str) -> LiveStep | None:
        """A step or a trial of it; None if none of its own has this name.

        :raises AzureMLError: if which ones it has could not be read yet.
        """
        children = await self._children()
        run = next((child for child in children if child.name == name), None)
        if run is None:
            return None
        planned = planned_of(await self.plan.get(settled=True) or {}, children)
        if name not in self._opened:
            self._opened[name] = LiveStep(name, self, planned.get(name))
        step = self._opened[name]
        step.see(run)
        return step

    async def _children(self) -> Sequence[Run]:
        assert self.job is not None, "it has been read"  # noqa: S101
        if not has_trials(self.job.type):
            return await self.steps.needed(settled=self.settled)
        trials = await self.trials.needed(settled=self.settled)
        return [Run(trial.name, trial.status, trial.start_time, trial.end_time) for trial in trials]

    async def let_go(self, idle: float) -> None:
        """Drop the steps that no page has requested for so many seconds."""
        for name, step in list(self._opened.items()):
            if time.monotonic() - step.asked_at > idle:
                del self._opened[name]
                await step.close()
            else:
                await step.let_go(idle)

    async def close(self) -> None:
        """End all reads."""
        for step in self._opened.values():
            await step.close()
        for part in (
            self.run,
            self.metrics,
            self.trials,
            self.steps,
            self.plan,
            self.delay,
            self.failure,
            self.log,
        ):
            await part.close()

    async def _read_metrics(self) -> dict[str, list[MetricPoint]]:
        """Histories; reads only those that have changed since the last time."""
        values = await self._client.get_metrics(self.name)
        histories = dict(self.metrics.value or {})
        for key in sorted(values)[:MAX_METRICS]:
            if key not in histories or self._last_values.get(key) != values[key]:
                histories[key] = await self._client.get_metric_history(self.name, key)
        self._last_values = values
        return histories

    async def _read_steps(self) -> list[Run]:
        found = []
        async for run in self._client.list_children(self.name):
            found.append(run)
            if len(found) == MAX_STEPS:
                break
        return found

    async def _read_plan(self) -> Mapping[str, PlannedStep]:
        return read_plan(self.job.jobs) if self.job else {}

    async def _read_delay(self) -> Delay | None:
        return await self._client.explain_wait(self.job) if self.job else None

    async def _read_failure(self) -> Failure:
        return await self._client.examine_run(await self.run.needed(settled=self.settled))

    async def _read_log(self) -> list[str]:
        final = not self.active
        self.log_lines += await self._client.read_log(self.name, self._tail, final)
        return self.log_lines


class LiveStep(LiveRun):
    """A step of a pipeline, or a trial of a sweep.

    Resource Manager does not say how it goes: its status is the one in the list of its siblings.
    """

    def __init__(self, name: str, parent: LiveRun, planned: PlannedStep | None) -> None:
        super().__init__(name, parent._client, parent._hook)
        self._parent = parent
        self._planned = planned

    @property
    def active(self) -> bool:
        return super().active and self._parent.active

    def see(self, run: Run) -> None:
        """Take over what the list of its siblings says, and remember that a page wants it."""
        self.asked_at = time.monotonic()
        self.job = self._described(run)
        self.error = self._parent.error or self._parent.steps.error or self._parent.trials.error
        ended = timestamp(run.end_time) or self._parent.ended_at
        self.ended_at = None if self.active else ended

    def _described(self, run: Run) -> Job:
        parent, planned = self._parent.job, self._planned
        assert parent is not None, "it has been read"  # noqa: S101
        own_type = type_of_step(planned.type) if planned else ""
        return Job(
            f"{parent.id.rpartition('/')[0]}/{run.name}",
            run.name,
            TRIAL_TYPE if has_trials(parent.type) else own_type,
            run.status,
            display_name=run.display_name,
            compute=run.compute,
            created_at=run.created_time,
            # Whether it carries values that Airflow masks is a property of the whole job.
            properties=parent.properties,
            goal=planned.goal if planned else None,
            primary_metric=planned.primary_metric if planned else None,
        )

    async def _read_plan(self) -> Mapping[str, PlannedStep]:
        planned = self._planned
        if planned is None or planned.component is None or not has_steps(type_of_step(planned.type)):
            return {}
        return await self._client.get_plan(planned.component)
