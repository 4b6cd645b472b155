"""Watches on jobs, in a worker and in an event loop. When to look is for :class:`poller.Poller` to say."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from airflow_provider_amlrest.rest.errors import (
    AuthenticationError,
    AzureMLError,
    NotFoundError,
    PermissionDeniedError,
    ResponseError,
    ThrottledError,
)
from airflow_provider_amlrest.rest.poller import Get, Page, Poller, Read

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.aio import AsyncAzureMLClient
    from airflow_provider_amlrest.rest.client import AzureMLClient
    from airflow_provider_amlrest.rest.model import Job

log = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds that a read may take. It has no retries of its own: the next look is one."""

REOPEN_AFTER = 60.0
"""Seconds before a client that is refused is opened anew: the connection's secret may have been changed."""


class Look(NamedTuple):
    """A job as it is now, or why it could not be looked at."""

    job: Job | None
    error: AzureMLError | None


def _is_of_one_job(error: AzureMLError) -> bool:
    return isinstance(error, NotFoundError | PermissionDeniedError)


def _tell_failure(poller: Poller, read: Read, error: AzureMLError) -> None:
    now = time.monotonic()
    if isinstance(read, Get) and _is_of_one_job(error):
        poller.answered(read, now)
        poller.missed(read.name, now)
    else:
        retry_after = error.retry_after if isinstance(error, ResponseError) else None
        poller.failed(read, now, retry_after, throttled=isinstance(error, ThrottledError))


class JobWatch:
    """A watch on one job by a client of one's own; for a worker."""

    def __init__(self, client: AzureMLClient, name: str, poll_interval: float, status: str) -> None:
        self._client = client
        self._poller = Poller()
        self._poller.add(name, poll_interval, time.monotonic(), status)

    def next(self, timeout: float | None) -> Look | None:
        """The next look; None if there was none within ``timeout`` seconds."""
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            now = time.monotonic()
            step = self._poller.next(now)
            if isinstance(step, Get):
                return self._look(step)
            if isinstance(step, Page):
                raise AssertionError("one job is never looked for in the list")
            if now + step >= end:
                time.sleep(max(0.0, end - now))
                return None
            time.sleep(step)

    def _look(self, read: Get) -> Look:
        try:
            job = self._client.get_job(read.name, patience=PATIENCE)
        except AzureMLError as error:
            _tell_failure(self._poller, read, error)
            return Look(None, error)
        now = time.monotonic()
        self._poller.answered(read, now, self._client.operations.remaining_reads)
        self._poller.seen(job.name, job.status, now)
        return Look(job, None)


def watch_job(client: AzureMLClient, name: str, *, poll_interval: float, status: str = "") -> JobWatch:
    """Watch one job in a worker.

    :param poll_interval: seconds between two looks, at most.
    :param status: the job's status as far as it is known.
    """
    return JobWatch(client, name, poll_interval, status)


class Watch:
    """A watch on one job, of a :class:`Watcher`."""

    def __init__(self, watcher: Watcher, name: str) -> None:
        self._watcher = watcher
        self.name = name
        self._news: Look | None = None
        self._arrived = asyncio.Event()

    async def next(self, timeout: float | None) -> Look | None:  # noqa: ASYNC109 (the same as in a worker)
        """The next look, of several the newest; None if there was none within ``timeout`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._arrived.wait()
        self._arrived.clear()
        news, self._news = self._news, None
        return news

    def close(self) -> None:
        """Nobody waits for it any more."""
        self._watcher._drop(self)

    def _tell(self, look: Look) -> None:
        self._news = look
        self._arrived.set()


class Watcher:
    """All watches of an event loop in one workspace with one identity: one client, one poller, one task."""

    def __init__(self, open_client: Callable[[], AbstractAsyncContextManager[AsyncAzureMLClient]]) -> None:
        self.users = 0
        self.client: AsyncAzureMLClient
        self._open_client = open_client
        self._poller = Poller()
        self._watches: dict[str, list[Watch]] = {}
        self._reads: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._refused = False
        self._opened = asyncio.get_running_loop().create_future()
        # Not in the context of the task that happens to be the first: its log is not everybody's.
        self._task = asyncio.create_task(self._run(), context=contextvars.Context())

    async def opened(self) -> None:
        """Wait until there is a client. Raises what opening it raised."""
        await asyncio.shield(self._opened)

    def watch(self, name: str, *, poll_interval: float, status: str = "") -> Watch:
        """Watch a job; parameters as :func:`watch_job`. Close the watch in the end."""
        watch = Watch(self, name)
        self._watches.setdefault(name, []).append(watch)
        self._poller.add(name, poll_interval, time.monotonic(), status)
        self._changed.set()
        return watch

    async def close(self) -> None:
        """End the task and close the client."""
        self._task.cancel()
        await asyncio.wait([self._task])

    def _drop(self, watch: Watch) -> None:
        self._watches[watch.name].remove(watch)
        if not self._watches[watch.name]:
            del self._watches[watch.name]
        self._poller.remove(watch.name)
        self._changed.set()

    async def _run(self) -> None:
        try:
            while True:
                async with AsyncExitStack() as stack:
                    self.client = await stack.enter_async_context(self._open_client())
                    stack.push_async_callback(self._end_reads)
                    if not self._opened.done():
                        self._opened.set_result(None)
                    await self._read_until_refused(time.monotonic() + REOPEN_AFTER)
        except Exception as error:
            if self._opened.done():
                # A client that cannot be opened anew: everybody begins again, and waits in between.
                self._tell_all(Look(None, AzureMLError(f"No client could be opened: {error}")))
            else:
                self._opened.set_exception(error)

    async def _read_until_refused(self, reopen_from: float) -> None:
        self._refused = False
        while not (self._refused and time.monotonic() >= reopen_from):
            self._changed.clear()
            step = self._poller.next(time.monotonic())
            if isinstance(step, float):
                with suppress(TimeoutError):
                    async with asyncio.timeout(step if math.isfinite(step) else None):
                        await self._changed.wait()
            else:
                task = asyncio.create_task(self._read(step))
                self._reads.add(task)
                task.add_done_callback(self._reads.discard)

    async def _end_reads(self) -> None:
        for task in self._reads:
            task.cancel()
        if self._reads:
            await asyncio.wait(self._reads)

    async def _read(self, read: Read) -> None:
        try:
            if isinstance(read, Get):
                jobs, link = [await self.client.get_job(read.name, patience=PATIENCE)], None
            else:
                page = await self.client.get_page_of_jobs(read.link, patience=PATIENCE)
                jobs, link = list(page.items), page.next_link
        except AzureMLError as error:
            self._failed(read, error)
        except Exception as error:
            log.exception("A read of jobs went wrong")
            self._failed(read, AzureMLError(f"A read of jobs went wrong: {type(error).__name__}"))
        else:
            self._succeeded(read, jobs, link)
        finally:
            self._changed.set()

    def _succeeded(self, read: Read, jobs: list[Job], link: str | None) -> None:
        now = time.monotonic()
        was_in_trouble = self._poller.in_trouble
        self._poller.answered(read, now, self.client.operations.remaining_reads)
        for job in jobs:
            self._poller.seen(job.name, job.status, now)
            for watch in self._watches.get(job.name, ()):
                watch._tell(Look(job, None))
        if isinstance(read, Page):
            self._poller.listed(read, [job.name for job in jobs], link, now)
        if was_in_trouble:
            self._refused = False

    def _failed(self, read: Read, error: AzureMLError) -> None:
        was_in_trouble = self._poller.in_trouble
        _tell_failure(self._poller, read, error)
        if isinstance(read, Get) and _is_of_one_job(error):
            for watch in self._watches.get(read.name, ()):
                watch._tell(Look(None, error))
        elif not was_in_trouble or isinstance(error, AuthenticationError) != self._refused:
            self._refused = isinstance(error, AuthenticationError)
            self._tell_all(Look(None, error))

    def _tell_all(self, look: Look) -> None:
        for watches in self._watches.values():
            for watch in watches:
                watch._tell(look)


_watchers: WeakKeyDictionary[Any, dict[Hashable, Watcher]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_watcher(
    key: Hashable, open_client: Callable[[], AbstractAsyncContextManager[AsyncAzureMLClient]]
) -> AsyncIterator[Watcher]:
    """The watcher of this key in this event loop, for a ``with`` block. The first opens, the last closes it.

    :param key: what the workspace and the identity are the same of.
    :param open_client: opens a client. What it raises goes to all who wait for it; the next tries again.
    """
    watchers = _watchers.setdefault(asyncio.get_running_loop(), {})
    watcher = watchers.get(key)
    if watcher is None:
        watcher = watchers[key] = Watcher(open_client)
    watcher.users += 1
    try:
        await watcher.opened()
        yield watcher
    finally:
        watcher.users -= 1
        if not watcher.users:
            if watchers.get(key) is watcher:
                del watchers[key]
            await watcher.close()
