"""Models: where their files lie, which the workspace looks for when a version is registered, and their lists.

Their containers and versions are those of all assets (assets.py); MLflow registers here, too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import MlError, invalid, not_emulated
from airflow_provider_amlrest.emulator.arm import assets, lists
from airflow_provider_amlrest.emulator.arm.asset_shapes import model_uri
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.config import Workspace
from airflow_provider_amlrest.emulator.context import Context
from airflow_provider_amlrest.emulator.store import AssetRecord, Store, utc_now

KIND = "models"
OF_A_JOB = re.compile(r"(?:azureml://jobs/|runs:/)(?P<job>[^/]+)/(?:outputs/\w+/paths/)?(?P<path>.*)", re.I)
PATH = re.compile(r".*/paths/(?P<path>.*)", re.I)


async def put_version(call: Call, name: str, version: str) -> Response:
    """Register a version, or change the words of one. Files are looked for when it is new."""
    sent = assets.sent_properties(call, KIND)["modelUri"]
    uri = find(call.context, call.workspace, sent)
    if call.store.asset(call.home, KIND, name, version) is None:
        await check_files(call.context, call.workspace, sent, uri)
    return assets.put_version(_with_uri(call, uri, job_of(sent)), KIND, name, version)


def _with_uri(call: Call, uri: str, job: str | None) -> Call:
    """The request as if it named the place of the files, and the job that has written them."""
    if call.version.is_2021:  # which names a datastore and a path
        return call
    properties: dict[str, Any] = {}
    for member, value in call.body.items():
        if member.lower() == "properties":
            properties = {name: v for name, v in value.items() if name.lower() != "modeluri"}
    if job is not None and not any(name.lower() == "jobname" and v for name, v in properties.items()):
        properties = {name: v for name, v in properties.items() if name.lower() != "jobname"}
        properties["jobName"] = job
    return replace(call, body={"properties": {**properties, "modelUri": uri}})


def find(context: Context, workspace: Workspace, reference: str) -> str:
    """The URI of the files that a URI of a job, a run or an asset means.

    Raises:
        MlError: 400, it means nothing, or its scheme is none of the service's.
    """
    try:
        uri = context.runtime.resolve(workspace, reference)
    except LookupError as error:
        raise invalid("properties.modelUri", str(error)) from None
    return model_uri(uri, workspace)


def job_of(reference: str) -> str | None:
    """The job whose output a URI names."""
    match = OF_A_JOB.fullmatch(reference)
    return match["job"] if match else None


async def check_files(context: Context, workspace: Workspace, reference: str, uri: str) -> None:
    """Look for the files of a model, where this emulator can: in its own storage.

    Raises:
        MlError: 400 in words that users report: there are none.
    """
    if await asyncio.to_thread(context.runtime.has_files, workspace, uri):
        return
    message = "The request is invalid."
    if match := OF_A_JOB.fullmatch(reference):
        code = "NoMatchingArtifactsFoundFromJob"
        detail = f"No artifacts matching {match['path'].rstrip('/')} found from Job."
    else:
        code = "ModelAssetPathNotFoundInStorage"
        place = PATH.fullmatch(uri)
        detail = f"No blobs found in storage at model asset path: {place['path'] if place else uri}"
    raise MlError(400, message, ("BadArgument", code), details=((code, detail),))


def next_version(store: Store, home: str, name: str) -> str:
    """The number after the largest one."""
    numbers = [int(record.version) for record in store.assets(home, KIND, name) if record.version.isdigit()]
    return str(max(numbers, default=0) + 1)


def change(store: Store, record: AssetRecord, **properties: Any) -> AssetRecord:
    """Keep other properties of a version."""
    changed = replace(record, properties={**record.properties, **properties}, modified_at=utc_now())
    store.put_asset(changed)
    return changed


# lists


def list_versions(call: Call, name: str) -> Response:
    """Versions, by the filters that only models have."""
    query = call.query
    if query.get("feed"):
        raise not_emulated("the models of a feed")
    offset = query.get("offset") or "0"
    if not offset.isdigit():
        raise invalid("offset", f"{offset!r} is not a whole number >= 0")
    records = [record for record in assets.listed_versions(call, KIND, name) if _is_wanted(record, query)]
    return assets.page_of_versions(call, records[int(offset) :])


def _is_wanted(record: AssetRecord, query: Mapping[str, str]) -> bool:
    properties = record.properties
    return (
        query.get("version") in (None, "", record.version)
        and query.get("stage") in (None, "", properties["stage"])
        and (query.get("description") or "").lower() in (properties["description"] or "").lower()
        and lists.has_pairs(properties["tags"], query.get("tags"))
        and lists.has_pairs(properties["properties"], query.get("properties"))
    )


VERSION = r"models/(?P<name>[^/]+)/versions"
OPERATIONS = (
    ("GET", VERSION, list_versions),
    ("PUT", VERSION + r"/(?P<version>[^/]+)", put_version),
)
"""What models do not share with other assets, before what they do."""
