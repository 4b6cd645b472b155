"""Finds out who canceled a job: a person, whose decision stands, or something that a retry can fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_amlrest.lifecycle.masking import masked
from airflow_provider_amlrest.lifecycle.ownership import owner_of, told_by
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.times import seconds_between

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.runs.run import Run

LIMIT_SLACK = 60.0
"""Seconds by which a run may seem shorter than the limit that ended it."""


PREEMPTED = "PreemptionError"
"""In the error message of jobs that lost their nodes (public reports from 2020 to 2023)."""


class JobCanceledError(AzureMLError):
    """The job ended as Canceled."""


class JobCanceledByDecisionError(JobCanceledError):
    """The job ended as Canceled because somebody wanted it to end: do not submit it again."""


class Cancellation(NamedTuple):
    """How a job was canceled."""

    decided: bool
    """Somebody wanted it to end: it is not submitted again unless the user asks for that."""
    text: str
    """For people: by whom, and why, as far as known."""


def look_into(client: AzureMLClient, job: Job) -> Cancellation:
    """Find out who canceled a job.

    This provider notes its own cancels in a tag. The service has ended a job whose own ``limits.timeout``
    has passed, or whose error mentions pre-emption. Everything else counts as somebody's decision: in status
    and run history (v1.0), a cancel by a person and one by the service look the same.

    :raises AzureMLError: if that cannot be read.
    """
    # The note may have been written after the job was read.
    job = client.get_job(job.name)
    noted = told_by(job)
    if noted:
        return Cancellation(noted[0], f"by {noted[1]}")
    run = client.get_run(job.name)
    if run.error is not None and PREEMPTED in run.error.message:
        return Cancellation(False, "by Azure ML, because its node was pre-empted")
    if _reached(job.limit, run):
        return Cancellation(False, f"by Azure ML, after its limits.timeout of {job.limit:g} s")
    by, text = _whom(client, job)
    # Versions without owners did not note their own cancels.
    return Cancellation(bool(by) or owner_of(job) is not None, text)


def canceled_error(
    client: AzureMLClient, job: Job, studio_url: str, *, resubmit_canceled: bool
) -> JobCanceledError:
    """The exception for a job that is canceled, or about to be.

    :param resubmit_canceled: whether a job that somebody has canceled may be submitted again.
    :raises AzureMLError: if it cannot be read who canceled the job; the next try reads again.
    """
    decided, by = look_into(client, job)
    text = f"Azure ML job {job.name} was canceled {masked(by)}."
    if not decided or resubmit_canceled:
        return JobCanceledError(f"{text} {studio_url}".rstrip())
    way_out = "A retry does not submit it again: clear the task, or set resubmit_canceled=True."
    return JobCanceledByDecisionError(f"{text} {way_out} {studio_url}".rstrip())


def _reached(limit: float | None, run: Run) -> bool:
    lasted = seconds_between(run.start_time, run.end_time)
    return limit is not None and lasted is not None and lasted >= limit - min(LIMIT_SLACK, limit / 10)


def _whom(client: AzureMLClient, job: Job) -> tuple[str, str]:
    """A name, if the service knows one, and the text for the error."""
    try:
        change = client.get_run_change(job.name)
    except AzureMLError:
        change = None
    by = change.by if change else ""
    reason = f" ({change.cancel_reason})" if change and change.cancel_reason else ""
    return by, f"by {by or 'somebody, or by Azure ML: it does not say by whom'}{reason}"
