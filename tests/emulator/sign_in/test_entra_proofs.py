"""Signing in without a secret: certificates, federated tokens, managed identity, and claims."""

from __future__ import annotations

import base64
import json
import math
import stat
import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import trustme
from azure.identity import CertificateCredential, ManagedIdentityCredential, WorkloadIdentityCredential
from azure.identity.aio import CertificateCredential as AsyncCertificateCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential
from azure.identity.aio import WorkloadIdentityCredential as AsyncWorkloadIdentityCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.emulator.running import Running

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def present(emulator: Running, assertion: str, **changes: str | None) -> httpx.Response:
    """The token endpoint's answer to a client assertion."""
    fields = {"client_secret": None, "client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE}
    return emulator.ask_token(**{**fields, **changes})


def signed(emulator: Running, *, pem: str | None = None, algorithm: str = "PS256", **claims: Any) -> str:
    """A client's assertion as its certificate's owner signs it; a claim of None is left out."""
    facts = emulator.facts
    pem = pem or Path(facts["client_certificate"]).read_text()
    now = int(time.time())
    payload = {
        "aud": f"{facts['authority_host']}/{facts['tenant_id']}/oauth2/v2.0/token",
        "iss": facts["client_id"],
        "sub": facts["client_id"],
        "nbf": now,
        "exp": now + 600,
        **claims,
    }
    certificate = x509.load_pem_x509_certificate(pem.encode())
    name, digest = ("x5t#S256", hashes.SHA256()) if algorithm == "PS256" else ("x5t", hashes.SHA1())  # noqa: S303
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(digest)).decode()
    return jwt.encode(
        {name: value for name, value in payload.items() if value is not None},
        pem,
        algorithm=algorithm,
        headers={name: thumbprint},
    )


def code(answer: httpx.Response) -> int:
    """The AADSTS code of a refusal, which is shaped like Entra ID's."""
    body = answer.json()
    [number] = body["error_codes"]
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    return int(number)


@pytest.fixture(scope="module")
def other_pem() -> str:
    made = trustme.CA().issue_cert(common_name="somebody", key_type=trustme.KeyType.RSA)
    return (made.private_key_pem.bytes() + made.cert_chain_pems[0].bytes()).decode()


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_the_registered_certificate_gets_a_token(emulator: Running, algorithm: str) -> None:
    answer = present(emulator, signed(emulator, algorithm=algorithm))
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["appidacr"] == "2"
    authorization = {"Authorization": f"Bearer {token}"}
    url = f"{emulator.workspace}?api-version=2025-12-01"
    assert emulator.http.get(url, headers=authorization).status_code == 200


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"exp": int(time.time()) - 5}, 700024),
        ({"exp": None}, 700024),
        ({"exp": math.nan}, 700024),
        ({"nbf": int(time.time()) + 10**6}, 700024),
        ({"nbf": 1e30}, 700024),
        ({"aud": "https://elsewhere.example/oauth2/v2.0/token"}, 700023),
        ({"sub": "somebody"}, 700021),
        ({"iss": "somebody"}, 700021),
    ],
)
def test_an_assertion_that_is_not_right(emulator: Running, claims: dict[str, Any], expected: int) -> None:
    answer = present(emulator, signed(emulator, **claims))
    assert (answer.status_code, answer.json()["error"], code(answer)) == (401, "invalid_client", expected)


def test_another_certificate_is_not_registered(emulator: Running, other_pem: str) -> None:
    answer = present(emulator, signed(emulator, pem=other_pem))
    assert (answer.status_code, code(answer)) == (401, 700027)
    thumbprint = x509.load_pem_x509_certificate(other_pem.encode()).fingerprint(hashes.SHA256()).hex()
    said = answer.json()["error_description"]
    assert "is not registered on application" in said
    assert f"Thumbprint of key used by client: '{thumbprint.upper()}'" in said


def test_the_right_thumbprint_with_another_key(emulator: Running, other_pem: str) -> None:
    right = signed(emulator)
    header = jwt.get_unverified_header(right)
    forged = jwt.encode(
        jwt.decode(right, options={"verify_signature": False}),
        other_pem,
        algorithm="PS256",
        headers={"x5t#S256": header["x5t#S256"]},
    )
    answer = present(emulator, forged)
    assert code(answer) == 700027
    assert "invalid signature" in answer.json()["error_description"]


def test_what_is_no_assertion(emulator: Running) -> None:
    assert code(present(emulator, "nonsense")) == 50027
    without = jwt.encode({"iss": emulator.facts["client_id"]}, "k" * 32, algorithm="HS256")
    assert code(present(emulator, without)) == 50027
    assert code(present(emulator, signed(emulator), client_assertion_type=None)) == 900144
    assert (
        code(present(emulator, signed(emulator), client_id="11111111-0000-0000-0000-000000000000")) == 700016
    )


def test_keys_are_private(emulator: Running) -> None:
    for name in ("client_certificate", "federated_token_file"):
        assert stat.S_IMODE(Path(emulator.facts[name]).stat().st_mode) == 0o600


def federated(emulator: Running, key: str | None = None, **claims: Any) -> httpx.Response:
    """The answer to the federated token with other claims, signed by somebody else where there are any."""
    token = Path(emulator.facts["federated_token_file"]).read_text()
    if key is not None:
        payload = {**jwt.decode(token, options={"verify_signature": False}), **claims}
        token = jwt.encode(payload, key, algorithm="RS256")
    return present(emulator, token)


def test_a_federated_token_gets_a_token(emulator: Running) -> None:
    assert federated(emulator).status_code == 200


@pytest.mark.parametrize(
    ("claims", "expected", "words"),
    [
        ({"iss": "https://cluster.example"}, 700211, "presented assertion issuer 'https://cluster.example'"),
        ({"sub": "system:serviceaccount:a:b"}, 700213, "presented assertion subject"),
        ({"aud": ["sts"]}, 700212, "presented assertion audience 'sts'"),
        ({}, 50013, "failed signature validation"),
    ],
)
def test_a_federated_token_that_is_not_trusted(
    emulator: Running, other_pem: str, claims: dict[str, Any], expected: int, words: str
) -> None:
    answer = federated(emulator, other_pem, **claims)
    assert (answer.status_code, answer.json()["error"], code(answer)) == (401, "invalid_client", expected)
    assert words in answer.json()["error_description"]


def test_an_access_token_is_no_federated_token(emulator: Running) -> None:
    assert code(present(emulator, emulator.token())) == 700211


# Managed identity

STYLES = {
    "App Service": ("X-IDENTITY-HEADER", "2019-08-01", "client_id"),
    "Azure ML": ("secret", "2017-09-01", "clientid"),
}


def machine(emulator: Running, style: str, header: str | None = None, **query: str) -> httpx.Response:
    name, version, _ = STYLES[style]
    facts = emulator.facts
    return emulator.http.get(
        facts["identity_endpoint"],
        params={"api-version": version, "resource": facts["arm_endpoint"], **query},
        headers={name: header or facts["identity_header"]},
    )


@pytest.mark.parametrize("style", STYLES)
def test_managed_identity(emulator: Running, style: str) -> None:
    answer = machine(emulator, style)
    assert answer.status_code == 200
    assert int(answer.json()["expires_on"]) > time.time() + 3000
    parameter = STYLES[style][2]
    assert machine(emulator, style, **{parameter: emulator.facts["client_id"]}).status_code == 200
    other = machine(emulator, style, **{parameter: "11111111-0000-0000-0000-000000000000"})
    assert (other.status_code, other.json()["statusCode"]) == (400, 400)
    assert "No User Assigned" in other.json()["message"]
    assert machine(emulator, style, resource="https://graph.microsoft.com").status_code == 400
    assert machine(emulator, style, mi_res_id="/subscriptions/x").status_code == 400


@pytest.mark.parametrize("style", STYLES)
def test_managed_identity_is_for_those_who_know_the_header(emulator: Running, style: str) -> None:
    answer = machine(emulator, style, header="guessed")
    assert answer.status_code == 401
    assert "access_token" not in answer.text
    assert emulator.http.get(emulator.facts["identity_endpoint"]).status_code == 401


# Claims


def with_claims(emulator: Running, **access_token: Any) -> httpx.Response:
    return emulator.ask_token(claims=json.dumps({"access_token": access_token}))


def call(emulator: Running, answer: httpx.Response) -> httpx.Response:
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return emulator.http.get(f"{emulator.workspace}?api-version=2025-12-01", headers=headers)


CAPABLE = {"xms_cc": {"values": ["CP1"]}}


def test_a_claims_challenge_and_its_answer(tuned: Running) -> None:
    tuned.admin("PATCH", "settings", {"authentication_context": "c1"}).raise_for_status()
    challenge = call(tuned, with_claims(tuned, **CAPABLE))
    assert challenge.status_code == 401
    header = challenge.headers["WWW-Authenticate"]
    assert 'error="insufficient_claims"' in header
    wanted = json.loads(base64.urlsafe_b64decode(header.partition('claims="')[2].rstrip('"')))
    assert wanted == {"access_token": {"acrs": {"essential": True, "value": "c1"}}}
    assert call(tuned, with_claims(tuned, **CAPABLE, **wanted["access_token"])).status_code == 200
    assert call(tuned, with_claims(tuned, acrs={"essential": True, "value": "c2"})).status_code == 401


def test_a_client_that_cannot_answer_is_not_challenged(tuned: Running) -> None:
    tuned.admin("PATCH", "settings", {"authentication_context": "c1"}).raise_for_status()
    refusal = call(tuned, tuned.ask_token())
    assert refusal.status_code == 401
    assert "insufficient_claims" not in refusal.headers["WWW-Authenticate"]


def test_claims_that_make_no_sense(tuned: Running) -> None:
    for text in (
        "x",
        "[]",
        '{"id_token": {}}',
        '{"access_token": {"acrs": {}}}',
        '{"access_token": {"acrs": 1}}',
    ):
        assert code(tuned.ask_token(claims=text)) == 9002313
    assert tuned.admin("PATCH", "settings", {"authentication_context": "mfa"}).status_code == 400


# Microsoft's own client library, unchanged


@pytest.fixture
def options(emulator: Running) -> dict[str, Any]:
    facts = emulator.facts
    return {
        "authority": facts["authority_host"],
        "disable_instance_discovery": True,
        "connection_verify": facts["ca_bundle"],
    }


async def both(emulator: Running, sync: Any, other: Any) -> None:
    """Both credentials get a token that ARM takes."""
    scope = f"{emulator.facts['arm_endpoint']}/.default"
    with sync:
        tokens = [sync.get_token(scope).token]
    async with other:
        tokens.append((await other.get_token(scope)).token)
    for token in tokens:
        url = f"{emulator.workspace}?api-version=2025-12-01"
        assert emulator.http.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200


async def test_certificate_credential(emulator: Running, options: dict[str, Any]) -> None:
    facts = emulator.facts
    arguments = (facts["tenant_id"], facts["client_id"], facts["client_certificate"])
    await both(
        emulator,
        CertificateCredential(*arguments, **options),
        AsyncCertificateCredential(*arguments, **options),
    )


async def test_workload_identity_credential(emulator: Running, options: dict[str, Any]) -> None:
    facts = emulator.facts
    arguments = {
        "tenant_id": facts["tenant_id"],
        "client_id": facts["client_id"],
        "token_file_path": facts["federated_token_file"],
        **options,
    }
    await both(
        emulator, WorkloadIdentityCredential(**arguments), AsyncWorkloadIdentityCredential(**arguments)
    )


@pytest.mark.parametrize(
    ("endpoint", "header"), [("IDENTITY_ENDPOINT", "IDENTITY_HEADER"), ("MSI_ENDPOINT", "MSI_SECRET")]
)
@pytest.mark.parametrize("user_assigned", [False, True])
async def test_managed_identity_credential(
    emulator: Running, monkeypatch: pytest.MonkeyPatch, endpoint: str, header: str, user_assigned: bool
) -> None:
    monkeypatch.setenv(endpoint, emulator.facts["identity_endpoint"])
    monkeypatch.setenv(header, emulator.facts["identity_header"])
    arguments: dict[str, Any] = {"connection_verify": emulator.facts["ca_bundle"]}
    if user_assigned:
        arguments["client_id"] = emulator.facts["client_id"]
    await both(emulator, ManagedIdentityCredential(**arguments), AsyncManagedIdentityCredential(**arguments))
