"""Tokens: the errors of Entra ID, what is in a token, and Microsoft's own client library."""

from __future__ import annotations

import re
import time
import uuid

import httpx
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential

from tests.emulator.running import Running

OTHER = str(uuid.uuid4())


@pytest.mark.parametrize(
    ("changes", "status", "error", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": OTHER}, 400, "unauthorized_client", 700016),
        ({"tenant": OTHER}, 400, "invalid_request", 90002),
        ({"grant_type": None}, 400, "invalid_request", 900144),
        ({"scope": None}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_secret": None, "client_assertion": "x"}, 400, "invalid_request", 900144),
        ({"scope": "https://management.azure.com"}, 400, "invalid_scope", 1002012),
        ({"scope": "https://graph.microsoft.com/.default"}, 400, "invalid_resource", 500011),
    ],
)
def test_error_is_shaped_like_entras(
    emulator: Running, changes: dict[str, str | None], status: int, error: str, code: int
) -> None:
    answer = emulator.ask_token(**changes)
    body = answer.json()
    assert answer.status_code == status
    assert body["error"] == error
    assert body["error_codes"] == [code]
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert (
        f"Trace ID: {body['trace_id']} Correlation ID: {body['correlation_id']}" in body["error_description"]
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", body["timestamp"])


def test_token_verifies_against_the_published_keys(emulator: Running) -> None:
    base = f"{emulator.facts['authority_host']}/{emulator.facts['tenant_id']}"
    discovery = emulator.http.get(f"{base}/v2.0/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(emulator.http.get(discovery["jwks_uri"]).json())
    token = emulator.token("https://management.azure.com/.default")
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience="https://management.azure.com")
    assert claims["appid"] == emulator.facts["client_id"]
    assert claims["tid"] == emulator.facts["tenant_id"]
    assert claims["iss"] == f"https://sts.windows.net/{emulator.facts['tenant_id']}/"


def test_discovery_of_another_tenant_is_refused(emulator: Running) -> None:
    answer = emulator.http.get(f"/{OTHER}/v2.0/.well-known/openid-configuration")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_tenant")


async def test_azure_identity_works_unchanged(emulator: Running) -> None:
    facts = emulator.facts
    arguments = (facts["tenant_id"], facts["client_id"], facts["client_secret"])
    options = {
        "authority": facts["authority_host"],
        "disable_instance_discovery": True,
        "connection_verify": facts["ca_bundle"],
    }
    with ClientSecretCredential(*arguments, **options) as credential:
        token = credential.get_token(f"{facts['arm_endpoint']}/.default")
    assert token.expires_on > time.time() + 3000
    async with AsyncClientSecretCredential(*arguments, **options) as credential:
        other = await credential.get_token("https://ml.azure.com/.default")
    for text in (token.token, other.token):
        answer = emulator.ml("GET", "")
        answer = emulator.http.get(answer.url, headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == 200
    with (
        ClientSecretCredential(*arguments[:2], "wrong", **options) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token(f"{facts['arm_endpoint']}/.default")


def _call(emulator: Running, authorization: str | None) -> httpx.Response:
    headers = {"Authorization": authorization} if authorization else {}
    with httpx.Client(verify=emulator.http._transport._pool._ssl_context) as client:  # type: ignore[attr-defined]
        url = f"{emulator.facts['arm_endpoint']}{emulator.workspace}?api-version=2025-12-01"
        return client.get(url, headers=headers)


def _changed(token: str, **claims: object) -> str:
    payload = {**jwt.decode(token, options={"verify_signature": False}), **claims}
    return jwt.encode(payload, "k" * 32, algorithm="HS256")


def test_arm_says_what_is_wrong_with_a_token(tuned: Running) -> None:
    good = tuned.token()
    storage = tuned.token("https://storage.azure.com/.default")
    tuned.admin("PATCH", "settings", {"token_lifetime_seconds": 1})
    short = tuned.token()
    time.sleep(1.2)
    expected = {
        None: "AuthenticationFailed",
        "Basic eDp5": "AuthenticationFailed",
        "Bearer nonsense": "InvalidAuthenticationToken",
        f"Bearer {good[:-8]}AAAAAAAA": "InvalidAuthenticationToken",
        f"Bearer {_changed(good)}": "InvalidAuthenticationToken",
        f"Bearer {storage}": "InvalidAuthenticationTokenAudience",
        f"Bearer {short}": "ExpiredAuthenticationToken",
    }
    for authorization, code in expected.items():
        answer = _call(tuned, authorization)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == code
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert "x-aml-cluster" not in answer.headers
    assert _call(tuned, f"Bearer {good}").status_code == 200
