"""The workspace's storage: its datastores as containers of blobs, and the ways into them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core.exceptions import AzureError

from airflow_provider_amlrest.rest.assets.upload.blobs import open_container
from airflow_provider_amlrest.rest.http.deadline import in_time, seconds_left
from airflow_provider_amlrest.rest.http.errors import (
    AzureMLError,
    ResponseError,
    ServiceError,
    StorageRefusedError,
    ThrottledError,
)
from airflow_provider_amlrest.rest.http.policies import signing_in, translate

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

    from airflow_provider_amlrest.rest.client import AzureMLClient
    from airflow_provider_amlrest.rest.workspace.resources import Datastore

log = logging.getLogger(__name__)

T = TypeVar("T")

STORAGE_SCOPE = "https://storage.azure.com/.default"
"""The scope of tokens for blobs, in all clouds."""


class NoWayError(AzureMLError):
    """The service does not offer this way."""


def by_first_open(ways: Mapping[str, Callable[[], T]], what: str, refused: type[StorageRefusedError]) -> T:
    """Try the ways in order. A refused way is closed; no answer, 429 and 5xx do not count as a refusal.

    :param ways: each by its name, for the log.
    :param what: what goes through them, for the error.
    :raises StorageRefusedError: ``refused``, if every way is closed.
    """
    refusals: dict[str, AzureMLError] = {}
    for way, go in ways.items():
        if refusals:
            last = list(refusals)[-1]
            log.info("No access by %s, trying %s: %s", last, way, refusals[last])
        try:
            return go()
        except (ServiceError, ThrottledError):
            raise
        except (ResponseError, NoWayError) as error:
            refusals[way] = error
    raise refused(what, {way: str(error) for way, error in refusals.items()})


def account_of(client: AzureMLClient, datastore: Datastore) -> str:
    """The URL of a datastore's storage account."""
    own = f"{datastore.protocol}://{datastore.account_name}.blob.{datastore.endpoint}"
    return client.operations.cloud.blob_endpoint or own


def open_datastore(client: AzureMLClient, datastore: Datastore, credential: Credential) -> ContainerClient:
    """The container that a datastore is. Raises NoWayError if it is none, or does not take the credential."""
    if datastore.type != "AzureBlob":
        raise NoWayError(f"The datastore {datastore.name!r} is of type {datastore.type}, not AzureBlob.")
    account_url = account_of(client, datastore)
    if credential is _token and not account_url.startswith("https://"):
        raise NoWayError("Tokens for storage are sent only over https.")
    key = credential(client, datastore)
    return open_container(client.operations.cloud, account_url, datastore.container_name, key)


def _token(client: AzureMLClient, datastore: Datastore) -> Any:
    """The client's own identity. Raises AuthenticationError if it does not get a token for storage."""

    def sign_in() -> None:
        with signing_in():
            client.credential.get_token(STORAGE_SCOPE)

    asked = f"storage account {datastore.account_name}"
    try:
        in_time(sign_in, seconds_left(client.deadline), f"the sign-in for {asked}")
    except AzureError as error:
        raise translate(error, asked) from None
    return client.credential


def _secret(client: AzureMLClient, datastore: Datastore) -> str:
    secrets = client.list_datastore_secrets(datastore.name)
    secret = secrets.account_key or secrets.sas_token
    if not secret:
        raise NoWayError(f"The datastore {datastore.name!r} gives out neither a key nor a signature.")
    return secret


Credential = Callable[["AzureMLClient", "Datastore"], Any]
CREDENTIALS: Mapping[str, Credential] = {"Microsoft Entra token": _token, "datastore key": _secret}
"""What opens a datastore, in the order in which it is tried."""
