"""Waiting for a job's end."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from airflow_provider_amlrest.rest.errors import (
    AzureMLError,
    ServiceError,
    ThrottledError,
    UnreachableError,
)
from airflow_provider_amlrest.rest.status import Outcome

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.model import Job

log = logging.getLogger(__name__)

OUTAGE_PATIENCE = 3600.0
"""Seconds without one good answer after which a wait gives up; the job goes on, the next try finds it."""

TRANSIENT = (UnreachableError, ThrottledError, ServiceError)
"""A failed read is not a failed job: these do not end a wait."""


class JobTimeoutError(AzureMLError, TimeoutError):
    """The task's ``timeout`` ran out; the job was asked to end."""


class Weather:
    """Tells of failed reads once when they begin and once when they end, not at every poll."""

    def __init__(self) -> None:
        self._since: float | None = None

    def failed(self, error: AzureMLError) -> None:
        """A read failed. Raises the error when no read has succeeded for OUTAGE_PATIENCE."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
            log.warning("Azure ML cannot be asked for the job's status; the job is not affected. %s", error)
        elif now - self._since > OUTAGE_PATIENCE:
            raise error

    def succeeded(self) -> None:
        if self._since is not None:
            log.info("Azure ML answers again, after %.0f s.", time.monotonic() - self._since)
            self._since = None


def wait(client: AzureMLClient, job: Job, *, poll_interval: float, deadline: float | None) -> Job:
    """Ask for a job's status until it has ended.

    :param poll_interval: seconds between two reads.
    :param deadline: on the clock of :func:`time.monotonic`; None: wait for ever.
    :return: the job after its end.
    :raises TimeoutError: at the deadline; the job is left as it is.
    """
    weather = Weather()
    while job.outcome is Outcome.ACTIVE:
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError
        pause = poll_interval if deadline is None else min(poll_interval, deadline - time.monotonic())
        time.sleep(max(0.0, pause))
        try:
            fresh = client.get_job(job.name)
        except TRANSIENT as error:
            weather.failed(error)
            continue
        weather.succeeded()
        if fresh.status != job.status:
            log.info("Job %s: %s -> %s", job.name, job.status, fresh.status)
        job = fresh
    return job
