"""A job is submitted once: by its name, whatever crashed before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from airflow_provider_amlrest.completion import TRANSIENT
from airflow_provider_amlrest.naming import MAX_ATTEMPTS
from airflow_provider_amlrest.rest.errors import AzureMLError, ConflictError, InvalidSpecError, NotFoundError
from airflow_provider_amlrest.rest.status import CANCEL_REQUESTED, Outcome

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.model import CommandJob, Job, SweepJob

log = logging.getLogger(__name__)

IDENTITY_PROPERTY = "airflow_identity"
"""Property of each job: the digest of the task identity that it was made for."""

SPEC_PROPERTY = "airflow_spec"
"""Property of each job: the digest of what was asked for."""


def submit_once(
    client: AzureMLClient,
    names: Iterable[str],
    job: CommandJob | SweepJob,
    on_name: Callable[[str], None],
) -> Job:
    """Submit a job under the first name that is free, unless an earlier try's job can be taken over.

    A name whose job is active: that job. Completed: that job, whose result is ours. Failed, canceled or
    about to be: the next name, which makes a retry after a failure a new job.

    :param job: its properties hold IDENTITY_PROPERTY and SPEC_PROPERTY.
    :param on_name: called with the name before a job of ours may exist under it.
    :raises InvalidSpecError: if a name's job was made by another task, or by hand; if all names are used up.
    """
    for name in names:
        found = _find(client, name)
        if found is None:
            on_name(name)
            return _create(client, name, job)
        _check_owner(found, job)
        if found.outcome in (Outcome.ACTIVE, Outcome.SUCCEEDED) and found.status != CANCEL_REQUESTED:
            on_name(name)
            return _taken_over(found, job)
        log.info("Job %s of an earlier try is %s; a new one follows.", name, found.status)
    raise InvalidSpecError(
        "retries", f"{MAX_ATTEMPTS} jobs of this task have failed; clear the task to start afresh."
    )


def _find(client: AzureMLClient, name: str) -> Job | None:
    try:
        return client.get_job(name)
    except NotFoundError:
        return None


def _create(client: AzureMLClient, name: str, job: CommandJob | SweepJob) -> Job:
    try:
        return client.create_job(name, job)
    except (ConflictError, *TRANSIENT) as error:
        # The answer may be lost while the job exists, or another worker was faster: look before failing.
        try:
            found = _find(client, name)
        except AzureMLError:
            raise error from None
        if found is None:
            raise
        _check_owner(found, job)
        return _taken_over(found, job)


def _taken_over(found: Job, job: CommandJob | SweepJob) -> Job:
    log.info(
        "Job %s exists already and is %s: it is taken over, not submitted again.", found.name, found.status
    )
    if found.properties.get(SPEC_PROPERTY) != job.properties[SPEC_PROPERTY]:
        log.warning(
            "What is asked for has changed since job %s was submitted; the job goes on as it is. "
            "Clear the task to have a new one.",
            found.name,
        )
    return found


def _check_owner(found: Job, job: CommandJob | SweepJob) -> None:
    if found.properties.get(IDENTITY_PROPERTY) != job.properties[IDENTITY_PROPERTY]:
        raise InvalidSpecError(
            "job_name",
            f"a job named {found.name!r} exists and was not made by this task and DAG run. Choose another "
            "name, such as one with {{ ts_nodash }} in it, or leave job_name out.",
        )
