"""Operators against the emulator over real HTTP."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.operators import AzureMLSubmitCommandJobOperator, AzureMLSubmitSweepJobOperator
from airflow_provider_amlrest.operators.jobs import AzureMLJobOperator
from airflow_provider_amlrest.rest import AzureMLClient
from tests.support.emulated import Emulated
from tests.support.endpoints import make_endpoint
from tests.support.resources import CONNECTION, Resources

ENVIRONMENT = "AzureML-sklearn-1.5:1"


def task_id(request: pytest.FixtureRequest) -> str:
    """The test's name with those of its class and file: a test that finds another's job may wait for ever."""
    return re.sub(r"\W+", "-", request.node.nodeid.rpartition("/")[2])[-200:].lstrip("-")


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails at a submission fails at once; metrics do not lag."""
    monkeypatch.setattr(patience, "SETTLE_PAUSE", 0.0)
    monkeypatch.setattr(patience, "SETTLE", 1.0)
    monkeypatch.setattr(patience, "REQUIRED", 1.0)
    monkeypatch.setattr(patience, "SUBMIT_OUTAGE", 0.0)
    monkeypatch.setattr(patience, "SUBMIT_REFUSAL", 0.0)
    monkeypatch.setattr(patience, "SUBMIT_APPEARING", 0.0)


@pytest.fixture
def patient_submission(monkeypatch: pytest.MonkeyPatch) -> None:
    """A submission may take a minute longer than its task has, as a busy machine is slow."""
    submit = AzureMLJobOperator._submit_in_time

    def in_more_time(
        task: AzureMLJobOperator, client: Any, asked: Any, context: Any, deadline: float | None
    ) -> Any:
        return submit(task, client, asked, context, None if deadline is None else deadline + 60)

    monkeypatch.setattr(AzureMLJobOperator, "_submit_in_time", in_more_time)


@pytest.fixture
def connection(emulator: Emulated, monkeypatch: pytest.MonkeyPatch) -> str:
    """The default connection leads to the emulator; its URI as JSON."""
    uri = emulator.connection_uri()
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", uri)
    return uri


@pytest.fixture
def client(connection: str) -> Iterator[AzureMLClient]:
    """A client of the emulator's workspace, beside the one that the operators use."""
    with AzureMLHook().client() as client:
        yield client


@pytest.fixture
def resources(monkeypatch: pytest.MonkeyPatch) -> Resources:
    """A workspace in place of the connection's."""
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", CONNECTION)
    found = Resources()
    monkeypatch.setattr(AzureMLHook, "client", lambda hook: found.opened())
    monkeypatch.setattr(AzureMLHook, "new_client", lambda hook: found.client())
    return found


@pytest.fixture(params=["sync", "deferred"])
def mode(request: pytest.FixtureRequest) -> str:
    """How a task waits for its job."""
    return str(request.param)


@pytest.fixture
def command_task(connection: str, mode: str, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Make a submit operator; its task id is the test's name, so that tests share no jobs."""

    def make(**arguments: Any) -> AzureMLSubmitCommandJobOperator:
        return AzureMLSubmitCommandJobOperator(
            **{
                "task_id": task_id(request),
                "command": "echo hello",
                "environment": ENVIRONMENT,
                "compute": "cpu-cluster",
                "poll_interval": 0.2,
                "deferrable": mode == "deferred",
                "tags": {"emulator.seconds": "0.2"},
                **arguments,
            }
        )

    return make


@pytest.fixture
def sweep_task(connection: str, mode: str, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Make a sweep operator, as ``command_task``."""

    def make(**arguments: Any) -> AzureMLSubmitSweepJobOperator:
        return AzureMLSubmitSweepJobOperator(
            **{
                "task_id": task_id(request),
                "command": "echo ${{search_space.lr}}",
                "environment": ENVIRONMENT,
                "compute": "cpu-cluster",
                "search_space": {"lr": {"type": "uniform", "min_value": 0.1, "max_value": 0.9}},
                "objective": {"goal": "minimize", "primary_metric": "loss"},
                "limits": {"max_total_trials": 5, "max_concurrent_trials": 2},
                "sampling_algorithm": {"type": "random", "seed": 7},
                "poll_interval": 0.2,
                "deferrable": mode == "deferred",
                "tags": {"emulator.seconds": "0.1"},
                **arguments,
            }
        )

    return make


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that was logged or printed so far: Airflow 3 logs by structlog, 2.11 by logging."""
    text: list[str] = []

    def read() -> str:
        captured = capsys.readouterr()
        text.extend((captured.out, captured.err))
        return "\n".join((*text, caplog.text))

    caplog.set_level("INFO")
    return read


@pytest.fixture
def shop(client: AzureMLClient, emulator: Emulated) -> Iterator[str]:
    """An endpoint of the test's own: blue has all requests, green none."""
    name = f"shop-{uuid.uuid4().hex[:8]}"
    with emulator.setting("operation_seconds", 0):
        make_endpoint(client, name, "blue", "green", traffic={"blue": 100})
        yield name
