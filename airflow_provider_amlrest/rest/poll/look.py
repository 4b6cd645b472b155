"""What a read of jobs brings to those who wait: a look at each job, or why there is none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    AzureMLError,
    ResponseError,
    ServiceError,
    ThrottledError,
)
from airflow_provider_amlrest.rest.poll.schedule import Failure, Poller, Read

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.jobs.operations import Polled


class Look(NamedTuple):
    """News of a job: how it is now, or why that cannot be seen. One of the two is None.

    Where a resource is waited for, ``job`` is the :class:`Resource`.
    """

    job: Any
    error: AzureMLError | None


def answered(poller: Poller, read: Read, jobs: dict[str, Any], polled: Polled) -> list[str]:
    """Tell a poller what a read has brought; the names of the jobs of which that is news."""
    return poller.answered(
        read,
        time.monotonic(),
        [(name, job.status) for name, job in jobs.items()],
        next_link=polled.next_link,
        remaining=polled.remaining_reads,
    )


def failed(poller: Poller, read: Read, error: AzureMLError) -> list[str]:
    """Tell a poller that a read has failed; the names of the jobs whose waits are to hear of it."""
    retry_after = error.retry_after if isinstance(error, ResponseError) else None
    return poller.failed(read, time.monotonic(), _kind(error), retry_after)


def _kind(error: AzureMLError) -> Failure:
    if isinstance(error, ThrottledError):
        return Failure.THROTTLED
    if isinstance(error, AuthenticationError):
        return Failure.NOT_SIGNED_IN
    if isinstance(error, ResponseError) and not isinstance(error, ServiceError):
        return Failure.REFUSED
    return Failure.OUTAGE
