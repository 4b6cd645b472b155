"""Tokens that end, that are refused, and that lack what a policy demands."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http import policies
from airflow_provider_amlrest.rest.http.errors import AuthenticationError, UnreachableError
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
    tuned.admin("PATCH", "settings", {"token_lifetime_seconds": 3})
    mark = tuned.mark()
    asked = 0
    while len(tuned.asked("POST", TOKEN, since=mark)) < 3:
        assert (await answer(client.get_workspace())).name
        asked += 1
        await asyncio.sleep(0.1)
    # A token may end on its way, which is made good unseen.
    assert statuses(tuned, mark).count(200) == asked
    assert asked > 2, "each request asked for a token of its own"


@pytest.fixture
def only_the_first_is_short(tuned: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a token was refused, the next ones live for an hour."""
    for policy in (policies._Authentication, policies._AsyncAuthentication):

        def challenged(self: Any, *answered: Any, on_challenge: Any = policy.on_challenge) -> Any:
            tuned.admin("PATCH", "settings", {"token_lifetime_seconds": 3600})
            return on_challenge(self, *answered)

        monkeypatch.setattr(policy, "on_challenge", challenged)


@pytest.mark.usefixtures("only_the_first_is_short")
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


@pytest.mark.usefixtures("no_pauses")
async def test_a_challenge_while_entra_is_away_is_no_refusal(tuned: Emulated, client: Any) -> None:
    """A wait goes on then, as after every answer that did not come."""

    await answer(client.get_workspace())
    with (
        tuned.fault(WORKSPACE, **INSUFFICIENT, times=1),
        tuned.fault(TOKEN, drop=True, times=None),
        pytest.raises(UnreachableError, match="the sign-in for GET workspace"),
    ):
        await answer(client.get_workspace())
    assert (await answer(client.get_workspace())).name
