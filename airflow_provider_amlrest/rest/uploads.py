"""Local files become blobs, through azure-storage-blob."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob import ContainerClient

from airflow_provider_amlrest.rest.content import unreadable
from airflow_provider_amlrest.rest.errors import AzureMLError
from airflow_provider_amlrest.rest.pipeline import translate_blob, transport_options

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.client import AzureMLClient
    from airflow_provider_amlrest.rest.content import LocalContent, LocalFile

log = logging.getLogger(__name__)

WORKERS = 8


@dataclass(frozen=True)
class Uploaded:
    """Where content lies now: its https URL, and the same within a datastore if it is in one."""

    url: str
    datastore: str | None = None
    path: str | None = None


def upload_by_service(client: AzureMLClient, content: LocalContent, name: str, version: str) -> Uploaded:
    """Upload code to the place that the service hands out for it."""
    pending = client.start_pending_upload(name, version)
    container = ContainerClient.from_container_url(
        pending.sas_uri, **transport_options(client.operations.cloud)
    )
    with container:
        folder = _folder(content)
        _upload(container, content, folder)
    return Uploaded(f"{pending.blob_uri.rstrip('/')}/{folder}".rstrip("/"))


def upload_to_datastore(client: AzureMLClient, content: LocalContent) -> Uploaded:
    """Upload to the default datastore, with its key, below a path made of the content's hash.

    The same content has the same path; blobs that are there already are not sent again.
    """
    datastore = client.get_default_datastore()
    secrets = client.list_datastore_secrets(datastore.name)
    if not (secrets.account_key or secrets.sas_token):
        raise AzureMLError(
            f"The datastore {datastore.name!r} gives out neither a key nor a signature, so nothing can be "
            "uploaded to it; upload by another way and pass the URI."
        )
    cloud = client.operations.cloud
    account_url = (
        cloud.blob_endpoint or f"{datastore.protocol}://{datastore.account_name}.blob.{datastore.endpoint}"
    )
    path = datastore_path(content)
    container = ContainerClient(
        account_url,
        datastore.container_name,
        credential=secrets.account_key or secrets.sas_token,
        **transport_options(cloud),
    )
    with container:
        _upload(container, content, path if content.is_folder else path.rpartition("/")[0])
    return Uploaded(f"{account_url}/{datastore.container_name}/{path}", datastore.name, path)


def datastore_path(content: LocalContent) -> str:
    """Where content lies in the default datastore: a path that only this content has."""
    return f"LocalUpload/{content.hash}/{content.root.resolve().name}"


def _folder(content: LocalContent) -> str:
    return content.root.resolve().name if content.is_folder else ""


def _upload(container: ContainerClient, content: LocalContent, prefix: str) -> None:
    log.info("Uploading %d files, %d bytes, from %s.", len(content.files), content.size, content.root)

    def send(file: LocalFile) -> None:
        blob = f"{prefix}/{file.name}" if prefix else file.name
        try:
            with file.path.open("rb") as stream:
                container.upload_blob(blob, stream, length=file.size, overwrite=False)
        except ResourceExistsError:
            # Its path holds the hash of the content, and a blob is there whole or not at all.
            log.debug("Already there: %s", blob)
        except AzureError as error:
            raise translate_blob(error, f"Upload of {file.name}") from None
        except OSError as error:
            raise unreadable(content.field, file.path, error) from None

    with ThreadPoolExecutor(min(WORKERS, len(content.files))) as pool:
        tasks = [pool.submit(send, file) for file in content.files]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
