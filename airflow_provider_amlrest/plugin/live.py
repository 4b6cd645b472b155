"""The current state of jobs and endpoints, for all pages of a process: each is read once, however many look.

The status comes from the poller that triggers use, within the same budget. Everything else on a page is read
when a page requests it, at most once in reads.PART_SECONDS. What nobody requests is dropped after IDLE
seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_amlrest.connection import InvalidConnectionError
from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.lifecycle.orphan_jobs import made_for
from airflow_provider_amlrest.lifecycle.ownership import by_person
from airflow_provider_amlrest.plugin.endpoints import LiveEndpoint
from airflow_provider_amlrest.plugin.reads import PATIENCE
from airflow_provider_amlrest.plugin.runs import LiveRun
from airflow_provider_amlrest.rest.http.errors import AzureMLError, NotFoundError
from airflow_provider_amlrest.rest.poll.shared import shared_watcher
from airflow_provider_amlrest.rest.times import timestamp

if TYPE_CHECKING:
    from airflow_provider_amlrest.lifecycle.task_state import TaskKey
    from airflow_provider_amlrest.rest.poll.shared import Watch, Watcher

log = logging.getLogger(__name__)

IDLE = 60.0
"""Seconds after which a job or an endpoint that no page requests is dropped."""
POLL_INTERVAL = 30.0
"""Maximum seconds between two reads of a job; the poller reads a young job more often."""
MAX_ENDED = 10_000
"""Jobs whose final status is remembered."""


class JobRef(NamedTuple):
    """A job, and how to read it."""

    conn_id: str
    api_version: str | None
    """Overrides the api-version of the connection."""
    name: str


class EndpointRef(NamedTuple):
    """An online endpoint, and how to read it."""

    conn_id: str
    api_version: str | None
    """Overrides the api-version of the connection."""
    name: str


class Status(NamedTuple):
    """A job's status, the time of its end (seconds since the epoch), and the task that its tags name."""

    status: str
    ended_at: float | None
    made_for: TaskKey | None


class LiveJob(LiveRun):
    """A job for which at least one page was open recently."""

    def __init__(self, name: str, watcher: Watcher, hook: AzureMLHook) -> None:
        super().__init__(name, watcher.client, hook)
        self.missing = False
        """Whether the job does not exist."""
        self._watcher = watcher
        self._first_look = asyncio.Event()
        self._task = asyncio.create_task(self._follow(), name=f"Azure ML pages: {name}")

    @property
    def made_for(self) -> TaskKey | None:
        """The task instance that the job's tags name."""
        return made_for(self.job) if self.job else None

    async def first_look(self, patience: float = PATIENCE) -> None:
        """Wait until the job or an error is known, at most this many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._first_look.wait()

    async def close(self) -> None:
        """Stop following the job."""
        self._task.cancel()
        await asyncio.wait({self._task})
        await super().close()

    async def cancel(self, who: str) -> None:
        """Request the job's cancellation, and note on it who did. Raises AzureMLError."""
        async with asyncio.timeout(PATIENCE):
            await self._watcher.client.end_job(self.name, note=by_person(who))

    async def _follow(self) -> None:
        watch = self._watcher.watch(self.name, poll_interval=POLL_INTERVAL)
        try:
            while self.active:
                await self._look(watch)
                if self.active:
                    self._first_look.set()
        finally:
            watch.close()
        await self.run.get(settled=False)
        ended = timestamp(self.run.value.end_time) if self.run.value else None
        self.ended_at = ended or time.time()
        self._first_look.set()

    async def _look(self, watch: Watch) -> None:
        look = await watch.next(None)
        if look is None:
            return
        self.error = str(look.error) if look.error else None
        self.missing = isinstance(look.error, NotFoundError)
        if look.job is not None:
            if self.job is None or look.job.status != self.job.status:
                self.seen.append((look.job.status, time.time()))
            self.job = look.job


class JobCache:
    """The jobs and endpoints of the open pages in this process. Created and used in one event loop."""

    def __init__(self) -> None:
        self._workspaces: dict[tuple[str, str | None], _Workspace] = {}
        self._ended: OrderedDict[JobRef, Status] = OrderedDict()

    async def job(self, asked: JobRef) -> LiveJob:
        """The current job, after a first read.

        :raises AzureMLError: in one sentence, if the job cannot be read with the connection.
        """
        workspace = await self._workspace(asked)
        job = workspace.job(asked.name)
        await job.first_look()
        return job

    async def endpoint(self, asked: EndpointRef) -> LiveEndpoint:
        """The endpoint, after a read.

        :raises AzureMLError: in one sentence, if it cannot be read with the connection.
        """
        endpoint = (await self._workspace(asked)).endpoint(asked.name)
        await endpoint.serving.needed(settled=False)
        return endpoint

    async def statuses(
        self, jobs: Iterable[JobRef], patience: float
    ) -> tuple[dict[JobRef, Status], str | None]:
        """The statuses of jobs that are known in time, and why others are not.

        The second does not include that a job does not exist.

        :param patience: seconds to open a connection and for the first reads.
        """
        known: dict[JobRef, Status] = {}
        asked: dict[tuple[str, str | None], list[JobRef]] = {}
        for job in jobs:
            ended = self._ended.get(job)
            if ended is not None:
                known[job] = ended
            else:
                asked.setdefault((job.conn_id, job.api_version), []).append(job)
        errors = await asyncio.gather(*(self._look(known, group, patience) for group in asked.values()))
        return known, next(filter(None, errors), None)

    async def _look(self, known: dict[JobRef, Status], asked: list[JobRef], patience: float) -> str | None:
        """Read the jobs of one connection. Returns why that is not possible, or None."""
        try:
            async with asyncio.timeout(patience):
                workspace = await self._workspace(asked[0])
        except TimeoutError:
            return None
        except AzureMLError as error:
            return str(error)
        jobs = {one: workspace.job(one.name) for one in asked}
        await asyncio.gather(*(job.first_look(patience) for job in jobs.values()))
        for one, job in jobs.items():
            if job.job is not None:
                known[one] = Status(job.job.status, job.ended_at, job.made_for)
                if job.ended_at is not None:
                    self._remember(one, known[one])
        return next((job.error for job in jobs.values() if job.error and not job.missing), None)

    def _remember(self, job: JobRef, status: Status) -> None:
        self._ended[job] = status
        while len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)

    async def _workspace(self, asked: JobRef | EndpointRef) -> _Workspace:
        key = (asked.conn_id, asked.api_version)
        workspace = self._workspaces.get(key)
        if workspace is None or workspace.closed:
            workspace = self._workspaces[key] = _Workspace(*key)
        await workspace.open()
        return workspace


class _Workspace:
    """A connection that pages use: its watcher, the jobs that it follows, and the endpoints."""

    def __init__(self, conn_id: str, api_version: str | None) -> None:
        self.closed = False
        self._conn_id = conn_id
        self._api_version = api_version
        self._asked_at = time.monotonic()
        self._jobs: dict[str, LiveJob] = {}
        self._endpoints: dict[str, LiveEndpoint] = {}
        self._watcher: Watcher | None = None
        self._hook = AzureMLHook(conn_id, api_version)
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep(), name=f"Azure ML pages: {conn_id}")

    async def open(self) -> None:
        """:raises AzureMLError: if the connection cannot be read or is not valid."""
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.shield(self._opened)
        except TimeoutError:
            raise AzureMLError(f"Connection {self._conn_id} could not be opened in time.") from None

    def job(self, name: str) -> LiveJob:
        """The job, which is followed from now on. Only for an open workspace."""
        assert self._watcher is not None, "it is open"  # noqa: S101
        job = self._jobs.get(name)
        if job is None:
            job = self._jobs[name] = LiveJob(name, self._watcher, self._hook)
        self._asked_at = job.asked_at = time.monotonic()
        return job

    def endpoint(self, name: str) -> LiveEndpoint:
        """The endpoint, which is read when it is asked. Only for an open workspace."""
        assert self._watcher is not None, "it is open"  # noqa: S101
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            endpoint = self._endpoints[name] = LiveEndpoint(name, self._watcher, self._hook)
        self._asked_at = endpoint.asked_at = time.monotonic()
        return endpoint

    async def _keep(self) -> None:
        """Keep the watcher open as long as somebody requests something."""
        key = ("pages", self._conn_id, self._api_version)
        try:
            await self._hook.load()
            async with shared_watcher(key, self._hook.async_client) as watcher:
                self._watcher = watcher
                self._opened.set_result(None)
                while time.monotonic() - self._asked_at <= IDLE:
                    await asyncio.sleep(IDLE / 4)
                    await self._let_go()
                self.closed = True
        except Exception as error:
            if self._opened.done():
                raise
            self._opened.set_exception(_explained(error, self._conn_id))
            self._opened.exception()  # nobody may wait for it any more
        finally:
            self.closed = True
            for job in self._jobs.values():
                await job.close()
            for endpoint in self._endpoints.values():
                await endpoint.close()

    async def _let_go(self) -> None:
        for name, endpoint in list(self._endpoints.items()):
            if time.monotonic() - endpoint.asked_at > IDLE:
                del self._endpoints[name]
                await endpoint.close()
        for name, job in list(self._jobs.items()):
            if time.monotonic() - job.asked_at > IDLE:
                del self._jobs[name]
                await job.close()
            else:
                await job.let_go(IDLE)


def _explained(error: Exception, conn_id: str) -> AzureMLError:
    if isinstance(error, (AzureMLError, InvalidConnectionError)):
        return AzureMLError(str(error))
    if isinstance(error, AirflowNotFoundException):
        return AzureMLError(f"There is no connection {conn_id}.")
    log.error("Connection %s could not be opened.", conn_id, exc_info=error)
    return AzureMLError(f"Connection {conn_id} could not be opened; the API server's log says why.")
