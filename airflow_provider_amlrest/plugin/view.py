"""The content of the pages, as plain JSON. Pure: this module does not read anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import islice
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.lifecycle.masking import NOT_SHOWN, may_show, without_texts
from airflow_provider_amlrest.lifecycle.record import Request
from airflow_provider_amlrest.lifecycle.steps import MAX_FAILED, planned_of, step_name, urgency
from airflow_provider_amlrest.plugin.graph import draw
from airflow_provider_amlrest.plugin.runs import MAX_STEPS
from airflow_provider_amlrest.rest.jobs import has_steps, has_trials
from airflow_provider_amlrest.rest.jobs.status import Outcome, classify
from airflow_provider_amlrest.rest.runs.causes import diagnose
from airflow_provider_amlrest.rest.runs.run import best_of, json_number
from airflow_provider_amlrest.rest.times import seconds_between, timestamp

if TYPE_CHECKING:
    from airflow_provider_amlrest.lifecycle.task_state import TaskKey
    from airflow_provider_amlrest.plugin.live import Status
    from airflow_provider_amlrest.plugin.records import TaskJob
    from airflow_provider_amlrest.plugin.runs import LiveRun
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.jobs.plan import PlannedStep
    from airflow_provider_amlrest.rest.runs.failure import Failure
    from airflow_provider_amlrest.rest.runs.run import JsonNumber, MetricPoint, Run, RunError, SweepTrial

ACTIVE_POLL = 5.0
"""Seconds after which a page reloads while its job is active."""
SETTLING_POLL = 15.0
"""The same for a job that has just ended."""
SEEN_AT_ONCE = 15.0
"""Seconds; a status that was seen so soon after a job was created counts as its first one."""
SHORTEST_PHASE = 0.5
"""Seconds; shorter phases are not shown."""
PARTS = {"steps": has_steps, "trials": has_trials}
"""Parts of a page that only some kinds of jobs have, and which. All others have a log."""
ROW_METRICS = 3
RUNNING = "Running"
UNFINISHED = frozenset({None, "scheduled", "queued", "running", "deferred", "restarting", "up_for_retry"})
"""States of a task that may still have an active job."""
MAX_POINTS = 500
"""Maximum points of a metric's history: more than a chart has pixels. Evenly chosen, with the last one."""


def parts(job: Job, *, reused: bool = False) -> list[str]:
    """Which parts its page has beside those of all kinds; a run of a kind that is not known may have any.

    :param reused: whether it did not run itself: then it has no steps and no trials of its own.
    """
    found = [name for name, has_it in PARTS.items() if has_it(job.type)]
    if reused:
        return [] if found else ["log"]
    return found or (["log"] if job.type else ["steps", "log"])


def task_page(
    task: TaskJob, job: LiveRun, steps: Sequence[LiveRun] = (), *, may_cancel: bool, now: float
) -> dict[str, Any]:
    """Everything on the page of a task's job, or of a step of it, except its parts. It must have been read.

    :param steps: the way from the job to the step that is shown: a step of it, a step of that...
    """
    live = steps[-1] if steps else job
    assert live.job is not None  # noqa: S101
    described, run = live.job, live.run.value
    reused = run is not None and run.is_reused
    shown = may_show(described)
    request = _step_request(task, described, shown=shown) if steps else _request(task)
    return {
        "task": task_in_words(task),
        "notice": live.error if live.active else live.run.error,
        "poll": ACTIVE_POLL if live.active else None if live.settled else SETTLING_POLL,
        "job": {**_job(described), **request, "studio_url": live.studio_url},
        "way": _way(task, job, steps, shown=shown),
        "parts": parts(described, reused=reused),
        "reused": reused,
        "may_cancel": may_cancel and not steps and live.active,
        "phases": phases(described, run, live.seen, now),
        "error": _error(run.error, shown=shown) if run and run.error else None,
        "cause": _cause(run) if run and shown and live.failed else None,
        "warnings": list(run.warnings) if run and shown else [],
        "waits": live.delay.value._asdict() if live.waits and live.delay.value else None,
        "metrics": {name: _points(points) for name, points in (live.metrics.value or {}).items()},
        "metrics_notice": live.metrics.error,
    }


def poll_of_task(state: str | None) -> float | None:
    """When to check again for the job of a task without one: None if the task is over."""
    return ACTIVE_POLL if state in UNFINISHED else None


def _error(error: RunError, *, shown: bool) -> dict[str, str]:
    return {"code": error.code, "message": error.message if shown else f"The message is {NOT_SHOWN}"}


def _cause(run: Run) -> dict[str, str] | None:
    """What a run failed of and what to do, as far as the service's message shows it."""
    found = diagnose(f"{run.error.code}: {run.error.message}", "") if run.error else None
    return found._asdict() if found else None


def log_page(lines: Sequence[str], after: int, notice: str | None, failure: Failure | None) -> dict[str, Any]:
    """A run's log from line ``after`` on; of one that failed, also what the log says about its cause."""
    page: dict[str, Any] = {"lines": lines[after:], "next": len(lines), "notice": notice}
    if failure is not None:
        cause = failure.cause._asdict() if failure.cause else None
        page["failure"] = {"cause": cause, "last_lines": failure.last_lines}
    return page


def _job(job: Job) -> dict[str, Any]:
    """What the service says about a job, without the task's request: only the task can mask that."""
    return {
        "name": job.name,
        "id": job.id,
        "type": job.type,
        "has_trials": has_trials(job.type),
        "status": job.status,
        "outcome": job.outcome.value,
        # A pipeline's steps have computes of their own.
        "compute": (job.compute or ("" if has_steps(job.type) else "serverless")).rpartition("/")[2],
        "environment": job.environment,
        "goal": job.goal,
        "primary_metric": job.primary_metric,
        "best_trial": job.best_trial_name,
    }


def _request(task: TaskJob) -> dict[str, Any]:
    """The request for the job, as the task has stored it in Airflow."""
    assert task.record is not None, "it has a job"  # noqa: S101
    return {**asdict(task.record.request), "experiment": task.record.experiment_name}


def _step_request(task: TaskJob, step: Job, *, shown: bool) -> dict[str, Any]:
    """A step's request is not stored by itself."""
    assert task.record is not None, "it has a job"  # noqa: S101
    name = (step.display_name or "") if shown else ""
    return {**asdict(Request(display_name=name)), "experiment": task.record.experiment_name}


def _way(
    task: TaskJob, job: LiveRun, steps: Sequence[LiveRun], *, shown: bool
) -> list[tuple[str, str | None]]:
    """The pages that lead to that of a step, from outside: what each is called, and what it is asked by."""
    assert task.record is not None, "it has a job"  # noqa: S101
    way: list[tuple[str, str | None]] = [(task.record.request.display_name or job.name, None)] * bool(steps)
    for number, step in enumerate(steps[:-1], 1):
        called = step.job.display_name if shown and step.job else None
        way.append((called or step.name, "/".join(one.name for one in steps[:number])))
    return way


def task_in_words(task: TaskJob) -> dict[str, Any]:
    """Which task instance it is, its newest try and its state."""
    return {
        "dag_id": task.key.dag_id,
        "run_id": task.key.run_id,
        "task_id": task.key.task_id,
        "map_index": task.key.map_index,
        "state": task.state,
        "try_number": task.try_number,
    }


def phases(job: Job, run: Run | None, seen: Sequence[tuple[str, float]], now: float) -> list[dict[str, Any]]:
    """The statuses of the job, and their durations: ``{"status", "seconds"}``; the last one may continue.

    Run history knows when a job was created, started and ended. Phases before its start, such as queueing and
    preparing, are distinguished as far as they were ``seen``.
    """
    created = timestamp(job.created_at)
    started, ended = (timestamp(run.start_time), timestamp(run.end_time)) if run else (None, None)
    marks = [(status, at) for status, at in seen if classify(status) is Outcome.ACTIVE and status != RUNNING]
    before = [mark for mark in marks if started is None or mark[1] < started]
    after = [mark for mark in marks if mark not in before]
    if created is not None and before and before[0][1] - created < SEEN_AT_ONCE:
        before[0] = (before[0][0], created)
    elif created is not None:
        before.insert(0, ("Waiting", created))
    marks = before + ([(RUNNING, started)] if started is not None else []) + after
    end = now if job.outcome is Outcome.ACTIVE else ended
    ends = [at for _, at in marks[1:]] + [end]
    return [
        {"status": status, "seconds": None if until is None else until - at}
        for (status, at), until in zip(marks, ends, strict=bool(marks))
        if until is None or until - at >= SHORTEST_PHASE
    ]


def sweep_page(job: Job, trials: Sequence[SweepTrial], notice: str | None) -> dict[str, Any]:
    """A sweep's trials, in short rows, because there may be thousands."""
    if not may_show(job):
        trials = [replace(trial, params=without_texts(trial.params)) for trial in trials]
        notice = notice or f"Text among the parameters is {NOT_SHOWN}"
    params = sorted({name for trial in trials for name in trial.params})
    metrics = sorted({name for trial in trials for name in trial.metrics})
    primary = job.primary_metric or ""
    if primary in metrics:
        metrics.insert(0, metrics.pop(metrics.index(primary)))
    return {
        "notice": notice,
        "params": params,
        "metrics": metrics,
        "goal": job.goal,
        "best": _best(job, trials),
        "rows": [
            [
                trial.name,
                trial.status,
                seconds_between(trial.start_time, trial.end_time),
                [trial.params.get(name) for name in params],
                [json_number(trial.metrics[name]) if name in trial.metrics else None for name in metrics],
            ]
            for trial in trials
        ],
    }


def _best(job: Job, trials: Sequence[SweepTrial]) -> str | None:
    """The best trial that the service names, or else the best by what the trials have logged."""
    if job.best_trial_name:
        return job.best_trial_name
    best = best_of(trials, job.primary_metric or "", job.goal)
    return best.name if best else None


def steps_page(job: Job, plan: Mapping[str, PlannedStep], runs: Sequence[Run]) -> dict[str, Any]:
    """A pipeline's steps in short rows, and where they are drawn.

    They stand in the order of the pipeline's definition, so that the drawing stays as it is while they run.
    """
    planned = planned_of(plan, runs)
    run_of = {step.name: run for run in runs if (step := planned.get(run.name))}
    rows: list[tuple[PlannedStep | None, Run | None]] = [
        *((step, run_of.get(step.name)) for step in plan.values()),
        *((None, run) for run in runs if run.name not in planned),
    ]
    # A run that may be one of several steps stands for itself; which of these have begun is not known.
    called = {step_name(run) for _, run in rows if run}
    rows = [(step, run) for step, run in rows if run or (step and step.label not in called)]
    number_of = {step.name: number for number, (step, _) in enumerate(rows) if step}
    waits = tuple(
        tuple(number_of[other] for other in (step.waits_for if step else ()) if other in number_of)
        for step, _ in rows
    )
    drawing = draw(waits) if any(waits) else None
    shown = may_show(job)
    return {
        "notice": _about_steps(runs, shown=shown, drawn=drawing is not None or not any(waits)),
        "rows": [
            _step_row(step, run, None if shown else number, active=job.outcome is Outcome.ACTIVE)
            for number, (step, run) in enumerate(rows, 1)
        ],
        "drawing": drawing and asdict(drawing),
    }


def _step_row(step: PlannedStep | None, run: Run | None, number: int | None, *, active: bool) -> list[Any]:
    """Name, type, run, status, outcome, urgency, seconds, time of its start if it is active, whether reused.

    :param number: shown instead of its name; None: the name is shown.
    """
    name = step_name(run) if run else step.label if step else ""
    shown = [name if number is None else f"Step {number}", step.type if step else ""]
    if run is None:
        # In a pipeline that has ended, it never got its turn.
        status = "NotStarted" if active else "Not run"
        return [*shown, None, status, None, urgency("NotStarted"), None, None, False]
    outcome = classify(run.status)
    started = timestamp(run.start_time) if outcome is Outcome.ACTIVE else None
    seconds = seconds_between(run.start_time, run.end_time)
    return [
        *(*shown, run.name, run.status, outcome.value, urgency(run.status)),
        *(seconds, started, run.is_reused),
    ]


def _about_steps(runs: Sequence[Run], *, shown: bool, drawn: bool) -> str | None:
    if not shown:
        return f"Names of steps are {NOT_SHOWN}"
    if len(runs) >= MAX_STEPS:
        return f"Only the first {MAX_STEPS} steps are shown."
    return None if drawn else "The graph is not drawn: it has too many steps, or a circle."


def run_page(
    tasks: Iterable[TaskJob], statuses: Mapping[TaskKey, Status], notice: str | None
) -> dict[str, Any]:
    """The jobs of a DAG run on one timeline."""
    rows = [job_row(task, statuses) for task in tasks]
    return {
        "rows": rows,
        "notice": notice,
        "poll": ACTIVE_POLL if any(row["active"] for row in rows) else None,
    }


def is_final(task: TaskJob) -> bool:
    """Whether the task's result says how its job ended: a task that does not wait has another result."""
    status = task.result.get("status")
    return isinstance(status, str) and classify(status) is not Outcome.ACTIVE


def job_row(task: TaskJob, statuses: Mapping[TaskKey, Status]) -> dict[str, Any]:
    """A job in a list. Its status is that of the result, else the currently known one, else unknown."""
    assert task.record is not None, "lists have only tasks with jobs"  # noqa: S101
    live = statuses.get(task.key)
    status, ended = (live.status, live.ended_at) if live else (None, None)
    if is_final(task):
        status, ended = task.result["status"], task.ended.timestamp() if task.ended else None
    outcome = classify(status) if status else None
    metrics = main_metrics(task)
    return {
        "task": task_in_words(task),
        "job": task.record.name,
        "type": task.record.type,
        "experiment": task.record.experiment_name,
        "status": status,
        "outcome": outcome.value if outcome else None,
        # A job with an unknown status may be active, unless its task is over.
        "active": outcome is Outcome.ACTIVE or (outcome is None and task.state in UNFINISHED),
        "started": None if task.published is None else task.published.timestamp(),
        "ended": ended,
        "metrics": dict(list(metrics.items())[:ROW_METRICS]),
        "steps": _steps_of(task),
    }


def _steps_of(task: TaskJob) -> dict[str, Any] | None:
    """What its result says of a pipeline's steps: how many are done, of how many, and which failed."""
    given = task.result.get("steps")
    if not isinstance(given, dict) or not all(isinstance(given.get(key), int) for key in ("done", "total")):
        return None
    failed = given.get("failed")
    names = [name for name in failed if isinstance(name, str)] if isinstance(failed, list) else []
    return {"done": given["done"], "total": given["total"], "failed": names[:MAX_FAILED]}


def main_metrics(task: TaskJob) -> dict[str, JsonNumber]:
    """The metrics of a task's result; for a sweep, those of its best trial."""
    best = task.result.get("best_trial")
    metrics = (best if isinstance(best, dict) else {}).get("metrics") or task.result.get("metrics")
    if not isinstance(metrics, dict):
        return {}
    return {name: value for name, value in metrics.items() if _is_number(value) or value in _NO_NUMBERS}


_NO_NUMBERS = {json_number(value) for value in (nan, inf, -inf)}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and isfinite(value)


def history_page(tasks: Sequence[TaskJob]) -> dict[str, Any]:
    """The metrics of a task over its last runs, oldest first; None where a run has none."""
    names = sorted({name for task in tasks for name in main_metrics(task)})
    return {
        "runs": [
            [task.key.run_id, task.state, None if task.published is None else task.published.timestamp()]
            for task in tasks
        ],
        "metrics": {name: [main_metrics(task).get(name) for task in tasks] for name in names},
    }


def comparison_page(task: TaskJob, said: Mapping[str, Any]) -> dict[str, Any]:
    """The models that a gate has compared, whoever wrote the XCom that says it."""
    rows = said.get("metrics")
    comparison = {
        "accepted": said.get("accepted") is True,
        "reason": _text(said.get("reason")),
        **{role: _model(said.get(role)) for role in ("candidate", "champion")},
        "metrics": [
            _compared(row) for row in (rows if isinstance(rows, list) else ()) if isinstance(row, dict)
        ],
    }
    return {"task": task_in_words(task), "comparison": comparison, "poll": poll_of_task(task.state)}


def _model(said: Any) -> dict[str, str] | None:
    return {name: _text(said.get(name)) for name in ("model", "job")} if isinstance(said, dict) else None


def _compared(row: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: row.get(name) for name in ("candidate", "champion", "difference")}
    numbers = {name: value if _is_number(value) else None for name, value in values.items()}
    return {"name": _text(row.get("name")), **numbers, "passed": row.get("passed") is True}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _points(points: Sequence[MetricPoint]) -> list[list[JsonNumber]]:
    step = -(-len(points) // MAX_POINTS)
    kept = {*range(0, len(points), step or 1), *range(len(points))[-1:]}
    # Divergence is the news: its beginning is never thinned out.
    kept.update(islice((at for at, point in enumerate(points) if not isfinite(point.value)), 1))
    return [[points[at].step, json_number(points[at].value)] for at in sorted(kept)]
