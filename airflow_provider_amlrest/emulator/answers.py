"""What answers look like: those of Azure ML, of the ARM gateway in front of it, and errors as exceptions."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.store import utc_now

Json = dict[str, Any]
JSON_TYPE = "application/json; charset=utf-8"


def pretty(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of Azure ML itself: JSON with two spaces."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return Response(
        text, status, {"Content-Type": JSON_TYPE, "x-ms-response-type": "standard", **(headers or {})}
    )


def empty(status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        None, status, {"Content-Length": "0", "x-ms-response-type": "standard", **(headers or {})}
    )


class AnswerError(Exception):
    """An error that knows its HTTP answer."""

    def answer(self, location: str) -> Response:
        raise NotImplementedError


class GatewayError(AnswerError):
    """Azure Resource Manager answered before Azure ML was asked."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers or {}

    def answer(self, location: str) -> Response:
        body = {"error": {"code": self.code, "message": str(self)}}
        headers = {"Content-Type": JSON_TYPE, "x-ms-failure-cause": "gateway", **self.headers}
        return Response(json.dumps(body, separators=(",", ":")), self.status, headers)


def not_emulated(what: str) -> GatewayError:
    """The emulator's own refusal: better than a plausible lie."""
    return GatewayError(
        501,
        "NotImplemented",
        f"The emulator does not emulate {what}. See 'What is emulated' in docs/emulator.md.",
    )


class MlError(AnswerError):
    """Azure ML's error envelope.

    :param inner: the chain of codes, outermost first.
    :param problems: messages of the ``details``, each with the code RequestInvalid.
    :param details: other ``details``, as (code, message).
    """

    def __init__(
        self,
        status: int,
        message: str,
        inner: Sequence[str] = (),
        *,
        code: str = "UserError",
        message_format: str | None = None,
        parameters: Mapping[str, str] | None = None,
        problems: Sequence[str] = (),
        details: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.inner = status, code, tuple(inner)
        self.message_format, self.parameters = message_format, parameters
        self.problems = tuple(problems)
        self.details = (*((REQUEST_INVALID, problem) for problem in self.problems), *details)

    def answer(self, location: str) -> Response:
        body = {"error": error_body(self, location)}
        return pretty(body, self.status, {"x-ms-response-type": "error"})


def error_body(error: MlError, location: str) -> Json:
    """The object under ``error``."""
    correlation = {"operation": secrets.token_hex(16), "request": secrets.token_hex(8)}
    entries: list[tuple[str, Any]] = [
        ("ComponentName", "managementfrontend"),
        ("Correlation", correlation),
        ("Environment", location),
        ("Location", location),
        ("Time", utc_now()),
    ]
    if error.inner:
        entries.append(("InnerError", inner_chain(error.inner)))
    if error.message_format is not None:
        entries.append(("MessageFormat", error.message_format))
    if error.parameters is not None:
        entries.append(("MessageParameters", dict(error.parameters)))
    return {
        "code": error.code,
        "message": str(error),
        "details": [
            {"code": code, "message": message, "details": [], "additionalInfo": []}
            for code, message in error.details
        ],
        "additionalInfo": [{"type": name, "info": {"value": value}} for name, value in entries],
    }


def inner_chain(codes: Sequence[str]) -> Json | None:
    """``("NotFound", "JobNotFound")`` as nested ``innerError`` objects."""
    chain: Json | None = None
    for code in reversed(codes):
        chain = {"code": code, "innerError": chain}
    return chain


REQUEST_INVALID = "RequestInvalid"


def request_invalid(*problems: str) -> MlError:
    """400 for a request that does not fit its type; as recorded, the ``details`` say what and where."""
    message = "Request is invalid and/or missing fields."
    return MlError(400, message, (REQUEST_INVALID,), message_format=message, problems=problems)


def invalid(field: str, problem: str) -> MlError:
    """400 for a value of the right type. The service's words for these are not known: ours name the field."""
    return request_invalid(f"Invalid value for '{field}': {problem}")


def job_not_found(name: str) -> MlError:
    return MlError(
        404,
        f"Job {name} not found.",
        ("NotFound", "JobNotFound"),
        message_format="Job {jobId} not found.",
        parameters={"jobId": name},
    )
