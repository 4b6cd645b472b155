"""What became of a pipeline's steps."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.jobs import has_steps, type_of_step
from airflow_provider_amlrest.rest.jobs.plan import read_plan
from airflow_provider_amlrest.rest.jobs.status import Outcome, classify
from airflow_provider_amlrest.rest.runs.run import json_metrics
from airflow_provider_amlrest.rest.times import seconds_between

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.jobs.plan import PlannedStep
    from airflow_provider_amlrest.rest.runs.run import JsonNumber, Run

T = TypeVar("T")
log = logging.getLogger(__name__)

MAX_STEPS = 50
"""Steps in a result; those that failed come first."""
MAX_FAILED = 3
"""Steps that failed and that a list of jobs names."""
MAX_DEPTH = 8
"""Pipelines within each other whose steps are read."""
_ORDER = (Outcome.FAILED, Outcome.CANCELED, Outcome.ACTIVE, Outcome.SUCCEEDED)


@dataclass(frozen=True)
class StepRun:
    """The run of a step and, if it is a pipeline itself, those of its own steps."""

    run: Run
    steps: tuple[StepRun, ...] = ()

    @property
    def name(self) -> str:
        return step_name(self.run)


def step_name(run: Run) -> str:
    """What a step is called."""
    return run.display_name or run.name


def urgency(status: str) -> int:
    """Where steps of this status stand among others: those that failed come first."""
    return _ORDER.index(classify(status))


def in_order(runs: Iterable[Run]) -> list[Run]:
    """The runs of steps: failed ones first, else in the order in which they began."""
    return sorted(runs, key=lambda run: (urgency(run.status), run.start_time or "~"))


def planned_of(plan: Mapping[str, PlannedStep], runs: Iterable[Run]) -> dict[str, PlannedStep]:
    """Which step each run is of, by the run's name.

    Run history has no other sign of it than the step's display name: runs and steps that share one with
    another are left out.
    """
    steps, called = _unique(plan.values(), lambda step: step.label), _unique(runs, step_name)
    return {run.name: steps[name] for name, run in called.items() if name in steps}


def _unique(items: Iterable[T], name: Callable[[T], str]) -> dict[str, T]:
    named = [(name(item), item) for item in items]
    counts = Counter(name for name, _ in named)
    return {name: item for name, item in named if counts[name] == 1}


def read_tree(client: AzureMLClient, job: Job) -> tuple[StepRun, ...]:
    """The steps of a pipeline, and those of the pipelines among them; each in order."""
    return _tree(client, job.name, read_plan(job.jobs), MAX_DEPTH)


def _tree(
    client: AzureMLClient, name: str, plan: Mapping[str, PlannedStep], depth: int
) -> tuple[StepRun, ...]:
    runs = in_order(client.list_children(name))
    planned = planned_of(plan, runs)
    found = []
    for run in runs:
        inner = _inner_plan(client, planned.get(run.name)) if depth > 1 else None
        found.append(StepRun(run, () if inner is None else _tree(client, run.name, inner, depth - 1)))
    return tuple(found)


def _inner_plan(client: AzureMLClient, step: PlannedStep | None) -> Mapping[str, PlannedStep] | None:
    """The steps of a step that is a pipeline itself; None: it is none, or that is not known."""
    if step is None or not has_steps(type_of_step(step.type)):
        return None
    return client.get_plan(step.component) if step.component else {}


def find_step(client: AzureMLClient, name: str, path: str) -> tuple[Run | None, list[str]]:
    """The run of a step, by its name or, in a pipeline within a pipeline, names with ``/`` between them.

    :param name: of the pipeline's run.
    :return: None if there is no such step (yet); and which there are where it was looked for.
    """
    first, _, rest = path.partition("/")
    runs = list(client.list_children(name))
    found = next((run for run in runs if first in (run.name, step_name(run))), None)
    if found is not None and rest:
        return find_step(client, found.name, rest)
    return found, list(map(step_name, in_order(runs)))


def table_of_steps(client: AzureMLClient, job: Job) -> list[dict[str, Any]]:
    """For XCom: ``name``, ``status`` and ``seconds`` of each step, and ``reused`` if an earlier run's counts.

    Empty if they cannot be read, which is logged: the job has completed.
    """
    try:
        runs = in_order(client.list_children(job.name))
    except AzureMLError as error:
        log.warning("The steps of job %s could not be read: %s", job.name, error)
        return []
    if len(runs) > MAX_STEPS:
        log.info("Job %s has %d steps; the result has %d of them.", job.name, len(runs), MAX_STEPS)
    return [_row(run) for run in runs[:MAX_STEPS]]


def count_of_steps(client: AzureMLClient, job: Job) -> dict[str, Any]:
    """For lists of jobs: how many steps are ``done``, of how many (``total``), and some that ``failed``.

    Empty if they cannot be read, which is logged.
    """
    try:
        runs = in_order(client.list_children(job.name))
    except AzureMLError as error:
        log.warning("The steps of job %s could not be read: %s", job.name, error)
        return {}
    outcomes = [classify(run.status) for run in runs]
    return {
        "done": outcomes.count(Outcome.SUCCEEDED),
        # A step that never got its turn may have no run.
        "total": max(len(runs), len(job.jobs)),
        "failed": [step_name(run) for run in runs[: min(outcomes.count(Outcome.FAILED), MAX_FAILED)]],
    }


def _row(run: Run) -> dict[str, Any]:
    seconds = seconds_between(run.start_time, run.end_time)
    row: dict[str, Any] = {"name": step_name(run), "status": run.status}
    row["seconds"] = None if seconds is None else round(seconds)
    return {**row, "reused": True} if run.is_reused else row


def metrics_of_steps(
    client: AzureMLClient, job: Job, names: Sequence[str]
) -> dict[str, dict[str, JsonNumber]]:
    """The last values of the metrics of these steps, by step. A step that did not run has none.

    :raises AzureMLError: if they cannot be read.
    """
    runs = {step_name(run): run for run in client.list_children(job.name)}
    return {name: json_metrics(client.get_metrics(runs[name].name)) if name in runs else {} for name in names}


def failed_step(client: AzureMLClient, job: Job) -> Run | None:
    """The run of the step that failed first, with its log files; None: none of them, or it cannot be read.

    If that is a pipeline itself, the step of it that failed; its display name then is ``outer/inner``.
    """
    try:
        names: list[str] = []
        failed, name = None, job.name
        plan: Mapping[str, PlannedStep] | None = read_plan(job.jobs)
        while plan is not None and len(names) < MAX_DEPTH:
            runs = in_order(client.list_children(name))
            if not runs or classify(runs[0].status) is not Outcome.FAILED:
                break
            failed, name = runs[0], runs[0].name
            names.append(step_name(failed))
            plan = _inner_plan(client, planned_of(plan, runs).get(name))
        # The details have the log files, but not the step's name.
        return replace(client.get_run(name), display_name="/".join(names)) if failed else None
    except AzureMLError as error:
        log.warning("The steps of job %s could not be read: %s", job.name, error)
        return None
