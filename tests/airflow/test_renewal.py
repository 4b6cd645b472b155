"""Waits that are longer than a token's life."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_amlrest.sensors import AzureMLJobSensor
from tests.support.emulated import Emulated
from tests.support.tasks import Try


@pytest.fixture
def short_lived(emulator: Emulated) -> Iterator[Emulated]:
    """Tokens live for three seconds."""
    before = emulator.admin("GET", "settings")
    emulator.admin("PATCH", "settings", {"token_lifetime_seconds": 3})
    yield emulator
    emulator.admin("PATCH", "settings", before)


def looked(emulator: Emulated, name: str, mark: int) -> list[int]:
    """What was answered to those who looked at a job."""
    return [entry["status"] for entry in emulator.asked("GET", f"/jobs/{name}$", since=mark)]


def test_an_operator_waits_on(command_task: Any, short_lived: Emulated) -> None:
    mark = short_lived.mark()
    with short_lived.fault("/jobs/[^/]+$", method="PUT", delay_seconds=4, times=1):
        result = Try(command_task(tags={"emulator.seconds": "4"}, poll_interval=0.3)).execute()
    assert result["status"] == "Completed"
    assert looked(short_lived, result["name"], mark)[-1] == 200
    assert [entry["status"] for entry in short_lived.asked("PUT", "/jobs/", since=mark)] == [401, 201]
    # For its first look, for the PUT's second trial, and during the wait.
    assert len(short_lived.asked("POST", "/oauth2/v2.0/token$", since=mark)) >= 3


def test_a_sensor_waits_on(command_task: Any, short_lived: Emulated) -> None:
    submit = command_task(wait_for_completion=False, tags={"emulator.seconds": "6"})
    name = Try(submit).execute()["name"]
    mark = short_lived.mark()
    with short_lived.fault(f"/jobs/{name}$", method="GET", delay_seconds=4, times=1):
        result = Try(AzureMLJobSensor(task_id="wait", job_name=name, poke_interval=0.3)).execute()
    assert result["status"] == "Completed"
    assert looked(short_lived, name, mark)[:2] == [401, 200]
    assert len(short_lived.asked("POST", "/oauth2/v2.0/token$", since=mark)) >= 2
