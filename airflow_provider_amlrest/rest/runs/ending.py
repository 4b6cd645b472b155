"""Cancels a job: reads it first, requests the cancel, notes who did. Without I/O, like all operations."""

from __future__ import annotations

import logging
from collections.abc import Callable

from airflow_provider_amlrest.rest.http.call import Flow, brief
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.jobs.status import CANCEL_REQUESTED, Outcome
from airflow_provider_amlrest.rest.runs.operations import RunOperations

log = logging.getLogger(__name__)

LOOK_PATIENCE = 2.0
"""Seconds for the first read if there is little time: the cancel must still be sent."""


def _ends(job: Job) -> bool:
    return job.outcome is not Outcome.ACTIVE or job.status == CANCEL_REQUESTED


def end_job(
    operations: RunOperations,
    name: str,
    *,
    note: tuple[str, str],
    why_left: Callable[[Job], str | None] = lambda job: None,
    patience: float | None = None,
) -> Flow[str | None]:
    """Read a job, request its cancellation, and note on it who did.

    If the read fails, the cancel is requested anyway: somebody has decided it, and the job costs money. If
    the note fails, that is only logged.

    :param note: the name and the value of a tag.
    :param why_left: given the job as it is now, the reason to leave it alone; None to cancel it.
    :param patience: seconds to wait for each answer, without retries; None: as for every request.
    :return: why the cancel was not requested; None if it was.
    :raises NotFoundError: if the job does not exist.
    """
    look = None if patience is None else min(LOOK_PATIENCE, patience)
    try:
        job = (yield from operations.poll_job(name, brief(look))).jobs[0]
    except AzureMLError as error:
        log.info("Job %s could not be read before its cancel: %s", name, error)
    else:
        if _ends(job):
            return f"it is {job.status}"
        reason = why_left(job)
        if reason:
            return reason
    try:
        yield from operations.cancel_job(name, patience=patience)
    except AzureMLError as error:
        # The answer may be lost although the request was received: then it is noted like any other.
        try:
            job = (yield from operations.poll_job(name, brief(look))).jobs[0]
        except AzureMLError:
            raise error from None
        if not _ends(job):
            raise
    try:
        yield from operations.set_job_tag(name, *note, options=brief(patience))
    except AzureMLError as error:
        log.warning("Could not note on job %s who canceled it: %s", name, error)
    return None
