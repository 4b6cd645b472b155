"""Online endpoints and deployments as the store has them, and as ARM answers them."""

from __future__ import annotations

from typing import Any

from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.endpoints import envelope, identity_answer, known, operation_uri
from airflow_provider_amlrest.emulator.arm.online.shapes import DEPLOYMENT, ENDPOINT
from airflow_provider_amlrest.emulator.arm.shapes import write
from airflow_provider_amlrest.emulator.tracked import Resource

COLLECTION = "onlineEndpoints"
ENDPOINT_PREFIX, DEPLOYMENT_PREFIX = "oe", "od"


def endpoint_path(name: str) -> str:
    return f"{COLLECTION}/{name}"


def deployment_path(endpoint: str, name: str) -> str:
    return f"{COLLECTION}/{endpoint}/deployments/{name}"


def known_endpoint(call: Call, name: str) -> Resource:
    return known(call, endpoint_path(name), f"Online endpoint {name} was not found.")


def known_deployment(call: Call, endpoint: str, name: str) -> Resource:
    known_endpoint(call, endpoint)
    path = deployment_path(endpoint, name)
    return known(call, path, f"Deployment {name} of online endpoint {endpoint} was not found.")


def endpoint_answer(call: Call, endpoint: Resource) -> dict[str, Any]:
    ready = endpoint.state != "Creating"
    properties = {
        **endpoint.properties,
        "properties": {
            **endpoint.properties["properties"],
            # Recorded: in lower case.
            "azureml.onlineendpointid": f"{call.workspace.arm_id}/{endpoint.path}".lower(),
            **operation_uri(call, endpoint),
        },
        "scoringUri": f"{call.context.inference_url(endpoint.name)}/score" if ready else None,
        "swaggerUri": f"{call.context.inference_url(endpoint.name)}/swagger.json" if ready else None,
        "provisioningState": endpoint.state,
    }
    del properties["keys"]
    return {
        **envelope(call, endpoint, write(ENDPOINT, properties, call.version)),
        "kind": "Managed",
        "identity": identity_answer(call, endpoint),
    }


def deployment_answer(call: Call, deployment: Resource) -> dict[str, Any]:
    properties = {
        **deployment.properties,
        "properties": {**deployment.properties["properties"], **operation_uri(call, deployment)},
        "provisioningState": deployment.state,
    }
    body = envelope(call, deployment, write(DEPLOYMENT, properties, call.version))
    given = {name: value for name, value in (deployment.sku or {}).items() if value is not None}
    return {**body, "kind": "Managed", "sku": given}
