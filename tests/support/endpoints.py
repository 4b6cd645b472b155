"""Online endpoints in an emulator whose deployments have no processes."""

from __future__ import annotations

from typing import Any

from airflow_provider_amlrest.lifecycle.bringing import Bringing
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.resources.goal import Change, Goal, Present
from airflow_provider_amlrest.rest.resources.resource import Resource
from tests.support.waiting import wait_for

INSTANCE_TYPE = "Standard_DS3_v2"


MODEL = "petals"


def make_model(client: AzureMLClient) -> str:
    """A model that is nothing but its name; its ARM id."""
    model = client.operations.spelling.workspace.resource("models", MODEL, "1")
    path = f"models/{MODEL}/versions/1"
    if not client.get_resource(path).exists:
        client.change_resource(Change("PUT", path, {"properties": {"modelUri": "https://account/models/x"}}))
    return str(model)


def bring(client: AzureMLClient, goal: Goal) -> Resource:
    bringing = Bringing(client, goal)
    wait_for(lambda: bringing.next(None, lambda: False).is_over)
    return client.get_resource(goal.path)


def make_deployment(client: AzureMLClient, endpoint: str, name: str) -> Resource:
    """A deployment of two instances."""
    body = {
        "location": client.get_workspace().location,
        "sku": {"name": "Default", "capacity": 2},
        "properties": {
            "endpointComputeType": "Managed",
            "model": make_model(client),
            "instanceType": INSTANCE_TYPE,
        },
    }
    return bring(client, Present(f"onlineEndpoints/{endpoint}/deployments/{name}", name, body))


def make_endpoint(client: AzureMLClient, name: str, *deployments: str, **properties: Any) -> Resource:
    """An endpoint with deployments, and then its properties, such as their traffic."""
    of_user = ("tags", "properties.traffic", "properties.mirrorTraffic")
    common = {"location": client.get_workspace().location, "identity": {"type": "SystemAssigned"}}

    def endpoint(**more: Any) -> Present:
        body = {**common, "properties": {"authMode": "Key", **more}}
        return Present(f"onlineEndpoints/{name}", name, body, of_user)

    bring(client, endpoint())
    for deployment in deployments:
        make_deployment(client, name, deployment)
    return bring(client, endpoint(**properties))


def make_batch_endpoint(client: AzureMLClient, name: str) -> None:
    """A batch endpoint with one deployment, of an MLflow model, which is its default."""
    path, workspace = f"batchEndpoints/{name}", client.operations.spelling.workspace
    common = {"location": client.get_workspace().location}
    model = {"modelType": "mlflow_model", "modelUri": "azureml://datastores/workspaceblobstore/paths/model"}
    client.change_resource(Change("PUT", "models/scorer/versions/1", {"properties": model}))
    assets = {
        "compute": str(workspace.resource("computes", "cpu-cluster")),
        "model": {"referenceType": "Id", "assetId": str(workspace.resource("models", "scorer", "1"))},
    }
    for where, properties in (
        (path, {"authMode": "AADToken"}),
        (f"{path}/deployments/one", assets),
        (path, {"authMode": "AADToken", "defaults": {"deploymentName": "one"}}),
    ):
        bring(client, Present(where, where, {**common, "properties": properties}))
