"""What became of a pipeline's steps."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.jobs.status import Outcome, classify
from airflow_provider_amlrest.rest.times import seconds_between

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.runs.run import Run

log = logging.getLogger(__name__)

MAX_STEPS = 50
"""Steps in a result; those that failed come first."""
_ORDER = (Outcome.FAILED, Outcome.CANCELED, Outcome.ACTIVE, Outcome.SUCCEEDED)


def read_steps(client: AzureMLClient, job: Job) -> list[Run]:
    """The runs of a pipeline's steps, failed ones first, else in the order in which they began."""
    runs = sorted(client.list_children(job.name), key=lambda run: run.start_time or "~")
    return sorted(runs, key=lambda run: _ORDER.index(classify(run.status)))


def table_of_steps(client: AzureMLClient, job: Job) -> list[dict[str, Any]]:
    """For XCom: ``name``, ``status`` and ``seconds`` of each step, and ``reused`` if an earlier run's counts.

    Empty if they cannot be read, which is logged: the job has completed.
    """
    try:
        runs = read_steps(client, job)
    except AzureMLError as error:
        log.warning("The steps of job %s could not be read: %s", job.name, error)
        return []
    if len(runs) > MAX_STEPS:
        log.info("Job %s has %d steps; the result has %d of them.", job.name, len(runs), MAX_STEPS)
    return [_row(run) for run in runs[:MAX_STEPS]]


def _row(run: Run) -> dict[str, Any]:
    seconds = seconds_between(run.start_time, run.end_time)
    row: dict[str, Any] = {"name": run.display_name or run.name, "status": run.status}
    row["seconds"] = None if seconds is None else round(seconds)
    return {**row, "reused": True} if run.is_reused else row


def metrics_of_steps(client: AzureMLClient, job: Job, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """The last values of the metrics of these steps, by step. A step that did not run has none.

    :raises AzureMLError: if they cannot be read.
    """
    runs = {run.display_name or run.name: run for run in client.list_children(job.name)}
    return {name: client.get_metrics(runs[name].name) if name in runs else {} for name in names}


def failed_step(client: AzureMLClient, job: Job) -> Run | None:
    """The run of the step that failed first, with its log files; None: none of them, or it cannot be read."""
    try:
        failed = [run for run in read_steps(client, job) if classify(run.status) is Outcome.FAILED]
        # The details have the log files, but not the step's name.
        return (
            replace(client.get_run(failed[0].name), display_name=failed[0].display_name) if failed else None
        )
    except AzureMLError as error:
        log.warning("The steps of job %s could not be read: %s", job.name, error)
        return None
