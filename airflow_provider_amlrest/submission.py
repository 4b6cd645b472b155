"""A job is submitted once: by its name, whatever crashed before."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_amlrest.completion import TRANSIENT
from airflow_provider_amlrest.naming import MAX_ATTEMPTS, TaskIdentity, job_names
from airflow_provider_amlrest.rest.errors import (
    AuthenticationError,
    AzureMLError,
    ConflictError,
    InvalidSpecError,
    NotFoundError,
)
from airflow_provider_amlrest.rest.status import CANCEL_REQUESTED, Outcome

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.model import CommandJob, Job, SweepJob

log = logging.getLogger(__name__)

T = TypeVar("T")

IDENTITY_PROPERTY = "airflow_identity"
"""Property of each job: the digest of the task identity that it was made for."""

SPEC_PROPERTY = "airflow_spec"
"""Property of each job: the digest of what was asked for."""

OUTAGE_PATIENCE = 600.0
"""Seconds for which a submission is tried again while the service does not answer, or throttles."""

REFUSAL_PATIENCE = 120.0
"""Seconds for which it is tried again while nobody is let in, or there is no workspace: a rotated secret and
a new workspace take their time."""

MAX_PAUSE = 60.0
MAX_GENERATIONS = 10
"""How many clears of a task are looked back for a job that goes on."""

_NO_WORKSPACE = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"})


def patiently(action: Callable[[], T], deadline: float | None, is_over: Callable[[], bool]) -> T:
    """Do it again while it fails for reasons that pass; what is done must be the same however often.

    :param deadline: seconds since the epoch after which it is not tried again; what bounds the tries
        themselves is the client's ``until``.
    :param is_over: whether nobody wants it any more.
    """
    started = time.time()
    pause, warned = 1.0, False
    while True:
        try:
            result = action()
        except AzureMLError as error:
            end = min(started + _patience(error), deadline or started + OUTAGE_PATIENCE)
            left = end - time.time()
            if left <= 0 or is_over():
                raise
            if not warned:
                log.warning("Azure ML cannot be asked now; that is tried again. %s", error)
            warned = True
            time.sleep(min(left, pause * random.uniform(0.5, 1)))  # noqa: S311
            if deadline is not None and time.time() >= deadline:
                raise
            pause = min(2 * pause, MAX_PAUSE)
        else:
            if warned:
                log.info("Azure ML answers again, after %.0f s.", time.time() - started)
            return result


def _patience(error: AzureMLError) -> float:
    if isinstance(error, TRANSIENT):
        return OUTAGE_PATIENCE
    no_workspace = isinstance(error, NotFoundError) and error.inner_code in _NO_WORKSPACE
    return REFUSAL_PATIENCE if no_workspace or isinstance(error, AuthenticationError) else 0.0


def submit_once(
    client: AzureMLClient,
    names: Iterable[str],
    marks: Mapping[str, str],
    make: Callable[[], CommandJob | SweepJob],
    on_name: Callable[[str], None],
    end: Callable[[Job], None],
) -> Job:
    """Submit a job under the first name that is free, unless an earlier try's job can be taken over.

    A name whose job is active: that job. Completed: that job, whose result is ours. Failed, canceled or
    about to be: the next name, which makes a retry after a failure a new job. Where something else is asked
    for now than then: the next name as well, and an active job is ended.

    :param marks: IDENTITY_PROPERTY and SPEC_PROPERTY of the job.
    :param make: makes the job, with these properties; called only if one has to be submitted.
    :param on_name: called with the name before a job of ours may exist under it.
    :param end: ends an active job that is not wanted any more.
    :raises InvalidSpecError: if a name's job was made by another task, or by hand; if all names are used up.
    """
    for name in names:
        found = _find(client, name)
        if found is None:
            job = make()
            on_name(name)
            return _create(client, name, job, marks)
        _check_owner(found, marks)
        if found.outcome not in (Outcome.ACTIVE, Outcome.SUCCEEDED) or found.status == CANCEL_REQUESTED:
            log.info("Job %s of an earlier try is %s; a new one follows.", name, found.status)
        elif found.properties.get(SPEC_PROPERTY) == marks[SPEC_PROPERTY]:
            on_name(name)
            return _taken_over(found)
        else:
            log.warning(
                "Something else is asked for than when job %s was submitted, which is %s; a new one follows.",
                name,
                found.status,
            )
            if found.outcome is Outcome.ACTIVE:
                end(found)
    raise InvalidSpecError(
        "retries", f"{MAX_ATTEMPTS} jobs of this task have failed; clear the task to start afresh."
    )


def end_earlier_generations(
    client: AzureMLClient, identity: TaskIdentity, chosen: str | None, end: Callable[[Job], None]
) -> None:
    """End what a cleared task has left running: not each Airflow tells a deferred task that it is cleared."""
    for generation in range(identity.generation - 1, max(0, identity.generation - 1 - MAX_GENERATIONS), -1):
        earlier = replace(identity, generation=generation)
        for name in job_names(earlier, chosen):
            found = _find(client, name)
            if found is None:
                break
            ours = found.properties.get(IDENTITY_PROPERTY) == earlier.digest
            if ours and found.outcome is Outcome.ACTIVE and found.status != CANCEL_REQUESTED:
                end(found)


def _find(client: AzureMLClient, name: str) -> Job | None:
    try:
        return client.get_job(name)
    except NotFoundError as error:
        if error.inner_code in _NO_WORKSPACE:
            raise
        return None


def _create(client: AzureMLClient, name: str, job: CommandJob | SweepJob, marks: Mapping[str, str]) -> Job:
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
        _check_owner(found, marks)
        return _taken_over(found)


def _taken_over(found: Job) -> Job:
    log.info(
        "Job %s exists already and is %s: it is taken over, not submitted again.", found.name, found.status
    )
    return found


def _check_owner(found: Job, marks: Mapping[str, str]) -> None:
    if found.properties.get(IDENTITY_PROPERTY) != marks[IDENTITY_PROPERTY]:
        raise InvalidSpecError(
            "job_name",
            f"a job named {found.name!r} exists and was not made by this task and DAG run. Choose another "
            "name, such as one with {{ ts_nodash }} in it, or leave job_name out.",
        )
