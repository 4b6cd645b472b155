"""Access tokens: who issues them, and what makes one good."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

JOB_TOKEN_SECONDS = 30 * 24 * 3600
"""As long as a job may run."""
STORAGE_AUDIENCE = "https://storage.azure.com"
STUDIO_AUDIENCE = "https://ml.azure.com"
AML_AUDIENCES = (
    STUDIO_AUDIENCE,
    "https://management.azure.com",
    "https://management.core.windows.net",
)


@dataclass(frozen=True)
class Principal:
    """Whom a valid token stands for."""

    application_id: str
    object_id: str
    run: tuple[str, str] | None = None
    """(workspace, run) if this is a job's own token: good for that run and those below it, nothing else."""
    answers_challenges: bool = False
    """Whether the client said, when it asked for the token, that it can answer a challenge (CP1)."""
    authentication_contexts: tuple[str, ...] = ()
    """What Conditional Access has checked of it (claim ``acrs``)."""

    @property
    def user(self) -> dict[str, str]:
        """As run history names it."""
        return {"userObjectId": self.object_id, "userName": self.application_id}


class TokenError(Exception):
    """A token that is not accepted; ``code`` and text are those of Azure Resource Manager."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TokenAuthority:
    """Issues and checks the RS256 tokens of one tenant."""

    def __init__(self, key: rsa.RSAPrivateKey, *, tenant_id: str, client_id: str, endpoint: str) -> None:
        self._key = key
        self.public_key = key.public_key()
        self.tenant_id = tenant_id
        self.client_id = client_id
        self.object_id = str(uuid.uuid5(uuid.UUID(tenant_id), client_id))
        self.endpoint = endpoint
        self.issuer = f"https://sts.windows.net/{tenant_id}/"
        """The v1 issuer: Azurite accepts storage tokens of no other."""
        der = self.public_key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = base64.urlsafe_b64encode(hashlib.sha256(der).digest()[:20]).decode().rstrip("=")

    @property
    def cloud(self) -> str:
        """What the names of this cloud end with, as ``azure.com``; outside this machine they lead nowhere."""
        return f"azure.localhost:{self.endpoint.rpartition(':')[2]}"

    @property
    def management_audiences(self) -> tuple[str, ...]:
        return (self.endpoint, f"https://ml.{self.cloud}", *AML_AUDIENCES)

    @property
    def studio_audiences(self) -> tuple[str, ...]:
        return (f"https://ml.{self.cloud}", STUDIO_AUDIENCE)

    @property
    def jobs_audience(self) -> str:
        return f"{self.endpoint}/runs"

    def key_set(self) -> dict[str, Any]:
        """The public key as JWKS."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self.public_key, as_dict=True)
        return {
            "keys": [{**key, "use": "sig", "kid": self.key_id, "x5t": self.key_id, "issuer": self.issuer}]
        }

    def issue(self, audience: str, seconds: float, **claims: Any) -> str:
        """A token for the emulator's service principal."""
        return self._access_token(audience, seconds, {"sub": self.object_id, **claims})

    def issue_job_token(self, workspace: str, run: str) -> str:
        """A token that is good for one run and the runs below it."""
        return self._access_token(
            self.jobs_audience, JOB_TOKEN_SECONDS, {"sub": run, "run": run, "workspace": workspace}
        )

    def issue_endpoint_token(self, workspace: str, endpoint: str, seconds: float) -> str:
        """A token of Azure ML's own, good for one online endpoint."""
        return self._access_token(
            self._endpoint_audience(workspace, endpoint), seconds, {"sub": self.object_id}
        )

    def check_endpoint_token(self, token: str, workspace: str, endpoint: str) -> bool:
        """Whether a token is one for this endpoint, and still good."""
        try:
            jwt.decode(
                token,
                self.public_key,
                algorithms=["RS256"],
                audience=self._endpoint_audience(workspace, endpoint),
                options={"require": ["exp", "aud"]},
            )
        except jwt.InvalidTokenError:
            return False
        return True

    def _endpoint_audience(self, workspace: str, endpoint: str) -> str:
        return f"{self.endpoint}/{workspace}/onlineEndpoints/{endpoint.lower()}"

    def _access_token(self, audience: str, seconds: float, claims: dict[str, Any]) -> str:
        now = time.time()
        return self.sign(
            {
                "aud": audience,
                "iss": self.issuer,
                "iat": int(now),
                "nbf": int(now) - 5,
                "exp": int(now + seconds),
                "appid": self.client_id,
                "idp": self.issuer,
                "oid": self.object_id,
                "tid": self.tenant_id,
                "uti": uuid.uuid4().hex,
                "ver": "1.0",
                **claims,
            }
        )

    def sign(self, claims: dict[str, Any]) -> str:
        """Claims as a token with this authority's signature."""
        return jwt.encode(
            claims, self._key, algorithm="RS256", headers={"kid": self.key_id, "x5t": self.key_id}
        )

    def check(self, token: str, *, jobs: bool = False, studio: bool = False) -> Principal:
        """Whom the token stands for.

        Args:
            jobs: whether a job's own token will do.
            studio: whether it must be one for Azure ML itself (``https://ml.azure.com``): endpoints want it.

        Raises:
            TokenError: with the code that Azure Resource Manager answers.
        """
        try:
            claims = jwt.decode(
                token,
                self.public_key,
                algorithms=["RS256"],
                options={"verify_aud": False, "require": ["exp", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError:
            now = datetime.now(UTC).strftime("%m/%d/%Y %I:%M:%S %p")
            raise TokenError(
                "ExpiredAuthenticationToken",
                f"The access token expiry UTC time is earlier than current UTC time '{now}'.",
            ) from None
        except jwt.InvalidTokenError:
            raise TokenError("InvalidAuthenticationToken", "The access token is invalid.") from None
        if claims["iss"] != self.issuer:
            raise TokenError(
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer '{claims['iss']}'. It must match the tenant "
                f"'{self.issuer}' associated with this subscription.",
            )
        audience = str(claims["aud"]).rstrip("/")
        if jobs and audience == self.jobs_audience:
            return Principal(claims["appid"], claims["oid"], (claims["workspace"], claims["run"]))
        audiences = self.studio_audiences if studio else self.management_audiences
        if audience not in audiences:
            allowed = "','".join(audiences)
            raise TokenError(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{audience}'. It should "
                f"exactly match with one of the allowed audiences '{allowed}'.",
            )
        return Principal(
            claims["appid"],
            claims["oid"],
            answers_challenges="CP1" in claims.get("xms_cc", ()),
            authentication_contexts=tuple(claims.get("acrs", ())),
        )
