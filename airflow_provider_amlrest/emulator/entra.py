"""Microsoft Entra ID, as far as a service principal needs it: discovery, keys, and the token endpoint."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider_amlrest.emulator.answers import GatewayError
from airflow_provider_amlrest.emulator.tokens import STORAGE_AUDIENCE

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.faults import Tuning
    from airflow_provider_amlrest.emulator.tokens import TokenAuthority

NOT_INSTALLED = (
    "This can happen if the application has not been installed by the administrator of the tenant or "
    "consented to by any user in the tenant."
)
NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


class EntraError(Exception):
    """An answer of Entra ID that gives no token."""

    def __init__(self, status: int, error: str, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.code = status, error, code

    def answer(self) -> Response:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        timestamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        body = {
            "error": self.error,
            "error_description": f"AADSTS{self.code}: {self} Trace ID: {trace} Correlation ID: {correlation} "
            f"Timestamp: {timestamp}",
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
        }
        return JSONResponse(body, self.status, NO_STORE)


class Entra:
    """The routes of one tenant with one service principal."""

    def __init__(
        self,
        authority: TokenAuthority,
        client_secret: str,
        blob_endpoint: str,
        tuning: Tuning,
        need_blobs: Callable[[str], Awaitable[object]],
    ) -> None:
        self._authority = authority
        self._client_secret = client_secret
        self._tuning = tuning
        self._storage_audiences = {STORAGE_AUDIENCE, blob_endpoint.rpartition("/")[0]}
        self._need_blobs = need_blobs
        self._proofs: dict[str, Callable[[str], None]] = {"client_secret": self._check_secret}
        """How a client can prove who it is: form field -> check."""

    def routes(self) -> list[Route]:
        return [
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self.discover),
            Route("/{tenant}/.well-known/openid-configuration", self.discover),
            Route("/{tenant}/discovery/v2.0/keys", self.keys),
            Route("/{tenant}/discovery/keys", self.keys),
            Route("/{tenant}/oauth2/v2.0/token", self.token, methods=["POST"]),
        ]

    async def discover(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        if tenant.lower() != self._authority.tenant_id:
            return _unknown_tenant(tenant, "invalid_tenant").answer()
        base = f"{self._authority.endpoint}/{self._authority.tenant_id}"
        return JSONResponse(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["token"],
                "scopes_supported": ["openid"],
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "tenant_region_scope": None,
            }
        )

    async def keys(self, request: Request) -> Response:
        return JSONResponse(self._authority.key_set())

    async def token(self, request: Request) -> Response:
        form = {
            name: values[0] for name, values in parse_qs((await request.body()).decode("latin-1")).items()
        }
        try:
            audience = self._grant(request.path_params["tenant"], form)
        except EntraError as error:
            return error.answer()
        if audience in self._storage_audiences:
            # Whoever asks for this token goes to the storage account next.
            try:
                await self._need_blobs("A token for storage")
            except GatewayError as error:
                return error.answer("")
        seconds = self._tuning.token_lifetime_seconds
        return JSONResponse(
            {
                "token_type": "Bearer",
                "expires_in": max(int(seconds) - 1, 1),
                "ext_expires_in": max(int(seconds) - 1, 1),
                "access_token": self._authority.issue(audience, seconds),
            },
            headers=NO_STORE,
        )

    def _grant(self, tenant: str, form: Mapping[str, str]) -> str:
        """The audience of the token that the form asks for."""
        if tenant.lower() != self._authority.tenant_id:
            raise _unknown_tenant(tenant, "invalid_request")
        for name in ("grant_type", "client_id", "scope"):
            if name not in form:
                message = f"The request body must contain the following parameter: '{name}'."
                raise EntraError(400, "invalid_request", 900144, message)
        if form["grant_type"] != "client_credentials":
            message = f"The app requested an unsupported grant type '{form['grant_type']}'."
            raise EntraError(400, "unsupported_grant_type", 70003, message)
        self._authenticate(form)
        return self._audience(form["scope"])

    def _authenticate(self, form: Mapping[str, str]) -> None:
        if form["client_id"].lower() != self._authority.client_id:
            raise EntraError(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{form['client_id']}' was not found in the directory "
                f"'{self._authority.tenant_id}'. {NOT_INSTALLED} You may have sent your "
                "authentication request to the wrong tenant.",
            )
        for name, check in self._proofs.items():
            if name in form:
                check(form[name])
                return
        message = (
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        )
        if "client_assertion" in form:
            message = "The emulator has no certificates and no federated credentials: use the client secret."
        raise EntraError(401, "invalid_client", 7000218, message)

    def _check_secret(self, secret: str) -> None:
        if not hmac.compare_digest(secret.encode(), self._client_secret.encode()):
            raise EntraError(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client "
                "secret value, not the client secret ID, for a secret added to app "
                f"'{self._authority.client_id}'.",
            )

    def _audience(self, scope: str) -> str:
        resource, separator, _ = scope.strip().rpartition("/.default")
        if not separator or " " in scope.strip():
            raise EntraError(
                400,
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential flows must have a "
                "scope value with /.default suffixed to the resource identifier (application ID URI).",
            )
        known = {*self._authority.management_audiences, *self._storage_audiences}
        if resource.rstrip("/") not in known:
            raise EntraError(
                400,
                "invalid_resource",
                500011,
                f"The resource principal named {resource} was not found in the tenant named "
                f"{self._authority.tenant_id}. {NOT_INSTALLED}",
            )
        return resource.rstrip("/")


def _unknown_tenant(tenant: str, error: str) -> EntraError:
    return EntraError(
        400,
        error,
        90002,
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing "
        "into the correct cloud. Check with your subscription administrator, this may happen if there are "
        "no active subscriptions for the tenant.",
    )
