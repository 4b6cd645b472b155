"""A job is submitted once: by its name, whatever crashed before."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from airflow_provider_amlrest.lifecycle import masking, patience
from airflow_provider_amlrest.lifecycle.naming import MAX_ATTEMPTS, RUN_IN_A_NAME, TaskIdentity, job_names
from airflow_provider_amlrest.lifecycle.ownership import Owner, owner_of
from airflow_provider_amlrest.lifecycle.task_identity import (
    IDENTITY_PROPERTY,
    SPEC_PROPERTY,
    WORK_PROPERTY,
    task_tag,
)
from airflow_provider_amlrest.lifecycle.work_digest import work_digest
from airflow_provider_amlrest.rest.http.errors import (
    AzureMLError,
    ConflictError,
    InvalidSpecError,
    NotFoundError,
)
from airflow_provider_amlrest.rest.jobs.status import CANCEL_REQUESTED, FAILED, Outcome
from airflow_provider_amlrest.rest.jobs.wire import looked_up, lookups

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.reading.documents import Located
    from airflow_provider_amlrest.rest.versions.spelling import Wire

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """A task's work, and how its jobs are recognised.

    ``max_tries`` is the task instance's: Airflow (2.11 to 3.3) leaves it alone over automatic retries, also
    if somebody edits ``retries`` between them, and changes it when the task is cleared.
    """

    identity: TaskIdentity
    max_tries: int
    body: Wire = field(repr=False)
    """The properties of the job's PUT, before anything is looked up."""
    located: Located = field(default=nullcontext, repr=False)
    """For errors about what is looked up."""

    @cached_property
    def spec(self) -> str:
        """Digest of what is asked for."""
        return work_digest(self.body)

    def request(self, client: AzureMLClient, tags: dict[str, str]) -> Wire:
        """The properties of the job's PUT; what the workspace lacks for it is uploaded.

        :param tags: that say who made the job.
        """
        with self.located():
            body = looked_up(client, self.body)
        masks = masking.mark([body, *(one.carries for one in lookups(self.body))])
        body["tags"] = tags | body.get("tags", {})
        body["properties"] = {**body.get("properties", {}), **self.properties, **masks}
        return body

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


class SubmittingTask(Protocol):
    """What a submission asks of its task."""

    @property
    def tags(self) -> dict[str, str]:
        """Those that say who made its job."""

    def is_about_to_submit(self, name: str, body: Wire) -> None:
        """A job of the task may exist under this name from now on. Raises if nobody wants it any more."""

    def takes_over(self, job: Job) -> None:
        """The job of an earlier try is this one's."""

    def end_unwanted(self, client: AzureMLClient, job: Job) -> None:
        """End an active job that is not wanted any more."""

    def check_canceled(self, client: AzureMLClient, job: Job) -> None:
        """Raise if no other job may follow this one, which is canceled, or about to be."""


def submit(
    client: AzureMLClient,
    task: SubmittingTask,
    work: Work,
    job_name: str | None,
    owner: Owner,
    *,
    first_try: bool,
) -> Job:
    """Submit a job under the first name that is free, unless an earlier try's job can be taken over.

    A name whose job is active: that job. Completed: that job, whose result is ours. Failed, canceled or
    about to be: the next name, which makes a retry after a failure a new job. Where something else is
    asked for now than then: the next name as well, and an active job is ended.

    :param job_name: the user's own name; None: it is derived.
    :param owner: this try.
    :param first_try: of the task instance: there is nothing else to be found.
    :raises InvalidSpecError: if a name's job was made by another task, or by hand; if all are used up.
    """
    earlier = _Earlier(client, task, work, owner)
    name = earlier.look_for_free_name(job_names(work.identity, job_name))
    if earlier.found is None and not first_try:
        earlier.look_under_other_names()
    if earlier.found is not None:
        task.takes_over(earlier.found)
        return _taken_over(earlier.found)
    if earlier.last is not None and _is_canceled(earlier.last):
        task.check_canceled(client, earlier.last)
    body = work.request(client, task.tags)
    task.is_about_to_submit(name, body)
    return _create(client, work, name, body)


class _Earlier:
    """The jobs of earlier tries. What of them is not wanted any more is ended as it is found."""

    def __init__(self, client: AzureMLClient, task: SubmittingTask, work: Work, owner: Owner) -> None:
        self.found: Job | None = None
        """The one that is this try's."""
        self.last: Job | None = None
        """The newest one of this work."""
        self._client = client
        self._task = task
        self._work = work
        self._owner = owner

    def look_for_free_name(self, names: Iterable[str]) -> str:
        """The first name that no job has, or that of the job that is found."""
        for name in names:
            job = _find(self._client, name)
            if job is None:
                return name
            self._work.check(job)
            if self._work.is_done_by(job):
                self.last = job
                if self._takes(job):
                    return name
            else:
                self._end_earlier_generation(job)
        raise InvalidSpecError(
            "retries", f"{MAX_ATTEMPTS} jobs of this task have failed; clear the task to start afresh."
        )

    def look_under_other_names(self) -> None:
        """Look at those of earlier generations, and of this one with other ``retries``."""
        jobs = tuple(self._client.list_jobs(tag=task_tag(self._work.identity)))
        for job in jobs:
            if self._work.is_named_in(job):
                continue
            if not self._work.is_done_by(job):
                self._end_earlier_generation(job)
                continue
            self.last = self.last or job  # The list begins with the newest.
            if self._takes(job):
                return

    def _takes(self, job: Job) -> bool:
        """Whether the job of an earlier try is this one's."""
        if owner_of(job) == self._owner or self._is_wanted(job):
            # Its own: the answer to its submission was lost, and it may have ended since.
            self.found = job
            return True
        return False

    def _is_wanted(self, job: Job) -> bool:
        if job.status == FAILED or _is_canceled(job):
            log.info("Job %s of an earlier try is %s; a new one follows.", job.name, job.status)
            return False
        if job.properties.get(SPEC_PROPERTY) == self._work.spec:
            return True
        log.warning(
            "Something else is asked for than when job %s was submitted, which is %s; a new one follows.",
            job.name,
            job.status,
        )
        if job.outcome is Outcome.ACTIVE:
            self._task.end_unwanted(self._client, job)
        return False

    def _end_earlier_generation(self, job: Job) -> None:
        """End what a cleared task has left running: not each Airflow tells a deferred task that.

        A clear of a DAG run that is over gives it a new start. Then only the deployment tells that the job is
        not of another Airflow. A job without our property is a person's copy of one of ours.
        """
        if job.outcome is not Outcome.ACTIVE or job.status == CANCEL_REQUESTED:
            return
        if self._work.is_of_this_run(job) or (
            self._work.identity.airflow_name and WORK_PROPERTY in job.properties
        ):
            self._task.end_unwanted(self._client, job)
        else:
            log.warning(
                "Job %s, which is %s, has the tags of this task instance, but may be of another Airflow with "
                "such a DAG run, or somebody's copy: it is left. The connection's deployment would tell.",
                job.name,
                job.status,
            )


def _create(client: AzureMLClient, work: Work, name: str, body: Wire) -> Job:
    try:
        return client.create_job(name, body)
    except (ConflictError, *patience.TRANSIENT) as error:
        # The answer may be lost while the job exists, or another worker was faster: look before failing.
        try:
            found = _find(client, name)
        except AzureMLError:
            raise error from None
        if found is None:
            raise
        work.check(found)
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
