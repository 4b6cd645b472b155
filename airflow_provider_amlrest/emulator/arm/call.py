"""One request to a workspace or a registry, past the gateway's checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.emulator.arm.shapes import Reader, read
from airflow_provider_amlrest.emulator.arm.versions import DATA_PLANE, ApiVersion
from airflow_provider_amlrest.emulator.config import NAMESPACE, Registry, Scope, Workspace
from airflow_provider_amlrest.emulator.context import Context
from airflow_provider_amlrest.emulator.sign_in.tokens import Principal
from airflow_provider_amlrest.emulator.store import Store


@dataclass(frozen=True)
class Call:
    context: Context
    scope: Scope
    """What it is about. Assets may be in either; everything else takes ``workspace``."""
    version: ApiVersion
    principal: Principal
    url: str
    """Absolute, with the query, as the client sent it."""
    query: Mapping[str, str]
    """Parameters under lower-case names."""
    body: Any

    @property
    def store(self) -> Store:
        return self.context.store

    @property
    def workspace(self) -> Workspace:
        """The workspace that it is about; the routes of registries lead to nothing that asks."""
        if not isinstance(self.scope, Workspace):
            raise TypeError(f"{self.scope.name} is no workspace.")
        return self.scope

    @property
    def registry(self) -> Registry:
        """The registry that it is about; the routes of workspaces lead to nothing that asks."""
        if not isinstance(self.scope, Registry):
            raise TypeError(f"{self.scope.name} is no registry.")
        return self.scope

    @property
    def home(self) -> str:
        """Under which name the store keeps the scope's things."""
        return self.scope.home

    def properties(self, reader: Reader) -> Any:
        """The request's ``properties`` in their canonical form."""
        return read(reader, self.body, self.version, "properties")

    def resource(self, path: str, properties: dict[str, Any], system_data: dict[str, Any]) -> dict[str, Any]:
        """The envelope of a resource; ``path`` is below the scope: ``jobs/j1``, ``data/d/versions/1``."""
        segments = path.split("/")
        collection = "registries" if isinstance(self.scope, Registry) else "workspaces"
        resource = {
            "id": f"{self.scope.arm_id}/{path}",
            "name": segments[-1],
            "type": "/".join([NAMESPACE, collection, *segments[0::2]]),
            "properties": properties,
            "systemData": system_data,
        }
        if isinstance(self.scope, Registry) and self.version == DATA_PLANE:
            # Recorded, for a version of a model.
            resource |= {"id": f"{self.scope.asset_id}/{path}", "name": segments[1], "type": segments[0]}
        return resource

    def system_data(self, created_at: str, created_by: str, modified_at: str | None = None) -> dict[str, Any]:
        """``systemData``, with the ``lastModified`` triple if a time is given."""
        data = {"createdAt": created_at, "createdBy": created_by, "createdByType": "Application"}
        if modified_at is not None:
            data |= {
                "lastModifiedAt": modified_at,
                "lastModifiedBy": created_by,
                "lastModifiedByType": "Application",
            }
        return data
