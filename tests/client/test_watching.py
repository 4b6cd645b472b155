"""Waiting for jobs, many by one watcher or one in a thread, over HTTP against the emulator."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import uuid
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest

from airflow_provider_amlrest.rest import AsyncAzureMLClient, AzureMLError, WorkspaceId
from airflow_provider_amlrest.rest.http.cloud import custom_cloud
from airflow_provider_amlrest.rest.http.credentials import ClientSecret, async_credential
from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    NotFoundError,
    ServiceError,
    UnreachableError,
)
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.poll import shared
from airflow_provider_amlrest.rest.poll.look import Look
from airflow_provider_amlrest.rest.poll.schedule import Poller
from airflow_provider_amlrest.rest.poll.shared import Watch, Watcher, shared_watcher
from airflow_provider_amlrest.rest.poll.single import JobWatch
from tests.support.emulated import Emulated
from tests.support.upload_code import client_of
from tests.support.waiting import PATIENCE

COMMAND = CommandJob(command="true", environment="azureml:AzureML-any:1", compute="cpu-cluster")


class Opener:
    """Opens clients, and knows how many are open."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.opened = self.open = 0
        self.secret = facts["client_secret"]
        self.gate: asyncio.Event | None = None
        self.error: Exception | None = None

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[AsyncAzureMLClient]:
        self.opened += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        facts = self.facts
        cloud = custom_cloud(facts["arm_endpoint"], facts["authority_host"]).trusting(
            facts["ca_bundle"], None
        )
        identity = ClientSecret(facts["tenant_id"], facts["client_id"], self.secret)
        workspace = WorkspaceId(facts["subscription_id"], facts["resource_group"], facts["workspace_name"])
        self.open += 1
        try:
            async with (
                async_credential(identity, cloud) as credential,
                AsyncAzureMLClient(credential, workspace, cloud=cloud) as client,
            ):
                yield client
        finally:
            self.open -= 1


@pytest.fixture
def opener(emulator: Emulated) -> Opener:
    return Opener(emulator.facts)


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture
def submit(emulator: Emulated) -> Iterator[Callable[..., str]]:
    """Submits a job that runs for so many seconds; its name is of this test alone."""
    test = f"watched-{uuid.uuid4().hex}"
    with client_of(emulator.facts) as client:

        def submit(number: int = 0, *, seconds: float = 600.0) -> str:
            name = f"{test}-{number}"
            tags = {"emulator.seconds": str(seconds)}
            client.create_job(name, CommandJob(**{**vars(COMMAND), "tags": tags}))
            return name

        yield submit


def reads_of(emulator: Emulated, name: str, mark: int) -> int:
    return len(emulator.asked("GET", f"/jobs/{name}$", since=mark))


async def look(watch: Watch, wanted: Callable[[Look], bool] = lambda look: True) -> Look:
    """The first look that is wanted."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await watch.next(None)
            if found is not None and wanted(found):
                return found


def ended(found: Look) -> bool:
    return found.job is not None and found.job.status == "Completed"


def failed(found: Look) -> bool:
    return found.error is not None


def read(found: Look) -> bool:
    return found.job is not None


# an event loop


async def test_the_end_of_a_job_is_seen(opener: Opener, submit: Callable[..., str]) -> None:
    name = submit(seconds=0.2)
    async with shared_watcher("here", opener) as watcher:
        watch = watcher.watch(name, poll_interval=0.1)
        found = await look(watch, ended)
        watch.close()
    assert found.job is not None
    assert found.job.name == name
    assert opener.open == 0


async def test_all_who_wait_share_one_client_and_the_reads(
    emulator: Emulated, opener: Opener, submit: Callable[..., str]
) -> None:
    name, mark = submit(seconds=0.5), emulator.mark()

    async def wait() -> Look:
        async with shared_watcher("here", opener) as watcher:
            return await look(watcher.watch(name, poll_interval=0.2), ended)

    assert len(await asyncio.gather(*(wait() for _ in range(50)))) == 50
    assert (opener.opened, opener.open) == (1, 0)
    assert reads_of(emulator, name, mark) < 50


async def test_other_keys_have_other_clients(opener: Opener) -> None:
    async with shared_watcher("here", opener) as here, shared_watcher("there", opener) as there:
        assert here is not there
        assert here.client is not there.client
    assert (opener.opened, opener.open) == (2, 0)


async def test_the_client_is_there_for_other_requests(opener: Opener, submit: Callable[..., str]) -> None:
    name = submit()
    async with shared_watcher("here", opener) as watcher:
        await watcher.client.cancel_job(name)
        found = await look(watcher.watch(name, poll_interval=0.1), lambda look: look.job.status == "Canceled")  # type: ignore[union-attr]
    assert found.job is not None


async def test_many_are_read_by_pages(emulator: Emulated, opener: Opener, submit: Callable[..., str]) -> None:
    names = [submit(number) for number in range(60)]
    mark = emulator.mark()
    with emulator.setting("page_size", 7):
        async with shared_watcher("here", opener) as watcher:
            watches = [watcher.watch(name, poll_interval=1) for name in names]
            for _ in range(3):
                await asyncio.gather(*(look(watch) for watch in watches))
    pages = len(emulator.asked("GET", "/jobs$", since=mark))
    assert pages >= 9
    assert pages + len(emulator.asked("GET", "/jobs/[^/]+$", since=mark)) < 3 * 60


async def test_a_timeout_without_news_gives_none_and_what_comes_later_is_kept(
    opener: Opener, submit: Callable[..., str]
) -> None:
    name = submit(seconds=0.2)
    async with shared_watcher("here", opener) as watcher:
        watch = watcher.watch(name, poll_interval=0.1)
        other = watcher.watch(name, poll_interval=0.1)
        await look(other, ended)
        assert ended(await look(watch))
        assert await watch.next(0.05) is None


async def test_an_outage_is_told_once_and_then_that_it_is_over(
    emulator: Emulated, opener: Opener, submit: Callable[..., str]
) -> None:
    names = [submit(number) for number in range(3)]
    async with shared_watcher("here", opener) as watcher:
        watches = [watcher.watch(name, poll_interval=0.2) for name in names]
        await asyncio.gather(*(look(watch, read) for watch in watches))
        with emulator.fault("/jobs", times=None, status=503):
            found = await asyncio.gather(*(look(watch, failed) for watch in watches))
            assert {type(look.error) for look in found} == {ServiceError}
            late = await look(watcher.watch("late", poll_interval=0.2))
            assert isinstance(late.error, ServiceError)
            assert await watches[0].next(0.2) is None
        await asyncio.gather(*(look(watch, read) for watch in watches))


async def test_reset_connections_are_an_outage(
    emulator: Emulated, opener: Opener, submit: Callable[..., str]
) -> None:
    name = submit()
    async with shared_watcher("here", opener) as watcher:
        watch = watcher.watch(name, poll_interval=0.2)
        with emulator.fault("/jobs", times=None, drop=True):
            assert isinstance((await look(watch, failed)).error, UnreachableError)
        await look(watch, read)


async def test_retry_after_is_heeded_for_all(
    emulator: Emulated, opener: Opener, submit: Callable[..., str]
) -> None:
    names = [submit(number) for number in range(3)]
    async with shared_watcher("here", opener) as watcher:
        watches = [watcher.watch(name, poll_interval=0.1) for name in names]
        await asyncio.gather(*(look(watch, read) for watch in watches))
        mark = emulator.mark()
        with emulator.fault("/jobs/", times=1, status=429, headers={"Retry-After": "3"}):
            await asyncio.gather(*(look(watch, read) for watch in watches))
            await asyncio.sleep(4)
            await asyncio.gather(*(look(watch, read) for watch in watches))
    answers = emulator.asked("GET", "/jobs/", since=mark)
    refused = next(number for number, entry in enumerate(answers) if entry["status"] == 429)
    # Reads that were on their way are answered.
    pauses = [seconds_between(answers[refused], later) for later in answers[refused + 1 :]]
    assert min(pause for pause in pauses if pause > 0.5) >= 2.9


def seconds_between(first: dict[str, Any], second: dict[str, Any]) -> float:
    from datetime import datetime

    times = [datetime.fromisoformat(entry["time"]) for entry in (first, second)]
    return (times[1] - times[0]).total_seconds()


async def test_a_job_that_is_not_there_is_told_to_its_wait_alone(
    opener: Opener, submit: Callable[..., str]
) -> None:
    name = submit()
    async with shared_watcher("here", opener) as watcher:
        gone, there = watcher.watch("gone", poll_interval=0.1), watcher.watch(name, poll_interval=0.1)
        for _ in range(2):
            assert isinstance((await look(gone)).error, NotFoundError)
            assert (await look(there)).error is None


async def test_an_identity_that_is_refused_is_made_anew(
    emulator: Emulated, opener: Opener, submit: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = submit()
    opener.secret = "of yesterday"
    async with shared_watcher("here", opener) as watcher:
        watch = watcher.watch(name, poll_interval=0.1)
        assert isinstance((await look(watch, failed)).error, AuthenticationError)
        assert opener.opened == 1
        opener.secret = emulator.facts["client_secret"]
        monkeypatch.setattr(shared, "REOPEN_SECONDS", 0.0)
        await look(watch, read)
        assert opener.opened >= 2
    assert opener.open == 0


async def test_what_cannot_be_opened_is_told_to_all_and_tried_anew(opener: Opener) -> None:
    opener.gate, opener.error = asyncio.Event(), RuntimeError("no such connection")

    async def use() -> Watcher:
        async with shared_watcher("here", opener) as watcher:
            return watcher

    users = [asyncio.create_task(use()) for _ in range(3)]
    await asyncio.sleep(0)
    opener.gate.set()
    results = await asyncio.gather(*users, return_exceptions=True)
    assert [str(result) for result in results] == ["no such connection"] * 3
    assert opener.opened == 1
    opener.error = None
    await use()
    assert (opener.opened, opener.open) == (2, 0)


async def test_who_is_cancelled_leaves_nothing_open(opener: Opener, submit: Callable[..., str]) -> None:
    name = submit()
    waiting = asyncio.Event()

    async def use() -> None:
        async with shared_watcher("here", opener) as watcher:
            watch = watcher.watch(name, poll_interval=0.01)
            await look(watch)
            waiting.set()
            await watch.next(None)
            await asyncio.sleep(PATIENCE)

    users = [asyncio.create_task(use()) for _ in range(3)]
    await waiting.wait()
    for user in users:
        user.cancel()
    await asyncio.gather(*users, return_exceptions=True)
    assert (opener.opened, opener.open) == (1, 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_who_is_cancelled_while_it_opens_leaves_nothing_open(opener: Opener) -> None:
    opener.gate = asyncio.Event()

    async def use() -> None:
        async with shared_watcher("here", opener):
            pass

    users = [asyncio.create_task(use()) for _ in range(2)]
    await asyncio.sleep(0.01)
    users[0].cancel()
    await asyncio.sleep(0.01)
    assert opener.opened == 1
    users[1].cancel()
    await asyncio.gather(*users, return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    opener.gate.set()
    await use()
    assert (opener.opened, opener.open) == (2, 0)


async def test_what_was_not_foreseen_is_told_and_the_waits_go_on(
    opener: Opener, submit: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = submit()
    monkeypatch.setattr(shared, "CONFUSED_SECONDS", 0.01)
    async with shared_watcher("here", opener) as watcher:
        watch = watcher.watch(name, poll_interval=0.1)
        await look(watch, read)
        for method in ("next", "answered", "failed"):
            with monkeypatch.context() as broken:
                broken.setattr(Poller, method, None)
                if method == "failed":
                    broken.setattr(Poller, "answered", None)
                assert type((await look(watch, failed)).error) is AzureMLError
            await look(watch, read)


def test_two_event_loops_have_their_own(opener: Opener, submit: Callable[..., str]) -> None:
    name = submit(seconds=0.2)
    seen: list[Look] = []

    async def wait() -> None:
        async with shared_watcher("here", opener) as watcher:
            seen.append(await look(watcher.watch(name, poll_interval=0.1), ended))

    threads = [threading.Thread(target=asyncio.run, args=(wait(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 2
    assert (opener.opened, opener.open) == (2, 0)


# a thread


@pytest.fixture
def job_watch(emulator: Emulated) -> Iterator[Callable[..., JobWatch]]:
    with ExitStack() as stack:
        client = stack.enter_context(client_of(emulator.facts))
        yield lambda name: stack.enter_context(JobWatch(client, name, poll_interval=0.1))


def sync_look(watch: JobWatch, wanted: Callable[[Look], bool] = lambda look: True) -> Look:
    while True:
        found = watch.next(PATIENCE)
        assert found is not None
        if wanted(found):
            return found


def test_a_worker_sees_the_end(job_watch: Callable[..., JobWatch], submit: Callable[..., str]) -> None:
    assert sync_look(job_watch(submit(seconds=0.2)), ended).job is not None


def test_a_worker_wakes_at_its_timeout(emulator: Emulated, submit: Callable[..., str]) -> None:
    name = submit()
    with (
        client_of(emulator.facts) as client,
        JobWatch(client, name, poll_interval=1000, status="Running", age=1e6) as watch,
    ):
        started = time.monotonic()
        assert watch.next(0.2) is None
        assert time.monotonic() - started >= 0.2


def test_a_worker_is_told_of_an_outage_once_and_then_that_it_is_over(
    emulator: Emulated, job_watch: Callable[..., JobWatch], submit: Callable[..., str]
) -> None:
    watch = job_watch(submit())
    sync_look(watch)
    with emulator.fault("/jobs", times=None, status=503):
        assert isinstance(sync_look(watch, failed).error, ServiceError)
        assert watch.next(0.2) is None
    assert sync_look(watch).job is not None


def test_a_worker_is_told_that_its_job_is_not_there(job_watch: Callable[..., JobWatch]) -> None:
    assert isinstance(sync_look(job_watch("gone")).error, NotFoundError)
