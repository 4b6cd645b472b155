"""A batch endpoint is asked once, although the caller cannot name the job that it makes.

The request has a derived name instead: it is the folder that the job writes to, and its ``repeatability-
request-id`` is made of it. Whether the service tells a request from its repetition is not published: nothing
here relies on it. It is noted before it is sent (:mod:`batch_note`), and the job gets a tag with the name as
soon as it is known, and those of other jobs: that the request can bring them is not proven, for azure-ai-ml
1.35.2 sends none.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import filterfalse
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.lifecycle import batch_note, patience
from airflow_provider_amlrest.lifecycle.batch_note import REQUEST_TAG
from airflow_provider_amlrest.lifecycle.naming import job_names
from airflow_provider_amlrest.lifecycle.task_identity import OWN_NAME_TAG, task_tag
from airflow_provider_amlrest.rest.http.errors import (
    AzureMLError,
    InvalidSpecError,
    NotFoundError,
    ThrottledError,
)
from airflow_provider_amlrest.rest.jobs.status import CANCEL_REQUESTED, Outcome

if TYPE_CHECKING:
    from airflow_provider_amlrest.lifecycle.naming import TaskIdentity
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.resources.batch_request import BatchRequest

log = logging.getLogger(__name__)

BATCH_TAG = "azureml.batchrun"
"""Tag that the service gives such jobs (recordings of 2023)."""
LISTED = 200
"""Jobs of batch endpoints among which that of a lost answer is looked for: the newest ones."""
APPEARS = 60.0
"""Seconds in which a job whose answer was lost must be seen."""
LOOK_PAUSE = 5.0


class LostAnswerError(InvalidSpecError):
    """Nobody knows whether the request has arrived: another one might be paid twice."""


def find_jobs(client: AzureMLClient, identity: TaskIdentity, request: BatchRequest) -> dict[str, Job]:
    """The jobs of earlier tries by the name of their request, found by our tag or by where they write.

    A job that somebody has made as a copy of one, with its tags, is none of them.
    """
    tagged = filterfalse(is_copy, _tagged(client, identity))
    found = {job.tags[REQUEST_TAG]: job for job in tagged if REQUEST_TAG in job.tags}
    for job in filterfalse(is_copy, _newest(client)):
        name = job.tags.get(REQUEST_TAG) or _name_by_outputs(job, identity, request)
        if name:
            found.setdefault(name, job)
    return found


def is_copy(job: Job) -> bool:
    """Whether the job has the tags of another one."""
    return job.tags.get(OWN_NAME_TAG, job.name) != job.name


def outdated(jobs: Mapping[str, Job], identity: TaskIdentity) -> list[Job]:
    """What a cleared task has left running: not each Airflow tells a deferred task that.

    A clear of a DAG run that is over gives it a new start. Then only the deployment tells that the job is not
    of another Airflow.

    :param jobs: by the name of their request, see :func:`find_jobs`.
    """
    own = set(job_names(identity))
    earlier = {
        name
        for generation in range(1, identity.generation)
        for name in job_names(replace(identity, generation=generation))
    }
    return [
        job
        for name, job in jobs.items()
        if task_tag(identity) in job.tags
        and job.outcome is Outcome.ACTIVE
        and job.status != CANCEL_REQUESTED
        and name not in own
        and (name in earlier or identity.airflow_name)
    ]


def choose(jobs: dict[str, Job], names: Iterable[str]) -> tuple[str, Job | None]:
    """The name of the request, and its job if there is one that is not given up."""
    for name in names:
        job = jobs.get(name)
        if job is None:
            return name, None
        if job.outcome in (Outcome.FAILED, Outcome.CANCELED) or job.status == CANCEL_REQUESTED:
            log.info("Job %s of an earlier try is %s; a new one follows.", job.name, job.status)
            continue
        log.info("Job %s exists already and is %s: it is taken over.", job.name, job.status)
        return name, job
    raise InvalidSpecError("retries", "too many jobs of this task have failed; clear it to start afresh.")


def job_of_lost_try(
    client: AzureMLClient,
    identity: TaskIdentity,
    request: BatchRequest,
    name: str,
    *,
    resubmit_lost: bool,
) -> Job | None:
    """The job of a request that an earlier try was sending when it died; None: there was no such try.

    :param resubmit_lost: None as well if no job of it is to be seen.
    :raises LostAnswerError: if none is to be seen otherwise.
    """
    if not batch_note.was_asked(client, name):
        return None
    log.warning("An earlier try was asking %s when it ended: looking for its job.", request.place.what)
    job = _after_lost_answer(client, identity, request, name)
    if job is None and not resubmit_lost:
        raise _lost(request, name, "An earlier try ended before the answer came.")
    return job


def invoke(
    client: AzureMLClient,
    identity: TaskIdentity,
    request: BatchRequest,
    name: str,
    *,
    resubmit_lost: bool,
) -> str:
    """Note the request, send it once, and return the name of its job.

    A request that is throttled or refused was not taken; it may be sent again.

    :param resubmit_lost: send it a second time if the answer was lost, and no job of it is to be seen.
    :raises LostAnswerError: if no job is to be seen, and it is not to be sent again.
    """
    endpoint = client.get_resource(request.place.path)
    if not endpoint.exists:
        raise InvalidSpecError("endpoint_name", f"there is no {request.place.what} in the workspace.")
    access, body = client.get_access(endpoint), request.body(client, name)
    request_id = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    may_ask_again = resubmit_lost
    batch_note.note(client, request, name)
    while True:
        try:
            answer = client.invoke_batch(access, body, request.deployment, request_id)
        except AzureMLError as error:
            if isinstance(error, ThrottledError) or not isinstance(error, patience.TRANSIENT):
                batch_note.withdraw(client, request, name)
                raise
            job = _after_lost_answer(client, identity, request, name)
            if job is not None:
                return job.name
            if not may_ask_again:
                raise _lost(request, name, str(error)) from None
            may_ask_again = False
            text = "The answer of %s was lost, and no job is to be seen: asking again."
            log.warning(text, request.place.what)
        else:
            return _named(answer)


def appearing(client: AzureMLClient, name: str) -> Job:
    """The job that an answer names: it may take some seconds until it is seen."""
    end = time.time() + APPEARS
    while True:
        try:
            return client.get_job(name)
        except NotFoundError:
            if time.time() >= end:
                raise
        time.sleep(LOOK_PAUSE)


def mark(client: AzureMLClient, job: Job, request_name: str, tags: Mapping[str, str]) -> Job:
    """Give the job of an answer the tags that other jobs have from their submission; the job as it is then.

    A job that has them all, from an earlier try, is left alone. If the service refuses them it is logged, and
    the try goes on: a job that nobody waits for is worse off.

    :param request_name: of the request that made it. A later try finds the job by it, so that it comes first.
    :param tags: that say who made it.
    """
    if job.tags.get(OWN_NAME_TAG) == job.name:
        return job
    wanted = {REQUEST_TAG: request_name, **tags, OWN_NAME_TAG: job.name}
    try:
        for key, value in wanted.items():
            if key not in job.tags:
                client.set_job_tag(job.name, key, value)
    except patience.TRANSIENT:
        raise
    except AzureMLError as error:
        text = "Job %s could not be given the tags of its task: azureml_cleanup and lists do not see it. %s"
        log.warning(text, job.name, error)
    return client.get_job(job.name)


def _named(answer: dict[str, Any]) -> str:
    name = str(answer.get("name") or "")
    if not name:
        raise LostAnswerError(
            "endpoint_name", "the batch endpoint's answer names no job; one may be running."
        )
    return name


def _lost(request: BatchRequest, name: str, why: str) -> LostAnswerError:
    return LostAnswerError(
        "resubmit_lost",
        f"the answer of {request.place.what} was lost, and no job is to be seen that writes to "
        f"{', '.join(request.output_uris(name).values())}. It was not asked again, which might be "
        f"paid twice. Look into the endpoint's jobs; then clear the task, or set it. {why}",
    )


def _after_lost_answer(
    client: AzureMLClient, identity: TaskIdentity, request: BatchRequest, name: str
) -> Job | None:
    end = time.time() + APPEARS
    while True:
        try:
            job = find_jobs(client, identity, request).get(name)
        except patience.TRANSIENT as error:
            log.info("The jobs cannot be listed now: %s", error)
            job = None
        if job is not None or time.time() >= end:
            return job
        time.sleep(LOOK_PAUSE)


def _tagged(client: AzureMLClient, identity: TaskIdentity) -> list[Job]:
    return list(client.list_jobs(tag=task_tag(identity)))


def _newest(client: AzureMLClient) -> list[Job]:
    jobs = client.list_jobs(tag=BATCH_TAG)
    return [job for job, _ in zip(jobs, range(LISTED), strict=False)]


def _name_by_outputs(job: Job, identity: TaskIdentity, request: BatchRequest) -> str | None:
    """The name of the request that a job answers, by where it writes."""
    written = {output.uri for output in job.outputs.values() if output.uri}
    for name, _ in zip(job_names(identity), range(LISTED), strict=False):
        if written & set(request.output_uris(name).values()):
            return name
    return None
