"""One request to a workspace, past the gateway's checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.emulator.arm.shapes import Reader, read
from airflow_provider_amlrest.emulator.arm.versions import ApiVersion
from airflow_provider_amlrest.emulator.config import NAMESPACE, Workspace
from airflow_provider_amlrest.emulator.context import Context
from airflow_provider_amlrest.emulator.sign_in.tokens import Principal
from airflow_provider_amlrest.emulator.store import Store


@dataclass(frozen=True)
class Call:
    context: Context
    workspace: Workspace
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
    def home(self) -> str:
        """The workspace's name, under which the store keeps its things."""
        return self.workspace.name

    def properties(self, reader: Reader) -> Any:
        """The request's ``properties`` in their canonical form."""
        return read(reader, self.body, self.version, "properties")

    def resource(self, path: str, properties: dict[str, Any], system_data: dict[str, Any]) -> dict[str, Any]:
        """The envelope of a resource; ``path`` is below the workspace: ``jobs/j1``, ``data/d/versions/1``."""
        segments = path.split("/")
        return {
            "id": f"{self.workspace.arm_id}/{path}",
            "name": segments[-1],
            "type": "/".join([NAMESPACE, "workspaces", *segments[0::2]]),
            "properties": properties,
            "systemData": system_data,
        }

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
