"""Jobs as they are now, for all pages of a process: each is read once, however many look.

The status comes from the same poller that triggers use, within the same budget; what else a page shows is
read when a page asks for it, and no more often than PART_SECONDS. What nobody asks for is let go after IDLE
seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_amlrest.connection import InvalidConnectionError
from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.lifecycle.orphan_jobs import made_for
from airflow_provider_amlrest.lifecycle.ownership import by_person
from airflow_provider_amlrest.rest.http.errors import AzureMLError, NotFoundError
from airflow_provider_amlrest.rest.jobs.status import Outcome
from airflow_provider_amlrest.rest.poll.shared import shared_watcher
from airflow_provider_amlrest.rest.runs.log_tail import LogTail
from airflow_provider_amlrest.rest.times import timestamp

if TYPE_CHECKING:
    from airflow_provider_amlrest.lifecycle.task_state import TaskKey
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.poll.shared import Watch, Watcher
    from airflow_provider_amlrest.rest.runs.run import MetricPoint, Run, SweepTrial

T = TypeVar("T")
log = logging.getLogger(__name__)

IDLE = 60.0
"""Seconds after which a job that no page asks for is let go."""
POLL_INTERVAL = 30.0
"""Seconds between two looks at a job, at most; the poller makes it less while the job is young."""
PART_SECONDS = 5.0
"""Seconds for which a log, metrics and the like are not read again."""
SETTLE_SECONDS = 60.0
"""Seconds after a job's end in which metrics and logs may still come."""
PATIENCE = 20.0
"""Seconds that a page waits for an answer of Azure ML."""
READ_PATIENCE = 120.0
"""Seconds for a read with all its requests."""
MAX_METRICS = 24
"""Metrics whose history is read."""
MAX_ENDED = 10_000
"""Jobs whose final status is remembered."""


class JobRef(NamedTuple):
    """A job, and how it is read."""

    conn_id: str
    api_version: str | None
    """Instead of the connection's."""
    name: str


class Status(NamedTuple):
    """A job's status, when it has ended in seconds since the epoch, and which task its tags name."""

    status: str
    ended_at: float | None
    made_for: TaskKey | None


class CachedRead(Generic[T]):
    """Something about a job that is read at most every PART_SECONDS, and never again once it is final.

    A read that takes longer than a page waits goes on, for the page to have the next time that it asks.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self.value: T | None = None
        self.error: str | None = None
        """Why the last read failed; the value is the one before."""
        self._read = read
        self._read_at = float("-inf")
        self._final = False
        self._reading: asyncio.Task[None] | None = None

    async def get(self, *, settled: bool) -> T | None:
        """The value, read anew if it is time; None: it could not be read yet.

        :param settled: what is read now will not change any more.
        """
        if self._reading is None and not self._final and time.monotonic() - self._read_at >= PART_SECONDS:
            self._reading = asyncio.create_task(self._read_once(settled=settled))
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=PATIENCE)
        return self.value

    async def close(self) -> None:
        """End a read that goes on."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _read_once(self, *, settled: bool) -> None:
        try:
            async with asyncio.timeout(READ_PATIENCE):
                self.value = await self._read()
            self.error, self._final = None, settled
        except TimeoutError:
            self.error = f"Azure ML has not answered within {READ_PATIENCE:.0f} s."
        except AzureMLError as error:
            self.error = str(error)
        except Exception:
            log.exception("Something of an Azure ML job could not be read.")
            self.error = "It could not be read; the API server's log says why."
        finally:
            self._read_at = time.monotonic()
            self._reading = None


class LiveJob:
    """One job that at least one page has been open on of late."""

    def __init__(self, name: str, watcher: Watcher, hook: AzureMLHook) -> None:
        self.name = name
        self.job: Job | None = None
        self.error: str | None = None
        """Why the job cannot be seen now; the job is as it was seen last."""
        self.missing = False
        """Whether there is no such job."""
        self.seen: list[tuple[str, float]] = []
        """Its statuses since a page is open on it, each with seconds since the epoch."""
        self.asked_at = time.monotonic()
        self.ended_at: float | None = None
        """Seconds since the epoch; None: it is active, or its end is still looked up."""
        self.log_lines: list[str] = []
        self.run: CachedRead[Run] = CachedRead(lambda: watcher.client.get_run(name))
        self.metrics: CachedRead[dict[str, list[MetricPoint]]] = CachedRead(self._read_metrics)
        self.trials: CachedRead[list[SweepTrial]] = CachedRead(lambda: watcher.client.list_trials(name))
        self.log: CachedRead[list[str]] = CachedRead(self._read_log)
        self._watcher = watcher
        self._hook = hook
        self._last_values: dict[str, float] = {}
        self._tail = LogTail()
        self._first_look = asyncio.Event()
        self._task = asyncio.create_task(self._follow(), name=f"Azure ML pages: {name}")

    @property
    def active(self) -> bool:
        """Whether the job may still change its status. One that was never seen is."""
        return self.job is None or self.job.outcome is Outcome.ACTIVE

    @property
    def settled(self) -> bool:
        """Whether it has ended so long ago that nothing of it will change any more."""
        return self.ended_at is not None and time.time() - self.ended_at > SETTLE_SECONDS

    @property
    def made_for(self) -> TaskKey | None:
        """The task instance that the job's tags name."""
        return made_for(self.job) if self.job else None

    @property
    def studio_url(self) -> str:
        """The job's page in Azure ML Studio. For a job that has been seen."""
        assert self.job is not None, "it has been seen"  # noqa: S101
        return self._hook.studio_url(self.job)

    async def first_look(self, patience: float = PATIENCE) -> None:
        """Wait until the job or an error is known, at most this many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._first_look.wait()

    async def close(self) -> None:
        """Follow it no more."""
        self._task.cancel()
        await asyncio.wait({self._task})
        for part in (self.run, self.metrics, self.trials, self.log):
            await part.close()

    async def cancel(self, who: str) -> None:
        """Ask for the job's end, and note on it whose wish that is. Raises AzureMLError."""
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

    async def _read_metrics(self) -> dict[str, list[MetricPoint]]:
        """Histories; only of those that have changed since the last time."""
        client = self._watcher.client
        values = await client.get_metrics(self.name)
        histories = dict(self.metrics.value or {})
        for key in sorted(values)[:MAX_METRICS]:
            if key not in histories or self._last_values.get(key) != values[key]:
                histories[key] = await client.get_metric_history(self.name, key)
        self._last_values = values
        return histories

    async def _read_log(self) -> list[str]:
        final = not self.active
        self.log_lines += await self._watcher.client.read_log(self.name, self._tail, final)
        return self.log_lines


class JobCache:
    """The jobs that pages of this process are open on. Made and used in one event loop."""

    def __init__(self) -> None:
        self._workspaces: dict[tuple[str, str | None], _Workspace] = {}
        self._ended: OrderedDict[JobRef, Status] = OrderedDict()

    async def job(self, asked: JobRef) -> LiveJob:
        """The job as it is now, after a first look at it.

        :raises AzureMLError: in one sentence, if the connection does not allow to look at it.
        """
        workspace = await self._workspace(asked)
        job = workspace.job(asked.name)
        await job.first_look()
        return job

    async def statuses(
        self, jobs: Iterable[JobRef], patience: float
    ) -> tuple[dict[JobRef, Status], str | None]:
        """The statuses of jobs, as far as they are known by then; why some are not.

        That there is no such job is no reason that is told.

        :param patience: seconds, for a connection to be opened and for the first looks.
        """
        known: dict[JobRef, Status] = {}
        asked: dict[tuple[str, str | None], list[JobRef]] = {}
        for job in jobs:
            ended = self._ended.get(job)
            if ended is not None:
                known[job] = ended
            else:
                asked.setdefault((job.conn_id, job.api_version), []).append(job)
        told = await asyncio.gather(*(self._look(known, group, patience) for group in asked.values()))
        return known, next(filter(None, told), None)

    async def _look(self, known: dict[JobRef, Status], asked: list[JobRef], patience: float) -> str | None:
        """Look at jobs of one connection; why that cannot be, if it cannot."""
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

    async def _workspace(self, job: JobRef) -> _Workspace:
        key = (job.conn_id, job.api_version)
        workspace = self._workspaces.get(key)
        if workspace is None or workspace.closed:
            workspace = self._workspaces[key] = _Workspace(*key)
        await workspace.open()
        return workspace


class _Workspace:
    """A connection that pages use: its watcher, and the jobs that are followed by it."""

    def __init__(self, conn_id: str, api_version: str | None) -> None:
        self.closed = False
        self._conn_id = conn_id
        self._api_version = api_version
        self._asked_at = time.monotonic()
        self._jobs: dict[str, LiveJob] = {}
        self._watcher: Watcher | None = None
        self._hook = AzureMLHook(conn_id, api_version)
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep(), name=f"Azure ML pages: {conn_id}")

    async def open(self) -> None:
        """:raises AzureMLError: if the connection cannot be read or makes no sense."""
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.shield(self._opened)
        except TimeoutError:
            raise AzureMLError(f"Connection {self._conn_id} could not be opened in time.") from None

    def job(self, name: str) -> LiveJob:
        """The job, followed from now on. For an open workspace."""
        assert self._watcher is not None, "it is open"  # noqa: S101
        job = self._jobs.get(name)
        if job is None:
            job = self._jobs[name] = LiveJob(name, self._watcher, self._hook)
        self._asked_at = job.asked_at = time.monotonic()
        return job

    async def _keep(self) -> None:
        """Keep the watcher open as long as somebody asks for a job."""
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
            self._opened.exception()  # whoever waited for it may be gone
        finally:
            self.closed = True
            for job in self._jobs.values():
                await job.close()

    async def _let_go(self) -> None:
        for name, job in list(self._jobs.items()):
            if time.monotonic() - job.asked_at > IDLE:
                del self._jobs[name]
                await job.close()


def _explained(error: Exception, conn_id: str) -> AzureMLError:
    if isinstance(error, (AzureMLError, InvalidConnectionError)):
        return AzureMLError(str(error))
    if isinstance(error, AirflowNotFoundException):
        return AzureMLError(f"There is no connection {conn_id}.")
    log.error("Connection %s could not be opened.", conn_id, exc_info=error)
    return AzureMLError(f"Connection {conn_id} could not be opened; the API server's log says why.")
