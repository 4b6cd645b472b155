"""One request and its answer."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.http.errors import UnreachableError, response_error

T = TypeVar("T")

BRIEF = {"retry_total": 0, "connection_timeout": 10.0, "read_timeout": 30.0, "timeout": 60.0}
"""Options of a read without retries, for requests that are repeated soon anyway. ``timeout``: seconds for
everything that the request needs, such as a token; the other two apply to each step of it."""


class Call(NamedTuple):
    """A request, a description of what it asks for, and options for the pipeline."""

    request: HttpRequest
    asked: str
    options: Mapping[str, Any] = {}


class Answer(Protocol):
    """What the sync and the async response of azure-core have in common once their body is read."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Any: ...
    @property
    def content(self) -> bytes: ...
    def text(self) -> str: ...


Flow = Generator[Call, Answer, T]
"""An operation without I/O: it yields requests, is sent their answers, and returns its result."""


def brief(patience: float | None) -> dict[str, Any]:
    """Options of a request without retries.

    :param patience: seconds for the request and everything that it needs; None: no options at all.
    """
    if patience is None:
        return {}
    bounds = dict.fromkeys(("timeout", "connection_timeout", "read_timeout"), patience)
    return {"retry_total": 0, **bounds}


def checked(answer: Answer, asked: str) -> dict[str, Any]:
    """An answer's JSON object. Raises the matching ResponseError if the status is not a success."""
    if not 200 <= answer.status_code < 300:
        raise response_error(asked, answer.status_code, body_text(answer), answer.headers)
    text = body_text(answer)
    try:
        document = json.loads(text) if text.strip() else {}
    except ValueError:
        raise UnreachableError(asked, "the answer is not JSON; is there a proxy in between?") from None
    return document if isinstance(document, dict) else {}


def body_text(answer: Answer) -> str:
    """An answer's body, or a note if it cannot be decoded."""
    try:
        return answer.text()
    except UnicodeDecodeError:
        return "(a body in another encoding than its header says)"


def resource(answer: Answer, asked: str) -> dict[str, Any]:
    """An answer's ARM resource."""
    document = checked(answer, asked)
    if not document.get("id") or not document.get("name"):
        raise UnreachableError(asked, "the answer is not an ARM resource; is there a proxy in between?")
    return document


def remaining_reads(answer: Answer) -> int | None:
    """What remains of the principal's quota of reads; None if the answer does not say."""
    text = str(answer.headers.get("x-ms-ratelimit-remaining-subscription-reads") or "")
    return int(text) if text.isdigit() else None
