"""Every hint is reached from an answer as the services give it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import UnreachableError, response_error
from airflow_provider_amlrest.rest.http.hints import HINTS, NO_ANSWER_HINTS


def gateway(code: str, message: str) -> str:
    """Azure Resource Manager's own errors."""
    return json.dumps({"error": {"code": code, "message": message}})


def azure_ml(message: str, *inner: str, code: str = "UserError") -> str:
    chain: Any = None
    for name in reversed(inner):
        chain = {"code": name, "innerError": chain}
    entries = [
        {"type": "Correlation", "info": {"value": {"operation": "c0ffee", "request": "1"}}},
        {"type": "InnerError", "info": {"value": chain}},
    ]
    return json.dumps({"error": {"code": code, "message": message, "additionalInfo": entries}})


def entra(number: int, message: str) -> str:
    text = f"AADSTS{number}: {message} Trace ID: 0 Correlation ID: 0 Timestamp: 2026-01-01 00:00:00Z"
    return json.dumps({"error": {"code": "AADToken", "message": text}})


def storage(code: str, message: str) -> str:
    said = f"<Code>{code}</Code><Message>{message}\nRequestId:0</Message>"
    return f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error>{said}</Error>'


ANSWERS = [
    ("expired secret", 401, entra(7000222, "The provided client secret keys for app 'a' are expired.")),
    ("wrong secret", 401, entra(7000215, "Invalid client secret provided.")),
    (
        "unknown application or certificate",
        401,
        entra(700016, "Application with identifier 'a' was not found in the directory 'd'."),
    ),
    ("unknown tenant", 401, entra(90002, "Tenant 't' not found.")),
    ("Conditional Access", 401, entra(53003, "Access has been blocked by Conditional Access policies.")),
    (
        "wrong tenant",
        401,
        gateway("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer."),
    ),
    (
        "wrong audience",
        401,
        gateway("CredentialUnavailable", "AADSTS500011: The resource principal r was not found."),
    ),
    ("no token", 401, gateway("CredentialUnavailable", "DefaultAzureCredential failed.")),
    (
        "unknown subscription",
        404,
        gateway("SubscriptionNotFound", "The subscription 's' could not be found."),
    ),
    (
        "disabled subscription",
        409,
        gateway("ReadOnlyDisabledSubscription", "The subscription 's' is disabled and marked as read only."),
    ),
    (
        "unknown resource group",
        404,
        gateway("ResourceGroupNotFound", "Resource group 'g' could not be found."),
    ),
    (
        "deleted workspace",
        409,
        azure_ml("Workspace 'w' is soft-deleted. Recover or purge it.", code="BadRequest"),
    ),
    (
        "unknown workspace",
        404,
        gateway("ParentResourceNotFound", "Parent resource 'w' not found."),
    ),
    (
        "unsupported api-version",
        400,
        gateway("NoRegisteredProviderFound", "No registered resource provider found for location 'x'."),
    ),
    ("missing role", 403, gateway("AuthorizationFailed", "The client 'c' does not have authorization.")),
    ("policy or lock", 403, gateway("RequestDisallowedByPolicy", "Resource was disallowed by policy.")),
    (
        "storage keys disabled",
        403,
        storage("KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted."),
    ),
    (
        "missing role on the storage",
        403,
        storage("AuthorizationPermissionMismatch", "This request is not authorized."),
    ),
    (
        "storage firewall",
        403,
        storage("AuthorizationFailure", "This request is not authorized to perform this operation."),
    ),
    (
        "expired signature, or a wrong clock",
        403,
        storage("AuthenticationFailed", "Server failed to authenticate the request."),
    ),
    (
        "private network",
        502,
        azure_ml("Access to workspace was denied based on workspace private link configuration."),
    ),
    ("compute missing", 400, azure_ml("The compute target cpu was not found.", "BadArgument")),
    (
        "quota",
        400,
        azure_ml("The specified subscription has a total vCPU quota of 0.", "QuotaExceeded"),
    ),
    (
        "name taken",
        400,
        azure_ml("A job with this name already exists.", "Immutable", "JobPropertyImmutable"),
    ),
    (
        "endpoint's name taken",
        400,
        azure_ml(
            "There is already an endpoint with this name, Endpoint name needs to be unique within a region.",
            "BadRequest",
        ),
    ),
    ("archived asset", 400, azure_ml("The container iris is archived.", "BadArgument")),
    ("version exists", 400, azure_ml("Asset paths cannot be updated.", "BadArgument", "Immutable")),
    ("immutable property", 400, azure_ml("The type cannot be changed.", "Immutable")),
    ("datastore missing", 404, azure_ml("Could not find datastore: blobs.", "NotFoundError")),
    (
        "environment missing",
        404,
        azure_ml("No environment exists for name: e, version: 9, label: ", "NotFoundError"),
    ),
    ("no version", 404, gateway("", "iris has no version.")),
    ("request too large", 413, gateway("RequestEntityTooLarge", "The request content size exceeds 4194304.")),
    ("throttled", 429, gateway("TooManyRequests", "The request is being throttled.")),
]

REASONS = [
    (
        "untrusted certificate",
        "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
        "unable to get local issuer certificate'))",
    ),
    ("no certificate in ca_bundle", "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found"),
    (
        "proxy",
        "HTTPSConnectionPool(host='h', port=443): Max retries exceeded (Caused by ProxyError('Unable to "
        "connect to proxy', OSError('Tunnel connection failed: 407 Proxy Authentication Required')))",
    ),
]


@pytest.mark.parametrize(("problem", "status", "body"), ANSWERS)
def test_an_answer_gets_its_hint(problem: str, status: int, body: str) -> None:
    [hint] = [hint for hint in HINTS if hint.problem == problem]
    assert str(response_error("GET x", status, body, {})).endswith(f"] {hint.advice}")


@pytest.mark.parametrize(("problem", "reason"), REASONS)
def test_no_answer_gets_its_hint(problem: str, reason: str) -> None:
    [hint] = [hint for hint in NO_ANSWER_HINTS if hint.problem == problem]
    assert str(UnreachableError("GET x", reason)).endswith(f" {hint.advice}")


def test_every_hint_is_reached() -> None:
    assert [problem for problem, *_ in ANSWERS] == [hint.problem for hint in HINTS]
    assert [problem for problem, _ in REASONS] == [hint.problem for hint in NO_ANSWER_HINTS]


@pytest.mark.parametrize("hint", [hint for hint in HINTS if hint.codes], ids=lambda hint: hint.problem)
def test_each_of_its_codes_reaches_it(hint: Any) -> None:
    for code in hint.codes:
        status = hint.statuses[0] if hint.statuses else 400
        text = f"{code}: no." if code.startswith("AADSTS") else "No."
        assert str(response_error("GET x", status, gateway(code, text), {})).endswith(hint.advice)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "the credential and tenant_id"),
        (403, "AzureML Data Scientist"),
        (413, "4 MB"),
        (429, "poll_interval"),
    ],
)
def test_a_status_alone_gets_a_hint_too(status: int, words: str) -> None:
    assert words in str(response_error("GET x", status, "", {}))


def test_what_is_not_known_gets_none() -> None:
    # Of a job that does not exist the sensor says more: it alone knows that there should be one.
    said = str(response_error("GET jobs/j", 404, azure_ml("Job j not found.", "NotFound", "JobNotFound"), {}))
    assert said.endswith("[HTTP 404, UserError > JobNotFound, correlation c0ffee]")
    assert str(UnreachableError("GET x", "timed out")) == "No answer to GET x: timed out"


def test_a_code_of_arm_is_not_taken_for_one_of_storage() -> None:
    body = gateway("AuthenticationFailed", "The 'Authorization' header is missing.")
    assert "the credential and tenant_id" in str(response_error("GET x", 401, body, {}))
