"""What online and batch endpoints have in common: names, refusals, and the frame of their answers."""

from __future__ import annotations

import json
import re
from typing import Any

from airflow_provider_amlrest.emulator.answers import MlError
from airflow_provider_amlrest.emulator.arm import operations
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.shapes import (
    Field,
    MapOf,
    OneOf,
    Reader,
    Record,
    anything,
    filled,
    positive,
    required,
    string_map,
    text,
)
from airflow_provider_amlrest.emulator.tracked import Resource, Tracked

NAME = re.compile(r"[a-zA-Z]([a-zA-Z0-9-]{1,30})[a-zA-Z0-9]")
NAME_RULE = "must have 3 to 32 letters, digits and -, begin with a letter and not end with -"
"""Documented, but for the end; the words are the emulator's."""
COLLECTIONS = ("onlineEndpoints", "batchEndpoints")

SKU = Record(
    "Sku",
    name=required(filled),
    tier=Field(OneOf("Free", "Basic", "Standard", "Premium"), "Standard"),
    size=text,
    family=text,
    capacity=Field(positive, 1),
)
IDENTITY = Record(
    "ManagedServiceIdentity",
    type=required(OneOf("None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned")),
    userAssignedIdentities=MapOf(anything),
    principalId=Field(text, answered=True),
    tenantId=Field(text, answered=True),
)
TRACKED: dict[str, Reader | Field] = {
    **{name: Field(anything, answered=True) for name in ("id", "name", "type", "systemData")},
    "location": required(filled),
    "tags": Field(string_map, dict),
    "kind": text,
    "identity": IDENTITY,
    "sku": SKU,
}
KEYS = Record("EndpointAuthKeys", primaryKey=text, secondaryKey=text)
ENDPOINT: dict[str, Reader | Field] = {
    "description": text,
    "properties": Field(string_map, dict),
    "scoringUri": Field(text, answered=True),
    "swaggerUri": Field(text, answered=True),
    "authMode": required(OneOf("AMLToken", "Key", "AADToken")),
    "keys": KEYS,
    "provisioningState": Field(text, answered=True),
}
DEPLOYMENT: dict[str, Reader | Field] = {
    "description": text,
    "properties": Field(string_map, dict),
    "codeConfiguration": Record("CodeConfiguration", codeId=text, scoringScript=required(filled)),
    "environmentId": text,
    "environmentVariables": Field(string_map, dict),
    "provisioningState": Field(text, answered=True),
}
PARTIAL_ENDPOINT = Record("PartialMinimalTrackedResourceWithIdentity", tags=string_map, identity=IDENTITY)


def known(call: Call, path: str, message: str) -> Resource:
    """The resource, or 404. What the details say is a guess."""
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


def check_name(kind: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise refused(f"The {kind} name {name!r} is not valid: it {NAME_RULE}.")


def check_name_is_free(call: Call, name: str) -> None:
    """Names are unique in a region, of both kinds together. The words are reported by users."""
    for workspace in call.context.settings.workspaces:
        for collection in COLLECTIONS:
            if Tracked(call.store).get(workspace.name, f"{collection}/{name}") is not None:
                problem = (
                    "There is already an endpoint with this name, Endpoint name needs to be unique within a "
                    "region. Try some other name."
                )
                title = "One or more validation errors occurred."
                raise refused(json.dumps({"errors": {"": [problem]}, "title": title, "status": 400}))


def need_rest(what: str, resource: Resource) -> None:
    """409 for what an operation that runs does not allow."""
    if not resource.at_rest:
        raise busy(
            f"Cannot update the {what} {resource.name} because it is in {resource.state} provisioning state."
        )


def need_rest_of_parent(endpoint: Resource) -> None:
    """The words are reported by users (Azure/azure-sdk-for-net#36961)."""
    if not endpoint.at_rest:
        raise busy(
            f"Cannot create a deployment in endpoint {endpoint.name} because it is in {endpoint.state} "
            "provisioning state."
        )


def refused(*messages: str) -> MlError:
    """400 as what is behind ARM refuses a request; that it answers these so is a guess."""
    return MlError(
        400,
        "The request is invalid.",
        code="BadRequest",
        details=[("InferencingClientCallFailed", message) for message in messages],
    )


def busy(message: str) -> MlError:
    return MlError(409, message, ("Conflict",))


def envelope(call: Call, resource: Resource, properties: dict[str, Any]) -> dict[str, Any]:
    """What ARM answers of a resource, around its properties."""
    system_data = {
        "createdAt": resource.created_at,
        "createdBy": resource.created_by,
        "lastModifiedAt": resource.modified_at,
    }
    body = call.resource(resource.path, properties, system_data)
    return {**body, "tags": resource.tags, "location": resource.location}


def operation_uri(call: Call, resource: Resource) -> dict[str, str]:
    operation = Tracked(call.store).operation(resource.operation)
    if operation is None:
        return {}
    return {"AzureAsyncOperationUri": operations.url(call, operation, operations.STATUS)}


def identity_answer(call: Call, endpoint: Resource) -> dict[str, Any]:
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
