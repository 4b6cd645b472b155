"""The location of an asset, as 2021-03-01-preview writes it: a path, in a datastore or not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_amlrest.rest.versions.spelling import Spelling
from airflow_provider_amlrest.rest.versions.words import DATASTORE_URI

DATASTORE_ID = re.compile(r"/datastores/(?P<datastore>[^/]+)$", re.IGNORECASE)


def datastore_id(spelling: Spelling, name: str | None) -> str | None:
    """The ARM id of a datastore; None without a name."""
    return str(spelling.workspace.resource("datastores", name)) if name else None


def is_sayable(uri: str) -> bool:
    """Whether the version can say where this is."""
    return uri.startswith("https://") or DATASTORE_URI.fullmatch(uri) is not None


def place(spelling: Spelling, uri: str) -> dict[str, Any]:
    """A location as members of an asset's properties."""
    match = DATASTORE_URI.fullmatch(uri)
    if match is None:
        return {"path": uri}
    return {"datastoreId": datastore_id(spelling, match["datastore"]), "path": match["path"]}


def uri_of(properties: Mapping[str, Any]) -> str:
    """The location of an asset that is a path in a datastore, or a URI."""
    path = properties.get("path") or ""
    datastore = DATASTORE_ID.search(properties.get("datastoreId") or "")
    return f"azureml://datastores/{datastore['datastore']}/paths/{path}" if datastore else path
