"""A runtime over a real store and a real Azurite, without the emulator's HTTP front."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_amlrest.emulator.backends import Backends
from airflow_provider_amlrest.emulator.behaviour.faults import FaultRules, Tuning
from airflow_provider_amlrest.emulator.behaviour.scripts import Scripts
from airflow_provider_amlrest.emulator.config import (
    ARTIFACT_CONTAINER,
    Compute,
    DistributedKind,
    RuntimeKind,
    Settings,
    Workspace,
)
from airflow_provider_amlrest.emulator.runtime import Runtime
from airflow_provider_amlrest.emulator.runtime.services import Services
from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage
from airflow_provider_amlrest.emulator.store import AssetRecord, JobRecord, Store
from tests.support.waiting import wait_for

WORKSPACE = Workspace("sub", "rg", "ws", "westeurope", "11111111-2222-3333-4444-555555555555")
CANARY = "token-canary-2718"


@dataclass
class Harness:
    """A store, a runtime on it, and what tests do with them."""

    services: Services
    runtimes: list[Runtime] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.services.store

    def start(self) -> Runtime:
        runtime = Runtime(self.services)
        runtime.start()
        self.runtimes.append(runtime)
        return runtime

    def stop(self) -> None:
        while self.runtimes:
            self.runtimes.pop().stop()

    def submit(self, name: str, command: str = "true", **properties: Any) -> str:
        """Add a command job as the server would; ``properties`` override the defaults."""
        artifacts = f"azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.{name}"
        defaults = {
            "jobType": "Command",
            "command": command,
            "environmentId": "azureml:env:1",
            "computeId": f"{WORKSPACE.arm_id}/computes/cpu",
            "experimentName": "exp",
            "resources": {"instanceCount": 1},
            "inputs": {},
            "tags": {},
            "outputs": {},
        }
        merged: dict[str, Any] = defaults | properties
        merged["outputs"] = merged["outputs"] | {
            "default": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount", "uri": artifacts}
        }
        self.store.add_job(JobRecord(WORKSPACE.name, name, "Command", merged, "Starting"))
        self.wake()
        return name

    def submit_sweep(self, name: str, **properties: Any) -> str:
        defaults = {
            "jobType": "Sweep",
            "experimentName": "exp",
            "computeId": f"{WORKSPACE.arm_id}/computes/cpu",
            "objective": {"primaryMetric": "loss", "goal": "Minimize"},
            "samplingAlgorithm": {"samplingAlgorithmType": "Random", "rule": "Random", "seed": 7},
            "searchSpace": {"lr": ["uniform", [0.0, 1.0]]},
            "trial": {"command": "echo ${{search_space.lr}}", "environmentId": "azureml:env:1"},
            "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 4, "maxConcurrentTrials": 2},
            "tags": {},
        }
        self.store.add_job(JobRecord(WORKSPACE.name, name, "Sweep", defaults | properties, "Running"))
        self.wake()
        return name

    def cancel(self, name: str) -> None:
        """Ask for a cancel as the server would."""
        self.store.transition(WORKSPACE.name, name, "CancelRequested", cancel_requested=True)
        self.wake()

    def wake(self) -> None:
        for runtime in self.runtimes:
            runtime.wake()

    def job(self, name: str) -> JobRecord:
        job = self.store.job(WORKSPACE.name, name)
        assert job is not None
        return job

    def wait(self, name: str, *statuses: str) -> JobRecord:
        """The job once it has one of these statuses, or has ended."""
        job = wait_for(lambda: job if (job := self.job(name)).status in statuses or not job.active else None)
        assert job is not None
        return job

    def asset(self, kind: str, name: str, version: str = "1", **properties: Any) -> str:
        """Register an asset; its ARM id."""
        self.store.put_asset(AssetRecord(WORKSPACE.name, kind, name, version, properties))
        return f"{WORKSPACE.arm_id}/{kind}/{name}/versions/{version}"

    def put_blob(self, path: str, content: str, container: str = WORKSPACE.default_container) -> None:
        self.services.blobs.ensure_container(container)
        self.services.blobs.service.get_blob_client(container, path).upload_blob(content, overwrite=True)

    def blob(self, path: str, container: str = WORKSPACE.default_container) -> str:
        client = self.services.blobs.service.get_blob_client(container, path)
        return str(client.download_blob().readall().decode())

    def log(self, name: str, path: str = "user_logs/std_log.txt") -> str:
        return self.blob(f"ExperimentRun/dcid.{name}/{path}", ARTIFACT_CONTAINER)

    def code(self, name: str, files: dict[str, str]) -> str:
        """Upload code and register it; its ARM id."""
        for path, content in files.items():
            self.put_blob(f"{name}/src/{path}", content, "code-uploads")
        return self.asset("codes", name, codeUri=f"{self.services.blobs.endpoint}/code-uploads/{name}/src")


def make_harness(
    folder: Path,
    kind: RuntimeKind,
    blobs: BlobStorage,
    computes: tuple[Compute, ...] = (Compute("cpu", 2),),
    distributed: DistributedKind = "processes",
) -> Harness:
    settings = Settings(folder, kind, (WORKSPACE,), computes, distributed)
    services = Services(
        settings=settings,
        store=Store(folder / "emulator.db"),
        scripts=Scripts(Tuning(), FaultRules()),
        blobs=blobs,
        endpoint="https://127.0.0.1:1",
        ca_bundle=folder / "ca.pem",
        issue_job_token=lambda workspace, run: f"{CANARY}-{run}",
        tuning=Tuning(operation_seconds=0),
        backends=Backends(),
    )
    return Harness(services)
