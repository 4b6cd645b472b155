"""Tokens that end, that are refused, and that lack what a policy demands."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core.pipeline.transport import AioHttpTransport

from airflow_provider_amlrest.rest.errors import AuthenticationError, UnreachableError
from tests.identity.asking import KINDS, answer, opened, settings
from tests.support.emulated import Emulated

WORKSPACE = "/workspaces/[^/]+$"
TOKEN = "/oauth2/v2.0/token$"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def client(tuned: Emulated, kind: str) -> AsyncIterator[Any]:
    async with opened(kind, settings(tuned)) as client:
        yield client


def statuses(emulator: Emulated, mark: int) -> list[int]:
    return [entry["status"] for entry in emulator.asked("GET", WORKSPACE, since=mark)]


async def test_tokens_that_live_for_seconds(tuned: Emulated, client: Any) -> None:
    tuned.admin("PATCH", "settings", {"token_lifetime_seconds": 2})
    mark = tuned.mark()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        await answer(client.get_workspace())
        await asyncio.sleep(0.3)
    assert set(statuses(tuned, mark)) == {200}
    assert len(tuned.asked("POST", TOKEN, since=mark)) >= 2


async def test_a_token_that_ends_on_its_way(tuned: Emulated, client: Any) -> None:
    tuned.admin("PATCH", "settings", {"token_lifetime_seconds": 1})
    mark = tuned.mark()
    with tuned.fault(WORKSPACE, delay_seconds=2, times=1):
        assert (await answer(client.get_workspace())).name
    assert statuses(tuned, mark) == [401, 200]
    assert len(tuned.asked("POST", TOKEN, since=mark)) == 2


async def test_a_token_that_ends_on_its_way_twice_is_an_error(tuned: Emulated, client: Any) -> None:
    tuned.admin("PATCH", "settings", {"token_lifetime_seconds": 1})
    mark = tuned.mark()
    with (
        tuned.fault(WORKSPACE, delay_seconds=2, times=None),
        pytest.raises(AuthenticationError, match="ExpiredAuthenticationToken"),
    ):
        await answer(client.get_workspace())
    assert statuses(tuned, mark) == [401, 401]


async def test_a_refused_token_is_not_sent_again(tuned: Emulated, client: Any) -> None:
    """It is good for an hour as far as anybody here knows: there is no other to be had."""
    refusal = {
        "status": 401,
        "headers": {"WWW-Authenticate": 'Bearer error="invalid_token"'},
        "body": {"error": {"code": "InvalidAuthenticationToken", "message": "The access token is invalid."}},
    }
    await answer(client.get_workspace())
    mark = tuned.mark()
    with (
        tuned.fault(WORKSPACE, **refusal, times=None),
        pytest.raises(AuthenticationError, match="InvalidAuthenticationToken"),
    ):
        await answer(client.get_workspace())
    assert statuses(tuned, mark) == [401]
    assert (await answer(client.get_workspace())).name


# Claims challenges


def credentials(emulator: Emulated, name: str) -> dict[str, Any]:
    facts = emulator.facts
    chosen: dict[str, dict[str, Any]] = {
        "client_secret": {},
        "client_certificate": {"password": None, "certificate_path": facts["client_certificate"]},
        "workload_identity": {"password": None, "workload_identity_file": facts["federated_token_file"]},
    }
    return {"credential": name, **chosen[name]}


@pytest.mark.parametrize("name", ["client_secret", "client_certificate", "workload_identity"])
async def test_a_claims_challenge_is_answered(tuned: Emulated, kind: str, name: str) -> None:
    async with opened(kind, settings(tuned, **credentials(tuned, name))) as client:
        await answer(client.get_workspace())
        tuned.admin("PATCH", "settings", {"authentication_context": "c1"})
        mark = tuned.mark()
        await answer(client.get_workspace())
        await answer(client.get_workspace())
    assert statuses(tuned, mark) == [401, 200, 200]


CHALLENGE = base64.b64encode(json.dumps({"access_token": {"acrs": {"value": "c2"}}}).encode()).decode()
INSUFFICIENT = {
    "status": 401,
    "headers": {"WWW-Authenticate": f'Bearer error="insufficient_claims", claims="{CHALLENGE}"'},
    "body": {"error": {"code": "AuthenticationFailed", "message": "Authentication failed."}},
}


async def test_a_challenge_that_is_repeated_is_an_error(tuned: Emulated, client: Any) -> None:
    mark = tuned.mark()
    with (
        tuned.fault(WORKSPACE, **INSUFFICIENT, times=None),
        pytest.raises(AuthenticationError, match=r"insufficient_claims.*Conditional Access"),
    ):
        await answer(client.get_workspace())
    assert statuses(tuned, mark) == [401, 401]


async def test_a_challenge_while_entra_is_away_is_no_refusal(
    tuned: Emulated, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait goes on then, as after every answer that did not come."""

    async def sleep(self: Any, duration: float) -> None:
        await asyncio.sleep(0)

    await answer(client.get_workspace())
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(AioHttpTransport, "sleep", sleep)
    with (
        tuned.fault(WORKSPACE, **INSUFFICIENT, times=1),
        tuned.fault(TOKEN, drop=True, times=None),
        pytest.raises(UnreachableError, match="the sign-in for GET workspace"),
    ):
        await answer(client.get_workspace())
    assert (await answer(client.get_workspace())).name
