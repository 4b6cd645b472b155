"""One request and its answer."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.http.errors import UnreachableError, response_error

if TYPE_CHECKING:
    pass

T = TypeVar("T")

BRIEF = {"retry_total": 0, "connection_timeout": 10.0, "read_timeout": 30.0, "timeout": 60.0}
"""Options of a read without retries, for what is asked again soon anyhow. ``timeout``: seconds for all that
it needs, such as a token; the other two are for each step of it."""


class Send(NamedTuple):
    """A request on its way, what it asks for in words, and options for the pipeline."""

    request: HttpRequest
    asked: str
    options: Mapping[str, Any] = {}


class Answer(Protocol):
    """What both of azure-core's responses have once their body is read."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Any: ...
    @property
    def content(self) -> bytes: ...
    def text(self) -> str: ...


Flow = Generator[Send, Answer, T]
"""An operation without I/O: it yields requests, is sent their answers, and returns its result."""


def brief(patience: float | None) -> dict[str, Any]:
    """Options of a request without retries that has so many seconds with all that it needs; None: of any."""
    if patience is None:
        return {}
    bounds = dict.fromkeys(("timeout", "connection_timeout", "read_timeout"), patience)
    return {"retry_total": 0, **bounds}


def checked(answer: Answer, asked: str) -> dict[str, Any]:
    """An answer's JSON object. Raises the fitting ResponseError for a status that is no success."""
    if not 200 <= answer.status_code < 300:
        raise response_error(asked, answer.status_code, body_text(answer), answer.headers)
    text = body_text(answer)
    try:
        document = json.loads(text) if text.strip() else {}
    except ValueError:
        raise UnreachableError(asked, "what came is not JSON; is there a proxy in between?") from None
    return document if isinstance(document, dict) else {}


def body_text(answer: Answer) -> str:
    """An answer's body; a remark instead of one that cannot be decoded."""
    try:
        return answer.text()
    except UnicodeDecodeError:
        return "(a body in another encoding than its header says)"


def resource(answer: Answer, asked: str) -> dict[str, Any]:
    """An answer's ARM resource."""
    document = checked(answer, asked)
    if not document.get("id") or not document.get("name"):
        raise UnreachableError(asked, "what came is no ARM resource; is there a proxy in between?")
    return document


def remaining_reads(answer: Answer) -> int | None:
    """What remains of the principal's quota of reads; None if the answer does not say."""
    text = str(answer.headers.get("x-ms-ratelimit-remaining-subscription-reads") or "")
    return int(text) if text.isdigit() else None
