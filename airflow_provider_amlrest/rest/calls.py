"""What the operations on every kind of resource are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.http.call import Call, Flow, checked, resource
from airflow_provider_amlrest.rest.http.cloud import Cloud, is_same_origin
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.http.paging import Page
from airflow_provider_amlrest.rest.versions.spelling import Spelling


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
            Call(HttpRequest("GET", link), asked) if link else self._request("GET", path, query=query)
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
        call = self._request(method, path, body=body, options=options)
        answer = yield call
        return resource(answer, call.asked)

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
    ) -> Call:
        url = f"{self.cloud.resource_manager}{self.workspace.path}" + (f"/{path}" if path else "")
        params = {"api-version": self.api_version, **(query or {})}
        request = HttpRequest(method, url, params=params, json=body)
        return Call(request, f"{method} {path or 'workspace'}", options or {})
