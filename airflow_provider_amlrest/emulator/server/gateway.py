"""The front end of Azure Resource Manager: authentication, quota, names, api-version; then the operation."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from airflow_provider_amlrest.emulator import config
from airflow_provider_amlrest.emulator.answers import AnswerError, GatewayError, MlError, not_emulated
from airflow_provider_amlrest.emulator.arm import (
    assets,
    batch,
    components,
    computes,
    models,
    online,
    operations,
    promotion,
    registries,
    resources,
    uploads,
)
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.jobs import routes as jobs
from airflow_provider_amlrest.emulator.arm.versions import (
    PUBLISH,
    REGISTRIES,
    UPLOADS,
    ApiVersion,
    not_registered,
    read_api_version,
    read_data_plane_version,
)
from airflow_provider_amlrest.emulator.behaviour.faults import RateLimiter
from airflow_provider_amlrest.emulator.config import NAMESPACE
from airflow_provider_amlrest.emulator.context import Context, read_body

Handler = Callable[..., Response | Awaitable[Response]]
ASSET = r"(?P<kind>environments|codes|data|models|components)"

ASSETS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", ASSET, assets.list_containers),
    ("GET", ASSET + r"/(?P<name>[^/]+)", assets.get_container),
    ("PUT", ASSET + r"/(?P<name>[^/]+)", assets.put_container),
    ("DELETE", ASSET + r"/(?P<name>[^/]+)", assets.delete_container),
    ("GET", ASSET + r"/(?P<name>[^/]+)/versions", assets.list_versions),
    ("GET", ASSET + r"/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", assets.get_version),
    ("PUT", ASSET + r"/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", assets.put_version),
    ("DELETE", ASSET + r"/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", assets.delete_version),
)
"""Of workspaces and registries."""
OPERATIONS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", r"", resources.get_workspace),
    *computes.OPERATIONS,
    ("GET", r"datastores", resources.list_datastores),
    ("GET", r"datastores/(?P<name>[^/]+)", resources.get_datastore),
    ("POST", r"datastores/(?P<name>[^/]+)/listSecrets", resources.list_secrets),
    *models.OPERATIONS,
    ("POST", models.VERSION + r"/(?P<version>[^/]+)/publish", promotion.publish),
    *ASSETS,
    (
        "POST",
        r"codes/(?P<name>[^/]+)/versions/(?P<version>[^/]+)/startPendingUpload",
        uploads.start_pending_upload,
    ),
    ("GET", r"jobs", jobs.list_jobs),
    ("GET", r"jobs/(?P<name>[^/]+)", jobs.get_job),
    ("PUT", r"jobs/(?P<name>[^/]+)", jobs.put_job),
    ("DELETE", r"jobs/(?P<name>[^/]+)", jobs.delete_job),
    ("POST", r"jobs/(?P<name>[^/]+)/cancel", jobs.cancel_job),
    *online.OPERATIONS,
    *batch.OPERATIONS,
)
VERSION = r"(?P<name>[^/]+)/versions/(?P<version>[^/]+)"
REGISTRY_OPERATIONS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", r"", registries.get_registry),
    *ASSETS,
    ("POST", rf"(?P<kind>codes|data|models)/{VERSION}/startPendingUpload", uploads.start_pending_upload),
    ("POST", rf"datareferences/{VERSION}", uploads.get_data_reference),
)
REGISTRY_HOST_OPERATIONS: tuple[tuple[str, str, Handler], ...] = (
    *ASSETS,
    ("POST", r"import", promotion.import_asset),
    ("PUT", rf"tempdatarefs/{VERSION}", uploads.create_temporary_data_reference),
    ("POST", rf"datarefs/{VERSION}", uploads.get_data_reference),
)
"""Those of the registries' own host, which is azure-ai-ml's way to them."""


def _compiled(*operations: tuple[str, str, Handler]) -> list[tuple[str, re.Pattern[str], Handler]]:
    return [(method, re.compile(pattern, re.IGNORECASE), handler) for method, pattern, handler in operations]


COMPILED = _compiled(*OPERATIONS)
COMPILED_OF_REGISTRIES = _compiled(*REGISTRY_OPERATIONS)
COMPILED_OF_REGISTRY_HOSTS = _compiled(*REGISTRY_HOST_OPERATIONS)
REGISTRIES_COLLECTION = "registries"
REGISTRY_HOST = "/mferp/managementfrontend"
"""What paths of a registry's own host begin with; the rest of them is as in Resource Manager."""
SCOPE_PATH = re.compile(
    rf"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/{re.escape(NAMESPACE)}"
    r"/(workspaces|registries)/([^/]+)(?:/(.*))?",
    re.IGNORECASE,
)
LOCATION_PATH = re.compile(
    rf"/subscriptions/([^/]+)/providers/{re.escape(NAMESPACE)}/locations/[^/]+/([^/]+)/([^/]+)", re.IGNORECASE
)
LOCATION_OPERATIONS: dict[str, Callable[[Call, str], Response]] = {
    **{kind.lower(): partial(operations.answer, kind=kind) for kind in operations.KINDS},
    "computeoperationsstatus": computes.operation_status,
}
"""How operations go, by the name in their URL in lower case."""


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
        # The quota is Resource Manager's.
        quota = {} if _is_of_host(request) else self._spend(request)
        self._check_subscription(_arm_path(request))
        try:
            answer = await self._operate(request, principal)
        except MlError as error:
            answer = error.answer(self._context.location)
        answer.headers.update(quota)
        answer.headers["x-aml-cluster"] = f"vienna-{self._context.location}-01"
        return answer

    def _spend(self, request: Request) -> Mapping[str, str]:
        """The headers that say what is left."""
        quota = self._limiter.spend(request.method)
        if quota.wait:
            raise GatewayError(
                429, "TooManyRequests", "The request is being throttled.", {"Retry-After": str(quota.wait)}
            )
        return quota.headers

    def _check_subscription(self, path: str) -> None:
        subscription = path.split("/")[2] if path.count("/") > 1 else ""
        if subscription.lower() not in {w.subscription_id for w in self._context.settings.workspaces}:
            raise GatewayError(
                404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found."
            )

    async def _operate(self, request: Request, principal: Any) -> Response:
        path = _arm_path(request).rstrip("/")
        of_host = _is_of_host(request)
        found = LOCATION_PATH.fullmatch(path) or SCOPE_PATH.fullmatch(path)
        if found is None or (of_host and found[3].lower() != REGISTRIES_COLLECTION):
            raise not_emulated(f"{request.method} {_raw_path(request)}")
        query = {name.lower(): value for name, value in request.query_params.items()}
        version = self._version(query.get("api-version"), path, of_host=of_host)

        def call(scope: config.Scope, body: Any) -> Call:
            url = f"{self._context.endpoint}{_raw_path(request)}?{request.url.query}"
            return Call(self._context, scope, version, principal, url, query, body)

        if found.re is LOCATION_PATH:
            status = LOCATION_OPERATIONS.get(found[2].lower())
            if status is None:
                raise not_emulated(f"{request.method} {path}")
            return status(call(self._context.settings.workspaces[0], None), unquote(found[3]))
        subscription, group, collection, name = (unquote(part) for part in found.groups()[:4])
        rest = found[5] or ""
        scope = self._find_scope(subscription, group, collection.lower(), name, nested=bool(rest))
        for method, pattern, handler in _operations(collection.lower(), of_host=of_host):
            if request.method == method and (match := pattern.fullmatch(rest)):
                self._check_operation(handler, match.groupdict().get("kind", ""), version)
                body = _json_body(await read_body(request))
                result = handler(
                    call(scope, body), **{key: unquote(part) for key, part in match.groupdict().items()}
                )
                return await result if inspect.isawaitable(result) else result
        raise not_emulated(f"{request.method} {_raw_path(request)}")

    def _version(self, text: str | None, path: str, *, of_host: bool) -> ApiVersion:
        if of_host:
            return read_data_plane_version(text)
        resource_type, location = _resource_type(path), self._context.location
        version = read_api_version(text, resource_type, location)
        if resource_type.startswith(REGISTRIES_COLLECTION) and not version.has(REGISTRIES):
            raise not_registered(version, resource_type, location)
        return version

    def _check_operation(self, handler: Handler, collection: str, version: ApiVersion) -> None:
        """The service's words for an operation that a version does not have are not known."""
        if handler == uploads.start_pending_upload and not version.has(UPLOADS):
            raise GatewayError(404, "NotFound", f"The api-version {version} has no startPendingUpload.")
        if handler == promotion.publish and not version.has(PUBLISH):
            raise GatewayError(404, "NotFound", f"The api-version {version} has no publish.")
        for what, room in (("online", online), ("batch", batch)):
            if version.is_2021 and any(handler == known for _, _, known in room.OPERATIONS):
                raise not_emulated(f"{what} endpoints in {version}")
        if collection.lower() == components.KIND and version.is_2021:
            raise not_registered(version, f"workspaces/{components.KIND}", self._context.location)

    def _find_scope(
        self, subscription: str, group: str, collection: str, name: str, *, nested: bool
    ) -> config.Scope:
        settings = self._context.settings
        scope = settings.scope(collection, subscription, group, name)
        if scope is not None:
            return scope
        groups = {workspace.resource_group.lower() for workspace in settings.workspaces}
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
            f"The Resource '{NAMESPACE}/{collection}/{name}' under resource group '{group}' was not found. "
            "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        )


def _operations(collection: str, *, of_host: bool) -> list[tuple[str, re.Pattern[str], Handler]]:
    if of_host:
        return COMPILED_OF_REGISTRY_HOSTS
    return COMPILED_OF_REGISTRIES if collection == REGISTRIES_COLLECTION else COMPILED


def _raw_path(request: Request) -> str:
    path: bytes = request.scope["raw_path"]
    return path.decode("ascii", "replace")


def _arm_path(request: Request) -> str:
    """The path as Resource Manager has it."""
    path = _raw_path(request)
    return path[len(REGISTRY_HOST) :] if _is_of_host(request) else path


def _is_of_host(request: Request) -> bool:
    """Whether a registry's own host is asked, not Resource Manager."""
    return _raw_path(request).lower().startswith(f"{REGISTRY_HOST}/")


def _resource_type(path: str) -> str:
    found = SCOPE_PATH.fullmatch(path)
    collection, rest = (found[3].lower(), found[5] or "") if found else ("workspaces", "")
    return "/".join([collection, *[part for part in rest.split("/")[0::2] if part]])


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
