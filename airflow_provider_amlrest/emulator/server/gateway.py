"""The front end of Azure Resource Manager: authentication, quota, names, api-version; then the operation."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from airflow_provider_amlrest.emulator.answers import AnswerError, GatewayError, MlError, not_emulated
from airflow_provider_amlrest.emulator.arm import assets, batch, components, online, operations, resources
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.jobs import routes as jobs
from airflow_provider_amlrest.emulator.arm.versions import (
    UPLOADS,
    ApiVersion,
    not_registered,
    read_api_version,
)
from airflow_provider_amlrest.emulator.behaviour.faults import RateLimiter
from airflow_provider_amlrest.emulator.config import NAMESPACE, Workspace
from airflow_provider_amlrest.emulator.context import Context, read_body

Handler = Callable[..., Response | Awaitable[Response]]
ASSET = r"(?P<kind>environments|codes|data|models|components)"

OPERATIONS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", r"", resources.get_workspace),
    ("GET", r"computes", resources.list_computes),
    ("GET", r"computes/(?P<name>[^/]+)", resources.get_compute),
    ("GET", r"datastores", resources.list_datastores),
    ("GET", r"datastores/(?P<name>[^/]+)", resources.get_datastore),
    ("POST", r"datastores/(?P<name>[^/]+)/listSecrets", resources.list_secrets),
    ("GET", ASSET, assets.list_containers),
    ("GET", ASSET + r"/(?P<name>[^/]+)", assets.get_container),
    ("PUT", ASSET + r"/(?P<name>[^/]+)", assets.put_container),
    ("DELETE", ASSET + r"/(?P<name>[^/]+)", assets.delete_container),
    ("GET", ASSET + r"/(?P<name>[^/]+)/versions", assets.list_versions),
    ("GET", ASSET + r"/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", assets.get_version),
    ("PUT", ASSET + r"/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", assets.put_version),
    ("DELETE", ASSET + r"/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", assets.delete_version),
    (
        "POST",
        r"codes/(?P<name>[^/]+)/versions/(?P<version>[^/]+)/startPendingUpload",
        assets.start_pending_upload,
    ),
    ("GET", r"jobs", jobs.list_jobs),
    ("GET", r"jobs/(?P<name>[^/]+)", jobs.get_job),
    ("PUT", r"jobs/(?P<name>[^/]+)", jobs.put_job),
    ("DELETE", r"jobs/(?P<name>[^/]+)", jobs.delete_job),
    ("POST", r"jobs/(?P<name>[^/]+)/cancel", jobs.cancel_job),
    *online.OPERATIONS,
    *batch.OPERATIONS,
)
COMPILED = [(method, re.compile(pattern, re.IGNORECASE), handler) for method, pattern, handler in OPERATIONS]
WORKSPACE_PATH = re.compile(
    rf"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/{re.escape(NAMESPACE)}/workspaces/([^/]+)(?:/(.*))?",
    re.IGNORECASE,
)
LONG_OPERATION = re.compile(
    rf"/subscriptions/([^/]+)/providers/{re.escape(NAMESPACE)}/locations/[^/]+"
    rf"/({operations.RESULTS}|{operations.STATUS})/([^/]+)",
    re.IGNORECASE,
)


class Gateway:
    """ASGI application for everything below ``/subscriptions``."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._limiter = RateLimiter(context.tuning)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except AnswerError as error:
            answer = error.answer(self._context.location)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        principal = self._context.authenticate(request)
        quota = self._limiter.spend(request.method)
        if quota.wait:
            raise GatewayError(
                429, "TooManyRequests", "The request is being throttled.", {"Retry-After": str(quota.wait)}
            )
        self._check_subscription(_raw_path(request))
        try:
            answer = await self._operate(request, principal)
        except MlError as error:
            answer = error.answer(self._context.location)
        answer.headers.update(quota.headers)
        answer.headers["x-aml-cluster"] = f"vienna-{self._context.location}-01"
        return answer

    def _check_subscription(self, path: str) -> None:
        subscription = path.split("/")[2] if path.count("/") > 1 else ""
        if subscription.lower() not in {w.subscription_id for w in self._context.settings.workspaces}:
            raise GatewayError(
                404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found."
            )

    async def _operate(self, request: Request, principal: Any) -> Response:
        path = _raw_path(request).rstrip("/")
        found = LONG_OPERATION.fullmatch(path) or WORKSPACE_PATH.fullmatch(path)
        if found is None:
            raise not_emulated(f"{request.method} {path}")
        query = {name.lower(): value for name, value in request.query_params.items()}
        version = read_api_version(query.get("api-version"), _resource_type(path), self._context.location)

        def call(workspace: Workspace, body: Any) -> Call:
            url = f"{self._context.endpoint}{_raw_path(request)}?{request.url.query}"
            return Call(self._context, workspace, version, principal, url, query, body)

        if found.re is LONG_OPERATION:
            workspace = self._context.settings.workspaces[0]
            return operations.answer(call(workspace, None), found[2], unquote(found[3]))
        subscription, group, name = (unquote(part) for part in found.groups()[:3])
        rest = found[4] or ""
        workspace = self._find_workspace(subscription, group, name, nested=bool(rest))
        for method, pattern, handler in COMPILED:
            if request.method == method and (match := pattern.fullmatch(rest)):
                self._check_operation(handler, match.groupdict().get("kind", ""), version)
                body = _json_body(await read_body(request))
                result = handler(
                    call(workspace, body), **{key: unquote(part) for key, part in match.groupdict().items()}
                )
                return await result if inspect.isawaitable(result) else result
        raise not_emulated(f"{request.method} on {rest or 'the workspace'}")

    def _check_operation(self, handler: Handler, collection: str, version: ApiVersion) -> None:
        """The service's words for an operation that a version does not have are not known."""
        if handler == assets.start_pending_upload and not version.has(UPLOADS):
            raise GatewayError(404, "NotFound", f"The api-version {version} has no startPendingUpload.")
        for what, room in (("online", online), ("batch", batch)):
            if version.is_2021 and any(handler == known for _, _, known in room.OPERATIONS):
                raise not_emulated(f"{what} endpoints in {version}")
        if collection.lower() == components.KIND and version.is_2021:
            raise not_registered(version, f"workspaces/{components.KIND}", self._context.location)

    def _find_workspace(self, subscription: str, group: str, name: str, *, nested: bool) -> Workspace:
        workspace = self._context.workspace(subscription, group, name)
        if workspace is not None:
            return workspace
        groups = {w.resource_group.lower() for w in self._context.settings.workspaces}
        if group.lower() not in groups:
            raise GatewayError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
        if nested:
            raise GatewayError(
                404,
                "ParentResourceNotFound",
                "Can not perform requested operation on nested resource. "
                f"Parent resource '{name}' not found.",
            )
        raise GatewayError(
            404,
            "ResourceNotFound",
            f"The Resource '{NAMESPACE}/workspaces/{name}' under resource group '{group}' was not found. "
            "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        )


def _raw_path(request: Request) -> str:
    path: bytes = request.scope["raw_path"]
    return path.decode("ascii", "replace")


def _resource_type(path: str) -> str:
    found = WORKSPACE_PATH.fullmatch(path)
    rest = (found[4] or "") if found else ""
    return "/".join(["workspaces", *[part for part in rest.split("/")[0::2] if part]])


def _json_body(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError:
        raise GatewayError(
            400,
            "InvalidRequestContent",
            "The request content was invalid and could not be deserialized: it is not JSON.",
        ) from None
