"""Experiments: names that runs carry, and the ids that MLflow and run history want for them."""

from __future__ import annotations

import uuid

from airflow_provider_amlrest.emulator.config import Workspace
from airflow_provider_amlrest.emulator.store import Store


def experiment_id(workspace: Workspace, name: str) -> str:
    """The id of an experiment; a function of its name."""
    return str(uuid.uuid5(uuid.UUID(workspace.workspace_id), f"experiment:{name}"))


def remember_experiment(store: Store, workspace: Workspace, name: str) -> str:
    """Make an experiment known by its id, which is returned."""
    identifier = experiment_id(workspace, name)
    key = _key(workspace, identifier)
    if store.setting(key) is None:
        store.set_setting(key, name)
    return identifier


def experiment_name(store: Store, workspace: Workspace, identifier: str) -> str | None:
    return store.setting(_key(workspace, identifier))


def experiments(store: Store, workspace: Workspace) -> dict[str, str]:
    """id -> name of all that are known."""
    return {key.rpartition(":")[2]: name for key, name in store.settings(_key(workspace, ""))}


def _key(workspace: Workspace, identifier: str) -> str:
    return f"experiment:{workspace.name}:{identifier}"
