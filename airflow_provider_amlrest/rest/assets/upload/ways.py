"""The ways in which local content gets into the workspace's storage."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_amlrest.rest.assets.storage import (
    CREDENTIALS,
    Credential,
    account_of,
    by_first_open,
    open_datastore,
)
from airflow_provider_amlrest.rest.assets.upload.blobs import Upload, open_container
from airflow_provider_amlrest.rest.http.errors import (
    PermissionDeniedError,
    ResponseError,
    UploadRefusedError,
)

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.assets.code import PendingUpload
    from airflow_provider_amlrest.rest.assets.upload.content import LocalContent
    from airflow_provider_amlrest.rest.client import AzureMLClient

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Uploaded:
    """The location of uploaded content: its https URL, and its path in a datastore if it is in one."""

    url: str
    datastore: str | None = None
    path: str | None = None


Ways = Mapping[str, Callable[[], Uploaded]]


def upload_code(client: AzureMLClient, content: LocalContent, name: str, version: str) -> Uploaded:
    """Upload code to the place that the service provides for it, else to the default datastore.

    :return: the location of its folder; the service requires a folder, even for a single file.
    :raises UploadRefusedError: if every way is closed.
    """
    ways: dict[str, Callable[[], Uploaded]] = {}
    if client.operations.spelling.uploads_by_service:
        ways["startPendingUpload"] = partial(_by_service, client, content, name, version)
    uploaded = _by_first_open(content, ways | _datastore_ways(client, content))
    if content.is_folder or uploaded.path is None:
        return uploaded
    return Uploaded(uploaded.url.rpartition("/")[0], uploaded.datastore, uploaded.path.rpartition("/")[0])


def upload_to_datastore(client: AzureMLClient, content: LocalContent) -> Uploaded:
    """Upload to the default datastore, to a path derived from the content's hash.

    :raises UploadRefusedError: if every way is closed.
    """
    return _by_first_open(content, _datastore_ways(client, content))


def datastore_path(content: LocalContent) -> str:
    """The path of content in the default datastore, which only this content has."""
    return f"LocalUpload/{content.hash}/{content.name}"


def _datastore_ways(client: AzureMLClient, content: LocalContent) -> dict[str, Callable[[], Uploaded]]:
    return {
        way: partial(_to_datastore, client, content, credential) for way, credential in CREDENTIALS.items()
    }


def _by_first_open(content: LocalContent, ways: Ways) -> Uploaded:
    return by_first_open(ways, str(content.root), UploadRefusedError)


# By the service: a separate container for each upload of code


def _by_service(client: AzureMLClient, content: LocalContent, name: str, version: str) -> Uploaded:
    """A signature is valid for some hours. If it expires during the upload, a new one is requested."""
    folder = content.name if content.is_folder else ""
    place, moved = _place(client, content, name, version), False
    upload = Upload(content, folder, client.deadline)
    while True:
        try:
            with open_container(client.operations.cloud, place.sas_uri) as container:
                upload.run(container)
        except PermissionDeniedError as error:
            if not upload.has_sent:
                raise
            old, place = place, _place(client, content, name, version)
            if place.blob_uri != old.blob_uri:
                # What was sent cannot be kept: all blobs of one code asset are in one container.
                if moved:
                    raise
                upload, moved = Upload(content, folder, client.deadline), True
            log.info("The signature is not accepted any more; continuing with a new one: %s", error)
        else:
            return Uploaded(f"{place.blob_uri.rstrip('/')}/{folder}".rstrip("/"))


def _place(client: AzureMLClient, content: LocalContent, name: str, version: str) -> PendingUpload:
    """The place to which the service wants the files.

    The same content uses the same id. The operation's name (CreateOrGetStartPendingUpload) and the recorded
    containers, whose names are name-based GUIDs, suggest that the service then returns the same container,
    so that a second try finds what the first has sent. If it is another one, only time is lost. Only the
    documented default, no id, is known to work: hence the second request.
    """
    workspace = str(client.operations.workspace).lower()
    asked = f"{workspace}/codes/{name}/versions/{version}#{content.hash}/{content.name}"
    try:
        return client.start_pending_upload(name, version, str(uuid.uuid5(uuid.NAMESPACE_URL, asked)))
    except ResponseError as error:
        if error.status not in (400, 409):
            raise
        log.info("Requesting a place without an id: %s", error)
        return client.start_pending_upload(name, version)


# To the default datastore


def _to_datastore(client: AzureMLClient, content: LocalContent, credential: Credential) -> Uploaded:
    datastore = client.get_default_datastore()
    path = datastore_path(content)
    folder = path if content.is_folder else path.rpartition("/")[0]
    with open_datastore(client, datastore, credential) as container:
        Upload(content, folder, client.deadline).run(container)
    account_url = account_of(client, datastore)
    return Uploaded(f"{account_url}/{datastore.container_name}/{path}", datastore.name, path)
