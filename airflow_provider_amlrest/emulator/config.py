"""What an emulator is told at its start, and what its parts share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.blobs import BlobStorage
    from airflow_provider_amlrest.emulator.scripts import Scripts
    from airflow_provider_amlrest.emulator.store import Store

RuntimeKind = Literal["venv", "host", "simulated"]
DistributedKind = Literal["processes", "simulated"]
"""How the runtimes ``venv`` and ``host`` run distributed jobs."""

KEY_HEADER = "x-emulator-key"
"""Of requests to the emulator's own routes."""

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
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
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


@dataclass(frozen=True)
class Services:
    """What the job runtime gets from the rest of the emulator."""

    settings: Settings
    store: Store
    scripts: Scripts
    blobs: BlobStorage
    endpoint: str
    """``https://127.0.0.1:<port>``: ARM, run history and MLflow share it."""
    ca_bundle: Path
    issue_job_token: Callable[[Workspace, str], str]
    """(workspace, run name) -> bearer token that the run history and MLflow routes accept."""

    def mlflow_tracking_uri(self, workspace: Workspace) -> str:
        """An http(s) MLflow URI, as jobs get it in MLFLOW_TRACKING_URI."""
        return f"{self.endpoint}/mlflow/v1.0{workspace.arm_id}"
