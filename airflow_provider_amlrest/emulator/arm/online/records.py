"""Endpoints and deployments as the store has them, and as ARM answers them."""

from __future__ import annotations

from typing import Any

from airflow_provider_amlrest.emulator.answers import MlError
from airflow_provider_amlrest.emulator.arm import operations
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.online.shapes import DEPLOYMENT, ENDPOINT
from airflow_provider_amlrest.emulator.arm.shapes import write
from airflow_provider_amlrest.emulator.tracked import Resource, Tracked

COLLECTION = "onlineEndpoints"
ENDPOINT_PREFIX, DEPLOYMENT_PREFIX = "oe", "od"


def endpoint_path(name: str) -> str:
    return f"{COLLECTION}/{name}"


def deployment_path(endpoint: str, name: str) -> str:
    return f"{COLLECTION}/{endpoint}/deployments/{name}"


def known_endpoint(call: Call, name: str) -> Resource:
    """The endpoint, or 404. What the details say is a guess."""
    return _known(call, endpoint_path(name), f"Online endpoint {name} was not found.")


def known_deployment(call: Call, endpoint: str, name: str) -> Resource:
    known_endpoint(call, endpoint)
    path = deployment_path(endpoint, name)
    return _known(call, path, f"Deployment {name} of online endpoint {endpoint} was not found.")


def _known(call: Call, path: str, message: str) -> Resource:
    found = Tracked(call.store).get(call.home, path)
    if found is None:
        raise MlError(
            404,
            "The specified resource was not found.",
            code="NotFound",
            details=[("ResourceNotFound", message)],
        )
    return found


def deployments_of(call: Call, endpoint: Resource) -> list[Resource]:
    return Tracked(call.store).below(call.home, f"{endpoint.path}/deployments")


def refused(*messages: str) -> MlError:
    """400 as what is behind ARM refuses a request; that it answers these so is a guess."""
    return MlError(
        400,
        "The request is invalid.",
        code="BadRequest",
        details=[("InferencingClientCallFailed", message) for message in messages],
    )


def busy(message: str) -> MlError:
    """409 for what an operation that runs does not allow."""
    return MlError(409, message, ("Conflict",))


def endpoint_answer(call: Call, endpoint: Resource) -> dict[str, Any]:
    ready = endpoint.state != "Creating"
    properties = {
        **endpoint.properties,
        "properties": {
            **endpoint.properties["properties"],
            # Recorded: in lower case.
            "azureml.onlineendpointid": f"{call.workspace.arm_id}/{endpoint.path}".lower(),
            **_operation_uri(call, endpoint),
        },
        "scoringUri": f"{call.context.inference_url(endpoint.name)}/score" if ready else None,
        "swaggerUri": f"{call.context.inference_url(endpoint.name)}/swagger.json" if ready else None,
        "provisioningState": endpoint.state,
    }
    del properties["keys"]
    return {
        **_envelope(call, endpoint, write(ENDPOINT, properties, call.version)),
        "identity": _identity(call, endpoint),
    }


def deployment_answer(call: Call, deployment: Resource) -> dict[str, Any]:
    properties = {
        **deployment.properties,
        "properties": {**deployment.properties["properties"], **_operation_uri(call, deployment)},
        "provisioningState": deployment.state,
    }
    body = _envelope(call, deployment, write(DEPLOYMENT, properties, call.version))
    given = {name: value for name, value in (deployment.sku or {}).items() if value is not None}
    return {**body, "sku": given}


def _envelope(call: Call, resource: Resource, properties: dict[str, Any]) -> dict[str, Any]:
    system_data = {
        "createdAt": resource.created_at,
        "createdBy": resource.created_by,
        "lastModifiedAt": resource.modified_at,
    }
    body = call.resource(resource.path, properties, system_data)
    return {**body, "tags": resource.tags, "location": resource.location, "kind": "Managed"}


def _operation_uri(call: Call, resource: Resource) -> dict[str, str]:
    operation = Tracked(call.store).operation(resource.operation)
    if operation is None:
        return {}
    return {"AzureAsyncOperationUri": operations.url(call, operation, operations.STATUS)}


def _identity(call: Call, endpoint: Resource) -> dict[str, Any]:
    given = endpoint.identity or {"type": "SystemAssigned"}
    identity = {"type": given["type"]}
    if "SystemAssigned" in given["type"]:
        identity |= {
            "principalId": call.workspace.workspace_id,
            "tenantId": call.context.tokens.tenant_id,
        }
    if given.get("userAssignedIdentities"):
        identity["userAssignedIdentities"] = given["userAssignedIdentities"]
    return identity
