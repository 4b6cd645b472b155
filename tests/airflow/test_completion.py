"""Waiting where the service is at its worst; its good days are in test_job_operators."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_amlrest import completion
from airflow_provider_amlrest.completion import Weather, wait
from airflow_provider_amlrest.rest import model
from airflow_provider_amlrest.rest.errors import UnreachableError

OUTAGE = UnreachableError("GET jobs/j", "reset")


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        assert len(self.naps) < 100, "the wait never ends"
        self.naps.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(completion, "time", clock)
    return clock


def service(**answers: Any) -> Any:
    """A client that answers so; an exception is raised."""

    def answer(value: Any) -> Any:
        def method(*_: Any) -> Any:
            if isinstance(value, Exception):
                raise value
            return value

        return method

    methods = {name: answer(value) for name, value in answers.items()}
    return SimpleNamespace(operations=SimpleNamespace(cloud=None), **methods)


def job(status: str, type: str = "Command") -> Any:  # noqa: A002
    outputs = {"model": model.Output()}
    return model.Job("/jobs/j", "j", type, status, outputs=outputs, primary_metric="auc")


def test_the_wait_ends_at_the_deadline_after_a_last_look(clock: Clock) -> None:
    with pytest.raises(TimeoutError):
        wait(service(get_job=job("Running")), job("Running"), poll_interval=30, deadline=70)
    assert clock.naps == [30, 30, 10]


def test_an_outage_of_an_hour_ends_the_wait(clock: Clock) -> None:
    with pytest.raises(UnreachableError):
        wait(service(get_job=OUTAGE), job("Running"), poll_interval=600, deadline=None)
    assert clock.now == 600 + 3600 + 600


def test_two_short_outages_are_no_long_one(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    weather = Weather()
    for _ in range(3):
        weather.failed(OUTAGE)
        clock.sleep(3000)
        weather.succeeded()
    assert caplog.text.count("cannot be asked for") == 3
