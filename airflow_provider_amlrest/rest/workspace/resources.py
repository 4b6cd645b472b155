"""A workspace, and what it contains besides assets and jobs: computes and datastores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.rest.versions.spelling import Spelling
from airflow_provider_amlrest.rest.versions.words import object_in, properties_of


@dataclass(frozen=True)
class Workspace:
    id: str
    name: str
    location: str
    discovery_url: str
    mlflow_tracking_uri: str
    guid: str = ""
    """What assets of registries call it by."""


@dataclass(frozen=True)
class Compute:
    name: str
    type: str
    """AmlCompute, ComputeInstance, Kubernetes..."""
    state: str
    """Provisioning state: Succeeded, Creating, Failed..."""
    location: str = ""
    power: str = ""
    """Of a ComputeInstance: Running, Stopped..."""
    nodes: Nodes | None = None
    """Of an AmlCompute, once it has been made."""
    errors: tuple[str, ...] = ()
    """What the service says why it has no, or not enough nodes."""


@dataclass(frozen=True)
class Nodes:
    """The nodes of a cluster, as they are now."""

    most: int
    """Its ``max_instances``."""
    current: int
    running: int
    """Those that a job runs on."""
    idle: int
    target: int


@dataclass(frozen=True)
class Datastore:
    name: str
    type: str
    """AzureBlob, AzureFile..."""
    account_name: str
    container_name: str
    protocol: str = "https"
    endpoint: str = "core.windows.net"


@dataclass(frozen=True)
class DatastoreSecrets:
    """At most one of the two is set. Never print them."""

    account_key: str | None = field(default=None, repr=False)
    sas_token: str | None = field(default=None, repr=False)


def read_compute(resource: Mapping[str, Any]) -> Compute:
    """The compute in an ARM resource."""
    properties = properties_of(resource)
    own = object_in(properties, "properties")
    errors = [*_listed(properties, "provisioningErrors"), *_listed(own, "errors")]
    return Compute(
        resource["name"],
        properties.get("computeType") or "",
        properties.get("provisioningState") or "",
        resource.get("location") or "",
        str(own.get("state") or ""),
        _nodes(own),
        tuple(map(_message, errors)),
    )


def _nodes(properties: Mapping[str, Any]) -> Nodes | None:
    counts, scale = object_in(properties, "nodeStateCounts"), object_in(properties, "scaleSettings")
    if not counts or not scale:
        return None
    return Nodes(
        _count(scale, "maxNodeCount"),
        _count(properties, "currentNodeCount"),
        _count(counts, "runningNodeCount"),
        _count(counts, "idleNodeCount"),
        _count(properties, "targetNodeCount"),
    )


def _count(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    return value if isinstance(value, int) else 0


def _listed(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = values.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _message(error: Mapping[str, Any]) -> str:
    inner = object_in(error, "error") or error
    return f"{inner.get('code') or ''}: {inner.get('message') or ''}".strip(": ")


def read_datastore(spelling: Spelling, resource: Mapping[str, Any]) -> Datastore:
    """The datastore in an ARM resource."""
    properties = properties_of(resource)
    if spelling.is_of_2021:
        return _datastore(resource["name"], properties.get("contents") or {}, "contentsType")
    return _datastore(resource["name"], properties, "datastoreType")


def _datastore(name: str, fields: Mapping[str, Any], type_key: str) -> Datastore:
    """A datastore whose members are flat in ``fields``; the member with its type has had two names."""
    return Datastore(
        name,
        fields.get(type_key) or "",
        fields.get("accountName") or "",
        fields.get("containerName") or "",
        fields.get("protocol") or "https",
        fields.get("endpoint") or "core.windows.net",
    )
