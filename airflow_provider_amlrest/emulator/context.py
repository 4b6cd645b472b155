"""What the routes share."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from airflow_provider_amlrest.emulator.answers import GatewayError
from airflow_provider_amlrest.emulator.blobs import BlobStorage
from airflow_provider_amlrest.emulator.config import Settings, Workspace
from airflow_provider_amlrest.emulator.faults import Tuning
from airflow_provider_amlrest.emulator.store import Store
from airflow_provider_amlrest.emulator.tokens import Principal, TokenAuthority, TokenError

MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Context:
    settings: Settings
    store: Store
    blobs: BlobStorage | None
    tokens: TokenAuthority
    tuning: Tuning
    endpoint: str
    wake: Callable[[], None]
    """Tell the runtime that there is something to do."""

    @property
    def location(self) -> str:
        return self.settings.workspaces[0].location

    def workspace(self, subscription: str, group: str, name: str) -> Workspace | None:
        """The workspace of these names; ARM compares without regard to case."""
        wanted = (subscription.lower(), group.lower(), name.lower())
        for workspace in self.settings.workspaces:
            if (
                workspace.subscription_id,
                workspace.resource_group.lower(),
                workspace.name.lower(),
            ) == wanted:
                return workspace
        return None

    def need_blobs(self, what: str) -> BlobStorage:
        """The blob storage.

        Raises:
            GatewayError: 501, the emulator runs without.
        """
        if self.blobs is None:
            raise GatewayError(
                501,
                "NotImplemented",
                f"{what} needs blob storage, and this emulator runs without: "
                "start it with --runtime host or venv.",
            )
        return self.blobs

    def authenticate(self, request: Request, *, jobs: bool = False) -> Principal:
        """Whom the request's bearer token stands for; ``jobs``: whether a job's own token will do.

        Raises:
            GatewayError: 401 with ``WWW-Authenticate``.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._unauthorized(
                "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
            )
        try:
            principal = self.tokens.check(token.strip(), jobs=jobs)
        except TokenError as error:
            raise self._unauthorized(error.code, str(error)) from None
        wanted = self.tuning.authentication_context
        if wanted and principal.run is None and wanted not in principal.authentication_contexts:
            raise self._challenge(wanted, principal)
        return principal

    def _unauthorized(self, code: str, message: str) -> GatewayError:
        challenge = (
            f'Bearer authorization_uri="{self.endpoint}/{self.tokens.tenant_id}", error="invalid_token", '
            f'error_description="{message}"'
        )
        return GatewayError(401, code, message, {"WWW-Authenticate": challenge})

    def _challenge(self, wanted: str, principal: Principal) -> GatewayError:
        """What a Conditional Access policy demands, told to a client that said it can answer."""
        code = "AuthenticationFailed"
        message = f"A Conditional Access policy demands the authentication context '{wanted}'."
        if not principal.answers_challenges:
            return self._unauthorized(code, message)
        claims = json.dumps({"access_token": {"acrs": {"essential": True, "value": wanted}}})
        challenge = (
            f'Bearer realm="", authorization_uri="{self.endpoint}/common/oauth2/authorize", '
            f'error="insufficient_claims", claims="{base64.urlsafe_b64encode(claims.encode()).decode()}"'
        )
        return GatewayError(401, code, message, {"WWW-Authenticate": challenge})


async def read_body(request: Request) -> bytes:
    """The request's body.

    Raises:
        GatewayError: 413, it is larger than ARM takes.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise GatewayError(
                413,
                "RequestEntityTooLarge",
                f"The request content size exceeds the maximum size of {MAX_BODY_BYTES}.",
            )
        chunks.append(chunk)
    return b"".join(chunks)
