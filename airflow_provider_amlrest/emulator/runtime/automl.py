"""AutoML jobs: a few algorithms are tried on a table, each in a run of its own, and the best one is known.

Tags and properties have the names that the service gives them, as far as the emulator knows what they say.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from airflow_provider_amlrest.emulator.behaviour.scripts import CANCELED
from airflow_provider_amlrest.emulator.runtime.automl_candidates import (
    PREPROCESSOR,
    SMALLER_IS_BETTER,
    Clock,
    primary_metric,
)
from airflow_provider_amlrest.emulator.runtime.automl_children import Children
from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.registration import register_without_files
from airflow_provider_amlrest.emulator.runtime.simulated import canceled, read_tags
from airflow_provider_amlrest.emulator.store import Metric, utc_now

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.automl_children import StartJob
    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.runtime.runner import RunnerParts

CHILD_TYPE = "Command"
"""What is tried runs as a command job."""


class Work(Protocol):
    """What trials do, and what becomes known of them."""

    async def candidates(self) -> list[str]:
        """The algorithms to be tried.

        :raises JobError: nothing can be tried.
        """

    def properties(self, algorithm: str) -> dict[str, Any]:
        """What the trial of an algorithm is asked for, as a command job."""

    async def metrics(self, trial: str) -> dict[str, float]:
        """What a trial has found, which has completed and has not logged it itself."""


def make_runner(parts: RunnerParts) -> AutoMLRunner:
    return AutoMLRunner(parts.start_job, simulated=parts.simulated)


class AutoMLRunner:
    """Runs AutoML jobs; their trials are command jobs that ``start_job`` starts."""

    def __init__(self, start_job: StartJob, *, simulated: bool) -> None:
        self._start_job = start_job
        self._simulated = simulated

    async def run(self, context: JobContext) -> None:
        """Run an AutoML job, or go on with it after a restart.

        :raises JobError: it cannot run, all its trials failed, or none ended in time.
        """
        children = Children(context, self._start_job, CHILD_TYPE)
        work: Work
        if self._simulated:
            work = Clock(context)
        else:
            # It loads azure-storage-blob, which states on a clock do not need.
            from airflow_provider_amlrest.emulator.runtime.automl_processes import Processes

            work = Processes(context, children)
        await _Experiment(context, children, work, simulated=self._simulated).run()


@dataclass
class Trial:
    index: int
    name: str
    algorithm: str
    score: float | None = None
    """None: it has none yet, or has not completed."""


@dataclass
class _Experiment:
    context: JobContext
    children: Children
    work: Work
    simulated: bool
    trials: list[Trial] = field(default_factory=list)
    """Those that have been started."""

    def __post_init__(self) -> None:
        details = self.context.properties["taskDetails"]
        self._limits: dict[str, Any] = details["limitSettings"]
        self._metric = primary_metric(details)
        self._sign = -1.0 if self._metric in SMALLER_IS_BETTER else 1.0
        self._key = (self.context.job.workspace, self.context.job.name)

    async def run(self) -> None:
        job = self.context.job
        tags = {
            "_aml_system_azureml.automlComponent": "AutoML",
            "_aml_system_automl_run_workspace_id": self.context.workspace.workspace_id,
        }
        started_at = job.started_at or utc_now()
        self.context.move("Running", started_at=started_at, run_tags={**job.run_tags, **tags})
        seconds = timeout_seconds(self._limits["timeout"], "limitSettings.timeout")
        in_time = await _in_time(seconds, self._try_all)
        best = self._best()
        if best is None:
            self._fail("" if in_time else f" within limitSettings.timeout, {seconds:g} seconds")
        # A best guess: at its end the job shows the metrics of its best trial as its own.
        found = self.context.store.latest_metrics(self.context.job.workspace, best.name)
        self._log(job.name, {key: metric.value for key, metric in found.items()})
        if self.simulated:
            register_without_files(self.context)

    # trials

    async def _try_all(self) -> None:
        """Try one algorithm after the other, as many side by side as the limits say."""
        waiting = [
            Trial(index, f"{self.context.job.name}_{index}", algorithm)
            for index, algorithm in enumerate(await self._candidates())
        ]
        running: set[asyncio.Task[None]] = set()
        try:
            while waiting or running:
                while waiting and len(running) < self._limits["maxConcurrentTrials"]:
                    self.trials.append(waiting.pop(0))
                    running.add(asyncio.create_task(self._try(self.trials[-1])))
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                if self._is_good_enough():
                    waiting.clear()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _candidates(self) -> list[str]:
        try:
            return await self.work.candidates()
        except JobError as error:
            self._note_errors(f"Setup iteration failed: {error}")
            raise

    async def _try(self, trial: Trial) -> None:
        limits = {"jobLimitsType": CHILD_TYPE, "timeout": self._limits["trialTimeout"]}
        properties = {**self.work.properties(trial.algorithm), "limits": limits}
        shown = {
            "runTemplate": "automl_child",
            "run_template": "automl_child",
            "azureml.runsource": "automl",
            "iteration": str(trial.index),
            "run_algorithm": trial.algorithm,
            "run_preprocessor": PREPROCESSOR,
            "primary_metric": self._metric,
            "training_percent": "100",
        }
        ended = await self.children.run(trial.name, properties, shown)
        # Unlike a sweep's, a trial that failed cannot be the best one: it has no model.
        if ended.status == "Completed":
            trial.score = await self._score(trial)
            self._note(trial)

    async def _score(self, trial: Trial) -> float | None:
        store, workspace = self.context.store, self.context.job.workspace
        if self._metric not in store.latest_metrics(workspace, trial.name):
            self._log(trial.name, await self.work.metrics(trial.name))
        found = store.latest_metrics(workspace, trial.name).get(self._metric)
        return found.value if found is not None and math.isfinite(found.value) else None

    def _best(self) -> Trial | None:
        scored = [(self._sign * trial.score, trial) for trial in self.trials if trial.score is not None]
        return max(scored, key=lambda pair: pair[0])[1] if scored else None

    def _is_good_enough(self) -> bool:
        best, enough = self._best(), self._limits["exitScore"]
        if best is None or best.score is None or enough is None:
            return False
        return bool(self._sign * best.score >= self._sign * enough)

    # what run history shows

    def _note(self, trial: Trial) -> None:
        """Put the trials so far on the job, and its score on the trial."""
        best = self._best()
        if best is None or trial.score is None:
            return
        ended = [known for known in self.trials if known.score is not None]
        tags = {
            "automl_best_child_run_id": best.name,
            "iteration_000": ";".join(str(known.index) for known in ended),
            "score_000": ";".join(repr(known.score) for known in ended),
            "run_algorithm_000": ";".join(known.algorithm for known in ended),
            "run_preprocessor_000": ";".join(PREPROCESSOR for _ in ended),
            "training_percent_000": ";".join("100" for _ in ended),
        }
        with self.context.store.transaction():
            self.context.store.tag_job(*self._key, tags)
            self._note_property(trial.name, "score", repr(trial.score))

    def _note_errors(self, text: str) -> None:
        """Recorded: of an AutoML job ARM shows, other than of any other, what went wrong."""
        self._note_property(self.context.job.name, "errors", text)

    def _note_property(self, run: str, name: str, text: str) -> None:
        store, workspace = self.context.store, self.context.job.workspace
        with store.transaction():
            job = store.job(workspace, run)
            if job is not None:
                store.update_job(workspace, run, run_properties={**job.run_properties, name: text})

    def _log(self, run: str, metrics: dict[str, float]) -> None:
        now = int(time.time() * 1000)
        logged = [Metric(name, value, now, 0) for name, value in metrics.items()]
        self.context.store.log_metrics(self.context.job.workspace, run, logged)

    def _fail(self, when: str) -> NoReturn:
        if self.simulated and (behaviour := read_tags(self.context)).outcome in CANCELED:
            raise canceled(behaviour)
        ended = [self.context.store.job(self.context.job.workspace, trial.name) for trial in self.trials]
        errors = [job.error["message"] for job in ended if job is not None and job.error]
        reason = f" The first said: {errors[0]}" if errors else ""
        problem = f"None of the {len(self.trials)} trials completed with a score{when}.{reason}"
        self._note_errors(problem)
        raise JobError(problem, "AllTrialsFailed")


async def _in_time(seconds: float | None, run: Callable[[], Awaitable[None]]) -> bool:
    """Whether it came to its end. A best guess: a job that runs out of time completes with what it has."""
    try:
        async with asyncio.timeout(seconds):
            await run()
    except TimeoutError:
        return False
    return True
