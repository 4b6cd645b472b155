"""The service's times."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_UNITS = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


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


def duration(text: Any) -> float | None:
    """Seconds of an ISO 8601 duration such as ``PT1H30M``; None if it is none, or has months."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    return sum(_UNITS[unit] * float(value or 0) for unit, value in match.groupdict().items())
