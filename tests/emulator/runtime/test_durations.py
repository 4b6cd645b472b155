"""ISO 8601 durations."""

from __future__ import annotations

import pytest

from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds
from airflow_provider_amlrest.emulator.runtime.errors import JobError


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT1H30M", 5400), ("P1DT1S", 86401), ("PT0.5S", 0.5), (None, None)]
)
def test_durations(text: str | None, seconds: float | None) -> None:
    assert timeout_seconds(text, "limits.timeout") == seconds


@pytest.mark.parametrize("text", ["60", "1h", "P1M", "PT0S", "-PT1S"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(JobError, match=f"limits.timeout is '{text}'"):
        timeout_seconds(text, "limits.timeout")
