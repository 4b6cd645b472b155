"""Online endpoints in an emulator whose deployments have no processes."""

from __future__ import annotations

from typing import Any

from airflow_provider_amlrest.lifecycle.bringing import Bringing
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.resources.goal import Change, Goal, Present
from airflow_provider_amlrest.rest.resources.resource import Resource
from tests.support.waiting import wait_for

INSTANCE_TYPE = "Standard_DS3_v2"


def make_model(client: AzureMLClient, name: str) -> str:
    """A model that is nothing but its name; its ARM id."""
    model = client.operations.spelling.workspace.resource("models", name, "1")
    path = f"models/{name}/versions/1"
    if not client.get_resource(path).exists:
        client.change_resource(Change("PUT", path, {"properties": {"modelUri": "https://account/models/x"}}))
    return str(model)


def bring(client: AzureMLClient, goal: Goal) -> Resource:
    bringing = Bringing(client, goal)
    wait_for(lambda: bringing.next(None, lambda: False).is_over)
    return client.get_resource(goal.path)


def make_endpoint(client: AzureMLClient, name: str, *deployments: str, **properties: Any) -> Resource:
    """An endpoint with deployments, and then its properties, such as their traffic."""
    location = client.get_workspace().location
    path = f"onlineEndpoints/{name}"
    common: dict[str, Any] = {"location": location, "identity": {"type": "SystemAssigned"}}

    def endpoint(**more: Any) -> Present:
        of_user = ("tags", "properties.traffic", "properties.mirrorTraffic")
        return Present(path, name, {**common, "properties": {"authMode": "Key", **more}}, of_user)

    bring(client, endpoint())
    for deployment in deployments:
        body = {
            "location": location,
            "sku": {"name": "Default", "capacity": 2},
            "properties": {
                "endpointComputeType": "Managed",
                "model": make_model(client, "iris"),
                "instanceType": INSTANCE_TYPE,
            },
        }
        bring(client, Present(f"{path}/deployments/{deployment}", deployment, body))
    return bring(client, endpoint(**properties))
