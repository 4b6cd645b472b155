"""Steps of a session of azure-ai-ml, as its users write them; runs in an environment that has it.

``python session.py READY_FILE STEP JSON`` prints the step's result as its last line, as JSON. Where the
workspace is, is configured by environment variables: nothing in azure-ai-ml is changed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import registries
from azure.ai.ml import (
    Input,
    MLClient,
    UserIdentityConfiguration,
    automl,
    command,
    load_component,
    load_job,
    spark,
)
from azure.ai.ml._artifacts._artifact_utilities import download_artifact_from_aml_uri
from azure.ai.ml.data_transfer import Database as DbSource
from azure.ai.ml.entities import (
    Data,
    DataImport,
    Environment,
)
from azure.ai.ml.exceptions import JobException
from azure.ai.ml.sweep import Choice
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from registries import IMAGE


def workspace(ml: MLClient) -> Any:
    found = ml.workspaces.get(ml.workspace_name)
    return {"name": found.name, "location": found.location, "computes": [c.name for c in ml.compute.list()]}


def environment(ml: MLClient, name: str, conda: str | None = None) -> Any:
    """Create one, twice; read it back by its version and as the latest."""
    wanted = Environment(name=name, version="1", image=IMAGE, conda_file=conda)
    made = ml.environments.create_or_update(wanted)
    ml.environments.create_or_update(wanted)
    latest = ml.environments.get(name, label="latest")
    return {"id": made.id, "version": latest.version, "image": ml.environments.get(name, "1").image}


def changed_environment(ml: MLClient, name: str) -> Any:
    """Without a version, content that differs becomes the next one."""
    first = ml.environments.create_or_update(Environment(name=name, image=IMAGE))
    second = ml.environments.create_or_update(Environment(name=name, image="python:3.11"))
    return [first.version, second.version]


def data(ml: MLClient, name: str, path: str) -> Any:
    made = ml.data.create_or_update(Data(name=name, version="1", path=path, type="uri_file"))
    return {"path": made.path, "type": ml.data.get(name, "1").type}


def submit(ml: MLClient, name: str, code: str, source: str, environment: str) -> Any:
    """Submit a command job with a local code folder."""
    job = ml.jobs.create_or_update(
        command(
            name=name,
            code=code,
            command=source,
            environment=environment,
            compute="cpu-cluster",
            inputs={"rate": 0.1},
            experiment_name="sdk",
        )
    )
    return {"status": job.status, "code": ml.jobs.get(name).code}


def stream(ml: MLClient, name: str) -> Any:
    """Follow a job to its end; what the log said comes first on standard output."""
    try:
        ml.jobs.stream(name)
    except JobException as error:
        return {"status": ml.jobs.get(name).status, "error": str(error)}
    return {"status": ml.jobs.get(name).status}


def sweep(ml: MLClient, name: str, code: str, source: str, environment: str) -> Any:
    trial = command(
        code=code,
        command=source,
        environment=environment,
        compute="cpu-cluster",
        inputs={"rate": Input(type="number", default=0.5)},
    )
    swept = trial(rate=Choice([0.1, 0.2])).sweep(
        compute="cpu-cluster", sampling_algorithm="grid", primary_metric="loss", goal="Minimize"
    )
    swept.name = name
    swept.set_limits(max_total_trials=2, max_concurrent_trials=2, timeout=600)
    ml.jobs.create_or_update(swept)
    ml.jobs.stream(name)
    done = ml.jobs.get(name)
    return {"type": done.type, "status": done.status}


def user_identity(ml: MLClient, name: str, environment: str) -> Any:
    """A job that runs as its user: the client sends a token for Azure ML's own audience with it."""
    job = command(
        name=name,
        command="true",
        environment=environment,
        compute="cpu-cluster",
        identity=UserIdentityConfiguration(),
        experiment_name="sdk",
    )
    ml.jobs.create_or_update(job)
    ml.jobs.stream(name)
    done = ml.jobs.get(name)
    return {"status": done.status, "identity": type(done.identity).__name__}


def spark_job(ml: MLClient, name: str, code: str) -> Any:
    """A standalone Spark job, submitted and read back."""
    ml.jobs.create_or_update(
        spark(
            name=name,
            code=code,
            entry={"file": "train.py"},
            args="--rate ${{inputs.rate}}",
            inputs={"rate": 0.1},
            resources={"instance_type": "Standard_E4s_v3", "runtime_version": "3.4"},
            identity=UserIdentityConfiguration(),
            driver_cores=1,
            driver_memory="1g",
            executor_cores=1,
            executor_memory="1g",
            executor_instances=2,
            experiment_name="sdk",
        )
    )
    ml.jobs.stream(name)
    done = ml.jobs.get(name)
    return {
        "type": done.type,
        "status": done.status,
        "entry": done.entry.entry,
        "executors": done.executor_instances,
        "runtime": done.resources.runtime_version,
    }


def automl_job(ml: MLClient, name: str, table: str) -> Any:
    """Classification of a local table, submitted and read back; and what its best trial is said to be."""
    job = automl.classification(
        compute="cpu-cluster",
        experiment_name="sdk",
        training_data=Input(type="mltable", path=table),
        target_column_name="y",
        primary_metric="accuracy",
        n_cross_validations=2,
    )
    job.name = name
    job.set_limits(max_trials=3, max_concurrent_trials=2, timeout_minutes=60, trial_timeout_minutes=10)
    job.set_training(allowed_training_algorithms=["LightGBM", "KNN", "SGD"])
    ml.jobs.create_or_update(job)
    ml.jobs.stream(name)
    done = ml.jobs.get(name)
    return {
        "type": done.type,
        "status": done.status,
        "task": done.task_type,
        "metric": done.primary_metric,
        "trials": done.limits.max_trials,
        "best": done.tags["automl_best_child_run_id"],
        "children": sorted(child.name for child in ml.jobs.list(parent_job_name=name)),
    }


def datastore_secrets(ml: MLClient) -> Any:
    """What the client signs its transfers with."""
    return sorted(ml.datastores._list_secrets("workspaceblobstore", expirable_secret=True).as_dict())


def not_emulated(ml: MLClient) -> Any:
    """Operation -> how the emulator refuses it: each gets past sign-in."""
    imported = DataImport(
        name="sdk-import",
        source=DbSource(query="select 1", connection="azureml:c"),
        path="azureml://datastores/workspaceblobstore/paths/imported",
    )
    operations: dict[str, Callable[[], Any]] = {"import": lambda: ml.data.import_data(imported)}
    refusals = {}
    for name, operation in operations.items():
        try:
            operation()
        except HttpResponseError as error:
            refusals[name] = [error.status_code, error.error.code if error.error else None]
    return refusals


def component(ml: MLClient, path: str) -> Any:
    """Register one from its file, twice; read it back, by its version and as the latest."""
    made = ml.components.create_or_update(load_component(path))
    again = ml.components.create_or_update(load_component(path, params_override=[{"version": made.version}]))
    latest = ml.components.get(made.name, label="latest")
    return {
        "versions": [made.version, again.version, latest.version],
        "command": ml.components.get(made.name, made.version).command,
        "listed": [item.name for item in ml.components.list()],
    }


def pipeline(ml: MLClient, name: str, path: str) -> Any:
    """Submit one from its file, with its local components and their code."""
    submitted = ml.jobs.create_or_update(load_job(path, params_override=[{"name": name}]))
    return {"type": submitted.type, "nodes": sorted(submitted.jobs), "components": _components(submitted)}


def _components(job: Any) -> Any:
    return {node: str(content.component) for node, content in job.jobs.items()}


def steps(ml: MLClient, name: str) -> Any:
    """The children of a pipeline, and what is known of each by itself."""
    found = {}
    for child in ml.jobs.list(parent_job_name=name):
        own = ml.jobs.get(child.name)
        found[child.display_name] = {
            "name": child.name,
            "status": own.status,
            "type": own.type,
            "reused": own.properties.get("azureml.isreused"),
        }
    return found


def texts(folder: str) -> dict[str, str]:
    """The files of a folder, by their paths in it."""
    files = (path for path in sorted(Path(folder).rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def download_output(ml: MLClient, name: str, output: str, folder: str) -> Any:
    """An output, by the data asset that it has become.

    ``jobs.download(output_name=...)`` of azure-ai-ml 1.35.2 finds none: it looks for ``uri_folder`` where run
    history answers ``UriFolder``, as recorded.
    """
    asset = ml.data.get(f"azureml_{name}_output_data_{output}", "1")
    download_artifact_from_aml_uri(uri=asset.path, destination=folder, datastore_operation=ml.datastores)
    return texts(folder)


def listed(ml: MLClient) -> Any:
    return sorted([job.name, job.status] for job in ml.jobs.list())


def cancel(ml: MLClient, name: str) -> Any:
    ml.jobs.begin_cancel(name).result()
    return ml.jobs.get(name).status


def missing(ml: MLClient) -> Any:
    try:
        ml.jobs.get("no-such-job")
    except ResourceNotFoundError as error:
        return error.status_code
    return None


def download(ml: MLClient, name: str, folder: str) -> Any:
    """Everything that a job has left: its logs and its outputs."""
    ml.jobs.download(name, download_path=folder, all=True)
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def main(steps: Mapping[str, Callable[..., Any]]) -> None:
    facts = json.loads(Path(sys.argv[1]).read_text())
    credential = ClientSecretCredential(
        facts["tenant_id"],
        facts["client_id"],
        facts["client_secret"],
        authority=facts["authority_host"],
        disable_instance_discovery=True,
    )
    ml = MLClient(
        credential,
        facts["subscription_id"],
        facts["resource_group"],
        facts["workspace_name"],
        enable_telemetry=False,
    )
    result = steps[sys.argv[2]](ml, **json.loads(sys.argv[3]))
    sys.stdout.write(f"\n{json.dumps(result)}\n")


if __name__ == "__main__":
    main(vars(registries) | globals())
