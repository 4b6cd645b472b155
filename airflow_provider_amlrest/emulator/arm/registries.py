"""Registries: the resource, and how the creation of their assets goes on after its answer."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import JSON_TYPE, MlError, pretty
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.versions import DATA_PLANE
from airflow_provider_amlrest.emulator.config import NAMESPACE, Registry
from airflow_provider_amlrest.emulator.operations import begin_operation, find_operation

TIMEOUT = {"x-ms-async-operation-timeout": "PT1H"}


def get_registry(call: Call) -> Response:
    """The resource; that its members are these, and no others, is a guess."""
    registry = call.scope
    region = {"location": registry.location, "acrDetails": [], "storageAccountDetails": []}
    return pretty(
        {
            "id": registry.arm_id,
            "name": registry.name,
            "type": f"{NAMESPACE}/registries",
            "location": registry.location,
            "tags": {},
            "properties": {
                "discoveryUrl": f"{call.context.endpoint}/registrymanagement/v1.0/registries"
                f"/{registry.name}/discovery",
                "publicNetworkAccess": "Enabled",
                "regionDetails": [region],
            },
        }
    )


def begun(call: Call, registry: Registry, path: str, answer: dict[str, Any]) -> Response:
    """The answer to the creation of an asset: it goes on.

    Recorded, on the registry's own host: 202 with ``null`` and the Location of an operation, without
    Retry-After. Resource Manager's, 201 with the resource, is that of Microsoft's OpenAPI files.
    """
    context = call.context
    operation = begin_operation(
        call.store, context.tuning.provisioning_seconds, f"{registry.asset_id}/{path}"
    )
    if call.version == DATA_PLANE:
        headers = {"Location": f"{context.endpoint}/assetstore/v1.0/operations/{operation}", **TIMEOUT}
        return Response("null", 202, {"Content-Type": JSON_TYPE, "x-ms-response-type": "standard", **headers})
    url = (
        f"{context.endpoint}/subscriptions/{registry.subscription_id}/providers/{NAMESPACE}"
        f"/locations/{registry.location}/mfeOperationsStatus/{operation}?api-version={call.version}"
    )
    return pretty(answer, 201, {"Azure-AsyncOperation": url, **TIMEOUT})


def operation_status(call: Call, identifier: str) -> Response:
    """How an operation goes, as Azure-AsyncOperation has it."""
    operation = find_operation(call.store, identifier)
    if operation is None:
        raise MlError(404, f"Operation {identifier} not found.", ("NotFound",))
    return pretty({"status": "Succeeded" if operation.is_done else "InProgress"})
