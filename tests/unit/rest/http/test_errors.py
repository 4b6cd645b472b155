from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    AzureMLError,
    ConflictError,
    ContentChangedError,
    InvalidSpecError,
    NetworkRefusedError,
    NotFoundError,
    PermissionDeniedError,
    ResponseError,
    ServiceError,
    ThrottledError,
    UnreachableError,
    UploadRefusedError,
    holds_credentials,
    response_error,
    without_secrets,
)
from tests.unit.answers import recorded

PRIVATE = [
    # As reported in issue trackers, with its status.
    (502, "Access to workspace was denied based on workspace private link configuration."),
    (
        401,
        "User is not authorized to access provided resources due to none of the workspaces/registries are "
        "accessible from outside of the designated private link..",
    ),
    # In these words by other services of Azure.
    (403, "Public network access is disabled. Please configure private endpoint."),
    (403, "Public access is not permitted."),
    (403, "The client IP address 203.0.113.7 is not authorized to access this workspace."),
]


@pytest.mark.parametrize(("status", "message"), PRIVATE)
def test_a_network_that_refuses_is_neither_an_outage_nor_a_role(status: int, message: str) -> None:
    error = response_error(
        "GET x", status, json.dumps({"error": {"code": "UserError", "message": message}}), {}
    )
    assert type(error) is NetworkRefusedError
    assert "virtual network" in str(error)
    assert "AzureML Data Scientist" not in str(error)


@pytest.mark.parametrize(
    ("status", "code", "message", "cls"),
    [
        (502, "", "Bad Gateway", ServiceError),
        (503, "", "private link", ServiceError),
        (
            403,
            "AuthorizationFailed",
            "It is not authorized to perform action 'Microsoft.Network/privateEndpoints/read'",
            PermissionDeniedError,
        ),
        (401, "InvalidAuthenticationToken", "The access token has expired.", AuthenticationError),
        (
            403,
            "PublicAccessNotPermitted",
            "Public access is not permitted on this account.",
            PermissionDeniedError,
        ),
    ],
)
def test_other_refusals_are_what_they_were(status: int, code: str, message: str, cls: type) -> None:
    body = json.dumps({"error": {"code": code, "message": message}})
    assert type(response_error("GET x", status, body, {})) is cls


TOPICS = (
    "cancel", "code", "command_job", "component", "compute", "data", "datastore", "environment", "errors",
    "failed_job", "lists", "logs", "model", "pipeline_job", "run_history", "sweep_job", "workspace",
)  # fmt: skip
REFUSED = {
    # topic, index: class, code, innermost code
    ("cancel", 0): (ResponseError, "UserError", "CancelPipelineRunInTerminalStatus"),
    ("code", 0): (NotFoundError, "BlobNotFound", "BlobNotFound"),
    ("errors", 0): (NotFoundError, "UserError", "NotFoundError"),
    ("errors", 1): (NotFoundError, "UserError", "JobNotFound"),
    ("errors", 2): (NotFoundError, "", ""),
    ("errors", 3): (NotFoundError, "NotFound", "NotFound"),
    ("errors", 4): (NotFoundError, "UserError", "NotFoundError"),
    ("errors", 5): (NotFoundError, "UserError", "NotFoundError"),
    ("errors", 6): (NotFoundError, "ParentResourceNotFound", "ParentResourceNotFound"),
    ("logs", 2): (ResponseError, "InvalidRange", "InvalidRange"),
}


def test_every_recorded_refusal_tells_what_there_is_to_tell() -> None:
    refused = {
        (topic, index): exchange
        for topic in TOPICS
        for index, exchange in enumerate(recorded(topic))
        if exchange["status"] >= 400
    }
    assert refused.keys() == REFUSED.keys()
    for key, exchange in refused.items():
        cls, code, inner_code = REFUSED[key]
        body, headers = exchange["response_body"], exchange["response_headers"]
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        error = response_error("GET x", exchange["status"], text, headers)
        assert type(error) is cls
        assert (error.code, error.inner_code) == (code, inner_code)
        facts = (body if isinstance(body, dict) else {}).get("error", {})
        correlations = [
            entry["info"]["value"]["operation"]
            for entry in facts.get("additionalInfo", ())
            if entry["type"] == "Correlation"
        ] or [headers.get("x-ms-correlation-request-id", "")]
        assert error.correlation_id == correlations[0]
        message = "The range specified is invalid" if key[0] == "logs" else facts.get("message", "").strip()
        assert error.message.startswith(message)
        for fact in ("GET x", str(exchange["status"]), code, inner_code, error.correlation_id, error.message):
            assert fact in str(error)


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (302, ResponseError),
        (400, ResponseError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (408, ServiceError),
        (409, ConflictError),
        (429, ThrottledError),
        (500, ServiceError),
        (503, ServiceError),
    ],
)
@pytest.mark.parametrize("body", ["", "null", "[]", "{}", '{"error": null}', '{"error": {}}', "<html/>"])
def test_status_decides_and_no_body_is_too_strange(status: int, cls: type, body: str) -> None:
    error = response_error("PUT jobs/j", status, body, {})
    assert type(error) is cls
    assert str(error).startswith("PUT jobs/j was refused: the answer had no message.")
    assert f"HTTP {status}" in str(error)


def test_the_details_say_what_is_wrong_with_a_request() -> None:
    details = [{"code": "RequestInvalid", "message": f"Field {number} is required."} for number in range(9)]
    body = {"error": {"code": "UserError", "message": "Request is invalid.", "details": details}}
    error = response_error("PUT jobs/j", 400, json.dumps(body), {})
    assert error.message == "Request is invalid. " + " ".join(f"Field {n} is required." for n in range(5))
    body["error"]["details"] = [{"message": "Request is invalid."}, {}, None, {"message": None}]
    assert response_error("PUT jobs/j", 400, json.dumps(body), {}).message == "Request is invalid."


@pytest.mark.parametrize("odd", [1, True, "x", {"a": "b"}, [1, None, []]])
def test_members_of_another_type_are_no_crash(odd: object) -> None:
    body = {"error": {"message": "No.", "details": odd, "additionalInfo": odd, "innerError": odd}}
    assert response_error("GET x", 400, json.dumps(body), {}).message == "No."


def test_html_of_a_proxy_becomes_text() -> None:
    error = response_error("GET x", 502, "<html><title>Bad\n Gateway</title><p>squid</p></html>", {})
    assert error.message == "Bad Gateway squid"


def test_storage_xml_keeps_the_message_for_people_alone() -> None:
    body = (
        "\ufeff<?xml version='1.0'?><Error><Code>AuthenticationFailed</Code><Message>Server failed to "
        "authenticate the request.\nRequestId:1</Message><AuthenticationErrorDetail>The MAC signature found "
        "in the HTTP request 'CANARY' is not the same</AuthenticationErrorDetail></Error>"
    )
    error = response_error("Upload of a", 403, body, {"x-ms-error-code": "AuthenticationFailed"})
    assert type(error) is PermissionDeniedError
    assert error.message == "Server failed to authenticate the request."
    assert error.code == "AuthenticationFailed"
    assert "storage account refused the key" in str(error)
    assert "CANARY" not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"code": "UserError", "message": "A job with this name already exists.", "additionalInfo": [
            {"type": "InnerError", "info": {"value": {"code": "Immutable",
             "innerError": {"code": "JobPropertyImmutable", "innerError": None}}}}]},
        {"code": "UserError", "message": "Asset paths cannot be updated."},
        {"code": "UserError", "message": "Environment e is already registered and cannot be changed."},
    ],
)  # fmt: skip
def test_conflicts_that_come_as_400(body: dict[str, object]) -> None:
    assert type(response_error("PUT x", 400, json.dumps({"error": body}), {})) is ConflictError


def test_lower_case_innererror_of_arm() -> None:
    body = {"error": {"code": "A", "message": "m", "innererror": {"code": "B", "innererror": {"code": "C"}}}}
    assert response_error("GET x", 400, json.dumps(body), {}).inner_code == "C"


@pytest.mark.parametrize(
    "text",
    [
        "url: /c/b?sv=1&sig=CANARY (Caused by X)",
        "https://a.blob.core.windows.net/c?sig=CANARY",
        "connect 'https://h/p?x=CANARY'",
        "sr=b&sig=CANARY&se=2",
        "Authorization: Bearer CANARYCANARY.x-y_z==",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=CANARY==",
        "client_secret=CANARY&x=1",
        "https://user:CAN@CANARY@h/p",
        "git+https://ghp_CANARY00@github.com/o/r",
        f"https://{'CANARY' * 9}@dev.azure.com/o",
        "'https:/user:CANARY@h/p' as pathlib has it",
    ],
)
def test_no_text_has_a_secret(text: str) -> None:
    assert "CANARY" not in without_secrets(text)
    for error in (
        UnreachableError("GET x", text),
        response_error("GET x", 403, json.dumps({"error": {"code": "C", "message": text}}), {}),
        response_error("GET x", 502, text, {}),
    ):
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301
        for seen in (error, copy):
            assert "CANARY" not in f"{seen} {seen!r} {seen.args} {vars(seen)}"


@pytest.mark.parametrize(
    "text",
    [
        "wasbs://container@account.blob.core.windows.net/data",
        "https://contoso@pkgs.dev.azure.com/contoso/_packaging/feed/pypi/simple/",
        "git+ssh://git@github.com/o/r@v1",
        "https://${USER}:${TOKEN}@example.org/simple",
        "https://example.org:8443/a:b@c",
        "https://account.blob.core.windows.net/t/data?versionId=1&signature_kind=none",
        "sig=0.5 is a parameter",
        "pip install sig==1.0 token=2",
    ],
)
def test_what_holds_no_credentials(text: str) -> None:
    assert not holds_credentials(text)


def test_harmless_text_stays() -> None:
    assert (
        without_secrets("Job j not found. Is it? Bearer token required")
        == "Job j not found. Is it? Bearer token required"
    )


@pytest.mark.parametrize(
    "error",
    [
        InvalidSpecError("inputs.x", "it is bad"),
        UnreachableError("GET x", "timed out"),
        ContentChangedError("code", Path("/dags/src/a.py")),
        UploadRefusedError("/dags/src", {"token": "no", "key": "no"}),
        response_error(
            "GET x", 404, '{"error": {"code": "A", "message": "m"}}', {"x-ms-correlation-request-id": "c"}
        ),
    ],
)
def test_errors_survive_pickling_with_notes(error: AzureMLError) -> None:
    error.add_note("seen by a worker")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == {k: v for k, v in vars(error).items() if k != "__notes__"}


def test_spec_errors_name_the_field_and_are_value_errors() -> None:
    error = InvalidSpecError("outputs.m.mode", "it is bad")
    assert isinstance(error, ValueError)
    assert (str(error), error.field) == ("outputs.m.mode: it is bad", "outputs.m.mode")
