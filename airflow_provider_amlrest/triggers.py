"""A trigger that waits for a job's end without a worker."""

from __future__ import annotations

import asyncio
import importlib
import random
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_amlrest.connection import DEFAULT_CONNECTION, ConnectionSettings
from airflow_provider_amlrest.lifecycle import masking, patience
from airflow_provider_amlrest.lifecycle.completion import (
    STALLED,
    TIMEOUT,
    Event,
    NextLook,
    ReadLog,
    Wait,
    open_tail,
    steps,
)
from airflow_provider_amlrest.lifecycle.deferral import AIRFLOW_CALLS_ON_KILL, has_left_deferral
from airflow_provider_amlrest.lifecycle.ownership import Owner, by_task, told_end, why_left
from airflow_provider_amlrest.rest.http.deadline import seconds_left
from airflow_provider_amlrest.rest.http.errors import AzureMLError, without_secrets

if TYPE_CHECKING:
    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.rest import AsyncAzureMLClient
    from airflow_provider_amlrest.rest.poll.look import Look

REOPEN_PAUSE = 30.0
"""Seconds, more or less, between two tries to open a client."""

LOG_READS_PER_SECOND = 5.0
"""Of all waits in a process. What is left out is read later, at the latest by the worker that resumes."""

SETTINGS_LIFETIME = 60.0
"""Seconds for which a connection is not read again, however many triggers start."""


class _WaitTrigger(BaseTrigger):
    """Waits by the poller that all triggers of a process share, and outlives outages."""

    azureml_conn_id: str
    api_version: str | None
    poll_interval: float
    deadline: float | None
    _stop: asyncio.Future[None] | None = None

    @abstractmethod
    def _begin(self) -> Wait:
        """The wait, from its beginning."""

    @abstractmethod
    async def _of_ended_task(self) -> None:
        """What is to be done if somebody has ended the task; it may be that nobody has."""

    async def on_kill(self) -> None:
        """Do what is to be done if the task was ended, once and shortly.

        Airflow 3.3 calls it when a user ends the task, also when another triggerer has the trigger by now.
        It cancels what it calls, again each second until the trigger is gone.
        """
        self._stop = asyncio.ensure_future(self._of_ended_task())
        await _to_its_end(self._stop)

    async def cleanup(self) -> None:
        """Wait for the end of :meth:`on_kill`: on Python 3.11, Airflow 3.3 does not."""
        if self._stop is not None:
            await _to_its_end(self._stop)

    async def _wait_or_end(self) -> Event:
        """Wait, unless Airflow cancels it: before 3.3, that is how it ends a task."""
        try:
            return await self._wait()
        except asyncio.CancelledError:
            if not AIRFLOW_CALLS_ON_KILL:
                await self.on_kill()
            raise

    async def _wait(self) -> Event:
        # What it imports takes longer than an event loop should stand still.
        await asyncio.to_thread(importlib.import_module, "airflow_provider_amlrest.rest.poll.shared")
        from airflow_provider_amlrest.rest.poll.look import Look

        waiting = self._begin()
        while True:
            try:
                async with asyncio.timeout(seconds_left(self.deadline)) as limit:
                    return await self._watch(waiting)
            except Exception as error:
                # The connection could not be read, or not be used: no end of the wait, as all outages.
                if not isinstance(error, AzureMLError):
                    error = AzureMLError(without_secrets(repr(error)))
                # That the time is over is no failure of Azure ML's.
                event = waiting.see(None if limit.expired() else Look(None, error))
                if event is not None:
                    return event
                pause = random.uniform(0.5, 1.5) * REOPEN_PAUSE  # noqa: S311
                left = waiting.time_left
                await asyncio.sleep(pause if left is None else min(pause, left))

    async def _watch(self, waiting: Wait) -> Event:
        from airflow_provider_amlrest.rest.http.drive import drive_async
        from airflow_provider_amlrest.rest.poll.shared import shared_watcher

        key = await _settings(self._hook()), self.api_version
        async with shared_watcher(key, self._client) as watcher:
            watch = watcher.watch(waiting.job_name, poll_interval=self.poll_interval, status=waiting.status)

            async def take(step: NextLook | ReadLog) -> Any:
                if isinstance(step, ReadLog):
                    return await watcher.client.read_log(waiting.job_name, step.tail)
                return await watch.next(step.seconds)

            try:
                return await drive_async(steps(waiting, _shows_log), take)
            finally:
                watch.close()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[AsyncAzureMLClient]:
        hook = self._hook()
        hook.settings = await _settings(hook)
        async with hook.async_client() as client:
            yield client

    def _hook(self) -> AzureMLHook:
        from airflow_provider_amlrest.hook import AzureMLHook

        return AzureMLHook(self.azureml_conn_id, self.api_version)


class AzureMLJobTrigger(_WaitTrigger):
    """Wait for a job; fire once, with the event of :class:`completion.Wait`.

    All triggers of a process that wait in the same workspace with the same identity share one poller.

    :param job_name: the job.
    :param azureml_conn_id: the connection.
    :param api_version: instead of the connection's.
    :param poll_interval: seconds between two looks at the job, at most.
    :param deadline: seconds since the epoch at which to give up waiting; None: never.
    :param job_status: the status that was told last.
    :param log: positions in the job's log from which on it is shown; None: not at all.
    :param on_timeout: ``cancel`` or ``leave`` the job at the deadline. The worker that resumes does it, too;
        but one may not be free for hours.
    :param cancel_on_kill: cancel the job when the task is cleared, or marked as failed or succeeded.
    :param owner: the claim on the job of the try that deferred; None: it has none.

    A restart of the triggerer cancels nothing: another one, or the same again, goes on with the wait.
    """

    def __init__(
        self,
        *,
        job_name: str,
        azureml_conn_id: str = DEFAULT_CONNECTION,
        api_version: str | None = None,
        poll_interval: float = 30.0,
        deadline: float | None = None,
        job_status: str = "",
        log: Mapping[str, int] | None = None,
        on_timeout: str = "leave",
        cancel_on_kill: bool = True,
        owner: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job_name = job_name
        self.azureml_conn_id = azureml_conn_id
        self.api_version = api_version
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.job_status = job_status
        self.positions = log
        self.on_timeout = on_timeout
        self.cancel_on_kill = cancel_on_kill
        self.owner = owner

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """As it is kept in Airflow's database: plain JSON, and no secret in it."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "job_name": self.job_name,
                "azureml_conn_id": self.azureml_conn_id,
                "api_version": self.api_version,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
                "job_status": self.job_status,
                "log": None if self.positions is None else dict(self.positions),
                "on_timeout": self.on_timeout,
                "cancel_on_kill": self.cancel_on_kill,
                "owner": self.owner,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire."""
        event = await self._wait_or_end()
        if event["status"] in (TIMEOUT, STALLED) and self.on_timeout == "cancel":
            await self._cancel("its time is over")
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    def _begin(self) -> Wait:
        return Wait(self.job_name, self.job_status, self.deadline, open_tail(self.positions))

    async def _of_ended_task(self) -> None:
        if self.cancel_on_kill and await has_left_deferral(self):
            await self._cancel("the task was ended")

    async def _cancel(self, why: str) -> None:
        owner = Owner.parse(self.owner)
        note = by_task(owner.try_number if owner else 0, why)
        try:
            async with self._client() as client:
                left = await client.end_job(
                    self.job_name, note=note, why_left=why_left(owner), patience=patience.CANCEL
                )
        except Exception as error:
            self.log.error("Azure ML job %s could not be canceled and may go on: %s", self.job_name, error)
        else:
            self.log.info("Azure ML job %s %s.", self.job_name, told_end(why, left))


class AzureMLResourceTrigger(_WaitTrigger):
    """Wait until no operation is under way on a compute, an endpoint or a deployment; fire once.

    The operation itself cannot be taken back: it goes on, whatever becomes of the task. The shares of the
    requests can be: see ``way_back``.

    :param path: the resource, below the workspace: ``computes/gpu``.
    :param what: it in words, for the log.
    :param azureml_conn_id: the connection.
    :param api_version: instead of the connection's.
    :param poll_interval: seconds between two looks at the resource, at most.
    :param deadline: seconds since the epoch at which to give up waiting; None: never.
    :param status: the state that was told last.
    :param not_before: seconds since the epoch before which it does not fire; None: at once.
    :param way_back: of a rollout, ``Rollout.way_back``: the way that is gone if somebody ends the task.
    """

    def __init__(
        self,
        *,
        path: str,
        what: str = "resource",
        azureml_conn_id: str = DEFAULT_CONNECTION,
        api_version: str | None = None,
        poll_interval: float = 15.0,
        deadline: float | None = None,
        status: str = "",
        not_before: float | None = None,
        way_back: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.path = path
        self.what = what
        self.azureml_conn_id = azureml_conn_id
        self.api_version = api_version
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.status = status
        self.not_before = not_before
        self.way_back = way_back

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """As it is kept in Airflow's database: plain JSON, and no secret in it."""
        names = (
            *("path", "what", "azureml_conn_id", "api_version", "poll_interval", "deadline", "status"),
            *("not_before", "way_back"),
        )
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        return name, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire."""
        yield TriggerEvent(await self._wait_or_end())  # type: ignore[no-untyped-call]

    async def _wait(self) -> Event:
        if self.not_before is not None:
            await asyncio.sleep(max(0.0, self.not_before - time.time()))
        return await super()._wait()

    async def _of_ended_task(self) -> None:
        if not self.way_back or not await has_left_deferral(self):
            return
        from airflow_provider_amlrest.lifecycle.rollout import back, go_back, told_back
        from airflow_provider_amlrest.rest.http.drive import drive_async

        goal, deadline = back(self.path, self.what, self.way_back), time.time() + patience.CANCEL
        try:
            async with self._client() as client, asyncio.timeout(seconds_left(deadline)):

                async def take(step: Any) -> None:
                    await (asyncio.sleep(step) if isinstance(step, float) else client.bring(step))

                await drive_async(go_back(goal, deadline), take)
        except Exception as error:
            self.log.error("%s", told_back(goal, error))
        else:
            self.log.warning("%s", told_back(goal))

    def _begin(self) -> Wait:
        return Wait(self.path, self.status, self.deadline, resource=self.what)


async def _to_its_end(action: asyncio.Future[None]) -> None:
    """Wait for it, whoever cancels meanwhile."""
    while not action.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(action)


class _Pace:
    """Lets so many go per second, and no crowd after a pause."""

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate
        self._next = 0.0

    def may_go(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._gap
        return True


_log_pace = _Pace(LOG_READS_PER_SECOND)


def _shows_log(look: Look) -> bool:
    """This process cannot mask: who resumes shows what is not shown here."""
    return look.job is not None and masking.is_open(look.job) and _log_pace.may_go()


_known: WeakKeyDictionary[Any, dict[str, tuple[float, ConnectionSettings]]] = WeakKeyDictionary()
_locks: WeakKeyDictionary[Any, asyncio.Lock] = WeakKeyDictionary()


async def _settings(hook: AzureMLHook) -> ConnectionSettings:
    """What the hook's connection says, read once a minute at most: thousands of triggers start at once."""
    loop = asyncio.get_running_loop()
    async with _locks.setdefault(loop, asyncio.Lock()):
        known = _known.setdefault(loop, {})
        read_at, settings = known.get(hook.azureml_conn_id, (-SETTINGS_LIFETIME, None))
        if settings is None or time.monotonic() - read_at > SETTINGS_LIFETIME:
            # Airflow up to 3.2 mixes up the answers of its API when a question is canceled.
            settings = await asyncio.shield(asyncio.ensure_future(hook.load()))
            known[hook.azureml_conn_id] = time.monotonic(), settings
        return settings
