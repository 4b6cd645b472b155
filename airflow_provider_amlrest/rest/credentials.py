"""An identity becomes a credential of azure-identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.rest.cloud import CUSTOM, Cloud


@dataclass(frozen=True)
class ClientSecret:
    """A service principal with a secret."""

    tenant_id: str
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Ambient:
    """Whatever identity the machine has: azure-identity's DefaultAzureCredential.

    ``managed_identity_client_id`` chooses one of several user-assigned identities.
    """

    managed_identity_client_id: str | None = None


IdentitySource = ClientSecret | Ambient


def sync_credential(source: IdentitySource, cloud: Cloud) -> Any:
    """A ``TokenCredential``. It caches tokens and renews them; close it in the end."""
    from azure import identity

    return _credential(identity, source, cloud)


def async_credential(source: IdentitySource, cloud: Cloud) -> Any:
    """An ``AsyncTokenCredential``. It caches tokens and renews them; close it in the end."""
    from azure.identity import aio

    return _credential(aio, source, cloud)


def _credential(module: Any, source: IdentitySource, cloud: Cloud) -> Any:
    options: dict[str, Any] = {"authority": cloud.authority, "connection_verify": cloud.verify}
    if cloud.name == CUSTOM:
        # Without this, azure-identity asks the public cloud whether the authority is a good one.
        options["disable_instance_discovery"] = True
    if isinstance(source, ClientSecret):
        return module.ClientSecretCredential(source.tenant_id, source.client_id, source.secret, **options)
    if source.managed_identity_client_id:
        options["managed_identity_client_id"] = source.managed_identity_client_id
    return module.DefaultAzureCredential(**options)
