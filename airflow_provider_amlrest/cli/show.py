"""``amlrest show``: everything about a job."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from airflow_provider_amlrest.cli import render
from airflow_provider_amlrest.cli.exit_codes import FINE
from airflow_provider_amlrest.cli.facts import facts_of, look_at, trial_facts
from airflow_provider_amlrest.lifecycle.cancellation import look_into
from airflow_provider_amlrest.lifecycle.masking import NOT_SHOWN
from airflow_provider_amlrest.lifecycle.steps import StepRun, failed_step, read_tree
from airflow_provider_amlrest.lifecycle.task_identity import DAG_TAG, TASK_ID_TAG
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.jobs import has_steps, has_trials
from airflow_provider_amlrest.rest.jobs.status import RUNNING, Outcome, classify
from airflow_provider_amlrest.rest.times import seconds_between

if TYPE_CHECKING:
    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.runs.failure import Failure

T = TypeVar("T")

MAX_SEARCHED = 200
"""Newest jobs among which those are looked for that hold a compute."""


def show(hook: AzureMLHook, client: AzureMLClient, options: argparse.Namespace, out: TextIO) -> int:
    """Everything about a job, with the error first."""
    job, shown = look_at(client, options.job)
    run = client.get_run(job.name)
    best = client.get_best_trial(job.name) if has_trials(job.type) else None
    error = {"code": run.error.code, "message": run.error.message} if run.error else None
    if error and not shown:
        error["message"] = f"The message is {NOT_SHOWN}"
    failure = None
    if shown and job.outcome is Outcome.FAILED:
        step = failed_step(client, job) if has_steps(job.type) else None
        failure = client.examine_run(step or run)
    delay = _if_readable("What the job waits for", lambda: client.explain_wait(job))
    canceled = None
    if shown and job.outcome is Outcome.CANCELED:
        canceled = _if_readable("Who canceled the job", lambda: look_into(client, job).text)
    facts = facts_of(hook, job) | {
        "started_at": run.start_time,
        "ended_at": run.end_time,
        "seconds": seconds_between(run.start_time, run.end_time),
        "compute": job.compute,
        "environment": job.environment,
        "command": job.command,
        "tags": dict(job.tags),
        "outputs": job.output_uris(best.name if best else None),
        "error": error,
        "waits": {"problem": delay.problem, "advice": delay.advice} if delay else None,
        "held_by": _if_readable("Which jobs hold the compute", lambda: _holders(client, job))
        if delay and delay.is_full
        else None,
        "cause": failure.cause._asdict() if failure and failure.cause else None,
        "canceled": canceled,
        "best_trial": trial_facts(best, shown=shown) if best else None,
        "steps": _steps(read_tree(client, job), shown=shown) if has_steps(job.type) else None,
    }
    if options.output == "json":
        render.as_json(out, facts)
        return FINE
    _print_failure(out, error, failure)
    render.pairs(out, _readable(job, facts))
    if facts["held_by"]:
        columns = ("HELD BY", "CREATED", "DAG", "TASK")
        render.table(out, columns, map(_holder_row, facts["held_by"]))
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


def _if_readable(what: str, read: Callable[[], T]) -> T | None:
    """Something that is shown if it can be read: a missing role must not hide the rest."""
    try:
        return read()
    except AzureMLError as error:
        print(f"{what} could not be read: {error}", file=sys.stderr)  # noqa: T201
        return None


def _holder_row(holder: Mapping[str, str | None]) -> tuple[object, ...]:
    return holder["name"], render.moment(holder["created_at"]), holder["dag_id"], holder["task_id"]


def _holders(client: AzureMLClient, job: Job) -> list[dict[str, str | None]]:
    """The jobs that run on a job's compute, among the newest; lists tell when one was created, not began."""
    return [
        {
            "name": other.name,
            "created_at": other.created_at,
            "dag_id": other.tags.get(DAG_TAG),
            "task_id": other.tags.get(TASK_ID_TAG),
        }
        for other in islice(client.list_jobs(), MAX_SEARCHED)
        if other.status == RUNNING and (other.compute or "").lower() == (job.compute or "").lower()
    ]


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


def _readable(job: Job, facts: dict[str, Any]) -> dict[str, object]:
    best = facts["best_trial"]
    return {
        "Job": job.name,
        "Status": render.status(job.status, job.outcome.value),
        "Canceled": facts["canceled"],
        "Waits": " ".join(facts["waits"].values()) if facts["waits"] else None,
        "Type": job.type,
        "Created": render.moment(job.created_at),
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
