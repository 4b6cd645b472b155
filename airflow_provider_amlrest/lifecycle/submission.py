"""A job is submitted once: by its name, whatever crashed before."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_amlrest.lifecycle.completion import TRANSIENT
from airflow_provider_amlrest.lifecycle.naming import MAX_ATTEMPTS, RUN_IN_A_NAME, TaskIdentity, job_names
from airflow_provider_amlrest.lifecycle.ownership import Owner, owner_of
from airflow_provider_amlrest.lifecycle.task_identity import task_tag
from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    AzureMLError,
    ConflictError,
    InvalidSpecError,
    NotFoundError,
)
from airflow_provider_amlrest.rest.jobs.status import CANCEL_REQUESTED, FAILED, Outcome

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job, JobSpec

log = logging.getLogger(__name__)

T = TypeVar("T")

IDENTITY_PROPERTY = "airflow_identity"
"""Property of each job: the digest of the task identity that it was made for."""

SPEC_PROPERTY = "airflow_spec"
"""Property of each job: the digest of what was asked for."""

WORK_PROPERTY = "airflow_work"
"""Property of each job: which of the task instance's work it is, whatever ``retries`` is now."""

PROPERTIES = 4
"""How many there are of these, with that of masking.py."""

OUTAGE_PATIENCE = 600.0
"""Seconds for which a submission is tried again while the service does not answer, or throttles."""

REFUSAL_PATIENCE = 120.0
"""Seconds for which it is tried again while nobody is let in, or there is no workspace: a rotated secret and
a new workspace take their time."""

MAX_PAUSE = 60.0


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
                log.warning("Azure ML cannot be asked now; that is tried for another %.0f s. %s", left, error)
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
    no_workspace = isinstance(error, NotFoundError) and error.has_no_workspace
    return REFUSAL_PATIENCE if no_workspace or isinstance(error, AuthenticationError) else 0.0


@dataclass(frozen=True)
class Work:
    """A task's work, and how its jobs are recognised.

    ``max_tries`` is the task instance's: Airflow (2.11 to 3.3) leaves it alone over automatic retries, also
    if somebody edits ``retries`` between them, and changes it when the task is cleared.
    """

    identity: TaskIdentity
    max_tries: int
    spec: str
    """Digest of what is asked for."""

    @property
    def properties(self) -> dict[str, str]:
        """What its jobs bear; the service lets nobody change it."""
        return {
            IDENTITY_PROPERTY: self.identity.digest,
            SPEC_PROPERTY: self.spec,
            WORK_PROPERTY: f"{self.identity.task_digest}/{self.max_tries}",
        }

    def is_named_in(self, job: Job) -> bool:
        """Whether a job's name was made by this work's tries, with ``retries`` as it is now."""
        return job.properties.get(IDENTITY_PROPERTY) == self.identity.digest

    def is_done_by(self, job: Job) -> bool:
        """Whether a job was made by a try of this work, with whatever ``retries``.

        By its name alone only if an older version made it: with other ``retries``, names come again.
        """
        work = job.properties.get(WORK_PROPERTY)
        return self.is_named_in(job) if work is None else work == self.properties[WORK_PROPERTY]

    def is_of_this_run(self, job: Job) -> bool:
        """Whether a job was made by this task instance in any generation, since its DAG run began."""
        return job.properties.get(WORK_PROPERTY, "").startswith(f"{self.identity.task_digest}/")

    def check(self, job: Job) -> None:
        """Raise InvalidSpecError if the job was made by another task, or by hand."""
        if not (self.is_done_by(job) or self.is_of_this_run(job)):
            raise InvalidSpecError(
                "job_name",
                f"a job named {job.name!r} exists and was not made by this task and DAG run. Choose another "
                f"name, such as one with {RUN_IN_A_NAME} in it, or leave job_name out.",
            )


class Submission:
    """How a try comes to its job: an earlier try's, or a new one.

    :param job_name: the user's own name; None: it is derived.
    :param owner: this try.
    :param end: ends an active job that is not wanted any more.
    :param check_canceled: is given the last job of earlier tries if it is canceled, or about to be; raises if
        no other job may follow it.
    """

    def __init__(
        self,
        client: AzureMLClient,
        work: Work,
        job_name: str | None,
        owner: Owner,
        *,
        end: Callable[[Job], None],
        check_canceled: Callable[[Job], None],
    ) -> None:
        self._client = client
        self._work = work
        self._names = job_names(work.identity, job_name)
        self._owner = owner
        self._end = end
        self._check_canceled = check_canceled

    def submit(
        self,
        make: Callable[[], JobSpec],
        on_name: Callable[[str], None],
        *,
        first_try: bool,
    ) -> Job:
        """Submit a job under the first name that is free, unless an earlier try's job can be taken over.

        A name whose job is active: that job. Completed: that job, whose result is ours. Failed, canceled or
        about to be: the next name, which makes a retry after a failure a new job. Where something else is
        asked for now than then: the next name as well, and an active job is ended.

        :param make: makes the job, with the work's properties; called only if one has to be submitted.
        :param on_name: called with the name before a job of ours may exist under it.
        :param first_try: of the task instance: there is nothing else to be found.
        :raises InvalidSpecError: if a name's job was made by another task, or by hand; if all are used up.
        """
        last: Job | None = None
        for name in self._names:
            found = _find(self._client, name)
            if found is None:
                break
            self._work.check(found)
            if not self._work.is_done_by(found):
                self._end_earlier_generation(found)
                continue
            last = found
            if self._takes(found):
                on_name(found.name)
                return _taken_over(found)
        else:
            raise InvalidSpecError(
                "retries", f"{MAX_ATTEMPTS} jobs of this task have failed; clear the task to start afresh."
            )
        if not first_try:
            for found in tuple(self._under_other_names()):
                if not self._work.is_done_by(found):
                    self._end_earlier_generation(found)
                    continue
                last = last or found  # The list begins with the newest.
                if self._takes(found):
                    on_name(found.name)
                    return _taken_over(found)
        if last is not None and _is_canceled(last):
            self._check_canceled(last)
        job = make()
        on_name(name)
        return self._create(name, job)

    def _takes(self, found: Job) -> bool:
        """Whether the job of an earlier try is this one's; what is not wanted any more is ended."""
        if owner_of(found) == self._owner:
            return True  # The answer to its submission was lost, and it has ended since.
        if found.status == FAILED or _is_canceled(found):
            log.info("Job %s of an earlier try is %s; a new one follows.", found.name, found.status)
            return False
        if found.properties.get(SPEC_PROPERTY) == self._work.spec:
            return True
        log.warning(
            "Something else is asked for than when job %s was submitted, which is %s; a new one follows.",
            found.name,
            found.status,
        )
        if found.outcome is Outcome.ACTIVE:
            self._end(found)
        return False

    def _under_other_names(self) -> Iterator[Job]:
        """The task instance's other jobs: of earlier generations, and of this one with other ``retries``."""
        for job in self._client.list_jobs(tag=task_tag(self._work.identity)):
            if not self._work.is_named_in(job):
                yield job

    def _end_earlier_generation(self, found: Job) -> None:
        """End what a cleared task has left running: not each Airflow tells a deferred task that.

        A clear of a DAG run that is over gives it a new start. Then only the deployment tells that the job is
        not of another Airflow. A job without our property is a person's copy of one of ours.
        """
        if found.outcome is not Outcome.ACTIVE or found.status == CANCEL_REQUESTED:
            return
        if self._work.is_of_this_run(found) or (
            self._work.identity.deployment and WORK_PROPERTY in found.properties
        ):
            self._end(found)
        else:
            log.warning(
                "Job %s, which is %s, has the tags of this task instance, but may be of another Airflow with "
                "such a DAG run, or somebody's copy: it is left. The connection's deployment would tell.",
                found.name,
                found.status,
            )

    def _create(self, name: str, job: JobSpec) -> Job:
        try:
            return self._client.create_job(name, job)
        except (ConflictError, *TRANSIENT) as error:
            # The answer may be lost while the job exists, or another worker was faster: look before failing.
            try:
                found = _find(self._client, name)
            except AzureMLError:
                raise error from None
            if found is None:
                raise
            self._work.check(found)
            return _taken_over(found)


def _find(client: AzureMLClient, name: str) -> Job | None:
    try:
        return client.get_job(name)
    except NotFoundError as error:
        if error.has_no_workspace:
            raise
        return None


def _is_canceled(job: Job) -> bool:
    return job.outcome is Outcome.CANCELED or job.status == CANCEL_REQUESTED


def _taken_over(found: Job) -> Job:
    log.info(
        "Job %s exists already and is %s: it is taken over, not submitted again.", found.name, found.status
    )
    return found
