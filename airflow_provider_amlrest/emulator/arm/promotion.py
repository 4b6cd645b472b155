"""Promotion: a version of a model is copied to a registry, with its files; the operation outlasts its answer.

Resource Manager calls it ``publish``, a registry's own host ``import``. What is known of it is the recorded
import; whether a target that exists is refused, and that it shows as Creating meanwhile, are guesses.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import JSON_TYPE, MlError, empty, invalid, not_emulated
from airflow_provider_amlrest.emulator.arm import models, uploads
from airflow_provider_amlrest.emulator.arm.asset_shapes import not_found
from airflow_provider_amlrest.emulator.arm.assets import check_name
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.jobs import routes as jobs
from airflow_provider_amlrest.emulator.arm.registries import TIMEOUT
from airflow_provider_amlrest.emulator.arm.shapes import Field, OneOf, Record, filled, read, required, text
from airflow_provider_amlrest.emulator.config import NAMESPACE, Registry, Workspace
from airflow_provider_amlrest.emulator.operations import begin_operation, find_operation
from airflow_provider_amlrest.emulator.store import AssetRecord

DESTINATION = Record(
    "DestinationAsset", registryName=required(filled), destinationName=text, destinationVersion=text
)
IMPORTED = Record(
    "ResourceManagementAssetReferenceDetails",
    referenceType=Field(OneOf("Id"), required=True),
    sourceAssetId=required(filled),
    destinationName=text,
    destinationVersion=text,
)
SOURCE = re.compile(
    r"azureml://locations/[^/]+/workspaces/(?P<workspace>[^/]+)"
    r"/(?P<kind>\w+)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)",
    re.IGNORECASE,
)


async def publish(call: Call, name: str, version: str) -> Response:
    """Resource Manager's way. Microsoft's OpenAPI has a Location; that it is this one is a guess."""
    given = read(DESTINATION, call.body or {}, call.version)
    registry = call.context.settings.registry(given["registryName"])
    if registry is None:
        raise invalid("registryName", call.context.settings.has_no(given["registryName"]))
    operation = await _promote(call, call.workspace, (name, version), registry, given)
    url = (
        f"{call.context.endpoint}/subscriptions/{call.workspace.subscription_id}/providers/{NAMESPACE}"
        f"/locations/{call.workspace.location}/mfeOperationResults/{operation}?api-version={call.version}"
    )
    return _begun(url)


async def import_asset(call: Call) -> Response:
    """The way of a registry's own host, as recorded: azure-ai-ml's ``models.share``."""
    given = call.properties(IMPORTED)
    source = SOURCE.fullmatch(given["sourceAssetId"])
    workspaces = call.context.settings.workspaces
    found = [w for w in workspaces if source and w.workspace_id == source["workspace"].lower()]
    if source is None or not found:
        problem = f"{given['sourceAssetId']!r} is no asset of a workspace that this emulator has"
        raise invalid("properties.sourceAssetId", problem)
    if source["kind"].lower() != models.KIND:
        raise not_emulated(f"the import of {source['kind']}")
    operation = await _promote(call, found[0], (source["name"], source["version"]), call.registry, given)
    return _begun(f"{call.context.endpoint}/assetstore/v1.0/operations/{operation}")


def operation_result(call: Call, identifier: str) -> Response:
    """How an operation of Resource Manager with a Location goes: a publish, or the cancel of a job."""
    operation = find_operation(call.store, identifier)
    if operation is None:
        return jobs.operation_result(call, identifier)
    return empty(204 if operation.is_done else 202)


async def _promote(
    call: Call, workspace: Workspace, source: tuple[str, str], registry: Registry, given: dict[str, Any]
) -> str:
    """Copy a version; the id of the operation."""
    record = call.store.asset(workspace.home, models.KIND, *source)
    if record is None:
        raise not_found(models.KIND, *source)
    name, version = given["destinationName"] or record.name, given["destinationVersion"] or record.version
    check_name(name, "destinationName")
    place = uploads.container_of(registry, f"{models.KIND}/{name}/{version}/{uuid.uuid4()}")
    copy_files = call.context.runtime.copy_files
    try:
        uri = await asyncio.to_thread(copy_files, workspace, record.properties["modelUri"], place)
    except LookupError as error:
        raise MlError(400, str(error), ("BadArgument",)) from None
    origin = f"azureml://locations/{workspace.location}/workspaces/{workspace.workspace_id}/{models.KIND}"
    properties = {
        **record.properties,
        "modelUri": uri,
        "jobName": None,
        "originAssetId": f"{origin}/{record.name}/versions/{record.version}",
    }
    with call.store.transaction():
        if call.store.asset(registry.home, models.KIND, name, version) is not None:
            message = f"Model {name} with version {version} already exists in registry {registry.name}."
            raise MlError(409, message, ("Conflict",))
        by = call.principal.application_id
        call.store.put_asset(
            AssetRecord(registry.home, models.KIND, name, version, properties, created_by=by)
        )
    return begin_operation(call.store, call.context.tuning.provisioning_seconds)


def _begun(url: str) -> Response:
    """Recorded: 202 with a body, ``null``, and no Retry-After."""
    return Response("null", 202, {"Content-Type": JSON_TYPE, "Location": url, **TIMEOUT})
