"""Places for what a client uploads, and signatures for what it reads again."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import MlError, invalid, pretty
from airflow_provider_amlrest.emulator.arm.asset_shapes import KINDS, PENDING_UPLOAD
from airflow_provider_amlrest.emulator.arm.assets import check_name
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.shapes import Field, OneOf, Record, filled, read, required, text
from airflow_provider_amlrest.emulator.config import Registry, Scope
from airflow_provider_amlrest.emulator.registries import parse_reference
from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage

TEMPORARY_DATA_REFERENCE = Record(
    "TemporaryDataReferenceRequestDto",
    assetId=required(filled),
    temporaryDataReferenceId=text,
    temporaryDataReferenceType=Field(OneOf("TemporaryBlobReference"), "TemporaryBlobReference"),
)
DATA_REFERENCE = Record("GetBlobReferenceSASRequestDto", assetId=required(filled), blobUri=required(filled))


async def start_pending_upload(call: Call, name: str, version: str, kind: str = "codes") -> Response:
    """A container and a SAS for it. The version need not exist, and is not made.

    The container is fresh, unless the request has the id of an earlier one for this version: so the
    operation's name (CreateOrGetStartPendingUpload) and the recorded containers, whose names are name-based
    GUIDs, are understood here.
    """
    upload_id = read(PENDING_UPLOAD, call.body or {}, call.version).get("pendingUploadId") or str(
        uuid.uuid4()
    )
    check_name(name, "name")
    blobs = await call.context.need_blobs("startPendingUpload")
    place = await _place(call, blobs, f"{kind.lower()}/{name}/{version}/{upload_id}")
    return pretty(
        {
            "blobReferenceForConsumption": place,
            "pendingUploadId": upload_id,
            "pendingUploadType": "TemporaryBlobReference",
        }
    )


async def create_temporary_data_reference(call: Call, name: str, version: str) -> Response:
    """The forerunner of startPendingUpload, as recorded.

    Raises:
        MlError: 409, the version is there: azure-ai-ml takes it as "nothing to upload".
    """
    check_name(name, "name")
    given = read(TEMPORARY_DATA_REFERENCE, call.body or {}, call.version)
    kind = _kind(call, given["assetId"])
    if call.store.asset(call.home, kind, name, version) is not None:
        message = f"{KINDS[kind]} {name} with version {version} already exists."
        raise MlError(409, message, ("Conflict",))
    reference_id = given["temporaryDataReferenceId"] or str(uuid.uuid4())
    blobs = await call.context.need_blobs("tempdatarefs")
    place = await _place(call, blobs, f"{kind}/{name}/{version}/{reference_id}")
    place["credential"]["wasbsUri"] = None
    return pretty(
        {
            "blobReferenceForConsumption": place,
            "imageReferenceForConsumption": None,
            "temporaryDataReferenceId": reference_id,
            "temporaryDataReferenceType": None,
        }
    )


async def get_data_reference(call: Call, name: str, version: str) -> Response:
    """A SAS for the container of what an asset of a registry consists of: so azure-ai-ml reads it."""
    given = read(DATA_REFERENCE, call.body or {}, call.version)
    blobs = await call.context.need_blobs("datarefs")
    uri = str(given["blobUri"])
    container = uri.removeprefix(f"{blobs.endpoint}/").partition("/")[0]
    if not uri.startswith(f"{blobs.endpoint}/") or not container.startswith(_prefix(call.scope)):
        raise invalid("blobUri", f"{uri.split('?')[0]!r} is not in this registry's storage")
    return pretty(
        {
            "blobReferenceForConsumption": {
                "blobUri": uri,
                "storageAccountArmId": _account_id(call, blobs),
                "credential": {"credentialType": "SAS", "sasUri": _signed(call, blobs, container)},
            }
        }
    )


def _kind(call: Call, asset_id: str) -> str:
    """Of what kind an asset of the call's registry is to be."""
    found = parse_reference(asset_id)
    known = found is not None and found.kind in KINDS
    if found is None or not known or found.registry.lower() != call.scope.name.lower():
        raise invalid("assetId", f"{asset_id!r} is no asset of this registry")
    return found.kind


async def _place(call: Call, blobs: BlobStorage, what: str) -> dict[str, Any]:
    container = container_of(call.scope, what)
    await asyncio.to_thread(blobs.ensure_container, container)
    return {
        "blobUri": f"{blobs.endpoint}/{container}",
        "storageAccountArmId": _account_id(call, blobs),
        "credential": {"credentialType": "SAS", "sasUri": _signed(call, blobs, container)},
    }


def container_of(scope: Scope, what: str) -> str:
    """The name of a scope's own container for something."""
    return f"{_prefix(scope)}-{uuid.uuid5(uuid.NAMESPACE_URL, f'{scope.arm_id}/{what}')}"


def _prefix(scope: Scope) -> str:
    return (scope.registry_id if isinstance(scope, Registry) else scope.workspace_id)[:10]


def _signed(call: Call, blobs: BlobStorage, container: str) -> str:
    return blobs.container_sas(container, hours=call.context.tuning.sas_lifetime_seconds / 3600)


def _account_id(call: Call, blobs: BlobStorage) -> str:
    group = f"/subscriptions/{call.scope.subscription_id}/resourceGroups/{call.scope.resource_group}"
    return f"{group}/providers/Microsoft.Storage/storageAccounts/{blobs.account}"
