"""What a person reads when something is refused, from real answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.http.errors import (
    AzureMLError,
    NotFoundError,
    ResponseError,
    UnreachableError,
)
from airflow_provider_amlrest.rest.http.hints import HINTS, NO_ANSWER_HINTS
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from tests.support.emulated import Emulated
from tests.support.upload_code import client_of

ADVICE = {hint.problem: hint.advice for hint in (*HINTS, *NO_ANSWER_HINTS)}
OTHER = "00000000-1111-2222-3333-444444444444"


def workspace(client: AzureMLClient) -> Any:
    return client.get_workspace()


def large_job(client: AzureMLClient) -> Any:
    job = CommandJob(
        command="true", environment="azureml:e:1", environment_variables={"LARGE": "x" * (5 << 20)}
    )
    return client.create_job("large", job)


def other_body(client: AzureMLClient) -> Any:
    for command in ("true", "false"):
        client.create_job(
            "refusals-taken",
            CommandJob(command=command, environment="azureml:AzureML-sklearn-1.5:1", compute="cpu-cluster"),
        )


@pytest.mark.parametrize(
    ("problem", "facts", "ask"),
    [
        ("wrong secret", {"client_secret": "wrong"}, workspace),
        ("unknown application or certificate", {"client_id": OTHER}, workspace),
        ("unknown tenant", {"tenant_id": OTHER}, workspace),
        ("unknown subscription", {"subscription_id": OTHER}, workspace),
        ("unknown resource group", {"resource_group": "other"}, workspace),
        ("unknown workspace", {"workspace_name": "other"}, workspace),
        ("unknown workspace", {"workspace_name": "other"}, AzureMLClient.get_default_datastore),
        ("environment missing", {}, lambda client: client.get_environment("none", "1")),
        ("datastore missing", {}, lambda client: client.list_datastore_secrets("none")),
        ("request too large", {}, large_job),
        ("name taken", {}, other_body),
    ],
)
def test_the_emulators_own_refusals(
    emulator: Emulated, problem: str, facts: dict[str, str], ask: Callable[[AzureMLClient], Any]
) -> None:
    with client_of({**emulator.facts, **facts}) as client, pytest.raises(ResponseError) as caught:
        ask(client)
    assert str(caught.value).endswith(f" {ADVICE[problem]}")
    assert "HTTP" in str(caught.value)


def test_a_throttled_request(emulator: Emulated) -> None:
    body = {"error": {"code": "TooManyRequests", "message": "The request is being throttled."}}
    with (
        emulator.fault("/workspaces/", status=429, headers={"Retry-After": "600"}, body=body),
        client_of(emulator.facts) as client,
        pytest.raises(AzureMLError) as caught,
    ):
        client.get_workspace()
    assert str(caught.value).endswith(ADVICE["throttled"])


@pytest.mark.usefixtures("no_pauses")
def test_a_certificate_that_nobody_vouches_for(emulator: Emulated) -> None:
    import certifi

    with (
        client_of({**emulator.facts, "ca_bundle": certifi.where()}) as client,
        pytest.raises(UnreachableError) as caught,
    ):
        client.get_workspace()
    assert str(caught.value).count(ADVICE["untrusted certificate"]) == 1


def test_the_emulators_correlation_id_is_told(emulator: Emulated) -> None:
    with client_of(emulator.facts) as client, pytest.raises(NotFoundError) as caught:
        client.get_job("refusals-none")
    assert str(caught.value).startswith("GET jobs/refusals-none was refused: Job refusals-none not found.")
    assert f"UserError > JobNotFound, correlation {caught.value.correlation_id}]" in str(caught.value)
    assert len(caught.value.correlation_id) == 32
