"""What each look at a job means to somebody who waits for it; no time passes here but the test's own."""

from __future__ import annotations

import time
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_amlrest.lifecycle import completion, outages
from airflow_provider_amlrest.lifecycle.completion import Wait, check_event
from airflow_provider_amlrest.lifecycle.outages import OutageTracker
from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    AzureMLError,
    NetworkRefusedError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
)
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.poll.look import Look
from airflow_provider_amlrest.rest.poll.schedule import Failure, Poller
from airflow_provider_amlrest.rest.runs.log_tail import LogTail

OUTAGE = UnreachableError("GET jobs/j", "reset")
THROTTLED = ThrottledError("GET jobs/j", 429)
REFUSED = AuthenticationError("GET jobs/j", 401)
MINUTE, HOUR = 60.0, 3600.0


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (completion, outages):
        monkeypatch.setattr(module, "time", clock)
    return clock


def seen(status: str) -> Look:
    return Look(Job("/jobs/j", "j", "Command", status), None)


def failed(error: AzureMLError) -> Look:
    return Look(None, error)


def waiting(clock: Clock, within: float | None = None, status: str = "Running") -> Wait:
    return Wait("j", status, None if within is None else clock.now + within)


def status_of(event: Any) -> Any:
    return event and event["status"]


@pytest.mark.parametrize("status", ["Completed", "Failed", "Canceled"])
def test_the_jobs_end_ends_the_wait(clock: Clock, status: str) -> None:
    wait = waiting(clock, HOUR)
    assert wait.see(seen("Running")) is None
    assert wait.see(seen(status)) == {
        "status": "ended",
        "job_name": "j",
        "job_status": status,
        "deadline": clock.now + HOUR,
        "message": "",
        "log": None,
    }


def test_the_event_says_how_far_the_log_was_shown(clock: Clock) -> None:
    wait = Wait("j", "Running", None, LogTail({"user_logs/std_log.txt": 7}))
    event = wait.see(seen("Completed"))
    assert event is not None
    assert event["log"] == {"user_logs/std_log.txt": 7}


def test_the_deadline_ends_it_looked_at_or_not(clock: Clock) -> None:
    wait = waiting(clock, within=70)
    assert wait.time_left == 70
    clock.passes(69)
    assert wait.see(seen("Running")) is None
    assert wait.time_left == 1
    clock.passes(1)
    assert status_of(wait.see(None)) == "timeout"
    assert wait.time_left == 0


def test_a_job_that_has_ended_at_the_deadline_has_ended(clock: Clock) -> None:
    wait = waiting(clock, within=70)
    clock.passes(100)
    assert status_of(wait.see(seen("Completed"))) == "ended"


def test_without_a_deadline_there_is_no_hurry(clock: Clock) -> None:
    wait = waiting(clock)
    assert wait.time_left is None
    clock.passes(1000 * HOUR)
    assert wait.see(seen("Running")) is None


@pytest.mark.parametrize(("status", "patience"), [("NotResponding", 30 * MINUTE), ("Paused", 24 * HOUR)])
@pytest.mark.parametrize("from_the_start", [False, True])
def test_a_stalled_job_has_its_time(
    clock: Clock, status: str, patience: float, *, from_the_start: bool
) -> None:
    wait = waiting(clock, status=status if from_the_start else "Running")
    assert wait.see(seen(status)) is None
    clock.passes(patience - 1)
    assert wait.see(seen(status)) is None
    assert wait.time_left == 1
    clock.passes(1)
    event = wait.see(None)
    assert status_of(event) == "stalled"
    assert event is not None
    assert event["job_status"] == status


def test_a_job_that_responds_again_is_waited_for(clock: Clock) -> None:
    wait = waiting(clock)
    wait.see(seen("NotResponding"))
    clock.passes(29 * MINUTE)
    wait.see(seen("Running"))
    assert wait.time_left is None
    wait.see(seen("NotResponding"))
    clock.passes(29 * MINUTE)
    assert wait.see(seen("NotResponding")) is None


def test_an_outage_lasts_until_the_deadline(clock: Clock) -> None:
    wait = waiting(clock, within=6 * HOUR)
    for _ in range(5):
        assert wait.see(failed(OUTAGE)) is None
        clock.passes(HOUR)
    clock.passes(HOUR)
    assert status_of(wait.see(failed(OUTAGE))) == "timeout"


@pytest.mark.parametrize(
    ("error", "patience"),
    [
        (OUTAGE, 24 * HOUR),
        (THROTTLED, 24 * HOUR),
        (REFUSED, 10 * MINUTE),
        (NotFoundError("GET", 404), 600),
        (NetworkRefusedError("GET", 502), 600),
    ],
)
def test_patience_has_an_end(clock: Clock, error: AzureMLError, patience: float) -> None:
    wait = waiting(clock)
    assert wait.see(failed(error)) is None
    assert wait.time_left == patience
    clock.passes(patience - 1)
    assert wait.see(None) is None
    clock.passes(1)
    event = wait.see(None)
    assert status_of(event) == "error"
    assert event is not None
    assert str(error) in event["message"]


def test_a_refusal_after_an_outage_has_a_time_of_its_own(clock: Clock) -> None:
    wait = waiting(clock)
    wait.see(failed(OUTAGE))
    clock.passes(HOUR)
    wait.see(failed(REFUSED))
    assert wait.time_left == 10 * MINUTE


def test_one_refusal_in_an_outage_shortens_nothing(clock: Clock) -> None:
    wait = waiting(clock)
    for error in (OUTAGE, REFUSED, THROTTLED):
        wait.see(failed(error))
        clock.passes(MINUTE)
    assert wait.time_left == 24 * HOUR - 3 * MINUTE
    clock.passes(12 * HOUR)
    assert wait.see(failed(OUTAGE)) is None


KINDS = {
    Failure.OUTAGE: OUTAGE,
    Failure.THROTTLED: THROTTLED,
    Failure.NOT_SIGNED_IN: REFUSED,
    Failure.REFUSED: NotFoundError("GET jobs/j", 404),
}


@given(errors=st.lists(st.tuples(st.sampled_from(list(KINDS)), st.floats(0, 900)), min_size=1, max_size=30))
def test_patience_is_that_of_what_goes_on(errors: list[tuple[Failure, float]]) -> None:
    """A day from the first error; ten minutes from the first of the refusals that nothing has interrupted."""
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(outages, "time", clock)
        weather, began, refused = OutageTracker(), clock.now, None
        for kind, seconds in errors:
            weather.failed(KINDS[kind])
            is_refusal = kind in (Failure.REFUSED, Failure.NOT_SIGNED_IN)
            refused = (refused or clock.now) if is_refusal else None
            day = began + 24 * HOUR
            assert weather.gives_up == (min(day, refused + 10 * MINUTE) if refused else day)
            clock.passes(seconds)
        weather.succeeded()
        assert weather.gives_up is None


@given(
    kinds=st.lists(st.sampled_from([Failure.OUTAGE, Failure.THROTTLED, Failure.NOT_SIGNED_IN]), min_size=2),
    jobs=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_who_waits_is_told_what_goes_on(kinds: list[Failure], jobs: int, seed: int) -> None:
    """One poller reads for all, one job at a time: what it meets counts for each of them."""
    poller, now = Poller(Random(seed)), 0.0
    waits = {f"j{number}": OutageTracker() for number in range(jobs)}
    for name in waits:
        poller.add(name, now, poll_interval=30.0)
    for count, kind in enumerate(kinds, 1):
        while isinstance(step := poller.next(now), float):
            now += step
        for name in poller.failed(step, now, kind):
            waits[name].failed(KINDS[kind])
        patience = 10 * MINUTE if kind is Failure.NOT_SIGNED_IN else 24 * HOUR
        for weather in waits.values() if count > 1 else ():
            assert weather.gives_up is not None
            assert (weather.gives_up - time.time() > 11 * MINUTE) == (patience > 11 * MINUTE)


def test_weather_is_told_once_per_change(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    wait = waiting(clock)
    for _ in range(2):
        for error in (OUTAGE, OUTAGE, THROTTLED, OUTAGE):
            wait.see(failed(error))
            clock.passes(MINUTE)
        wait.see(seen("Running"))
        wait.see(seen("Running"))
    assert caplog.text.count("cannot be asked for") == 2
    assert caplog.text.count("answers again, after 240 s") == 2
    assert len(caplog.records) == 4


def test_a_status_is_told_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    wait = waiting(clock, status="Starting")
    for status in ("Starting", "Queued", "Queued", "Running", "Running"):
        wait.see(seen(status))
    assert [record.getMessage() for record in caplog.records] == [
        "Job j: Starting -> Queued",
        "Job j: Queued -> Running",
    ]


NODES = '{"AllocationState":"resizing","PreparingNodeCount":1,"RunningNodeCount":3,"CurrentNodeCount":4}'


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (NODES, "resizing at 4 nodes, of which 3 run jobs and 1 are being prepared"),
        ("{}", ""),
        ("no json", ""),
        ("[]", ""),
    ],
)
def test_a_queued_job_says_how_its_compute_is(
    clock: Clock, caplog: pytest.LogCaptureFixture, tag: str, words: str
) -> None:
    caplog.set_level("INFO")
    tags = {"_aml_system_ComputeTargetStatus": tag}
    waiting(clock).see(Look(Job("/jobs/j", "j", "Command", "Queued", tags=tags), None))
    assert words in caplog.text
    assert caplog.records[0].getMessage().endswith(")" if words else "Queued")


@pytest.mark.parametrize("event", [None, {}, {"status": "success"}, "ended", 7])
def test_what_is_no_event_never_looks_like_an_end(event: Any) -> None:
    with pytest.raises(AzureMLError, match="no event of a wait"):
        check_event(event)
