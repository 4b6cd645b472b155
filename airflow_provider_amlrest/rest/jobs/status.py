"""What each job status means: the only place that decides.

The values are those of api-versions 2021-03-01-preview to 2026-05-01. The service's enum is open, so a
value that is not listed counts as active: a new status must never end a wait, let alone turn it green.
"""

from __future__ import annotations

import logging
from enum import StrEnum

log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """The four things a status can mean to somebody who waits."""

    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


RUNNING = "Running"
COMPLETED = "Completed"
FAILED = "Failed"
CANCELED = "Canceled"
CANCEL_REQUESTED = "CancelRequested"

_ENDED = {COMPLETED: Outcome.SUCCEEDED, FAILED: Outcome.FAILED, CANCELED: Outcome.CANCELED}

PATIENCE = {"NotResponding": 1800.0, "Paused": 86400.0}
"""Seconds for which a job may be so before nobody waits for it any more. NotResponding can recover and Paused
can resume: the SDK ends its stream there, the service does not."""

_ACTIVE = frozenset(
    {
        "NotStarted",
        "Starting",
        "Provisioning",
        "Preparing",
        "Queued",
        RUNNING,
        "Finalizing",
        CANCEL_REQUESTED,
        *PATIENCE,
        "Scheduled",
        "Unknown",
    }
)

DOCUMENTED_STATUSES = frozenset(_ENDED) | _ACTIVE

_reported: set[str] = set()


def classify(status: str | None) -> Outcome:
    """What a job's status means. An unlisted status is active, and is logged once per process."""
    if status in _ENDED:
        return _ENDED[status]
    if status not in _ACTIVE and (status or "") not in _reported:
        _reported.add(status or "")
        log.warning("Azure ML reports a job status unknown to this version: %r. It counts as active.", status)
    return Outcome.ACTIVE
