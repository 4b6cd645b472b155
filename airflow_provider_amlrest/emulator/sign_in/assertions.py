"""Proof without a secret: assertions that a client's certificate, or an issuer whom it trusts, has signed."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from airflow_provider_amlrest.emulator.sign_in.entra_errors import EntraError, invalid_client
from airflow_provider_amlrest.emulator.sign_in.pki import Pki, write_secret
from airflow_provider_amlrest.emulator.sign_in.tokens import TokenAuthority

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"
FEDERATED_SUBJECT = "system:serviceaccount:airflow:amlrest"
FEDERATED_TOKEN_SECONDS = 30 * 24 * 3600
"""Kubernetes renews its files every hour; the emulator writes its own at each start."""
CERTIFICATE_GUIDE = "https://learn.microsoft.com/entra/identity-platform/certificate-credentials"
FEDERATION_GUIDE = "https://learn.microsoft.com/entra/workload-id/workload-identity-federation"


def open_client_certificate(pki: Pki, client_id: str) -> Path:
    """Make, or find, the service principal's certificate: PEM with its private key, mode 0600."""
    path = pki.ca_bundle.with_name("client.pem")
    if not path.exists():
        ca = trustme.CA.from_pem(pki.ca_bundle.read_bytes(), pki.ca_bundle.with_name("ca.key").read_bytes())
        made = ca.issue_cert(common_name=client_id, key_type=trustme.KeyType.RSA)
        write_secret(path, made.private_key_pem.bytes() + made.cert_chain_pems[0].bytes())
    return path


class ClientAssertions:
    """Checks the client assertions of one service principal with a certificate and a federated credential.

    Error codes and their texts: Microsoft's list of AADSTS codes, and reports of users.
    """

    def __init__(self, authority: TokenAuthority, certificate: Path) -> None:
        self._authority = authority
        self._certificate = x509.load_pem_x509_certificate(certificate.read_bytes())
        self._thumbprints = {
            "x5t": self._certificate.fingerprint(hashes.SHA1()),  # noqa: S303 (an identifier)
            "x5t#S256": self._certificate.fingerprint(hashes.SHA256()),
        }

    def check(self, assertion: str) -> None:
        """Raises EntraError unless the assertion proves that its sender is the service principal."""
        try:
            header = jwt.get_unverified_header(assertion)
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            raise EntraError(400, "invalid_request", 50027, "JWT token is invalid or malformed.") from None
        if self._authority.client_id in (claims.get("iss"), claims.get("sub")):
            self._check_certificate(assertion, header, claims)
        else:
            self._check_federated(assertion, claims)

    def _check_certificate(self, assertion: str, header: dict[str, Any], claims: dict[str, Any]) -> None:
        name = next((name for name in self._thumbprints if name in header), None)
        if name is None:
            text = "Invalid JWT token. No certificate thumbprint specified in token header."
            raise EntraError(400, "invalid_request", 50027, text)
        given = _decoded(header[name])
        if given != self._thumbprints[name]:
            raise invalid_client(
                700027,
                "The certificate with identifier used to sign the client assertion is not registered on "
                "application. [Reason - The key was not found., Thumbprint of key used by client: "
                f"'{given.hex().upper()}', Please visit the Azure Portal, Graph Explorer or directly use MS "
                f"Graph to see configured keys for app Id '{self._authority.client_id}'.]",
            )
        if not _is_signed(assertion, self._certificate.public_key(), ["RS256", "PS256"]):
            raise invalid_client(
                700027,
                "Client assertion contains an invalid signature. [Reason - The provided signature value did "
                "not match the expected signature value., Thumbprint of key used by client: "
                f"'{given.hex().upper()}']",
            )
        endpoint = f"{self._authority.endpoint}/{self._authority.tenant_id}"
        audiences = (f"{endpoint}/oauth2/v2.0/token", f"{endpoint}/v2.0", f"{endpoint}/")
        if claims.get("aud") not in audiences:
            raise invalid_client(
                700023,
                f"Client assertion audience claim does not match Realm issuer. See {CERTIFICATE_GUIDE} .",
            )
        _check_time(claims)
        if {claims.get("iss"), claims.get("sub")} != {self._authority.client_id}:
            raise invalid_client(
                700021,
                "Client assertion application identifier doesn't match 'client_id' parameter. "
                f"See {CERTIFICATE_GUIDE} .",
            )

    # Workload identity: somebody whom the application trusts, such as a Kubernetes cluster, vouches for it.

    @property
    def _issuer(self) -> str:
        return f"{self._authority.endpoint}/federation"

    def federated_token(self) -> str:
        """An assertion of the one issuer that the service principal trusts."""
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "sub": FEDERATED_SUBJECT,
            "aud": [EXCHANGE_AUDIENCE],
            "iat": now,
            "nbf": now,
            "exp": now + FEDERATED_TOKEN_SECONDS,
        }
        return self._authority.sign(claims)

    def _check_federated(self, assertion: str, claims: dict[str, Any]) -> None:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        for code, name, value, right in (
            (700211, "issuer", claims.get("iss"), claims.get("iss") == self._issuer),
            (700213, "subject", claims.get("sub"), claims.get("sub") == FEDERATED_SUBJECT),
            (700212, "audience", ",".join(map(str, audiences)), EXCHANGE_AUDIENCE in audiences),
        ):
            if not right:
                raise invalid_client(
                    code,
                    f"No matching federated identity record found for presented assertion {name} '{value}'. "
                    "Check your federated identity credential Subject, Audience and Issuer against the "
                    f"presented assertion. {FEDERATION_GUIDE}",
                )
        if not _is_signed(assertion, self._authority.public_key, ["RS256"]):
            text = "Assertion failed signature validation. [Reason - The key was not found.]"
            raise invalid_client(50013, text)
        _check_time(claims)


def _decoded(thumbprint: Any) -> bytes:
    text = str(thumbprint).rstrip("=")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def _is_signed(assertion: str, key: Any, algorithms: list[str]) -> bool:
    options: Any = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    try:
        jwt.decode(assertion, key, algorithms=algorithms, options=options)
    except jwt.InvalidTokenError:
        return False
    return isinstance(key, rsa.RSAPublicKey)


def _check_time(claims: dict[str, Any]) -> None:
    now = time.time()
    start, end = _number(claims.get("nbf", 0)), _number(claims.get("exp"))
    if not start - 300 <= now < end:
        raise invalid_client(
            700024,
            f"Client assertion is not within its valid time range. Current time: {_iso(now)}, assertion "
            f"valid from {_iso(start)}, expiry time of assertion {_iso(end)}. See {CERTIFICATE_GUIDE} .",
        )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _iso(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError):  # a claim may be any number
        return str(seconds)
