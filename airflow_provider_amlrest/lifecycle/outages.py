"""While Azure ML does not answer: what is done is tried again, and what is waited for goes on."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable
from typing import TypeVar

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.rest.http.errors import AzureMLError

log = logging.getLogger(__name__)

T = TypeVar("T")


def retry_through_outage(
    what: str, action: Callable[[], T], deadline: float | None, is_over: Callable[[], bool]
) -> T:
    """Do it again while it fails for reasons that pass; what is done must be the same however often.

    :param what: does not work, for the log: a clause.
    :param deadline: seconds since the epoch after which it is not tried again; what bounds the tries
        themselves is the client's ``until``.
    :param is_over: whether nobody wants it any more.
    """
    started = time.time()
    pause, warned = 1.0, False
    while True:
        try:
            result = action()
        except AzureMLError as error:
            end = min(started + patience.of_submission(error), deadline or started + patience.SUBMIT_OUTAGE)
            left = end - time.time()
            if left <= 0 or is_over():
                raise
            if not warned:
                log.warning("%s now; retrying for another %.0f s. %s", what, left, error)
            warned = True
            time.sleep(min(left, pause * random.uniform(0.5, 1)))  # noqa: S311
            if deadline is not None and time.time() >= deadline:
                raise
            pause = min(2 * pause, patience.SUBMIT_PAUSE)
        else:
            if warned:
                log.info("It has worked after %.0f s.", time.time() - started)
            return result


class OutageTracker:
    """Tells of failed reads once when they begin and once when they end, not at every poll."""

    def __init__(self, what: str = "job") -> None:
        self._what = what
        self._since = 0.0
        self._refused_since: float | None = None
        self.error: AzureMLError | None = None
        """The last one; None while all is well."""

    @property
    def gives_up(self) -> float | None:
        """When this has gone on for too long, in seconds since the epoch.

        A refusal has its own, shorter patience, as long as nothing else comes: in the middle of an outage, a
        gateway may answer anything.
        """
        if self.error is None:
            return None
        refused = math.inf if self._refused_since is None else self._refused_since + patience.WAIT_REFUSAL
        return min(self._since + patience.WAIT_OUTAGE, refused)

    def failed(self, error: AzureMLError) -> None:
        now = time.time()
        if self.error is None:
            self._since = now
            text = "Azure ML cannot be asked for the %s's status; the %s is not affected. %s"
            log.warning(text, self._what, self._what, error)
        if isinstance(error, patience.TRANSIENT):
            self._refused_since = None
        elif self._refused_since is None:
            self._refused_since = now
        self.error = error

    def succeeded(self) -> None:
        if self.error is not None:
            log.info("Azure ML answers again, after %.0f s.", time.time() - self._since)
            self.error = self._refused_since = None
