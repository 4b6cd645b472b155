"""Sweep jobs: draw trials, run them side by side, stop the hopeless ones, know the best one."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, cast

from airflow_provider_amlrest.emulator.behaviour.scripts import CANCELED
from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds
from airflow_provider_amlrest.emulator.runtime.early_termination import Policy
from airflow_provider_amlrest.emulator.runtime.errors import JobError, JobTimeoutError
from airflow_provider_amlrest.emulator.runtime.placeholders import resolve
from airflow_provider_amlrest.emulator.runtime.sampling import Goal, Sampler
from airflow_provider_amlrest.emulator.runtime.search_space import parse_space, value_text
from airflow_provider_amlrest.emulator.runtime.simulated import canceled, read_tags, simulated_score
from airflow_provider_amlrest.emulator.runtime.sweep_tags import SWEEP_PROPERTIES, sweep_tags
from airflow_provider_amlrest.emulator.store import JobRecord, utc_now

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.runtime.runner import RunnerParts
    from airflow_provider_amlrest.emulator.runtime.search_space import Point

TRIAL_TYPE = "Command"
"""Trials are command jobs."""

MAX_TRIALS = 1000
"""The service's limit, and its default for maxTotalTrials."""

LOOK_SECONDS = 1.0
"""How often the running trials' metrics are read."""

StartTrial: TypeAlias = Callable[[JobRecord], "asyncio.Task[None]"]


@dataclass
class Trial:
    """A trial of a running sweep."""

    name: str
    point: Point
    task: asyncio.Task[None] | None = None
    """None once it has ended."""
    values: list[float] = field(default_factory=list)
    """What it logged as the primary metric, oldest first; only finite numbers."""
    judged: int = 0
    """The last interval at which the early-termination policy looked at it."""
    completed: bool = False


def make_runner(parts: RunnerParts) -> SweepRunner:
    return SweepRunner(parts.start_job, simulated=parts.simulated)


class SweepRunner:
    """Runs sweep jobs; their trials are command jobs that ``start_trial`` starts."""

    def __init__(self, start_trial: StartTrial, *, simulated: bool) -> None:
        self._start_trial = start_trial
        self._simulated = simulated

    async def run(self, context: JobContext) -> None:
        """Run a sweep, or go on with it after a restart.

        :raises JobError: it is not valid, all its trials failed, or it ran out of time.
        """
        sweep = _Sweep(context, self._start_trial, self._simulated)
        limits = context.properties.get("limits") or {}
        seconds = timeout_seconds(limits.get("timeout"), "limits.timeout")
        try:
            async with asyncio.timeout(seconds):
                await sweep.run()
        except TimeoutError:
            raise JobTimeoutError(
                f"The sweep was canceled because it ran longer than limits.timeout, {seconds:g} seconds."
            ) from None


class _Sweep:
    def __init__(self, context: JobContext, start_trial: StartTrial, simulated: bool) -> None:
        self._context = context
        self._start_trial = start_trial
        self._simulated = simulated
        properties = context.properties
        objective = properties["objective"]
        self._metric: str = objective["primaryMetric"]
        self._goal = cast("Goal", objective["goal"])
        self._sign = 1.0 if self._goal == "Maximize" else -1.0
        limits = properties.get("limits") or {}
        self._max_total = int(limits.get("maxTotalTrials") or MAX_TRIALS)
        self._max_concurrent = int(limits.get("maxConcurrentTrials") or self._max_total)
        space = parse_space(properties["searchSpace"])
        self._sampler = Sampler.of(properties["samplingAlgorithm"], space, self._goal, context.job.name)
        policy = properties.get("earlyTermination")
        self._policy = Policy(policy, self._goal) if policy else None
        self._trials: list[Trial] = []
        self._exhausted = False

    async def run(self) -> None:
        self._context.move(
            "Running",
            started_at=self._context.job.started_at or utc_now(),
            run_tags={**self._context.job.run_tags, **sweep_tags(self._context.properties)},
            run_properties={**self._context.job.run_properties, **SWEEP_PROPERTIES},
        )
        self._take_up()
        try:
            while await self._fill():
                tasks = [t.task for t in self._trials if t.task is not None]
                # Without processes nothing is logged before a trial's end.
                await asyncio.wait(
                    tasks,
                    timeout=None if self._simulated else LOOK_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                self._look()
        finally:
            await self._cancel_trials()
            self._look()
        if not any(trial.completed for trial in self._trials):
            self._fail()

    def _fail(self) -> NoReturn:
        if self._simulated and (behaviour := read_tags(self._context)).outcome in CANCELED:
            raise canceled(behaviour)
        first = self._context.store.job(self._context.job.workspace, self._trials[0].name)
        reason = f" The first said: {first.error['message']}" if first and first.error else ""
        raise JobError(
            f"None of the sweep's {len(self._trials)} trials completed.{reason}", "AllTrialsFailed"
        )

    # trials

    def _take_up(self) -> None:
        """Know the trials of before a restart; those that had not ended run again."""
        for job in self._context.store.children(self._context.job.workspace, self._context.job.name):
            tag = self._context.job.run_tags.get(f"_aml_system_{job.name}")
            if job.job_type == TRIAL_TYPE and tag is not None:
                trial = Trial(job.name, json.loads(tag), completed=job.status == "Completed")
                trial.task = self._start_trial(job) if job.active else None
                self._read(trial)
                self._trials.append(trial)

    async def _fill(self) -> bool:
        """Start as many trials as the limits allow. False when none runs and none is to come."""
        while True:
            running = sum(trial.task is not None for trial in self._trials)
            if len(self._trials) >= self._max_total:
                self._exhausted = True
            if self._exhausted or running >= self._max_concurrent:
                return running > 0
            index = len(self._trials)
            results = [(t.point, self._best_of(t)) for t in self._trials if t.values and t.task is None]
            # In a thread, because the samplers' libraries take a second to load.
            point = await asyncio.to_thread(self._sampler.point, index, results)
            if point is None:
                self._exhausted = True
            else:
                self._add_trial(index, point)

    def _add_trial(self, index: int, point: Point) -> None:
        store, sweep = self._context.store, self._context.job
        name = f"{sweep.name}_{index}"
        job = JobRecord(
            workspace=sweep.workspace,
            name=name,
            job_type=TRIAL_TYPE,
            parent=sweep.name,
            status="Starting",
            created_by=sweep.created_by,
            properties=self._trial_properties(name, point),
            # Not MLflow parameters: the script may log its own of the same name, which must not clash.
            run_tags={"hyperparameters": json.dumps(point)},
        )
        with store.transaction():
            store.add_job(job)
            self._tag(f"_aml_system_{name}", json.dumps(point))
            if index + 1 == self._max_total:
                self._tag("_aml_system_all_jobs_generated", "true")
        self._trials.append(Trial(name, point, self._start_trial(job)))

    def _trial_properties(self, name: str, point: Point) -> dict[str, Any]:
        """The trial as a command job of its own, in the shape of api-version 2025-12-01."""
        sweep = self._context.properties
        trial = sweep["trial"]
        texts = {parameter: value_text(value) for parameter, value in point.items()}
        outputs = {key: output for key, output in (sweep.get("outputs") or {}).items() if key != "default"}
        artifacts = {
            "jobOutputType": "uri_folder",
            "mode": "ReadWriteMount",
            "uri": f"azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.{name}",
        }
        variables = {f"AZUREML_SWEEP_{parameter}": text for parameter, text in texts.items()}
        limit = (sweep.get("limits") or {}).get("trialTimeout")
        return {
            "jobType": TRIAL_TYPE,
            "displayName": name,
            "experimentName": sweep.get("experimentName"),
            "computeId": sweep.get("computeId"),
            "command": resolve(trial["command"], {"search_space": texts}),
            "codeId": trial.get("codeId"),
            "environmentId": trial["environmentId"],
            "environmentVariables": {**variables, **(trial.get("environmentVariables") or {})},
            "distribution": trial.get("distribution"),
            "resources": trial.get("resources"),
            "inputs": sweep.get("inputs") or {},
            "outputs": {**outputs, "default": artifacts},
            "limits": {"jobLimitsType": TRIAL_TYPE, "timeout": limit} if limit else None,
            "queueSettings": sweep.get("queueSettings"),
            "identity": sweep.get("identity"),
            "tags": self._trial_tags(point),
            "properties": {},
            "isArchived": False,
        }

    def _trial_tags(self, point: Point) -> dict[str, str]:
        if not self._simulated:
            return {}
        tags = self._context.services.scripts.tags(self._context.job)
        metrics = {self._metric: simulated_score(point), **json.loads(tags.get("emulator.metrics", "{}"))}
        return {**tags, "emulator.metrics": json.dumps(metrics)}

    async def _cancel_trials(self) -> None:
        tasks = [trial.task for trial in self._trials if trial.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # metrics

    def _look(self) -> None:
        """Read the metrics of trials that run or have just ended; judge them; note the best."""
        for trial in self._trials:
            if trial.task is not None:
                self._read(trial)
        if self._policy is not None:
            self._judge(self._policy)
        for trial in self._trials:
            if trial.task is not None and trial.task.done():
                job = self._context.store.job(self._context.job.workspace, trial.name)
                trial.completed = job is not None and job.status == "Completed"
                trial.task = None
        self._note_best()

    def _read(self, trial: Trial) -> None:
        history = self._context.store.metric_history(self._context.job.workspace, trial.name, self._metric)
        trial.values = [metric.value for metric in history if math.isfinite(metric.value)]

    def _judge(self, policy: Policy) -> None:
        histories = {trial.name: trial.values for trial in self._trials if trial.values}
        for trial in self._trials:
            interval = policy.due(len(trial.values))
            if trial.task is None or interval is None or interval <= trial.judged:
                continue
            trial.judged = interval
            if not trial.task.done() and policy.stops(trial.name, interval, histories):
                trial.task.cancel()

    def _best_of(self, trial: Trial) -> float:
        return max(trial.values) if self._goal == "Maximize" else min(trial.values)

    def _note_best(self) -> None:
        """Keep the best trial on the sweep: the one with the best value logged, the earlier one if equal.

        Like the service, this counts trials that failed or were stopped after they had logged a value.
        """
        reported = [trial for trial in self._trials if trial.values]
        if not reported:
            return
        best = max(reported, key=lambda trial: self._sign * self._best_of(trial))
        noted = {"best_child_run_id": best.name, "score": repr(self._best_of(best))}
        store = self._context.store
        with store.transaction():
            job = store.job(*self._key)
            if job is not None and not noted.items() <= job.run_properties.items():
                store.update_job(*self._key, run_properties={**job.run_properties, **noted})

    # the sweep's own record

    def _tag(self, key: str, text: str) -> None:
        self._context.store.tag_job(*self._key, {key: text})

    @property
    def _key(self) -> tuple[str, str]:
        return self._context.job.workspace, self._context.job.name
