"""The service's times."""

from __future__ import annotations

from datetime import datetime


def timestamp(time: str | None) -> float | None:
    """Seconds since the epoch of an ISO time; None if it is none."""
    try:
        return datetime.fromisoformat(time or "").timestamp()
    except ValueError:
        return None


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Seconds from one ISO time to another; None if one of them is not known."""
    begin, until = timestamp(start), timestamp(end)
    return None if begin is None or until is None else until - begin
