"""The policies as they are put together, over a transport that answers from a list; and what comes of errors.

That a server sees the same is for the tests against servers.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from time import time
from typing import Any

import pytest
from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import CredentialUnavailableError

from airflow_provider_amlrest.rest.client import AzureMLClient
from airflow_provider_amlrest.rest.http import policies
from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    AzureMLError,
    NetworkRefusedError,
    NotFoundError,
    PermissionDeniedError,
    ServiceError,
    ThrottledError,
    UnreachableError,
)
from airflow_provider_amlrest.rest.http.policies import MAX_RETRY_AFTER, translate, translate_blob
from tests.unit.jobs import PLAIN, WORKSPACE, arm_id

CREATED = (201, {}, f'{{"id": "{arm_id("jobs", "j")}", "name": "j", "properties": {{"status": "Starting"}}}}')
URL = "https://management.azure.com/x?sig=CANARY"


class Credential:
    """A token for nothing; or an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def get_token_info(self, *scopes: str, options: Any = None) -> AccessTokenInfo:
        if self.error is not None:
            raise self.error
        assert scopes == ("https://management.azure.com/.default",)
        return AccessTokenInfo("TOKENCANARY", int(time()) + 3600)


class Script:
    """What a session of requests does, one step for each call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *steps: Any) -> None:
        self.steps: Iterator[Any] = iter(steps)
        self.requests: list[Any] = []
        self.sleeps: list[float] = []
        monkeypatch.setattr(RequestsTransport, "send", self.send)
        monkeypatch.setattr(RequestsTransport, "sleep", lambda _, seconds: self.sleeps.append(seconds))

    def send(self, request: Any, **options: Any) -> Any:
        self.requests.append((request, options))
        step = next(self.steps)
        if isinstance(step, Exception):
            raise step
        return Response(request, *step)


class Response:
    def __init__(self, request: Any, status: int, headers: dict[str, str], body: str = "") -> None:
        self.request, self.status_code, self.headers, self.body = request, status, headers, body
        self.reason, self.content_type = "", "application/json"

    def text(self) -> str:
        return self.body


@pytest.fixture
def client() -> Iterator[AzureMLClient]:
    with AzureMLClient(Credential(), WORKSPACE) as client:
        yield client


LOST = ServiceResponseError(f"HTTPSConnectionPool: Read timed out. {URL}")


@pytest.mark.parametrize("step", [(429, {"Retry-After": "7"}), (503, {"Retry-After": "7"})])
def test_a_throttled_put_and_post_wait_and_go_again(
    client: AzureMLClient, monkeypatch: pytest.MonkeyPatch, step: Any
) -> None:
    script = Script(monkeypatch, step, CREATED, step, (200, {}, '{"key": "k"}'))
    assert client.create_job("j", PLAIN).status == "Starting"
    assert client.list_datastore_secrets("d").account_key == "k"
    assert all(7 <= seconds <= 7.7 for seconds in script.sleeps)
    assert len(set(script.sleeps)) == 2
    assert [request.method for request, _ in script.requests] == ["PUT", "PUT", "POST", "POST"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_failed_put_goes_again_a_few_times(
    client: AzureMLClient, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    script = Script(monkeypatch, *[(status, {})] * 4)
    with pytest.raises(ThrottledError if status == 429 else ServiceError):
        client.create_job("j", PLAIN)
    assert len(script.requests) == 4
    # The first try again comes at once; the others are due after 1.6 and 3.2 seconds, or somewhat earlier.
    pauses = zip(script.sleeps, (0, 1.6, 3.2), strict=True)
    assert all(longest / 2 <= seconds <= longest for seconds, longest in pauses)


def test_a_network_that_refuses_is_asked_once(client: AzureMLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    message = "Access to workspace was denied based on workspace private link configuration."
    body = json.dumps({"error": {"code": "UserError", "message": message}})
    script = Script(monkeypatch, (502, {}, body))
    with pytest.raises(NetworkRefusedError):
        client.create_job("j", PLAIN)
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_refusal_does_not_go_again(
    client: AzureMLClient, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    script = Script(monkeypatch, (status, {}))
    with pytest.raises(AzureMLError, match=f"HTTP {status}"):
        client.create_job("j", PLAIN)
    assert len(script.requests) == 1


def test_a_put_whose_answer_is_lost_goes_again(
    client: AzureMLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(monkeypatch, LOST, CREATED)
    assert client.create_job("j", PLAIN).name == "j"
    assert len(script.requests) == 2


def test_a_post_whose_answer_is_lost_does_not(client: AzureMLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, LOST)
    with pytest.raises(UnreachableError, match=r"No answer to POST jobs/j/cancel: .*Read timed out"):
        client.cancel_job("j")
    assert len(script.requests) == 1


def test_nobody_waits_for_an_hour_inside_a_request(
    client: AzureMLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(monkeypatch, (429, {"Retry-After": str(int(MAX_RETRY_AFTER) + 1)}))
    with pytest.raises(ThrottledError):
        client.get_job("j")
    assert (len(script.requests), script.sleeps) == (1, [])


def test_a_cancel_with_patience_is_asked_once(client: AzureMLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in ((429, {"Retry-After": "7"}), (503, {}), ServiceRequestError("refused")):
        script = Script(monkeypatch, step)
        with pytest.raises(AzureMLError):
            client.cancel_job("j", patience=5)
        assert (len(script.requests), script.sleeps) == (1, [])
        assert script.requests[0][1]["read_timeout"] == 5


def test_headers(client: AzureMLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, CREATED)
    client.create_job("j", PLAIN)
    headers = script.requests[0][0].headers
    assert headers["User-Agent"].startswith("airflow-provider-amlrest/")
    assert headers["Authorization"] == "Bearer TOKENCANARY"
    assert headers["Content-Type"] == "application/json"
    assert headers["x-ms-client-request-id"]


def test_no_log_has_a_token_a_body_or_a_signature(
    client: AzureMLClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answer = f'{{"value": [], "nextLink": "https://management.azure.com{WORKSPACE}/jobs?$skip=SKIPCANARY"}}'
    Script(monkeypatch, (200, {"Set-Cookie": "COOKIECANARY"}, answer), (200, {}, '{"value": []}'), CREATED)
    # Another test may have quietened it, as the hook does.
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "azure.core"):
        assert list(client.list_jobs()) == []
        client.create_job("j", PLAIN)
    assert "CANARY" not in caplog.text
    assert PLAIN.command not in caplog.text
    assert "api-version" in caplog.text, "the requests are logged at all"


def refused(status: int, headers: dict[str, str] | None = None, body: str = "") -> Any:
    return Response(None, status, headers or {}, body)


def identity_error(message: str, cause: Exception | None = None, response: Any = None) -> Exception:
    error = ClientAuthenticationError(message, response=response)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "cls", "words"),
    [
        (
            identity_error("AADSTS7000215: Invalid client secret.\nTrace", None, refused(401)),
            AuthenticationError,
            "AADSTS7000215",
        ),
        # Some answers of Entra have the header, which does not make them answers of Azure ML.
        (
            identity_error("AADSTS1", None, refused(401, {"www-authenticate": "Bearer"})),
            AuthenticationError,
            "AADSTS1",
        ),
        (
            identity_error("AADSTS90002: Tenant 't' not found.", ValueError("x"), None),
            AuthenticationError,
            "AADSTS90002",
        ),
        (identity_error("AADSTS1: No.", ValueError("x"), None), AuthenticationError, "[HTTP 401, AADToken]"),
        (
            CredentialUnavailableError("no identity\nTo mitigate this issue, see"),
            AuthenticationError,
            "no identity [HTTP 401",
        ),
        (
            identity_error("Authentication failed: refused", ServiceRequestError("x")),
            UnreachableError,
            "refused",
        ),
        (
            identity_error("Authentication failed: timed out", ServiceResponseError("x")),
            UnreachableError,
            "timed out",
        ),
        (identity_error("Unexpected response", None, refused(503)), ServiceError, "Unexpected response"),
        (identity_error("Slow down", None, refused(429)), ThrottledError, "Slow down"),
    ],
)
def test_no_token(monkeypatch: pytest.MonkeyPatch, error: Exception, cls: type, words: str) -> None:
    script = Script(monkeypatch)
    with AzureMLClient(Credential(error), WORKSPACE) as client, pytest.raises(cls) as caught:
        client.get_job("j")
    assert type(caught.value) is cls
    assert words in str(caught.value)
    assert "sign-in for GET jobs/j" in str(caught.value)
    assert script.requests == []


@pytest.mark.parametrize(
    ("error", "cls"),
    [
        (ServiceRequestError(f"Max retries exceeded with url: {URL} (Caused by X)"), UnreachableError),
        (HttpResponseError(f"Connection broken {URL}"), UnreachableError),
        (
            HttpResponseError("m", response=refused(404, {"x-ms-error-code": "ContainerNotFound"})),
            NotFoundError,
        ),
        (
            ClientAuthenticationError(
                "m", response=refused(403, {"x-ms-error-code": "AuthenticationFailed"})
            ),
            PermissionDeniedError,
        ),
    ],
)
def test_errors_of_storage(error: Any, cls: type) -> None:
    found = translate_blob(error, "Upload of a")
    assert type(found) is cls
    assert "Upload of a" in str(found)
    assert "CANARY" not in str(found)


def test_no_traceback_has_a_signature(client: AzureMLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    Script(monkeypatch, LOST)
    try:
        client.cancel_job("j")
    except UnreachableError as error:
        printed = "".join(traceback.format_exception(error))
    assert "No answer to POST jobs/j/cancel" in printed
    assert "CANARY" not in printed


def test_everything_else_is_unreachable() -> None:
    assert type(translate(ServiceRequestError("Name or service not known"), "GET x")) is UnreachableError


def test_async_policies_are_the_same() -> None:
    from airflow_provider_amlrest.rest.http.cloud import PUBLIC

    sync = [type(policy).__name__.replace("_", "") for policy in policies.sync_policies(Credential(), PUBLIC)]
    other = [
        type(policy).__name__.replace("_", "") for policy in policies.async_policies(Credential(), PUBLIC)
    ]
    assert [name.replace("Async", "") for name in other] == sync
