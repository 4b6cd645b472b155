"""Microsoft Entra ID, as far as a service principal needs it: discovery, keys, and tokens."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider_amlrest.emulator.answers import GatewayError
from airflow_provider_amlrest.emulator.sign_in.assertions import ASSERTION_TYPE, ClientAssertions
from airflow_provider_amlrest.emulator.sign_in.entra_errors import (
    NO_STORE,
    EntraError,
    invalid_client,
    missing_parameter,
)
from airflow_provider_amlrest.emulator.sign_in.tokens import STORAGE_AUDIENCE

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.behaviour.faults import Tuning
    from airflow_provider_amlrest.emulator.sign_in.tokens import TokenAuthority

NOT_INSTALLED = (
    "This can happen if the application has not been installed by the administrator of the tenant or "
    "consented to by any user in the tenant."
)
IDENTITY_PATH = "/msi/token"
"""Managed identity, as App Service and Azure ML offer it: to who knows a header's value.

The endpoint of virtual machines (IMDS) asks for no such thing: every user of this machine could become the
emulator's service principal, and run jobs as the user who started it. So the emulator does not have it.
"""


@dataclass(frozen=True)
class Proofs:
    """What the service principal can prove itself with."""

    assertions: ClientAssertions
    client_secret: str = field(repr=False)
    identity_header: str = field(repr=False)
    """What a process of the machine sends to the managed identity endpoint."""


class Entra:
    """The routes of one tenant with one service principal, which is the machine's managed identity too."""

    def __init__(
        self,
        authority: TokenAuthority,
        proofs: Proofs,
        blob_endpoint: str,
        tuning: Tuning,
        need_blobs: Callable[[str], Awaitable[object]],
    ) -> None:
        self._authority = authority
        self._proofs = proofs
        self._tuning = tuning
        self._storage_audiences = {STORAGE_AUDIENCE, blob_endpoint.rpartition("/")[0]}
        self._resources = {*authority.management_audiences, *self._storage_audiences}
        self._need_blobs = need_blobs

    def routes(self) -> list[Route]:
        return [
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self.discover),
            Route("/{tenant}/.well-known/openid-configuration", self.discover),
            Route("/{tenant}/discovery/v2.0/keys", self.keys),
            Route("/{tenant}/discovery/keys", self.keys),
            Route("/{tenant}/oauth2/v2.0/token", self.token, methods=["POST"]),
            Route(IDENTITY_PATH, self.managed_identity),
        ]

    async def discover(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        if tenant.lower() != self._authority.tenant_id:
            return _unknown_tenant(tenant, "invalid_tenant").answer()
        base = f"{self._authority.endpoint}/{self._authority.tenant_id}"
        return JSONResponse(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
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
            audience, claims = self._grant(request.path_params["tenant"], form)
            await self._start_storage(audience)
        except EntraError as error:
            return error.answer()
        except GatewayError as error:
            return error.answer("")
        seconds = self._tuning.token_lifetime_seconds
        return JSONResponse(
            {
                "token_type": "Bearer",
                "expires_in": max(int(seconds) - 1, 1),
                "ext_expires_in": max(int(seconds) - 1, 1),
                "access_token": self._authority.issue(audience, seconds, **claims),
            },
            headers=NO_STORE,
        )

    async def _start_storage(self, audience: str) -> None:
        """Whoever asks for a token for storage goes to the storage account next."""
        if audience in self._storage_audiences:
            await self._need_blobs("A token for storage")

    def _grant(self, tenant: str, form: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
        """The audience of the token that the form asks for, and further claims in it."""
        if tenant.lower() != self._authority.tenant_id:
            raise _unknown_tenant(tenant, "invalid_request")
        for name in ("grant_type", "client_id", "scope"):
            if name not in form:
                raise missing_parameter(name)
        if form["grant_type"] != "client_credentials":
            message = f"The app requested an unsupported grant type '{form['grant_type']}'."
            raise EntraError(400, "unsupported_grant_type", 70003, message)
        strength = self._authenticate(form)
        return self._audience(form["scope"]), {"appidacr": strength, **_granted_claims(form.get("claims"))}

    def _authenticate(self, form: Mapping[str, str]) -> str:
        """How the client proved who it is, as the claim ``appidacr`` says it: 1 secret, 2 certificate."""
        if form["client_id"].lower() != self._authority.client_id:
            raise EntraError(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{form['client_id']}' was not found in the directory "
                f"'{self._authority.tenant_id}'. {NOT_INSTALLED} You may have sent your "
                "authentication request to the wrong tenant.",
            )
        if "client_assertion" in form:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise missing_parameter("client_assertion_type")
            self._proofs.assertions.check(form["client_assertion"])
            return "2"
        if "client_secret" in form:
            self._check_secret(form["client_secret"])
            return "1"
        raise invalid_client(
            7000218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )

    def _check_secret(self, secret: str) -> None:
        if not _same(secret, self._proofs.client_secret):
            raise invalid_client(
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
        if resource.rstrip("/") not in self._resources:
            raise EntraError(
                400,
                "invalid_resource",
                500011,
                f"The resource principal named {resource} was not found in the tenant named "
                f"{self._authority.tenant_id}. {NOT_INSTALLED}",
            )
        return resource.rstrip("/")

    async def managed_identity(self, request: Request) -> Response:
        """A token for a process that knows the header of App Service, or that of Azure ML's computes."""
        query, headers = request.query_params, request.headers
        header = headers.get("x-identity-header") or headers.get("secret") or ""
        if not _same(header, self._proofs.identity_header):
            return _no_identity(401, "The identity header is missing or wrong.")
        wanted = {name for name in ("clientid", "client_id", "principal_id", "mi_res_id") if name in query}
        client_id = query.get("client_id") or query.get("clientid") or self._authority.client_id
        if wanted - {"clientid", "client_id"} or client_id.lower() != self._authority.client_id:
            return _no_identity(
                400,
                "No User Assigned or Delegated Managed Identity found for specified "
                "ClientId/ResourceId/PrincipalId.",
            )
        resource = query.get("resource", "").rstrip("/")
        if resource not in self._resources:
            return _no_identity(400, f"The resource principal named {resource} was not found.")
        try:
            await self._start_storage(resource)
        except GatewayError as error:
            return error.answer("")
        seconds = self._tuning.token_lifetime_seconds
        return JSONResponse(
            {
                "access_token": self._authority.issue(resource, seconds, appidacr="2"),
                "expires_on": str(int(time.time() + seconds)),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": self._authority.client_id,
            },
            headers=NO_STORE,
        )


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())


def _no_identity(status: int, message: str) -> Response:
    return JSONResponse({"statusCode": status, "message": message}, status, NO_STORE)


def _granted_claims(text: str | None) -> dict[str, Any]:
    """What the parameter ``claims`` asks to have in the access token, as far as it is emulated.

    ``xms_cc`` says what the client can do: CP1, answer claims challenges. ``acrs`` asks for an authentication
    context, which is what a Conditional Access policy may demand.
    """
    if text is None:
        return {}
    try:
        asked = json.loads(text)["access_token"]
        values = {
            name: asked[name].get("values") or [asked[name]["value"]]
            for name in ("xms_cc", "acrs")
            if name in asked
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        message = "Invalid request. Request is malformed or invalid."
        raise EntraError(400, "invalid_request", 9002313, message) from None
    return values


def _unknown_tenant(tenant: str, error: str) -> EntraError:
    return EntraError(
        400,
        error,
        90002,
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing "
        "into the correct cloud. Check with your subscription administrator, this may happen if there are "
        "no active subscriptions for the tenant.",
    )
