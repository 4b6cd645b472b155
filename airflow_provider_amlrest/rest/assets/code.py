"""Code: what a job's command finds in its working directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.rest.assets.places_2021 import DATASTORE_ID, datastore_id
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import (
    asset_version,
    properties_of,
    text_map,
    without_nones,
)

HASH_VERSION = "202208"
"""Version of the content hash, which is that of azure-ai-ml."""


@dataclass(frozen=True)
class Code:
    """A version of a code asset. ``uri`` is the https URL of the folder's blobs.

    ``datastore`` and ``path`` name the same place if it is in a datastore; api-version 2021-03-01-preview
    requires that.
    """

    name: str
    version: str
    uri: str
    datastore: str | None = None
    path: str | None = None
    content_hash: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True)
class PendingUpload:
    """A place to upload to: a container's URL with its shared access signature. Never print it."""

    blob_uri: str
    sas_uri: str = field(repr=False)


def code_body(spelling: Spelling, code: Code) -> Wire:
    """The properties of its PUT."""
    return _body_2021(spelling, code) if spelling.is_of_2021 else _body(code)


def read_code(spelling: Spelling, resource: Mapping[str, Any]) -> Code:
    """The code in an ARM resource."""
    return _read_2021(resource) if spelling.is_of_2021 else _read(resource)


def _body(code: Code) -> dict[str, Any]:
    hashes = {"hash_sha256": code.content_hash, "hash_version": HASH_VERSION} if code.content_hash else {}
    return without_nones(
        codeUri=code.uri, properties=hashes, description=code.description, tags=dict(code.tags)
    )


def _read(resource: Mapping[str, Any]) -> Code:
    properties = properties_of(resource)
    name, version = asset_version(resource)
    return Code(
        name,
        version,
        properties.get("codeUri") or "",
        content_hash=(properties.get("properties") or {}).get("hash_sha256"),
        description=properties.get("description"),
        tags=text_map(properties.get("tags")),
        id=resource["id"],
    )


def _body_2021(spelling: Spelling, code: Code) -> dict[str, Any]:
    place = (
        {"datastoreId": datastore_id(spelling, code.datastore), "path": code.path}
        if code.datastore
        else {"path": code.uri}
    )
    hashes = {"hash_sha256": code.content_hash} if code.content_hash else {}
    return without_nones(**place, properties=hashes, description=code.description, tags=dict(code.tags))


def _read_2021(resource: Mapping[str, Any]) -> Code:
    properties = properties_of(resource)
    name, version = asset_version(resource)
    datastore = DATASTORE_ID.search(properties.get("datastoreId") or "")
    path = properties.get("path") or ""
    return Code(
        name,
        version,
        "" if datastore else path,
        datastore=datastore["datastore"] if datastore else None,
        path=path if datastore else None,
        content_hash=(properties.get("properties") or {}).get("hash_sha256"),
        description=properties.get("description"),
        tags=text_map(properties.get("tags")),
        id=resource["id"],
    )
