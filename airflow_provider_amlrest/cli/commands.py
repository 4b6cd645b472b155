"""The commands. Each gets a hook and its client, prints its result, and returns its exit code."""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, TextIO

from airflow_provider_amlrest.cli import render
from airflow_provider_amlrest.cli.exit_codes import FINE, NOT_COMPLETED, TIMED_OUT, USAGE
from airflow_provider_amlrest.cli.facts import facts_of, look_at, trial_facts
from airflow_provider_amlrest.cli.files import run
from airflow_provider_amlrest.cli.show import show
from airflow_provider_amlrest.lifecycle.masking import (
    NOT_SHOWN,
    visible,
)
from airflow_provider_amlrest.lifecycle.ownership import by_person
from airflow_provider_amlrest.lifecycle.results import error_of_end
from airflow_provider_amlrest.lifecycle.steps import failed_step, find_step
from airflow_provider_amlrest.lifecycle.task_identity import DAG_TAG
from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError
from airflow_provider_amlrest.rest.jobs import has_steps, has_trials
from airflow_provider_amlrest.rest.jobs.plan import read_plan
from airflow_provider_amlrest.rest.jobs.status import Outcome
from airflow_provider_amlrest.rest.poll.single import JobWatch
from airflow_provider_amlrest.rest.runs.log_tail import LogTail
from airflow_provider_amlrest.rest.runs.run import json_metrics

if TYPE_CHECKING:
    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.poll.look import Look

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
        render.as_json(out, [facts_of(hook, job) for job in found])
    elif not found:
        hint = "" if options.all else " Jobs that Airflow did not create are listed with --all."
        print(f"There are no such jobs.{hint}", file=sys.stderr)  # noqa: T201
    else:
        columns = ("JOB", "TYPE", "STATUS", "CREATED", "EXPERIMENT", "DAG", "TASK")
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


def metrics(hook: AzureMLHook, client: AzureMLClient, options: argparse.Namespace, out: TextIO) -> int:
    """The last value of each metric; for a sweep, its trials."""
    job, shown = look_at(client, options.job)
    if not has_trials(job.type):
        values = json_metrics(client.get_metrics(job.name))
        if options.output == "json":
            render.as_json(out, values)
        else:
            render.table(out, ("METRIC", "VALUE"), sorted(values.items()))
            if not values:
                print(f"Job {job.name} has no metrics.", file=sys.stderr)  # noqa: T201
        return FINE
    trials = [trial_facts(trial, shown=shown) for trial in client.list_trials(job.name)]
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


def logs(hook: AzureMLHook, client: AzureMLClient, options: argparse.Namespace, out: TextIO) -> int:
    """The output of the job's command, or of a step's."""
    job, shown = look_at(client, options.job)
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
    else:
        print(f"amlrest: job {job.name} has already ended; nothing was sent.", file=sys.stderr)  # noqa: T201
    if options.output == "json":
        render.as_json(out, facts_of(hook, job))
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
    job, shown = look_at(client, options.job)
    progress = _Progress(job)
    ended: Job | None = job
    if job.outcome is Outcome.ACTIVE:
        with progress:
            ended = _until_end(client, job, progress.see, options.timeout)
    job = ended or _now(client, job)
    if options.output == "json":
        render.as_json(out, facts_of(hook, job))
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
