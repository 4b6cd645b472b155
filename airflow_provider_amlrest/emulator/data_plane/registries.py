"""Where a registry is, and how the creation of its assets goes: two services of the data plane's host."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from airflow_provider_amlrest.emulator.answers import GatewayError, MlError, empty, not_emulated, pretty
from airflow_provider_amlrest.emulator.context import Context
from airflow_provider_amlrest.emulator.data_plane.call import data_error
from airflow_provider_amlrest.emulator.operations import find_operation

DISCOVERY = re.compile(r"/registrymanagement/v1\.0/registries/([^/]+)/discovery", re.IGNORECASE)
OPERATION = re.compile(r"/assetstore/v1\.0/operations/([^/]+)", re.IGNORECASE)


def discover(context: Context, name: str) -> Response:
    """As recorded.

    Raises:
        MlError: 403, there is none. The words are reported by users, the status is inferred.
    """
    registry = context.settings.registry(name)
    if registry is None:
        message = f"User/tenant/subscription is not allowed to access registry {name}"
        raise MlError(403, message, ("Auth", "Authorization", "UnAuthorizedRegistryAccess"))
    return pretty(
        {
            "registryId": registry.registry_id,
            "registryName": registry.name,
            "tenantId": context.tokens.tenant_id,
            "primaryRegion": registry.location,
            "regions": [registry.location],
            "subscriptionId": registry.subscription_id,
            "resourceGroup": registry.resource_group,
            "workspaceName": None,
            "primaryRegionResourceProviderUri": f"{context.endpoint}/",
            "registryFqdns": {registry.location: {"uri": context.endpoint}},
        }
    )


def get_operation(context: Context, identifier: str) -> Response:
    """Recorded: an empty 202 while it goes on, then the asset's id, or 204 for a promotion."""
    operation = find_operation(context.store, identifier)
    if operation is None:
        raise MlError(404, f"Operation {identifier} not found.", ("NotFound",))
    if not operation.is_done:
        return empty(202)
    return pretty({"assetId": operation.asset_id}) if operation.asset_id else empty(204)


ROUTES: tuple[tuple[re.Pattern[str], Callable[[Context, str], Response]], ...] = (
    (DISCOVERY, discover),
    (OPERATION, get_operation),
)


class Registries:
    """ASGI application below ``/registrymanagement/v1.0`` and ``/assetstore/v1.0``."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            self._context.authenticate(request)
            answer = self._answer(request)
        except (MlError, GatewayError) as error:
            answer = data_error(error, self._context.location)
        await answer(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        raw_path: bytes = request.scope["raw_path"]
        path = raw_path.decode("ascii", "replace").rstrip("/")
        for pattern, handler in ROUTES:
            if request.method == "GET" and (match := pattern.fullmatch(path)):
                return handler(self._context, unquote(match[1]))
        raise not_emulated(f"{request.method} {path}")
