"""Waiting for a job's end: what each look at it means, in a worker and in a trigger."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.providers.common.compat.sdk import redact

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.outages import OutageTracker
from airflow_provider_amlrest.rest.http.errors import (
    AzureMLError,
    UnreachableError,
)
from airflow_provider_amlrest.rest.jobs.status import PATIENCE

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.poll.look import Look
    from airflow_provider_amlrest.rest.poll.single import JobWatch
    from airflow_provider_amlrest.rest.runs.log_tail import LogTail

log = logging.getLogger(__name__)

ENDED = "ended"
TIMEOUT = "timeout"
STALLED = "stalled"
ERROR = "error"

Event = dict[str, Any]
"""How a wait went, as plain JSON: ``status`` (one of the four above), ``job_name``, ``job_status``,
``deadline``, ``message`` (of an error), and ``log``, the log's positions (None: it is not shown)."""


class JobTimeoutError(AzureMLError, TimeoutError):
    """The task's time ran out, or the job did not respond for too long."""


@dataclass
class Wait:
    """One wait for one job.

    :param status: the job's status as it was told last.
    :param deadline: seconds since the epoch; None: wait for ever.
    :param tail: the job's log, to be shown as it grows; None: do not show it.
    :param for_any_status: wait only until the job can be read.
    :param resource: in words, what is waited for if it is no job; ``job_name`` is its path then.
    :ivar job: as it was read last.
    """

    job_name: str
    status: str
    deadline: float | None = None
    tail: LogTail | None = None
    for_any_status: bool = False
    resource: str = ""
    job: Any = None
    _weather: OutageTracker = field(default_factory=OutageTracker)
    _stall_ends: float | None = None

    def __post_init__(self) -> None:
        if self.resource:
            self._weather = OutageTracker("resource")
        self._stall_ends = _stall_ends(self.status)

    @property
    def error(self) -> AzureMLError | None:
        """Why the job cannot be read now."""
        return self._weather.error

    @property
    def time_left(self) -> float | None:
        """Seconds after which :meth:`see` is to be called even if there was nothing to look at."""
        ends = [end for end in (self.deadline, self._stall_ends, self._weather.gives_up) if end is not None]
        return max(0.0, min(ends) - time.time()) if ends else None

    def see(self, look: Look | None) -> Event | None:
        """Take note of a look at the job, or of there being none; the event if the wait is over by it."""
        if look is not None and look.job is not None:
            self._weather.succeeded()
            self._tell(look.job)
            self.job = look.job
            if self.for_any_status or not look.job.is_active:
                return self._event(ENDED)
        elif look is not None and look.error is not None:
            self._weather.failed(look.error)
        now = time.time()
        if self.deadline is not None and now >= self.deadline:
            return self._event(TIMEOUT)
        if self._stall_ends is not None and now >= self._stall_ends:
            return self._event(STALLED)
        if self._weather.gives_up is not None and now >= self._weather.gives_up:
            return self._event(ERROR, str(self._weather.error))
        return None

    def _event(self, status: str, message: str = "") -> Event:
        return {
            "status": status,
            "job_name": self.job_name,
            "job_status": self.status,
            "deadline": self.deadline,
            "message": message,
            "log": None if self.tail is None else dict(self.tail.offsets),
        }

    def _tell(self, job: Job) -> None:
        if job.status == self.status:
            return
        if self.status:
            name, queue = (self.resource, "") if self.resource else (f"Job {job.name}", _queue(job))
            log.info("%s: %s -> %s%s", name, self.status, job.status, queue)
        self.status = job.status
        self._stall_ends = _stall_ends(job.status)
        if self._stall_ends is not None:
            minutes = PATIENCE[job.status] / 60
            log.warning("Unless that changes within %g minutes, nobody waits for it any more.", minutes)


def _queue(job: Job) -> str:
    """What the service tells a queued job of its compute, in a tag: recordings of 2022 and 2023."""
    if job.status != "Queued":
        return ""
    try:
        nodes = json.loads(job.tags["_aml_system_ComputeTargetStatus"])
        return (
            f" (the compute is {nodes['AllocationState']} at {nodes['CurrentNodeCount']} nodes, of which "
            f"{nodes['RunningNodeCount']} run jobs and {nodes['PreparingNodeCount']} are being prepared)"
        )
    except (KeyError, TypeError, ValueError):
        return ""


def check_event(event: Any) -> Event:
    """What a trigger sent. Raises AzureMLError for anything else than a wait's event."""
    if isinstance(event, dict) and event.get("status") in (ENDED, TIMEOUT, STALLED, ERROR):
        return event
    raise AzureMLError(f"The trigger sent no event of a wait, but {event!r}.")


def _stall_ends(status: str) -> float | None:
    return time.time() + PATIENCE[status] if status in PATIENCE else None


class NextLook(NamedTuple):
    """A wait wants the next look at its job, at most so many seconds later."""

    seconds: float | None


class ReadLog(NamedTuple):
    """A wait wants what the job's log has since the last time."""

    tail: LogTail


def steps(
    waiting: Wait, shows_log: Callable[[Look], bool] = lambda look: True
) -> Generator[NextLook | ReadLog, Any, Event]:
    """How a wait goes, in a worker and in a trigger: it is driven by :mod:`rest.http.drive`.

    :param shows_log: whether the job's log may be shown now.
    """
    while True:
        look: Look | None = yield NextLook(waiting.time_left)
        event = waiting.see(look)
        if event is not None:
            return event
        if waiting.tail is not None and look is not None and shows_log(look):
            try:
                show((yield ReadLog(waiting.tail)))
            except AzureMLError as error:
                log.debug("The job's log could not be read now: %s", error)


def wait(client: AzureMLClient, waiting: Wait, poll_interval: float, operation: str | None = None) -> Event:
    """Wait in a worker.

    :param poll_interval: seconds between two looks, at most.
    :param operation: the URL of an operation on a resource.
    """
    from airflow_provider_amlrest.rest.poll.single import JobWatch

    watch = JobWatch(
        client,
        waiting.job_name,
        poll_interval=poll_interval,
        status=waiting.status,
        operation=operation,
    )
    return _wait(client, waiting, watch)


def look_patiently(
    client: AzureMLClient, job_name: str, *, poll_interval: float, deadline: float | None = None
) -> Job:
    """A job as it is now. A read that fails is repeated, as it is while waiting.

    :param deadline: seconds since the epoch, by which its last error is raised.
    """
    from airflow_provider_amlrest.rest.poll.single import JobWatch

    watch = JobWatch(client, job_name, poll_interval=poll_interval)
    waiting = Wait(job_name, "", deadline, for_any_status=True)
    _wait(client, waiting, watch)
    if waiting.job is None:
        raise waiting.error or watch.error or UnreachableError(f"GET jobs/{job_name}", "no time left.")
    job: Job = waiting.job
    return job


def _wait(client: AzureMLClient, waiting: Wait, watch: JobWatch) -> Event:
    from airflow_provider_amlrest.rest.http.drive import drive

    def take(step: NextLook | ReadLog) -> Any:
        if isinstance(step, ReadLog):
            return client.read_log(waiting.job_name, step.tail)
        return watch.next(step.seconds)

    with client.until(waiting.deadline):
        return drive(steps(waiting), take)


def last_moments(deadline: float | None, *, late: bool) -> tuple[float | None, float | None]:
    """Until when a wait that is over may look once more, and when its task has ended; None: no end.

    A worker may be free only long after the deadline: it still has its last moments.

    :param deadline: the wait's.
    :param late: whether the job's time was over.
    """
    now = time.time()
    if late:
        return now + patience.LAST_LOOK, now + patience.END
    if deadline is None:
        return None, None
    return max(deadline, now) + patience.LAST_LOOK, max(deadline, now) + patience.END


def show(lines: list[str]) -> None:
    """Write lines of the job's log into the task's, masked.

    Airflow 3 masks the task's log by itself, but not its copy in the output of the worker.
    """
    for line in str(redact("\n".join(lines))).split("\n") if lines else ():
        log.info("| %s", line)


def show_rest(client: AzureMLClient, job_name: str, positions: Mapping[str, int] | None) -> None:
    """Write what the log of a job that has ended has beyond these positions; None: nothing."""
    tail = open_tail(positions)
    if tail is None:
        return
    try:
        show(client.read_log(job_name, tail, final=True))
    except AzureMLError as error:
        log.warning("The rest of the job's log could not be read: %s", error)


def open_tail(positions: Mapping[str, int] | None) -> LogTail | None:
    """The job's log from these positions on; None: it is not to be shown."""
    from airflow_provider_amlrest.rest.runs.log_tail import LogTail

    return None if positions is None else LogTail(positions)
