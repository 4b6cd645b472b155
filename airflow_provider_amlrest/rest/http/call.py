"""One request and its answer, and what all operations are made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar
from urllib.parse import quote, unquote

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.http.cloud import Cloud, is_same_origin
from airflow_provider_amlrest.rest.http.errors import AzureMLError, UnreachableError, response_error
from airflow_provider_amlrest.rest.http.paging import Page

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.versions.spelling import Spelling

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


class Calls:
    """Requests to one workspace in one api-version: what the operations on every kind of resource share.

    :param on_secret: called with every key and signature the moment it is received, to have it masked.
    """

    def __init__(
        self,
        cloud: Cloud,
        spelling: Spelling,
        on_secret: Callable[[str], None] = lambda secret: None,
    ) -> None:
        self.workspace = spelling.workspace
        self.cloud = cloud
        self.spelling = spelling
        self.api_version = spelling.api_version
        self._on_secret = on_secret

    def _page(
        self,
        path: str,
        next_link: str | None,
        read: Callable[[dict[str, Any]], Any],
        query: Mapping[str, str] | None = None,
    ) -> Flow[Page]:
        asked = f"GET {path}"
        link = self._next(next_link, self.cloud.resource_manager)
        answer = yield (
            Send(HttpRequest("GET", link), asked) if link else self._request("GET", path, query=query)
        )
        page = checked(answer, asked)
        return Page(tuple(map(read, page.get("value") or ())), page.get("nextLink") or None)

    def _next(self, link: str | None, base: str) -> str | None:
        # The token goes where the link points.
        if link is not None and not is_same_origin(link, base):
            raise AzureMLError(f"The service's next page is at another host: {link.partition('?')[0]}")
        return link

    def _mask_signature(self, query: str) -> None:
        # Libraries write a URL anew: the signature alone stays what it is, in one encoding or the other.
        for member in query.lstrip("?").split("&"):
            name, _, value = member.partition("=")
            if name == "sig" and value:
                for secret in {value, unquote(value), quote(unquote(value), safe="")}:
                    self._on_secret(secret)

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Flow[dict[str, Any]]:
        """A list, or another answer that is no resource."""
        answer = yield self._request("GET", path, query=query)
        return checked(answer, f"GET {path}")

    def _put(self, path: str, properties: dict[str, Any]) -> Flow[dict[str, Any]]:
        return (yield from self._resource("PUT", path, {"properties": properties}))

    def _resource(
        self, method: str, path: str, body: Any = None, options: Mapping[str, Any] | None = None
    ) -> Flow[dict[str, Any]]:
        send = self._request(method, path, body=body, options=options)
        answer = yield send
        return resource(answer, send.asked)

    def _call(self, method: str, path: str, body: Any = None) -> Flow[dict[str, Any]]:
        answer = yield self._request(method, path, body=body)
        return checked(answer, f"{method} {path}")

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        options: Mapping[str, Any] | None = None,
    ) -> Send:
        url = f"{self.cloud.resource_manager}{self.workspace.path}" + (f"/{path}" if path else "")
        params = {"api-version": self.api_version, **(query or {})}
        request = HttpRequest(method, url, params=params, json=body)
        return Send(request, f"{method} {path or 'workspace'}", options or {})


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
