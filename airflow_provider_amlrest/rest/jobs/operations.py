"""Operations on jobs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.assets.data import read_data
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES, read_model
from airflow_provider_amlrest.rest.assets.operations import NEWEST_FIRST
from airflow_provider_amlrest.rest.assets.uris import lies_at
from airflow_provider_amlrest.rest.calls import Calls
from airflow_provider_amlrest.rest.http.call import (
    BRIEF,
    Call,
    Flow,
    brief,
    checked,
    remaining_reads,
    resource,
)
from airflow_provider_amlrest.rest.http.errors import NotFoundError
from airflow_provider_amlrest.rest.http.paging import Page
from airflow_provider_amlrest.rest.http.policies import USER_TOKEN
from airflow_provider_amlrest.rest.ids import path_segment
from airflow_provider_amlrest.rest.jobs import kind_of
from airflow_provider_amlrest.rest.jobs.job import Job, Output
from airflow_provider_amlrest.rest.jobs.spec import JobSpec
from airflow_provider_amlrest.rest.jobs.status import Outcome
from airflow_provider_amlrest.rest.jobs.wire import job_body, read_job
from airflow_provider_amlrest.rest.versions.spelling import Wire

REGISTERED_PAGE = 50
"""Versions among which one that was registered lately is looked for."""


class Polled(NamedTuple):
    """What a poller's read brought: jobs, or a resource; ``next_link`` as in :class:`Page`."""

    jobs: tuple[Any, ...]
    next_link: str | None
    remaining_reads: int | None
    """What remains of the quota, if the answer says so."""


class JobOperations(Calls):
    """What one asks of jobs."""

    def create_job(self, name: str, job: JobSpec | Wire) -> Flow[Job]:
        """Submit a job under a name of one's own.

        The same body again changes nothing; another one raises ConflictError.

        :param job: the job, or the properties of its PUT as :func:`wire.job_body` makes them.
        """
        body = job_body(self.spelling, job) if isinstance(job, JobSpec) else job
        kind = kind_of(body.get("jobType", ""))
        options = {USER_TOKEN: True} if kind is not None and kind.wants_user_token else {}
        path = f"jobs/{path_segment(name)}"
        created = yield from self._resource("PUT", path, {"properties": body}, options)
        return read_job(self.spelling, created)

    def get_job(self, name: str) -> Flow[Job]:
        """A job as it is now. Raises NotFoundError."""
        return read_job(self.spelling, (yield from self._resource("GET", f"jobs/{path_segment(name)}")))

    def list_jobs(self, tag: str | None = None, next_link: str | None = None) -> Flow[Page]:
        """The workspace's jobs that are not archived, newest first, as an iterator of :class:`Job`.

        :param tag: only jobs that have a tag of this name.
        """
        query = {"tag": quote(tag)} if tag else {}
        return (yield from self._page("jobs", next_link, partial(read_job, self.spelling), query))

    def poll_job(self, name: str, options: Mapping[str, Any] = BRIEF) -> Flow[Polled]:
        """:meth:`get_job` for a poller: without retries, and with what remains of the quota."""
        path = f"jobs/{path_segment(name)}"
        answer = yield self._request("GET", path, options=options)
        job = read_job(self.spelling, resource(answer, f"GET {path}"))
        return Polled((job,), None, remaining_reads(answer))

    def poll_jobs(self, next_link: str | None = None) -> Flow[Polled]:
        """A page of :meth:`list_jobs` for a poller: without retries, and with what remains of the quota."""
        asked = "GET jobs"
        link = self._next(next_link, self.cloud.resource_manager)
        call = Call(HttpRequest("GET", link), asked) if link else self._request("GET", "jobs")
        answer = yield call._replace(options=BRIEF)
        page = checked(answer, asked)
        jobs = tuple(map(partial(read_job, self.spelling), page.get("value") or ()))
        return Polled(jobs, page.get("nextLink") or None, remaining_reads(answer))

    def cancel_job(self, name: str, *, patience: float | None = None) -> Flow[None]:
        """Ask for a job's end. It ends some time later; a job that has ended is no error.

        :param patience: seconds for each answer, with all that it needs, and without retries; None: as every
            request.
        :raises NotFoundError: if there is no such job.
        """
        options = brief(patience)
        path = f"jobs/{path_segment(name)}"
        answer = yield self._request("POST", f"{path}/cancel", options=options)
        # What the service says to the cancel of an ended job is documented for pipelines only: 400.
        if answer.status_code in (400, 409):
            look = yield self._request("GET", path, options=options)
            if read_job(self.spelling, resource(look, f"GET {path}")).outcome is not Outcome.ACTIVE:
                return
        checked(answer, f"POST {path}/cancel")

    def find_registered(self, output: Output, uri: str) -> Flow[str | None]:
        """The version of data, or of a model, as which a job has registered an output: the one at this place.

        None if it is none of the last ones, or nothing has this name.
        """
        is_model = output.type in MODEL_TYPES
        path = f"{'models' if is_model else 'data'}/{path_segment(output.name or '')}/versions"
        read = partial(read_model, self.spelling) if is_model else partial(read_data, self.spelling)
        try:
            answer = yield from self._get(path, {**NEWEST_FIRST, "$top": str(REGISTERED_PAGE)})
        except NotFoundError:
            return None
        for version in answer.get("value") or ():
            found = read(version)
            if lies_at(found.uri, uri, self.workspace):
                return found.version
        return None
