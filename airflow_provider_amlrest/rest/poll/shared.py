"""Waiting for news of jobs in an event loop: all who wait under the same key share one client and one task.

It carries out the decisions of a :class:`schedule.Poller`. No read is retried: the poller decides about the
next one.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from math import inf
from random import Random
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from airflow_provider_amlrest.rest.http.errors import AuthenticationError, AzureMLError
from airflow_provider_amlrest.rest.poll.look import Look, answered, failed
from airflow_provider_amlrest.rest.poll.schedule import Poller, Read, ReadJob

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.aio import AsyncAzureMLClient
    from airflow_provider_amlrest.rest.jobs.operations import Polled

log = logging.getLogger(__name__)

OPEN_TIMEOUT = 60.0
"""Seconds for a client to open."""
REOPEN_SECONDS = 60.0
"""A client whose identity is refused is opened anew at most this often."""
CONFUSED_SECONDS = 5.0
"""The pause after an error that was not foreseen."""


AT_ONCE = 100
"""Waits that are woken in one pass of the event loop: thousands would hold it up."""


class Watch:
    """One wait for one job, in an event loop. Made by :meth:`Watcher.watch`."""

    def __init__(
        self, name: str, poll_interval: float, status: str, since: float, forget: Callable[[Watch], None]
    ) -> None:
        self.name = name
        self._poll_interval = poll_interval
        self._status = status
        self._since = since
        self._forget = forget
        self._look: Look | None = None
        self._news = asyncio.Event()

    async def next(self, timeout: float | None) -> Look | None:  # noqa: ASYNC109 (part of what it means)
        """The newest look that was not taken yet, or the next one; None: there is none within the timeout.

        There is one for each time that the job is read. When reads fail for reasons that concern all, such as
        an outage, there is one with the error, and none until it is over; an error that concerns this job
        alone comes each time.

        :param timeout: seconds; None: as long as it takes.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            return None
        self._news.clear()
        look, self._look = self._look, None
        return look

    def close(self) -> None:
        """Wait no longer."""
        self._forget(self)

    def _tell(self, look: Look) -> None:
        ended = self._look is not None and self._look.job and not self._look.job.is_active
        if not (ended and look.error):
            self._look = look
            self._news.set()


class Watcher:
    """All waits under one key in one event loop. Got from :func:`shared_watcher`."""

    def __init__(self, open_client: Callable[[], AbstractAsyncContextManager[AsyncAzureMLClient]]) -> None:
        self.users = 0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._at_the_door: deque[asyncio.Future[None]] = deque()
        self._open_client = open_client
        self._client: AsyncAzureMLClient | None = None
        self._current, self._previous = AsyncExitStack(), AsyncExitStack()
        self._opened_at = -inf
        self._refused = False
        self._poller = Poller(Random())  # noqa: S311 (nothing to guard)
        self._watches: dict[str, list[Watch]] = {}
        self._error: AzureMLError | None = None
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="Azure ML job watcher")

    @property
    def client(self) -> AsyncAzureMLClient:
        """The shared client, for other requests. Ask for it anew each time: it may be replaced."""
        assert self._client is not None, "watchers are handed out open"  # noqa: S101
        return self._client

    def watch(self, name: str, *, poll_interval: float, status: str = "", age: float = 0.0) -> Watch:
        """Wait for news of a job. Several may wait for the same.

        :param poll_interval: seconds between two reads of it at most; less while it is young or about to end.
        :param status: the last one that is known; none: it is read at once.
        :param age: seconds since it was submitted.
        """
        watch = Watch(name, poll_interval, status, time.monotonic() - age, self._forget)
        self._watches.setdefault(name, []).append(watch)
        self._add(watch)
        if self._poller.bad_weather and self._error is not None:
            watch._tell(Look(None, self._error))
        self._changed.set()
        return watch

    async def enter(self) -> None:
        """Wait until the client is open. Raises why it cannot be opened. For :func:`shared_watcher`."""
        if not self.opened.done():
            turn = asyncio.get_running_loop().create_future()
            self._at_the_door.append(turn)
            await turn
        self.opened.result()

    async def close(self) -> None:
        """End the task and close the client. For :func:`shared_watcher`."""
        self._task.cancel()
        # Who is cancelled while it waits here still leaves nothing open: the task goes on to its end.
        await asyncio.wait({self._task})

    def _add(self, watch: Watch) -> None:
        now = time.monotonic()
        self._poller.add(
            watch.name,
            now,
            poll_interval=watch._poll_interval,
            status=watch._status,
            age=now - watch._since,
        )

    def _forget(self, watch: Watch) -> None:
        watches = self._watches.get(watch.name, [])
        if watch in watches:
            watches.remove(watch)
            if not watches:
                del self._watches[watch.name]
                self._poller.remove(watch.name)

    # the background task

    async def _run(self) -> None:
        try:
            await self._open()
            self.opened.set_result(None)
            await self._let_in()
            async with asyncio.TaskGroup() as reads:
                while True:
                    await self._step(reads)
        except BaseException as error:
            if self.opened.done():
                raise
            self.opened.set_exception(error)
            self.opened.exception()  # whoever waited for it may be gone
            await self._let_in()
        finally:
            await self._previous.aclose()
            await self._current.aclose()

    async def _let_in(self) -> None:
        for count in itertools.count(1):
            if not self._at_the_door:
                return
            turn = self._at_the_door.popleft()
            if not turn.done():
                turn.set_result(None)
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _open(self) -> None:
        self._opened_at, self._refused = time.monotonic(), False
        opened = AsyncExitStack()
        self._client = await opened.enter_async_context(self._open_client())
        # Somebody may be in the middle of a request on the last one.
        await self._previous.aclose()
        self._previous, self._current = self._current, opened

    async def _step(self, reads: asyncio.TaskGroup) -> None:
        """Start a read, or wait for what may be a reason to."""
        self._changed.clear()
        pause = CONFUSED_SECONDS
        try:
            if self._refused and time.monotonic() - self._opened_at >= REOPEN_SECONDS:
                await self._reopen()
            step = self._poller.next(time.monotonic())
            if not isinstance(step, float):
                reads.create_task(self._read(step))
                return
            pause = step
        except Exception as error:
            self._start_anew(error)
        with suppress(TimeoutError):
            async with asyncio.timeout(None if pause == inf else pause):
                await self._changed.wait()

    async def _reopen(self) -> None:
        """The connection's secret may have been renewed since."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await self._open()
        except Exception as error:
            log.warning("The client for Azure ML could not be opened anew: %s", error)

    async def _read(self, read: Read) -> None:
        try:
            try:
                polled = await self._ask(read)
            except AzureMLError as error:
                await self._failed(read, error)
            else:
                await self._answered(read, polled)
        except Exception as error:
            self._start_anew(error)
        finally:
            self._changed.set()

    async def _ask(self, read: Read) -> Polled:
        if isinstance(read, ReadJob):
            return await self.client.poll(read.name)
        return await self.client.poll_jobs(read.link)

    def _start_anew(self, error: Exception) -> None:
        """Something was not foreseen: it must neither go unnoticed nor end the waits."""
        log.error("The job watcher failed in a way that was not foreseen.", exc_info=error)
        self._poller = Poller(Random())  # noqa: S311
        told = AzureMLError(f"The job watcher failed: {type(error).__name__}; it goes on.")
        for watch in [watch for watches in self._watches.values() for watch in watches]:
            self._add(watch)
            watch._tell(Look(None, told))

    async def _answered(self, read: Read, polled: Polled) -> None:
        # The service may write a name's letters in another case than we do.
        jobs = {read.name if isinstance(read, ReadJob) else job.name: job for job in polled.jobs}
        for name in answered(self._poller, read, jobs, polled):
            await self._tell([name], Look(jobs[name], None))

    async def _failed(self, read: Read, error: AzureMLError) -> None:
        self._error = error
        self._refused = self._refused or isinstance(error, AuthenticationError)
        await self._tell(failed(self._poller, read, error), Look(None, error))

    async def _tell(self, names: Iterable[str], look: Look) -> None:
        for count, name in enumerate(names, 1):
            for watch in self._watches.get(name, ()):
                watch._tell(look)
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)


_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, Watcher]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_watcher(
    key: Hashable, open_client: Callable[[], AbstractAsyncContextManager[AsyncAzureMLClient]]
) -> AsyncIterator[Watcher]:
    """The watcher of the running event loop for a key, such as (connection, api-version).

    The first user opens it, the last one closes it. If it cannot be opened, all who wait for that get the
    error, and the next one tries anew.

    :param open_client: makes the client; called again after the service has refused its identity.
    """
    watchers = _watchers.setdefault(asyncio.get_running_loop(), {})
    watcher = watchers.get(key)
    if watcher is None:
        watcher = watchers[key] = Watcher(open_client)
    watcher.users += 1
    try:
        await watcher.enter()
        yield watcher
    finally:
        watcher.users -= 1
        failed = watcher.opened.done() and watcher.opened.exception() is not None
        if watchers.get(key) is watcher and (failed or not watcher.users):
            del watchers[key]
        if not watcher.users:
            await watcher.close()
