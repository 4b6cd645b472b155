"""The commands. Each gets a hook and its client, prints its result, and returns its exit code."""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

from airflow_provider_amlrest.cli import render
from airflow_provider_amlrest.cli.exit_codes import FINE, NOT_COMPLETED, TIMED_OUT, USAGE
from airflow_provider_amlrest.cli.files import run
from airflow_provider_amlrest.lifecycle.cancellation import look_into
from airflow_provider_amlrest.lifecycle.failure import Failure, examine
from airflow_provider_amlrest.lifecycle.masking import (
    NOT_SHOWN,
    may_show,
    visible,
    without_request,
    without_texts,
)
from airflow_provider_amlrest.lifecycle.ownership import by_person
from airflow_provider_amlrest.lifecycle.results import error_of_end
from airflow_provider_amlrest.lifecycle.steps import StepRun, failed_step, find_step, read_tree
from airflow_provider_amlrest.lifecycle.task_identity import DAG_TAG, IDENTITY_PROPERTY
from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError, NotFoundError
from airflow_provider_amlrest.rest.jobs import has_steps, has_trials
from airflow_provider_amlrest.rest.jobs.plan import read_plan
from airflow_provider_amlrest.rest.jobs.status import Outcome, classify
from airflow_provider_amlrest.rest.poll.single import JobWatch
from airflow_provider_amlrest.rest.runs.log_tail import LogTail
from airflow_provider_amlrest.rest.runs.run import json_metrics
from airflow_provider_amlrest.rest.times import seconds_between

if TYPE_CHECKING:
    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.poll.look import Look
    from airflow_provider_amlrest.rest.runs.run import SweepTrial

MAX_SCANNED = 2000
"""Maximum jobs that a list searches."""
POLL_INTERVAL = 30.0
"""Maximum seconds between two reads of a job."""
LAST_LOOK_PATIENCE = 10.0
"""Seconds for a last read of a job when the time to wait for it is over."""
STATES = {"completed": Outcome.SUCCEEDED, "failed": Outcome.FAILED, "canceled": Outcome.CANCELED}


def list_jobs(hook: AzureMLHook, client: AzureMLClient, options: argparse.Namespace, out: TextIO) -> int:
    """The newest jobs."""
    everybody = client.list_jobs(tag=None if options.all else DAG_TAG)
    found = list(islice(_wanted(islice(everybody, MAX_SCANNED), options), options.limit))
    if options.output == "json":
        render.as_json(out, [_facts(hook, job) for job in found])
    elif not found:
        hint = "" if options.all else " Jobs that Airflow did not create are listed with --all."
        print(f"There are no such jobs.{hint}", file=sys.stderr)  # noqa: T201
    else:
        columns = ("JOB", "TYPE", "STATUS", "MADE", "EXPERIMENT", "DAG", "TASK")
        render.table(out, columns, map(_row, found))
    return FINE


def _wanted(jobs: Iterator[Job], options: argparse.Namespace) -> Iterator[Job]:
    for job in jobs:
        state = STATES.get(options.state, Outcome.ACTIVE if options.state else job.outcome)
        if (
            job.outcome is state
            and options.dag in (None, job.tags.get(DAG_TAG))
            and options.experiment in (None, job.experiment_name)
        ):
            yield job


def _row(job: Job) -> tuple[object, ...]:
    return (
        job.name,
        job.type,
        render.status(job.status, job.outcome.value),
        render.moment(job.created_at),
        visible(job).experiment_name,
        job.tags.get(DAG_TAG),
        job.tags.get("airflow_task_id"),
    )


def show(hook: AzureMLHook, client: AzureMLClient, options: argparse.Namespace, out: TextIO) -> int:
    """Everything about a job, with the error first."""
    job, shown = _look(client, options.job)
    run = client.get_run(job.name)
    best = client.get_best_trial(job.name) if has_trials(job.type) else None
    error = {"code": run.error.code, "message": run.error.message} if run.error else None
    if error and not shown:
        error["message"] = f"The message is {NOT_SHOWN}"
    failure = None
    if shown and job.outcome is Outcome.FAILED:
        step = failed_step(client, job) if has_steps(job.type) else None
        failure = examine(client, step or run)
    facts = _facts(hook, job) | {
        "started_at": run.start_time,
        "ended_at": run.end_time,
        "seconds": seconds_between(run.start_time, run.end_time),
        "compute": job.compute,
        "environment": job.environment,
        "command": job.command,
        "tags": dict(job.tags),
        "outputs": job.output_uris(best.name if best else None),
        "error": error,
        "cause": failure.cause._asdict() if failure and failure.cause else None,
        "canceled": look_into(client, job).text if shown and job.outcome is Outcome.CANCELED else None,
        "best_trial": _trial(best, shown=shown) if best else None,
        "steps": _steps(read_tree(client, job), shown=shown) if has_steps(job.type) else None,
    }
    if options.output == "json":
        render.as_json(out, facts)
        return FINE
    _print_failure(out, error, failure)
    render.pairs(out, _readable(job, facts))
    if facts["steps"]:
        render.table(out, ("STEP", "STATUS", "TIME", "RUN"), _step_rows(facts["steps"]))
    if not shown:
        print(f"Command, tags and names of steps are {NOT_SHOWN}", file=sys.stderr)  # noqa: T201
    return FINE


def _print_failure(out: TextIO, error: Mapping[str, str] | None, failure: Failure | None) -> None:
    """The cause and what to do, what the service says, and the end of the log."""
    cause = failure.cause if failure else None
    lines = [(cause.problem, "bold red"), (cause.advice, "")] if cause else []
    if error:
        lines.append((f"{error['code']}: {error['message']}", "red"))
    if failure:
        lines += [(f"| {line}", "dim") for line in failure.last_lines.splitlines()]
    for line, style in lines:
        if line:
            render.console(out).print(render.safe(line), style=style, markup=False)


def _steps(tree: Iterable[StepRun], *, shown: bool) -> list[dict[str, Any]]:
    return [
        {
            "name": step.name if shown else None,
            "run": step.run.name,
            "status": step.run.status,
            "seconds": seconds_between(step.run.start_time, step.run.end_time),
            "reused": step.run.is_reused,
            "steps": _steps(step.steps, shown=shown),
        }
        for step in tree
    ]


def _step_rows(steps: list[dict[str, Any]], indent: str = "") -> Iterator[tuple[object, ...]]:
    for step in steps:
        status = render.status(step["status"], classify(step["status"]).value)
        time_taken = "reused" if step["reused"] else render.duration(step["seconds"])
        yield f"{indent}{step['name'] or ''}", status, time_taken, step["run"]
        yield from _step_rows(step["steps"], f"{indent}  ")


def _look(client: AzureMLClient, name: str) -> tuple[Job, bool]:
    """A job, without its request if that cannot be shown here; and whether it can."""
    job = client.get_job(name)
    whole = job
    if IDENTITY_PROPERTY not in job.properties:
        # A step or a trial does not have the properties of the job that it is a part of.
        with suppress(NotFoundError):
            root = client.get_root(name)
            whole = job if root == name else client.get_job(root)
    shown = may_show(whole)
    return (job if shown else without_request(job)), shown


def _facts(hook: AzureMLHook, job: Job) -> dict[str, Any]:
    job = visible(job)
    return {
        "name": job.name,
        "id": job.id,
        "type": job.type,
        "status": job.status,
        "display_name": job.display_name,
        "experiment": job.experiment_name,
        "created_at": job.created_at,
        "dag_id": job.tags.get(DAG_TAG),
        "task_id": job.tags.get("airflow_task_id"),
        "run_id": job.tags.get("airflow_run_id"),
        "studio_url": hook.studio_url(job),
    }


def _readable(job: Job, facts: dict[str, Any]) -> dict[str, object]:
    best = facts["best_trial"]
    return {
        "Job": job.name,
        "Status": render.status(job.status, job.outcome.value),
        "Canceled": facts["canceled"],
        "Type": job.type,
        "Made": render.moment(job.created_at),
        "Started": render.moment(facts["started_at"]),
        "Ended": render.moment(facts["ended_at"]),
        "Took": render.duration(facts["seconds"]),
        "Best trial": f"{best['name']} {best['params']} {best['metrics']}" if best else None,
        "Compute": (job.compute or "").rpartition("/")[2],
        "Environment": job.environment,
        "Experiment": job.experiment_name,
        "Command": job.command,
        **{f"Output {name}": uri for name, uri in facts["outputs"].items()},
        "Airflow": " ".join(filter(None, (facts["dag_id"], facts["task_id"], facts["run_id"]))),
        "Studio": facts["studio_url"],
    }


def metrics(hook: AzureMLHook, client: AzureMLClient, options: argparse.Namespace, out: TextIO) -> int:
    """The last value of each metric; for a sweep, its trials."""
    job, shown = _look(client, options.job)
    if not has_trials(job.type):
        values = json_metrics(client.get_metrics(job.name))
        if options.output == "json":
            render.as_json(out, values)
        else:
            render.table(out, ("METRIC", "VALUE"), sorted(values.items()))
        return FINE
    trials = [_trial(trial, shown=shown) for trial in client.list_trials(job.name)]
    if options.output == "json":
        render.as_json(out, trials)
        return FINE
    params = sorted({name for trial in trials for name in trial["params"]})
    names = sorted({name for trial in trials for name in trial["metrics"]})
    names.sort(key=lambda name: name != job.primary_metric)
    render.table(
        out,
        ("TRIAL", "STATUS", *names, *params),
        (
            (
                trial["name"],
                trial["status"],
                *(trial["metrics"].get(name) for name in names),
                *(trial["params"].get(name) for name in params),
            )
            for trial in trials
        ),
    )
    return FINE


def _trial(trial: SweepTrial, *, shown: bool) -> dict[str, Any]:
    return {
        "name": trial.name,
        "status": trial.status,
        "params": dict(trial.params) if shown else without_texts(trial.params),
        "metrics": json_metrics(trial.metrics),
        "seconds": seconds_between(trial.start_time, trial.end_time),
    }


def logs(hook: AzureMLHook, client: AzureMLClient, options: argparse.Namespace, out: TextIO) -> int:
    """The output of the job's command, or of a step's."""
    job, shown = _look(client, options.job)
    if options.step and not has_steps(job.type):
        raise InvalidSpecError("--step", f"job {job.name} is not a pipeline, and has no steps.")
    if not shown:
        print(f"The log is {NOT_SHOWN} {hook.studio_url(job)}", file=sys.stderr)  # noqa: T201
    job = follow(client, job, out, until_end=options.follow, shown=shown, step=options.step)
    return _exit_code(job) if options.follow else FINE


def follow(
    client: AzureMLClient,
    job: Job,
    out: TextIO,
    *,
    until_end: bool = True,
    shown: bool = True,
    step: str | None = None,
) -> Job:
    """Print the log of a job, of one of its steps or, for a pipeline, of the one that failed.

    :param until_end: go on until the job ends.
    :param shown: whether the log may be shown.
    :param step: the step, as :func:`find_step` takes it.
    :return: the job as it was read last.
    """
    tail = LogTail()
    run = None if has_steps(job.type) else job.name

    def write(*, final: bool) -> None:
        nonlocal run
        if not shown:
            return
        run = run or _logged_step(client, job, step, final=final)
        for line in client.read_log(run, tail, final) if run else ():
            print(render.safe(line), file=out)
        out.flush()

    if until_end and job.outcome is Outcome.ACTIVE:
        job = _until_end(client, job, lambda look: write(final=False), None) or job
    write(final=True)
    if shown and not tail.offsets:
        hint = "" if step or not has_steps(job.type) else _hint_at_steps(client, job)
        what = f"Step {step} of job {job.name}" if step else f"Job {job.name}"
        print(f"{what} has no log; the job is {job.status}.{hint}", file=sys.stderr)  # noqa: T201
    return job


def _logged_step(client: AzureMLClient, job: Job, step: str | None, *, final: bool) -> str | None:
    """The run of the pipeline's step whose log is to be shown; None: there is none, or none yet."""
    if step is None:
        failed = failed_step(client, job) if job.outcome is Outcome.FAILED else None
        if failed is None:
            return None
        print(f"Step {failed.display_name} failed. Its log:", file=sys.stderr)  # noqa: T201
        return failed.name
    first, slash, rest = step.partition("/")
    plan = read_plan(job.jobs)
    label = plan[first].label if first in plan else first
    run, there = find_step(client, job.name, f"{label}{slash}{rest}")
    if run is None and (final or first not in plan):
        raise InvalidSpecError(
            "--step", f"there is no step {step!r}; there are: {', '.join(there) or 'none'}."
        )
    return run.name if run else None


def _hint_at_steps(client: AzureMLClient, job: Job) -> str:
    _, there = find_step(client, job.name, "")
    return f" Its steps have: give one by --step: {', '.join(there)}." if there else ""


def cancel(hook: AzureMLHook, client: AzureMLClient, options: argparse.Namespace, out: TextIO) -> int:
    """Request a job's cancellation."""
    job = client.get_job(options.job)
    if job.outcome is Outcome.ACTIVE:
        if not options.yes and not _sure(job):
            return USAGE
        client.end_job(job.name, note=by_person(f"{_user()}, with amlrest"))
        job = client.get_job(job.name)
    if options.output == "json":
        render.as_json(out, _facts(hook, job))
    else:
        render.pairs(out, {"Job": job.name, "Status": render.status(job.status, job.outcome.value)})
    return FINE


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # Containers may run as a user without a name: KeyError before Python 3.13.
        return "somebody"


def _sure(job: Job) -> bool:
    if not sys.stdin.isatty():
        print("amlrest: cancel asks on a terminal; elsewhere it needs --yes.", file=sys.stderr)  # noqa: T201
        return False
    print(f"Cancel {job.name}, which is {job.status}? [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def wait(hook: AzureMLHook, client: AzureMLClient, options: argparse.Namespace, out: TextIO) -> int:
    """Wait for a job's end, and show its progress, and why it was not Completed."""
    job, shown = _look(client, options.job)
    progress = _Progress(job)
    ended: Job | None = job
    if job.outcome is Outcome.ACTIVE:
        with progress:
            ended = _until_end(client, job, progress.see, options.timeout)
    job = ended or _now(client, job)
    if options.output == "json":
        render.as_json(out, _facts(hook, job))
    else:
        render.pairs(out, {"Job": job.name, "Status": render.status(job.status, job.outcome.value)})
    error = error_of_end(client, job, hook.studio_url(job), shown=shown)
    if error is not None:
        print(f"amlrest: {render.safe(error)}", file=sys.stderr)  # noqa: T201
    return TIMED_OUT if ended is None else _exit_code(job)


class _Progress:
    """A job's progress on standard error: on a terminal a line that changes, else a line per status."""

    def __init__(self, job: Job) -> None:
        self._status = job.status
        self._name = render.safe(job.name)
        self._live = render.console(sys.stderr).status(self._text()) if sys.stderr.isatty() else None

    def see(self, look: Look) -> None:
        said = self._text()
        if look.job is not None:
            self._status = render.safe(look.job.status)
        if self._live:
            self._live.update(self._text())
        elif self._text() != said:
            print(self._text(), file=sys.stderr)  # noqa: T201

    def _text(self) -> str:
        return f"{self._name} is {self._status}"

    def __enter__(self) -> None:
        if self._live:
            self._live.start()
        else:
            print(self._text(), file=sys.stderr)  # noqa: T201

    def __exit__(self, *details: object) -> None:
        if self._live:
            self._live.stop()


def _until_end(
    client: AzureMLClient, job: Job, see: Callable[[Look], None], timeout: float | None
) -> Job | None:
    """Read a job until it ends; None if it does not end within ``timeout`` seconds. Waits through outages."""
    end = None if timeout is None else time.time() + timeout
    printed = ""
    with client.until(end), JobWatch(client, job.name, poll_interval=POLL_INTERVAL) as watch:
        while True:
            look = watch.next(None if end is None else max(0.0, end - time.time()))
            if look is None:
                return None
            error = str(look.error or "")
            if error and error != printed:
                print(f"Azure ML cannot be reached now; trying again. {error}", file=sys.stderr)  # noqa: T201
            printed = error
            try:
                see(look)
            except AzureMLError as problem:
                print(f"The log could not be read now: {problem}", file=sys.stderr)  # noqa: T201
            ended: Job | None = look.job
            if ended is not None and not ended.is_active:
                return ended


def _now(client: AzureMLClient, job: Job) -> Job:
    """The current job; the given one if it cannot be read within seconds."""
    with client.until(time.time() + LAST_LOOK_PATIENCE), suppress(AzureMLError):
        return client.get_job(job.name)
    return job


def _exit_code(job: Job) -> int:
    return FINE if job.outcome is Outcome.SUCCEEDED else NOT_COMPLETED


COMMANDS = {
    "run": run,
    "list": list_jobs,
    "show": show,
    "metrics": metrics,
    "logs": logs,
    "cancel": cancel,
    "wait": wait,
}
