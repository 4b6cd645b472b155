"""A task whose time is over ends, and so does its job, whatever the service answers."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, TaskDeferred

from airflow_provider_amlrest.cli import commands
from airflow_provider_amlrest.cli.exit_codes import TIMED_OUT
from airflow_provider_amlrest.cli.main import main
from airflow_provider_amlrest.lifecycle import completion, patience
from airflow_provider_amlrest.lifecycle.completion import JobTimeoutError
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.assets import ensure
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.runs import ending
from airflow_provider_amlrest.sensors import AzureMLJobSensor
from tests.support.emulated import Emulated
from tests.support.gateway import Gateway, Weather
from tests.support.tasks import Try, as_stored, fire

DOCUMENTED, LAST_LOOK = patience.END, patience.LAST_LOOK
"""Seconds beyond the deadline that a task has in life; here they are shortened."""

WEATHER = {
    "503": Weather(503),
    "403": Weather(403),
    "404": Weather(404),
    "401": Weather(401),
    "silence": Weather(),
    "Retry-After": Weather(503, {"Retry-After": "100"}),
    "throttled": Weather(429, {"Retry-After": "100"}),
    "trickle": Weather(drips=True),
}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last moments are short; a submission is as patient as it is in life."""
    monkeypatch.setattr(patience, "LAST_LOOK", 0.5)
    monkeypatch.setattr(patience, "END", 2.0)
    monkeypatch.setattr(patience, "CANCEL", 1.0)
    monkeypatch.setattr(ending, "LOOK_PATIENCE", 0.2)
    monkeypatch.setattr(patience, "SUBMIT_OUTAGE", 600.0)
    monkeypatch.setattr(patience, "SUBMIT_REFUSAL", 120.0)


@pytest.fixture
def gateway(emulator: Emulated) -> Iterator[Gateway]:
    with Gateway(emulator) as gateway:
        yield gateway


@pytest.fixture
def connection(emulator: Emulated, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> str:
    """The default connection leads through the gateway."""
    scope = f"{emulator.facts['arm_endpoint']}/.default"
    uri = emulator.connection_uri(resource_manager=gateway.endpoint, scope=scope)
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", uri)
    return uri


@pytest.fixture(params=WEATHER)
def weather(request: pytest.FixtureRequest) -> Weather:
    return WEATHER[request.param]


A_FEW = pytest.mark.parametrize("weather", ["403", "Retry-After", "trickle"], indirect=True)


class GoesOn(BaseException):
    """It was to be over."""


def goes_on(*signal_and_frame: Any) -> None:
    raise GoesOn(f"It goes on {DOCUMENTED:g} s after its deadline.")


def outcome(action: Callable[[], Any], deadline: float) -> Any:
    """What comes of it, result or exception, within the deadline (seconds from now) and the minute."""
    before = signal.signal(signal.SIGALRM, goes_on)
    signal.setitimer(signal.ITIMER_REAL, deadline + DOCUMENTED)
    try:
        return action()
    except Exception as error:
        return error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def reads_fail(weather: Weather, *, from_now: float = 0.0) -> Callable[[str, str], Weather | None]:
    """All but the cancel meet this weather."""
    begins = time.time() + from_now

    def answer(method: str, path: str) -> Weather | None:
        return None if "/cancel" in path or time.time() < begins else weather

    return answer


def cancels(gateway: Gateway, name: str) -> int:
    return sum(asked.startswith("POST") and asked.endswith(f"/jobs/{name}/cancel") for asked in gateway.asked)


def test_the_cancel_goes_out_at_the_deadline(
    command_task: Any, gateway: Gateway, weather: Weather, emulator: Emulated
) -> None:
    task = command_task(timeout=3, tags={"emulator.outcome": "stuck"})
    gateway.weather = lambda method, path: (
        weather if method == "GET" and any(asked.startswith("PUT") for asked in gateway.asked) else None
    )
    error = outcome(Try(task).execute, 3)
    assert isinstance(error, JobTimeoutError)
    assert "did not end within 3 s and was asked to end" in str(error)
    assert cancels(gateway, task._submitted_name) >= 1


def test_the_worker_that_resumes_ends_too(command_task: Any, gateway: Gateway, weather: Weather) -> None:
    task = command_task(wait_for_completion=False, tags={"emulator.outcome": "stuck"})
    name = Try(task).execute()["name"]
    event = completion.Wait(name, "Running", deadline=time.time())._event(completion.TIMEOUT)
    gateway.weather = lambda method, path: weather
    error = outcome(lambda: task.execute_complete(Try(task).context, event), 0)
    assert isinstance(error, JobTimeoutError)
    assert "may go on" in str(error)
    assert cancels(gateway, name) >= 1


def test_a_job_that_was_stalled_is_not_canceled_unseen(command_task: Any, gateway: Gateway) -> None:
    """It may respond again by now; there is no deadline."""
    task = command_task(wait_for_completion=False)
    name = Try(task).execute()["name"]
    event = completion.Wait(name, "NotResponding")._event(completion.STALLED)
    begins = time.time()
    gateway.weather = lambda method, path: (
        Weather(503) if time.time() < begins + 4 * patience.LAST_LOOK else None
    )
    assert outcome(lambda: task.execute_complete(Try(task).context, event), 0)["status"] == "Completed"
    assert cancels(gateway, name) == 0


@A_FEW
@pytest.mark.usefixtures("patient_submission")
def test_a_result_that_cannot_be_read_ends_too(command_task: Any, gateway: Gateway, weather: Weather) -> None:
    """The trigger has seen the end, and then nothing can be read any more."""
    task = command_task(wait_for_completion=False, timeout=1)
    name = Try(task).execute()["name"]
    event = completion.Wait(name, "Completed", deadline=time.time())._event(completion.ENDED)
    gateway.weather = lambda method, path: weather
    assert isinstance(outcome(lambda: task.execute_complete(Try(task).context, event), 1), JobTimeoutError)


@A_FEW
@pytest.mark.usefixtures("patient_submission")
@pytest.mark.parametrize("mode", ["deferred"], indirect=True)
def test_the_trigger_cancels_at_the_deadline(command_task: Any, gateway: Gateway, weather: Weather) -> None:
    task = command_task(timeout=2, tags={"emulator.outcome": "stuck"})
    task.render_template_fields(Try(task).context)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(Try(task).context)
    gateway.weather = reads_fail(weather)
    event = outcome(lambda: asyncio.run(fire(as_stored(deferred.value.trigger))), 2)
    assert event["status"] == "timeout"
    assert cancels(gateway, task._submitted_name) == 1


@pytest.mark.parametrize("mode", ["sync"], indirect=True)
class TestSubmission:
    @A_FEW
    def test_a_submission_ends(self, command_task: Any, gateway: Gateway, weather: Weather) -> None:
        gateway.weather = reads_fail(weather)
        error = outcome(Try(command_task(timeout=2)).execute, 2)
        assert isinstance(error, Exception)

    def test_what_may_have_been_submitted_is_canceled(
        self, command_task: Any, gateway: Gateway, client: Any
    ) -> None:
        """The PUT arrives, its answer never."""
        task = command_task(timeout=3, tags={"emulator.outcome": "stuck"})
        gateway.weather = lambda method, path: None if method != "PUT" else Weather()
        error = outcome(Try(task).execute, 3)
        assert isinstance(error, JobTimeoutError)
        assert cancels(gateway, task._submitted_name) == 1


@A_FEW
@pytest.mark.parametrize("mode", ["sync"], indirect=True)
def test_a_sensor_ends(command_task: Any, gateway: Gateway, weather: Weather) -> None:
    name = Try(command_task(wait_for_completion=False, tags={"emulator.outcome": "stuck"})).execute()["name"]
    sensor = AzureMLJobSensor(task_id="sensor", job_name=name, timeout=1, poke_interval=0.2)
    gateway.weather = reads_fail(weather, from_now=0.5)
    assert isinstance(outcome(Try(sensor).execute, 1), AirflowSensorTimeout)


@A_FEW
@pytest.mark.parametrize("mode", ["sync"], indirect=True)
def test_the_command_line_ends(
    command_task: Any, gateway: Gateway, weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "LAST_LOOK_PATIENCE", 1.0)
    name = Try(command_task(wait_for_completion=False, tags={"emulator.outcome": "stuck"})).execute()["name"]
    reads = itertools.count()
    gateway.weather = lambda method, path: weather if next(reads) else None
    assert outcome(lambda: main(["wait", name, "--timeout", "2"]), 2) == TIMED_OUT


@A_FEW
def test_a_wait_for_an_environment_ends(
    client: AzureMLClient, gateway: Gateway, weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ensure, "LAST_READ_PATIENCE", 1.0)
    environment = Environment("e", "1", image="python", provisioning_state="Creating")
    gateway.weather = reads_fail(weather)
    error = outcome(
        lambda: ensure.wait_until_provisioned(client, environment, poll_interval=0.1, timeout=1), 1
    )
    assert isinstance(error, AzureMLError)
