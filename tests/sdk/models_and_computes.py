"""Further steps of a session of azure-ai-ml, with models and computes; run like ``session.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import session
from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute, ComputeInstance, Model
from azure.core.exceptions import HttpResponseError
from registries import of_registry
from session import main, texts


def models(ml: MLClient, name: str, path: str, folder: str) -> Any:
    """Versions of a model from a local folder: create, change, list, archive, restore, download."""
    first = ml.models.create_or_update(Model(name=name, path=path, type="custom_model", stage="Development"))
    second = ml.models.create_or_update(Model(name=name, path=path, type="custom_model", tags={"a": "1"}))
    second.stage, second.description = "Production", "the better one"
    ml.models.create_or_update(second)
    ml.models.archive(name, version=first.version)
    shown = [model.version for model in ml.models.list(name=name)]
    archived = [model.version for model in ml.models.list(name=name, list_view_type="ArchivedOnly")]
    ml.models.restore(name, version=first.version)
    in_stage = [model.version for model in ml.models.list(name=name, stage="Production")]
    ml.models.download(name, second.version, download_path=folder)
    latest = ml.models.get(name, label="latest")
    return {
        "versions": [first.version, second.version, latest.version],
        "latest": [latest.stage, latest.description, latest.tags],
        "shown": shown,
        "archived": archived,
        "restored": sorted(model.version for model in ml.models.list(name=name)),
        "in_stage": in_stage,
        "downloaded": texts(folder),
        "path": latest.path,
    }


def archived_models(ml: MLClient, name: str, path: str) -> Any:
    """A whole model archived and restored: the lists of all models."""
    ml.models.create_or_update(Model(name=name, version="1", path=path, type="custom_model"))
    found = [[model.name for model in ml.models.list() if model.name == name]]
    for change in (ml.models.archive, ml.models.restore):
        change(name)
        found.append([model.name for model in ml.models.list() if model.name == name])
    return found


def job_model(ml: MLClient, name: str, job: str, output: str) -> Any:
    """A model of what a job has written."""
    uri = f"azureml://jobs/{job}/outputs/{output}/paths/outputs/"
    made = ml.models.create_or_update(Model(name=name, version="1", path=uri, type="custom_model"))
    return {"job": made.job_name, "path": made.path}


def mlflow_model(ml: MLClient, name: str, path: str, flavors: dict[str, dict[str, str]]) -> Any:
    """A local folder with a file MLmodel; its flavors are what the caller says."""
    wanted = Model(name=name, version="1", path=path, type="mlflow_model", flavors=flavors)
    made = ml.models.create_or_update(wanted)
    return {"type": made.type, "flavors": ml.models.get(name, "1").flavors}


def missing_model(ml: MLClient, name: str) -> Any:
    """What the client says of a version that there is not, and of other files for one that there is."""
    place = "azureml://datastores/workspaceblobstore/paths/no/such/model"
    refusals = []
    for operation in (
        lambda: ml.models.get(name, "9"),
        lambda: ml.models.create_or_update(Model(name=name, version="9", path=place, type="custom_model")),
    ):
        try:
            operation()
        except HttpResponseError as error:
            refusals.append([error.status_code, str(error)])
    return refusals


def share_model(ml: MLClient, registry: str, name: str, version: str) -> Any:
    """Promote a version to a registry; read it there."""
    arguments = {"share_with_name": f"{name}-shared", "share_with_version": "5", "registry_name": registry}
    shared = ml.models.share(name, version, **arguments)
    found = of_registry(ml, registry).models.get(f"{name}-shared", "5")
    return {"id": shared.id, "tags": found.tags, "path": found.path}


def cluster(ml: MLClient, name: str) -> Any:
    """A cluster: create, scale, list, delete."""
    wanted = AmlCompute(
        name=name,
        size="Standard_DS3_v2",
        min_instances=0,
        max_instances=2,
        tags={"a": "1"},
        tier="low_priority",
    )
    made = ml.compute.begin_create_or_update(wanted).result()
    found = ml.compute.get(name)
    found.max_instances, found.min_instances, found.idle_time_before_scale_down = 4, 1, 200
    ml.compute.begin_update(found).result()
    scaled = ml.compute.get(name)
    # Its own member node_state stays None in azure-ai-ml 1.35.2.
    nodes = [vars(node)["nodeState"] for node in ml.compute.list_nodes(name)]
    shown = [(compute.name, compute.type) for compute in ml.compute.list()]
    ml.compute.begin_delete(name).result()
    return {
        "made": [made.size, made.tier, made.provisioning_state, made.tags],
        "scaled": [scaled.min_instances, scaled.max_instances, scaled.idle_time_before_scale_down],
        "nodes": nodes,
        "shown": shown,
        "gone": _refusal(lambda: ml.compute.get(name)),
    }


def instance(ml: MLClient, name: str) -> Any:
    """A compute instance: create, stop, start, restart, delete; and what is refused."""
    made = ml.compute.begin_create_or_update(ComputeInstance(name=name, size="Standard_DS3_v2")).result()
    states = [made.state]
    for change in (ml.compute.begin_stop, ml.compute.begin_start, ml.compute.begin_restart):
        change(name).result()
        states.append(ml.compute.get(name).state)
    refused = _refusal(lambda: ml.compute.begin_start(name).result())
    last = ml.compute.get(name).last_operation
    ml.compute.begin_delete(name).result()
    return {
        "states": states,
        "refused": refused,
        "last": [last["operationName"], last["operationStatus"]],
        "gone": _refusal(lambda: ml.compute.get(name)),
    }


def _refusal(operation: Callable[[], Any]) -> str | None:
    try:
        operation()
    except HttpResponseError as error:
        return str(error)
    return None


if __name__ == "__main__":
    main(vars(session) | globals())
