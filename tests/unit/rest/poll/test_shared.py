"""Thousands of waits in one event loop: it is never held up by waking all of them at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import AzureMLError, UnreachableError
from airflow_provider_amlrest.rest.poll.shared import AT_ONCE, Poller, shared_watcher

WAITS = 10 * AT_ONCE


class Passes:
    """Counts what happens in each pass of the event loop."""

    def __init__(self) -> None:
        self.number = 0
        self.counts: Counter[int] = Counter()
        self._task = asyncio.create_task(self._count())

    async def _count(self) -> None:
        while True:
            self.number += 1
            await asyncio.sleep(0)

    def note(self) -> None:
        self.counts[self.number] += 1

    def close(self) -> None:
        self._task.cancel()


class Nobody:
    """A client that gets no answer."""

    async def poll_job(self, name: str) -> Any:
        raise UnreachableError(f"GET jobs/{name}", "reset")

    poll_jobs = poll_job


@pytest.mark.parametrize("opens", [True, False])
async def test_waits_that_began_before_the_client_was_open(*, opens: bool) -> None:
    may_open = asyncio.Event()

    @asynccontextmanager
    async def open_client() -> AsyncIterator[Any]:
        await may_open.wait()
        if not opens:
            raise AzureMLError("no")
        yield Nobody()

    passes, refused = Passes(), 0

    async def wait() -> None:
        nonlocal refused
        try:
            async with shared_watcher("waits", open_client):
                passes.note()
        except AzureMLError:
            refused += 1
            passes.note()

    async with asyncio.TaskGroup() as waits:
        for _ in range(WAITS):
            waits.create_task(wait())
        await asyncio.sleep(0)
        may_open.set()
    passes.close()
    assert refused == (0 if opens else WAITS)
    assert passes.counts.total() == WAITS
    assert max(passes.counts.values()) <= 2 * AT_ONCE


async def test_an_outage_is_told_to_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Poller, "failed", lambda self, *failure: list(self._jobs))

    @asynccontextmanager
    async def open_client() -> AsyncIterator[Any]:
        yield Nobody()

    passes = Passes()

    async def wait(name: str) -> None:
        async with shared_watcher("told", open_client) as watcher:
            watch = watcher.watch(name, poll_interval=60, status="Running")
            look = await watch.next(None)
            assert look is not None
            assert look.error is not None
            passes.note()
            watch.close()

    async with asyncio.TaskGroup() as waits:
        for number in range(WAITS):
            waits.create_task(wait(f"job-{number}"))
    passes.close()
    assert passes.counts.total() == WAITS
    assert max(passes.counts.values()) <= 2 * AT_ONCE
