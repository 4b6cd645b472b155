"""What an emulator is started with, and what its parts share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NAMESPACE = "Microsoft.MachineLearningServices"

RuntimeKind = Literal["venv", "host", "simulated"]
DistributedKind = Literal["processes", "simulated"]
"""How the runtimes ``venv`` and ``host`` run distributed jobs."""

KEY_HEADER = "x-emulator-key"
"""The header that requests to the emulator's own routes need."""

ARTIFACT_CONTAINER = "azureml"
"""Logs and artifacts of runs: ``ExperimentRun/dcid.<run>/...``."""

DEFAULT_DATASTORE = "workspaceblobstore"
ARTIFACT_DATASTORE = "workspaceartifactstore"


@dataclass(frozen=True)
class Compute:
    """A compute cluster; a job takes ``instanceCount`` of its nodes and queues while they are busy."""

    name: str
    nodes: int
    vm_size: str = "STANDARD_DS3_V2"


@dataclass(frozen=True)
class Workspace:
    subscription_id: str
    resource_group: str
    name: str
    location: str
    workspace_id: str
    """The workspace's own GUID."""

    @property
    def arm_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/{NAMESPACE}/workspaces/{self.name}"
        )

    @property
    def default_container(self) -> str:
        """The container behind the datastore ``workspaceblobstore``."""
        return f"azureml-blobstore-{self.workspace_id}"

    @property
    def datastores(self) -> dict[str, str]:
        """Datastore -> its container."""
        return {DEFAULT_DATASTORE: self.default_container, ARTIFACT_DATASTORE: ARTIFACT_CONTAINER}


@dataclass(frozen=True)
class Settings:
    data_dir: Path
    runtime: RuntimeKind
    workspaces: tuple[Workspace, ...]
    computes: tuple[Compute, ...]
    distributed: DistributedKind = "processes"
