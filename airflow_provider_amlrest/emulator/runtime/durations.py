"""ISO 8601 durations, as the limits of jobs are written."""

from __future__ import annotations

from datetime import timedelta

import isodate  # type: ignore[import-untyped]

from airflow_provider_amlrest.emulator.runtime.errors import JobError


def timeout_seconds(text: str | None, field: str) -> float | None:
    """The seconds of a duration such as ``PT1H30M``; None if there is none.

    :raises JobError: it is no duration, or one of months or years, which have no length of their own.
    """
    if not text:
        return None
    try:
        duration = isodate.parse_duration(text)
    except (isodate.ISO8601Error, TypeError):
        duration = None
    if not isinstance(duration, timedelta) or duration <= timedelta(0):
        raise JobError(f"{field} is {text!r}, not an ISO 8601 duration of days or less, such as PT1H30M.")
    return duration.total_seconds()
