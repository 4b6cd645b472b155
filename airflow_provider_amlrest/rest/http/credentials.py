"""Turns an identity into a credential of azure-identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from airflow_provider_amlrest.rest.http.cloud import CUSTOM, Cloud
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError


@dataclass(frozen=True)
class IdentitySource:
    """Where an identity comes from. ``name`` is its name in the connection."""

    name: ClassVar[str]

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must not appear in a log."""
        return ()


@dataclass(frozen=True)
class ClientSecret(IdentitySource):
    """A service principal with a secret."""

    name: ClassVar = "client_secret"

    tenant_id: str
    client_id: str
    secret: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.secret,)


@dataclass(frozen=True)
class ClientCertificate(IdentitySource):
    """A service principal with a certificate and its RSA key: a PEM or PKCS12 file, or PEM text."""

    name: ClassVar = "client_certificate"

    tenant_id: str
    client_id: str
    path: str | None = None
    pem: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    """Password of the private key, if it is encrypted."""

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.pem, self.password)))


@dataclass(frozen=True)
class ManagedIdentity(IdentitySource):
    """The machine's managed identity: system-assigned, or the user-assigned one with this client id."""

    name: ClassVar = "managed_identity"

    client_id: str | None = None


@dataclass(frozen=True)
class WorkloadIdentity(IdentitySource):
    """A service principal for which another issuer, such as Kubernetes, vouches with a token in a file."""

    name: ClassVar = "workload_identity"

    tenant_id: str
    client_id: str
    file: str


@dataclass(frozen=True)
class AzureCli(IdentitySource):
    """The user who is signed in to the Azure CLI on this machine."""

    name: ClassVar = "azure_cli"

    tenant_id: str | None = None


@dataclass(frozen=True)
class Ambient(IdentitySource):
    """Whatever identity the machine has: azure-identity's DefaultAzureCredential.

    ``managed_identity_client_id`` chooses one of several user-assigned identities.
    """

    name: ClassVar = "default"

    managed_identity_client_id: str | None = None


@dataclass(frozen=True)
class Chain(IdentitySource):
    """The first available one of these. If it is refused, the others are not tried."""

    name: ClassVar = "chain"

    sources: tuple[IdentitySource, ...]

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for source in self.sources for secret in source.secrets)


def sync_credential(source: IdentitySource, cloud: Cloud) -> Any:
    """A ``TokenCredential``. It caches tokens and renews them; close it at the end.

    :raises InvalidSpecError: a certificate cannot be read, or an id is not valid.
    """
    from azure import identity

    return _credential(identity, source, cloud)


def async_credential(source: IdentitySource, cloud: Cloud) -> Any:
    """An ``AsyncTokenCredential``. It caches tokens and renews them; close it at the end.

    :raises InvalidSpecError: as :func:`sync_credential`.
    """
    from azure.identity import aio

    return _credential(aio, source, cloud)


def _credential(module: Any, source: IdentitySource, cloud: Cloud) -> Any:
    """``module`` is azure.identity or azure.identity.aio, which contain the same names."""
    try:
        return _make(module, source, cloud)
    except (OSError, TypeError, ValueError) as error:
        if isinstance(error, InvalidSpecError):
            raise
        raise InvalidSpecError(f"credential {source.name}", f"it cannot be used: {error}") from None


def _make(module: Any, source: IdentitySource, cloud: Cloud) -> Any:
    transport: dict[str, Any] = {"connection_verify": cloud.verify}
    entra = {**transport, "authority": cloud.authority}
    if cloud.name == CUSTOM:
        # Without this, azure-identity asks the public cloud whether the authority is valid.
        entra["disable_instance_discovery"] = True
    match source:
        case ClientSecret(tenant_id, client_id, secret):
            return module.ClientSecretCredential(tenant_id, client_id, secret, **entra)
        case ClientCertificate(tenant_id, client_id, path, pem, password):
            data = pem.encode() if pem else None
            return module.CertificateCredential(
                tenant_id, client_id, path, certificate_data=data, password=password, **entra
            )
        case ManagedIdentity(client_id):
            return module.ManagedIdentityCredential(client_id=client_id, **transport)
        case WorkloadIdentity(tenant_id, client_id, file):
            return module.WorkloadIdentityCredential(
                tenant_id=tenant_id, client_id=client_id, token_file_path=file, **entra
            )
        case AzureCli(tenant_id):
            return module.AzureCliCredential(tenant_id=tenant_id or "")
        case Chain(sources):
            return module.ChainedTokenCredential(*(_credential(module, each, cloud) for each in sources))
        case Ambient(client_id):
            chosen = {"managed_identity_client_id": client_id} if client_id else {}
            return module.DefaultAzureCredential(**entra, **chosen)
    raise TypeError(f"{source!r} is not an identity")
