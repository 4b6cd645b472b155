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
    def home(self) -> str:
        """Under which name the store keeps what it has."""
        return self.name

    @property
    def default_container(self) -> str:
        """The container behind the datastore ``workspaceblobstore``."""
        return f"azureml-blobstore-{self.workspace_id}"

    @property
    def datastores(self) -> dict[str, str]:
        """Datastore -> its container."""
        return {DEFAULT_DATASTORE: self.default_container, ARTIFACT_DATASTORE: ARTIFACT_CONTAINER}


@dataclass(frozen=True)
class Registry:
    """Assets that all workspaces share; it runs nothing."""

    subscription_id: str
    resource_group: str
    name: str
    location: str
    registry_id: str
    """The registry's own GUID."""

    @property
    def arm_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/{NAMESPACE}/registries/{self.name}"
        )

    @property
    def asset_id(self) -> str:
        """What the ids of its assets begin with, outside Resource Manager."""
        return f"azureml://registries/{self.name}"

    @property
    def home(self) -> str:
        """Under which name the store keeps what it has; no workspace can have it."""
        return f"registries/{self.name}"


Scope = Workspace | Registry
"""Where assets live."""


@dataclass(frozen=True)
class Settings:
    data_dir: Path
    runtime: RuntimeKind
    workspaces: tuple[Workspace, ...]
    computes: tuple[Compute, ...]
    distributed: DistributedKind = "processes"
    registries: tuple[Registry, ...] = ()

    def scopes(self, collection: str) -> tuple[Scope, ...]:
        """Those of an ARM collection, ``workspaces`` or ``registries``."""
        return self.registries if collection == "registries" else self.workspaces

    def scope(self, collection: str, subscription: str, group: str, name: str) -> Scope | None:
        """That of these names; Resource Manager compares without regard to case."""
        wanted = (subscription.lower(), group.lower(), name.lower())
        for scope in self.scopes(collection):
            if (scope.subscription_id, scope.resource_group.lower(), scope.name.lower()) == wanted:
                return scope
        return None

    def registry(self, name: str) -> Registry | None:
        """The registry of a name; a tenant has only one of each, whatever its case."""
        return next((r for r in self.registries if r.name.lower() == name.lower()), None)

    def has_no(self, registry: str) -> str:
        """What is said of a registry that there is not: what there is, and the way out."""
        known = ", ".join(r.name for r in self.registries) or "none"
        return (
            f"This emulator has no registry {registry!r}; it has {known}. "
            f"Start it with --registry {registry} to have it, empty at first."
        )
