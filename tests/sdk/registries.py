"""Steps of a session of azure-ai-ml with a registry; ``session.py`` runs them."""

from __future__ import annotations

from typing import Any

from azure.ai.ml import MLClient, load_component
from azure.ai.ml.entities import Data, Environment, Model
from azure.core.exceptions import HttpResponseError

IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"


def of_registry(ml: MLClient, name: str) -> MLClient:
    """A client of a registry: found by a name of this cloud's own, which leads to this machine too."""
    return MLClient(ml._credential, registry_name=name, enable_telemetry=False)


def unknown_registry(ml: MLClient, name: str) -> Any:
    try:
        of_registry(ml, name)
    except HttpResponseError as error:
        return [error.status_code, error.message]
    return None


def shared_environment(ml: MLClient, registry: str, name: str) -> Any:
    """Put one in a registry, read it back, and find it in the list."""
    shared = of_registry(ml, registry)
    made = shared.environments.create_or_update(Environment(name=name, version="1", image=IMAGE))
    found = shared.environments.get(name, "1")
    listed = [item.version for item in shared.environments.list(name=name)]
    return {"id": made.id, "image": found.image, "listed": listed}


def shared_data(ml: MLClient, registry: str, name: str, path: str) -> Any:
    """Put a local file in a registry; read it from there."""
    shared = of_registry(ml, registry)
    made = shared.data.create_or_update(Data(name=name, version="1", path=path, type="uri_file"))
    found = shared.data.get(name, "1")
    return {"id": made.id, "type": found.type, "path": found.path}


def shared_model(ml: MLClient, registry: str, name: str, path: str) -> Any:
    """Put a local file in a registry as a model; read it back.

    ``models.download`` of azure-ai-ml 1.35.2 finds no files: it takes the account for a host name.
    """
    shared = of_registry(ml, registry)
    made = shared.models.create_or_update(Model(name=name, version="1", path=path, type="custom_model"))
    found = shared.models.get(name, "1")
    return {"id": made.id, "type": found.type, "file": found.path.rpartition("/")[2]}


def shared_component(ml: MLClient, registry: str, path: str, environment: str) -> Any:
    """Put one with its local code in a registry; read it back."""
    shared = of_registry(ml, registry)
    wanted = load_component(path, params_override=[{"version": "1", "environment": environment}])
    made = shared.components.create_or_update(wanted)
    found = shared.components.get(made.name, made.version)
    listed = [item.name for item in shared.components.list()]
    return {"id": made.id, "code": found.code, "listed": listed}
