"""Data assets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.rest.assets.places_2021 import is_sayable, place, uri_of
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import Feature, refuse_unsupported
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import (
    asset_version,
    properties_of,
    read_type,
    text_map,
    without_nones,
)

DATA_TYPES = ("uri_file", "uri_folder", "mltable")


@dataclass(frozen=True)
class Data:
    """A version of a data asset. ``type``: uri_file, uri_folder or mltable.

    ``referenced_uris``: what an mltable's definition refers to.
    """

    name: str
    version: str
    type: str
    uri: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    referenced_uris: tuple[str, ...] = ()


FEATURES = (
    Feature(Data, "type", "mltable", PREVIEW_2022_02, lambda data: data.type == "mltable"),
    Feature(
        Data,
        "path",
        "a URI that is neither https nor azureml://datastores/<name>/paths/<path>",
        PREVIEW_2022_02,
        lambda data: not is_sayable(data.uri),
    ),
)


def data_body(spelling: Spelling, data: Data) -> Wire:
    """The properties for its PUT. Raises InvalidSpecError for what the api-version cannot express."""
    refuse_unsupported(spelling.api_version, FEATURES, data)
    return _body_2021(spelling, data) if spelling.is_of_2021 else _body(spelling, data)


def read_data(spelling: Spelling, resource: Mapping[str, Any]) -> Data:
    """The data asset in an ARM resource."""
    return _read_2021(resource) if spelling.is_of_2021 else _read(resource)


def _body(spelling: Spelling, data: Data) -> dict[str, Any]:
    return without_nones(
        dataType=spelling.type(data.type),
        dataUri=data.uri,
        referencedUris=list(data.referenced_uris) or None,
        description=data.description,
        tags=dict(data.tags),
    )


def _read(resource: Mapping[str, Any]) -> Data:
    properties = properties_of(resource)
    name, version = asset_version(resource)
    return Data(
        name,
        version,
        read_type(properties.get("dataType")),
        properties.get("dataUri") or "",
        description=properties.get("description"),
        tags=text_map(properties.get("tags")),
        id=resource["id"],
        referenced_uris=tuple(properties.get("referencedUris") or ()),
    )


def _body_2021(spelling: Spelling, data: Data) -> dict[str, Any]:
    # The version does not distinguish files and folders: a tag records which one it was.
    tags = {**data.tags, "data_type": data.type}
    own = {"datasetType": "Simple", **place(spelling, data.uri)}
    return without_nones(**own, description=data.description, tags=tags)


def _read_2021(resource: Mapping[str, Any]) -> Data:
    properties = properties_of(resource)
    name, version = asset_version(resource)
    tags = text_map(properties.get("tags"))
    path = properties.get("path") or ""
    folder = path.endswith("/") or "." not in path.rsplit("/", 1)[-1]
    return Data(
        name,
        version,
        tags.pop("data_type", "uri_folder" if folder else "uri_file"),
        uri_of(properties),
        description=properties.get("description"),
        tags=tags,
        id=resource["id"],
    )
