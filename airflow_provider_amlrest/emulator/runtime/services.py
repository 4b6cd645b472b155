"""What the job runtime gets from the rest of the emulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.backends import Backends
    from airflow_provider_amlrest.emulator.behaviour.faults import Tuning
    from airflow_provider_amlrest.emulator.behaviour.scripts import Scripts
    from airflow_provider_amlrest.emulator.config import Settings, Workspace
    from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage
    from airflow_provider_amlrest.emulator.store import Store


@dataclass(frozen=True)
class Services:
    settings: Settings
    store: Store
    scripts: Scripts
    blobs: BlobStorage
    endpoint: str
    """``https://127.0.0.1:<port>``: ARM, run history and MLflow share it."""
    ca_bundle: Path
    issue_job_token: Callable[[Workspace, str], str]
    """(workspace, run name) -> bearer token that the run history and MLflow routes accept."""
    tuning: Tuning
    backends: Backends

    def mlflow_tracking_uri(self, workspace: Workspace) -> str:
        """An http(s) MLflow URI, as jobs get it in MLFLOW_TRACKING_URI."""
        return f"{self.endpoint}/mlflow/v1.0{workspace.arm_id}"
