"""A resource as it is now, and what its state means."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from airflow_provider_amlrest.rest.versions.words import object_in, properties_of

log = logging.getLogger(__name__)

GONE = "NotFound"
"""The state of what there is not."""

READY = frozenset({"Succeeded", "Running", "JobRunning", "Stopped"})
"""States in which nothing is under way, and nothing has failed. The last three are a compute instance's."""
BROKEN = frozenset({"Failed", "Canceled", "CreateFailed", "SetupFailed", "UserSetupFailed", "Unusable"})
"""States in which nothing is under way, because it has failed."""
MOVING = frozenset(
    {
        *(
            "Creating",
            "Updating",
            "Deleting",
            "Scaling",
            "Provisioning",
            "InProgress",
            "Accepted",
            "NotStarted",
        ),
        *("Starting", "Stopping", "Restarting", "Resizing", "SettingUp", "UserSettingUp", "Unknown"),
    }
)
"""States in which an operation is under way. One that nobody has documented counts as one of these."""


_SPELLED = {state.lower(): state for state in READY | BROKEN | MOVING} | {"cancelled": "Canceled"}


def known_state(said: str) -> str:
    """A state in the spelling of here; azure-core, too, knows those of operations in any case."""
    return _SPELLED.get(said.lower(), said)


@dataclass(frozen=True)
class Resource:
    """A resource of the workspace.

    ``name``: its path below the workspace, ``computes/gpu``. ``status``: its provisioning state, a compute
    instance's own, or :data:`GONE`. ``error``: why it has failed, if the service says so. ``wire``: the ARM
    resource.
    """

    name: str
    status: str
    error: str = ""
    wire: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def exists(self) -> bool:
        return self.status != GONE

    @property
    def is_active(self) -> bool:
        """Whether an operation on it is under way."""
        return self.status not in READY and self.status not in BROKEN and self.exists

    @property
    def is_broken(self) -> bool:
        return self.status in BROKEN

    @property
    def id(self) -> str:
        """Its ARM id; empty if it does not exist."""
        return str(self.wire.get("id") or "")


def gone(path: str) -> Resource:
    """What there is not."""
    return Resource(path, GONE)


def read_resource(path: str, wire: Mapping[str, Any]) -> Resource:
    """The resource in an ARM resource."""
    properties = properties_of(wire)
    state = str(properties.get("provisioningState") or "Succeeded")
    if state == "Succeeded" and properties.get("computeType") == "ComputeInstance":
        state = str(object_in(properties, "properties").get("state") or state)
    state = known_state(state)
    if state not in READY | BROKEN | MOVING:
        _log_unknown(state)
    return Resource(path, state, _error(properties), wire)


@cache
def _log_unknown(state: str) -> None:
    log.warning(
        "Provisioning state %r is not known here: it counts as one in which something goes on.", state
    )


def _error(properties: Mapping[str, Any]) -> str:
    errors = properties.get("provisioningErrors")
    given = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    texts = [str((object_in(one, "error") or one).get("message") or "") for one in given]
    return " ".join(filter(None, texts))
