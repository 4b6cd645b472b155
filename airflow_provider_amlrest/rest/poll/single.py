"""Waiting for news of one job, in a thread. No read is retried: the poller decides about the next one."""

from __future__ import annotations

import time
from math import inf
from random import Random
from typing import TYPE_CHECKING, Self

from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.poll.look import Look, answered, failed
from airflow_provider_amlrest.rest.poll.schedule import Poller, Read

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.client import AzureMLClient


class JobWatch:
    """One wait for one job, in a thread of its own: what :class:`shared.Watch` is in an event loop.

    :param client: stays the caller's to close.
    :param operation: the URL of an operation on the resource, see :meth:`Operations.poll_resource`.
    :ivar error: why the last read failed; None: it did not.

    The other parameters are those of :meth:`shared.Watcher.watch`.
    """

    def __init__(
        self,
        client: AzureMLClient,
        name: str,
        *,
        poll_interval: float,
        status: str = "",
        age: float = 0.0,
        operation: str | None = None,
    ) -> None:
        self.name = name
        self.error: AzureMLError | None = None
        self._client = client
        self._operation = operation
        self._poller = Poller(Random())  # noqa: S311 (nothing to guard)
        self._poller.add(name, time.monotonic(), poll_interval=poll_interval, status=status, age=age)

    def next(self, timeout: float | None) -> Look | None:
        """The next look, as :meth:`shared.Watch.next` gives it. Sleeps meanwhile."""
        end = inf if timeout is None else time.monotonic() + timeout
        while True:
            now = time.monotonic()
            step = self._poller.next(now)
            if not isinstance(step, float):
                if look := self._read(step):
                    return look
            elif now >= end:
                return None
            else:
                time.sleep(min(step, end - now))

    def close(self) -> None:
        """Wait no longer."""
        self._poller.remove(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def _read(self, read: Read) -> Look | None:
        self.error = None
        try:
            polled = self._client.poll(self.name, self._operation)
        except AzureMLError as error:
            self.error = error
            return Look(None, error) if failed(self._poller, read, error) else None
        job = polled.jobs[0]
        return Look(job, None) if answered(self._poller, read, {self.name: job}, polled) else None
