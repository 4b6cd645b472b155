"""The current state of jobs, for all pages of a process: each job is read once, however many people look.

The status comes from the poller that triggers use, within the same budget. Everything else on a page is read
when a page requests it, at most once in PART_SECONDS. A job that nobody requests is dropped after IDLE
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
"""Seconds after which a job that no page requests is dropped."""
POLL_INTERVAL = 30.0
"""Maximum seconds between two reads of a job; the poller reads a young job more often."""
PART_SECONDS = 5.0
"""Minimum seconds between two reads of a log, of metrics and the like."""
SETTLE_SECONDS = 60.0
"""Seconds after a job's end in which metrics and logs may still arrive."""
PATIENCE = 20.0
"""Seconds that a page waits for an answer of Azure ML."""
READ_PATIENCE = 120.0
"""Seconds for a read, including all its requests."""
MAX_METRICS = 24
"""Metrics whose history is read."""
MAX_ENDED = 10_000
"""Jobs whose final status is remembered."""


class JobRef(NamedTuple):
    """A job, and how to read it."""

    conn_id: str
    api_version: str | None
    """Overrides the api-version of the connection."""
    name: str


class Status(NamedTuple):
    """A job's status, the time of its end (seconds since the epoch), and the task that its tags name."""

    status: str
    ended_at: float | None
    made_for: TaskKey | None


class CachedRead(Generic[T]):
    """Something about a job that is read at most every PART_SECONDS, and never again once it is final.

    If a read takes longer than a page waits, it continues, and the page gets its result with a later request.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self.value: T | None = None
        self.error: str | None = None
        """Why the last read failed; the value is then the previous one."""
        self._read = read
        self._read_at = float("-inf")
        self._final = False
        self._reading: asyncio.Task[None] | None = None

    async def get(self, *, settled: bool) -> T | None:
        """The value, read again if it is time; None if it could not be read yet.

        :param settled: whether the value will not change any more.
        """
        if self._reading is None and not self._final and time.monotonic() - self._read_at >= PART_SECONDS:
            self._reading = asyncio.create_task(self._read_once(settled=settled))
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=PATIENCE)
        return self.value

    async def close(self) -> None:
        """End a read that is running."""
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
            log.exception("Part of an Azure ML job could not be read.")
            self.error = "It could not be read; the API server's log says why."
        finally:
            self._read_at = time.monotonic()
            self._reading = None


class LiveJob:
    """A job for which at least one page was open recently."""

    def __init__(self, name: str, watcher: Watcher, hook: AzureMLHook) -> None:
        self.name = name
        self.job: Job | None = None
        self.error: str | None = None
        """Why the job cannot be read now; the job is then as it was last read."""
        self.missing = False
        """Whether the job does not exist."""
        self.seen: list[tuple[str, float]] = []
        """Its statuses while a page was open, each with seconds since the epoch."""
        self.asked_at = time.monotonic()
        self.ended_at: float | None = None
        """Seconds since the epoch; None: the job is active, or its end is not known yet."""
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
        """Whether the job may still change its status; also True for a job that was never read."""
        return self.job is None or self.job.outcome is Outcome.ACTIVE

    @property
    def settled(self) -> bool:
        """Whether it ended so long ago that it will not change any more."""
        return self.ended_at is not None and time.time() - self.ended_at > SETTLE_SECONDS

    @property
    def made_for(self) -> TaskKey | None:
        """The task instance that the job's tags name."""
        return made_for(self.job) if self.job else None

    @property
    def studio_url(self) -> str:
        """The job's page in Azure ML Studio. Only for a job that has been read."""
        assert self.job is not None, "it has been read"  # noqa: S101
        return self._hook.studio_url(self.job)

    async def first_look(self, patience: float = PATIENCE) -> None:
        """Wait until the job or an error is known, at most this many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._first_look.wait()

    async def close(self) -> None:
        """Stop following the job."""
        self._task.cancel()
        await asyncio.wait({self._task})
        for part in (self.run, self.metrics, self.trials, self.log):
            await part.close()

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

    async def _read_metrics(self) -> dict[str, list[MetricPoint]]:
        """Histories; reads only those that have changed since the last time."""
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
    """The jobs of the open pages in this process. Created and used in one event loop."""

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

    async def _workspace(self, job: JobRef) -> _Workspace:
        key = (job.conn_id, job.api_version)
        workspace = self._workspaces.get(key)
        if workspace is None or workspace.closed:
            workspace = self._workspaces[key] = _Workspace(*key)
        await workspace.open()
        return workspace


class _Workspace:
    """A connection that pages use: its watcher, and the jobs that it follows."""

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

    async def _keep(self) -> None:
        """Keep the watcher open as long as somebody requests a job."""
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
