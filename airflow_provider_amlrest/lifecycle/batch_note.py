"""The note that a batch endpoint is being asked: it outlives the try, which may die before the answer comes.

Airflow keeps nothing of a try that dies (XComs go when the next one begins), and the request has no name in
the service. So it is noted in the workspace, as a version of one data asset: where the request writes.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    AzureMLError,
    NotFoundError,
    PermissionDeniedError,
    ResponseError,
)

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.resources.batch_request import BatchRequest

log = logging.getLogger(__name__)

ASSET = "airflow_batch_requests"
"""The data asset; its versions are requests."""
REQUEST_TAG = "airflow_batch_request"
"""Tag of a version, and of the job of a batch endpoint: the derived name of the request."""
ASKED_TAG = "airflow_asked"
"""Tag of a version: ``true`` unless the request was refused, so that there is no job of it."""
MAX_VERSION = 24
"""Characters of a version: the service takes 30."""


def was_asked(client: AzureMLClient, name: str) -> bool:
    """Whether the request of this name was sent, or was about to be."""
    try:
        return client.get_data(ASSET, _version(name)).tags.get(ASKED_TAG) == "true"
    except (NotFoundError, PermissionDeniedError) as error:
        log.debug("There is no note of request %s: %s", name, error)
        return False


def note(client: AzureMLClient, request: BatchRequest, name: str) -> None:
    """Note that a request is about to be sent. Raises what passes; without the right to note, it goes on."""
    try:
        _put(client, request, name, "true")
    except (*patience.TRANSIENT, AuthenticationError):
        raise
    except ResponseError as error:
        text = "%s is asked without a note: it may be asked twice if this process dies before the answer. %s"
        log.warning(text, request.place.what, error)


def withdraw(client: AzureMLClient, request: BatchRequest, name: str) -> None:
    """Note that a request was not taken: it may be sent again."""
    try:
        _put(client, request, name, "false")
    except AzureMLError as error:
        log.info("That %s was not asked could not be noted: %s", request.place.what, error)


def _put(client: AzureMLClient, request: BatchRequest, name: str, asked: str) -> None:
    uri = next(iter(request.output_uris(name).values()))
    kind = "uri_folder" if uri.endswith("/") else "uri_file"
    tags = {REQUEST_TAG: name, ASKED_TAG: asked}
    client.create_data(Data(ASSET, _version(name), kind, uri, tags=tags))


def _version(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, name).hex[:MAX_VERSION]
