"""Batch endpoints and deployments as the store has them, and as ARM answers them."""

from __future__ import annotations

from typing import Any

from airflow_provider_amlrest.emulator.arm.batch.shapes import DEPLOYMENT, ENDPOINT
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.endpoints import envelope, identity_answer, known
from airflow_provider_amlrest.emulator.arm.shapes import write
from airflow_provider_amlrest.emulator.tracked import Resource

COLLECTION = "batchEndpoints"
ENDPOINT_PREFIX, DEPLOYMENT_PREFIX = "bebes", "bebds"
"""The first is recorded, the second a guess."""
CREATED_IN = "BatchEndpointCreationApiVersion"


def endpoint_path(name: str) -> str:
    return f"{COLLECTION}/{name}"


def deployment_path(endpoint: str, name: str) -> str:
    return f"{COLLECTION}/{endpoint}/deployments/{name}"


def known_endpoint(call: Call, name: str) -> Resource:
    return known(call, endpoint_path(name), f"Batch endpoint {name} was not found.")


def known_deployment(call: Call, endpoint: str, name: str) -> Resource:
    known_endpoint(call, endpoint)
    path = deployment_path(endpoint, name)
    return known(call, path, f"Deployment {name} of batch endpoint {endpoint} was not found.")


def endpoint_answer(call: Call, endpoint: Resource) -> dict[str, Any]:
    ready = endpoint.state != "Creating"
    properties = {
        **endpoint.properties,
        "properties": {
            **endpoint.properties["properties"],
            # Recorded: the name of an online endpoint's, and not in lower case.
            "azureml.onlineendpointid": f"{call.workspace.arm_id}/{endpoint.path}",
        },
        "scoringUri": f"{call.context.batch_url(endpoint.name)}/jobs" if ready else None,
        "swaggerUri": None,
        "provisioningState": endpoint.state,
    }
    del properties["keys"]
    body = envelope(call, endpoint, write(ENDPOINT, properties, call.version))
    return {**body, "identity": identity_answer(call, endpoint)}


def deployment_answer(call: Call, deployment: Resource) -> dict[str, Any]:
    properties = {**deployment.properties, "provisioningState": deployment.state}
    return envelope(call, deployment, write(DEPLOYMENT, properties, call.version))
