"""Computes of a workspace: those that the emulator was started with, and those that clients make.

Nothing runs for them. An operation has a time when it is over, and what state a compute is in follows from
the clock, so that a restart of the emulator changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_amlrest.emulator.config import Compute, Settings, Workspace
from airflow_provider_amlrest.emulator.store import AssetRecord, Store, utc_now

KIND = "computes"
"""Kind of their records in the store, which stand under the name in lower case."""
CLUSTER, INSTANCE = "AmlCompute", "ComputeInstance"
PROVISIONING = {"Create": "Creating", "Update": "Updating", "Delete": "Deleting"}
"""Operation -> the provisioning state on the way."""
INSTANCE_STATES = {
    "Create": "Creating",
    "Start": "Starting",
    "Stop": "Stopping",
    "Restart": "Restarting",
    "Delete": "Deleting",
}
"""Operation -> the state of an instance on the way."""
KEPT_OPERATIONS = 20
NEVER = "9999-12-31T00:00:00+00:00"
CREATED_SETTING = "created_at"


@dataclass(frozen=True)
class Operation:
    """What is being done, or was done, to a compute."""

    name: str
    """Create, Update, Start, Stop, Restart or Delete."""
    ends_at: str
    id: str
    started_at: str
    error: dict[str, str] | None = None
    """Why it fails."""

    @property
    def is_over(self) -> bool:
        return datetime.fromisoformat(self.ends_at) <= datetime.now(UTC)


def new_operation(name: str, seconds: float | None, error: dict[str, str] | None = None) -> Operation:
    """:param seconds: None: it never ends."""
    ends_at = NEVER if seconds is None else (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    return Operation(name, ends_at, str(uuid.uuid4()), utc_now(), error)


@dataclass(frozen=True)
class ComputeState:
    """A compute as it is now."""

    workspace: str
    name: str
    kind: str
    """CLUSTER or INSTANCE."""
    resource: dict[str, Any]
    """The request's resource in the canonical shape: location, tags, identity, ``properties``."""
    created_at: str
    modified_at: str
    created_by: str = ""
    operations: tuple[Operation, ...] = ()
    """Oldest first."""

    @property
    def under_way(self) -> Operation | None:
        last = self.operations[-1] if self.operations else None
        return None if last is None or last.is_over else last

    @property
    def _life(self) -> tuple[Operation, ...]:
        """The operations since it was made: others of its name may have been there before."""
        made = [number for number, operation in enumerate(self.operations) if operation.name == "Create"]
        return self.operations[made[-1] if made else 0 :]

    @property
    def failure(self) -> dict[str, str] | None:
        """Why it could not be made, or changed the last time."""
        done = [op for op in self._life if op.name in ("Create", "Update") and op.is_over]
        return done[-1].error if done else None

    @property
    def _is_made(self) -> bool:
        """Whether its creation, or a change after it, has succeeded."""
        life = self._life
        if not life or life[0].name != "Create":
            return True
        return any(op.is_over and not op.error for op in life if op.name in ("Create", "Update"))

    @property
    def provisioning_state(self) -> str:
        settled = "Failed" if self.failure else "Succeeded"
        return PROVISIONING.get(self.under_way.name, settled) if self.under_way else settled

    @property
    def is_gone(self) -> bool:
        """Whether it has been deleted."""
        return bool(self.operations) and self.operations[-1].name == "Delete" and self.operations[-1].is_over

    @property
    def instance_state(self) -> str:
        """``state`` of a compute instance; a job on it is not looked at."""
        if self.under_way and (state := INSTANCE_STATES.get(self.under_way.name)):
            return state
        if not self._is_made:
            return "CreateFailed"
        done = [op.name for op in self._life if op.is_over and op.error is None]
        powered = [name for name in done if name in ("Create", "Start", "Stop", "Restart")]
        return "Stopped" if powered and powered[-1] == "Stop" else "Running"

    @property
    def state(self) -> str:
        """What people look at: whether an instance runs, how it is with a cluster."""
        return self.instance_state if self.kind == INSTANCE else self.provisioning_state

    @property
    def takes_jobs(self) -> bool:
        """Whether jobs run on it now."""
        if self.is_leaving or not self._is_made:
            return False
        return self.kind == CLUSTER or self.instance_state == "Running"

    @property
    def is_leaving(self) -> bool:
        return self.is_gone or self.provisioning_state == "Deleting"

    @property
    def settings(self) -> dict[str, Any]:
        """The inner ``properties``: those of a cluster or an instance."""
        return dict(self.resource["properties"]["properties"] or {})

    @property
    def scale(self) -> tuple[int, int]:
        """Nodes: at least, at most."""
        if self.kind == INSTANCE:
            return 1, 1
        scale = self.settings["scaleSettings"]
        return int(scale["minNodeCount"]), int(scale["maxNodeCount"])

    def after(self, operation: Operation) -> ComputeState:
        return replace(
            self,
            operations=(*self.operations, operation)[-KEPT_OPERATIONS:],
            modified_at=operation.started_at,
        )


def find(store: Store, settings: Settings, workspace: Workspace, name: str) -> ComputeState | None:
    """A compute that there is, also while it is made or deleted."""
    return next((c for c in computes(store, settings, workspace) if c.name.lower() == name.lower()), None)


def computes(store: Store, settings: Settings, workspace: Workspace) -> list[ComputeState]:
    """All computes of a workspace: those of the start, then the others, oldest first."""
    known = {state.name.lower(): state for state in _kept(store, workspace)}
    seeds = [_seed(store, workspace, compute) for compute in settings.computes]
    states = [known.pop(seed.name.lower(), seed) for seed in seeds]
    return [state for state in (*states, *known.values()) if not state.is_gone]


def unavailable(store: Store, workspace: Workspace) -> list[ComputeState]:
    """Those that take no jobs now, the deleted ones too."""
    return [state for state in _kept(store, workspace) if not state.takes_jobs]


def find_operation(store: Store, workspace: Workspace, identifier: str) -> Operation | None:
    operations = (operation for state in _kept(store, workspace) for operation in state.operations)
    return next((operation for operation in operations if operation.id == identifier), None)


def before(store: Store, workspace: Workspace, name: str) -> tuple[Operation, ...]:
    """What was done to a compute of this name that there is no more."""
    return next((s.operations for s in _kept(store, workspace) if s.name.lower() == name.lower()), ())


def keep(store: Store, state: ComputeState) -> None:
    values = {name: value for name, value in asdict(state).items() if name != "workspace"}
    store.put_asset(AssetRecord(state.workspace, KIND, state.name.lower(), "", values))


def _kept(store: Store, workspace: Workspace) -> Iterator[ComputeState]:
    for record in reversed(store.assets(workspace.name, KIND)):
        values = dict(record.properties)
        operations = tuple(Operation(**operation) for operation in values.pop("operations"))
        yield ComputeState(workspace.name, operations=operations, **values)


def _seed(store: Store, workspace: Workspace, compute: Compute) -> ComputeState:
    """Its nodes are always there."""
    created = store.setting(CREATED_SETTING) or ""
    scale = {
        "maxNodeCount": compute.nodes,
        "minNodeCount": compute.nodes,
        "nodeIdleTimeBeforeScaleDown": "PT2M",
    }
    properties = {
        "vmSize": compute.vm_size.upper(),
        "vmPriority": "Dedicated",
        "scaleSettings": scale,
        "remoteLoginPortPublicAccess": "Disabled",
        "osType": "Linux",
    }
    resource = {
        "location": workspace.location,
        "tags": {},
        "identity": None,
        "properties": {
            "computeType": CLUSTER,
            "description": None,
            "disableLocalAuth": False,
            "properties": properties,
        },
    }
    return ComputeState(workspace.name, compute.name, CLUSTER, resource, created, created)
