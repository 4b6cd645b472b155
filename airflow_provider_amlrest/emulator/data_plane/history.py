"""Run history: what ARM does not show of a job: times, error, logs, trials."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from airflow_provider_amlrest.emulator.answers import GatewayError, MlError, not_emulated, pretty
from airflow_provider_amlrest.emulator.arm.jobs import kind_of, step_run_type
from airflow_provider_amlrest.emulator.arm.jobs.cancel import cancel
from airflow_provider_amlrest.emulator.arm.jobs.kind import Kind
from airflow_provider_amlrest.emulator.arm.shapes import ListOf, Place, lowered, string_map, text
from airflow_provider_amlrest.emulator.config import ARTIFACT_CONTAINER
from airflow_provider_amlrest.emulator.context import Context
from airflow_provider_amlrest.emulator.data_plane import artifacts
from airflow_provider_amlrest.emulator.data_plane.call import (
    DataCall,
    data_call,
    data_error,
    error_frame,
    run_error_fields,
)
from airflow_provider_amlrest.emulator.experiments import experiment_id
from airflow_provider_amlrest.emulator.store import AssetRecord, JobRecord, utc_now

Handler = Callable[..., Response | Awaitable[Response]]
BODY = Place(())
RUN = r"(?:experiment(?:s|ids)/[^/]+/)?runs/(?P<name>[^/]+)"
FOLDER = r"artifacts/(?P<origin>[^/]+)/(?P<container>[^/]+)"
MLFLOW_RUN_TYPE = "mlflow"
"""The type of a run that a script made through MLflow."""
ASSET_TYPES = {"uri_file": "UriFile", "uri_folder": "UriFolder", "mltable": "MLTable"}
DETAILS = (
    *("runId", "target", "status", "startTimeUtc", "endTimeUtc", "error", "warnings", "tags", "properties"),
    *("parentRunId", "services", "revision", "runTypeV2", "inputs", "outputs"),
)
"""What run details share with the run."""
NOT_TOLD = (
    *("completeUri", "compute", "computeRequest", "createdFrom", "currentAttemptId", "currentComputeTime"),
    *("diagnosticsUri", "effectiveStartTimeUtc", "lastStartTimeUtc", "primaryMetricName", "queueingInfo"),
    *("retainForLifetimeOfWorkspace", "scriptName"),
)
"""Members of a run that the emulator knows nothing of."""
ASSET_ID = re.compile(
    r"azureml://locations/[^/]+/workspaces/([^/]+)/data/([^/]+)/versions/([^/]+)", re.IGNORECASE
)


class History:
    """ASGI application below ``/history/v1.0``, ``/data/v1.0`` and ``/artifact/v2.0``."""

    def __init__(self, context: Context) -> None:
        self._context = context
        operations: tuple[tuple[str, str, str, Handler], ...] = (
            ("history", "GET", RUN, get_run),
            ("history", "PATCH", RUN, patch_run),
            ("history", "PATCH", RUN + "/tags", patch_tags),
            ("history", "DELETE", RUN + "/tags", delete_tags),
            ("history", "GET", RUN + "/details", get_details),
            ("history", "GET", RUN + "/children", list_children),
            ("history", "GET", RUN + "/artifacts(?:/path)?", artifacts.of_run(artifacts.listed)),
            ("history", "GET", RUN + "/artifacts/contentinfo", artifacts.of_run(artifacts.content)),
            ("history", "GET", RUN + "/artifacts/prefix/contentinfo", artifacts.of_run(artifacts.contents)),
            ("history", "POST", RUN + "/artifacts/batch/metadata", artifacts.of_run(artifacts.create)),
            ("artifact", "GET", FOLDER, artifacts.of_folder(artifacts.listed)),
            ("artifact", "GET", FOLDER + "/contentinfo", artifacts.of_folder(artifacts.content)),
            ("artifact", "GET", FOLDER + "/prefix/contentinfo", artifacts.of_folder(artifacts.contents)),
            ("artifact", "POST", FOLDER + "/batch/metadata", artifacts.of_folder(artifacts.create)),
            ("history", "GET", RUN + r"/serviceinstances/[^/]+", get_service_instances),
            ("history", "POST", RUN + "/cancel", cancel_run),
            ("history", "POST", "rundata", get_run_data),
            ("data", "POST", "dataversion/batchGetResolvedUris", resolve_uris),
        )
        self._operations = [(s, m, re.compile(p, re.IGNORECASE), h) for s, m, p, h in operations]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = self._answer(await data_call(self._context, request))
            if not isinstance(answer, Response):
                answer = await answer
        except (MlError, GatewayError) as error:
            answer = data_error(error, self._context.location)
        await answer(scope, receive, send)

    def _answer(self, call: DataCall) -> Response | Awaitable[Response]:
        for service, method, pattern, handler in self._operations:
            if (service, method) == (call.service, call.method) and (match := pattern.fullmatch(call.rest)):
                return handler(call, **match.groupdict())
        raise not_emulated(f"{call.method} {call.service}/{call.rest}")


def get_run(call: DataCall, name: str) -> Response:
    return pretty(_run(call, call.run(name)))


def get_details(call: DataCall, name: str) -> Response:
    job = call.run(name)
    run = _run(call, job)
    return pretty(
        {
            **{field: run[field] for field in DETAILS},
            "createdTimeUtc": job.created_at,
            "runDefinition": None,
            "logFiles": _log_files(call, job),
            "submittedBy": None,
        }
    )


def _log_files(call: DataCall, job: JobRecord) -> dict[str, str]:
    blobs, hours = call.context.blobs, call.context.tuning.sas_lifetime_seconds / 3600
    return {
        path: blobs.blob_sas(
            ARTIFACT_CONTAINER, f"ExperimentRun/dcid.{artifacts.wrote(job)}/{path}", hours=hours
        )
        for path in job.log_files
    }


def list_children(call: DataCall, name: str) -> Response:
    job = call.run(name)
    children = call.context.store.children(job.workspace, job.name)
    top = call.query.get("$top", "")
    size = int(top) if top.isdigit() and int(top) else call.context.tuning.page_size
    token = call.query.get("$continuationtoken") or call.query.get("$continuationToken") or "0"
    if not token.isdigit():
        raise MlError(400, "The continuation token is not one of this list.", ("BadArgument",))
    start = int(token)
    body: dict[str, Any] = {"value": [_run(call, child) for child in children[start : start + size]]}
    if start + size < len(children):
        path = f"/history/v1.0{call.workspace.arm_id}/runs/{name}/children"
        body["continuationToken"] = str(start + size)
        body["nextLink"] = f"{call.context.endpoint}{path}?$continuationtoken={start + size}&$top={size}"
    return pretty(body)


def get_run_data(call: DataCall) -> Response:
    name = lowered(call.body, BODY).get("runid")
    job = call.run(text(name, BODY / "runId"))
    return pretty(
        {
            "runMetadata": _run(call, job),
            "runDefinition": None,
            "jobSpecification": None,
            "systemSettings": None,
        }
    )


def get_service_instances(call: DataCall, name: str) -> Response:
    call.run(name)
    return pretty({"instances": {}})


def patch_run(call: DataCall, name: str) -> Response:
    """Display name, description, ``hidden`` (which is how clients archive); tags, properties are added."""
    body = lowered(call.body, BODY)
    tags = string_map(body.get("tags") or {}, BODY / "tags")
    added = string_map(body.get("properties") or {}, BODY / "properties")

    def edit(job: JobRecord) -> JobRecord:
        known = {**job.run_properties, **job.properties.get("properties", {})}
        if any(known.get(key, value) != value for key, value in added.items()):
            # The clients call properties immutable; the service's words for it are not known.
            raise MlError(400, "The properties of a run cannot be changed, only added to.", ("Immutable",))
        changes: dict[str, Any] = {
            field: text(body[field.lower()], BODY / field)
            for field in ("displayName", "description")
            if body.get(field.lower()) is not None
        }
        changes["properties"] = {**job.properties.get("properties", {}), **added}
        if isinstance(body.get("hidden"), bool):
            changes["isArchived"] = body["hidden"]
        return replace(job, properties={**job.properties, **changes}).retagged(tags, own=True)

    return _edited(call, name, edit)


def patch_tags(call: DataCall, name: str) -> Response:
    body = lowered(call.body, BODY)
    return _change_tags(call, name, body.get("tagstomodify"), body.get("tagstodelete"))


def delete_tags(call: DataCall, name: str) -> Response:
    return _change_tags(call, name, None, lowered(call.body, BODY).get("tags"))


def _change_tags(call: DataCall, name: str, changed: Any, removed: Any) -> Response:
    added = string_map(changed or {}, BODY / "tagsToModify")
    gone = ListOf(text)(removed or [], BODY / "tagsToDelete")
    return _edited(call, name, lambda job: job.retagged(added, own=True, gone=gone))


def _edited(call: DataCall, name: str, edit: Callable[[JobRecord], JobRecord]) -> Response:
    """Change a run as one step, and answer it."""
    with call.context.store.transaction():
        job = edit(call.run(name))
        job = call.context.store.update_job(
            *(job.workspace, name),
            properties=job.properties,
            run_tags=job.run_tags,
            modified_by=call.principal.user,
            modified_at=utc_now(),
        )
    return pretty(_run(call, job))


def cancel_run(call: DataCall, name: str) -> Response:
    cancel(call.context, call.run(name), call.principal, call.query.get("CancelationReason"))
    return pretty(_run(call, call.run(name)))


def resolve_uris(call: DataCall) -> Response:
    """Ids of data assets, as runs name their outputs, to URIs."""
    values = {}
    for asset_id in call.body.get("values") or []:
        match = ASSET_ID.fullmatch(asset_id)
        if match is None or match[1] != call.workspace.workspace_id:
            continue
        record = call.context.store.asset(call.workspace.name, "data", match[2], match[3])
        if record is not None:
            kind = ASSET_TYPES[record.properties["dataType"]]
            values[asset_id] = {"uri": record.properties["dataUri"], "type": kind, "legacyDatasetType": None}
    return pretty({"values": values})


def _run(call: DataCall, job: JobRecord) -> dict[str, Any]:
    parent = call.context.store.job(job.workspace, job.parent) if job.parent else None
    experiment = job.properties.get("experimentName") or (parent and parent.properties.get("experimentName"))
    kind = kind_of(job.job_type)
    step = step_run_type(call.context.store, job)
    run_type = step or (kind.run_type if kind else MLFLOW_RUN_TYPE)
    root = call.context.store.root(job).name
    who = _user(call)
    is_reused = artifacts.REUSED_RUN in job.run_properties
    has_steps = kind is not None and kind.step_type is not None
    duration = _duration(job)
    cancel = f"{call.context.endpoint}/history/v1.0{call.workspace.arm_id}/runs/{job.name}/cancel"
    return {
        **dict.fromkeys(NOT_TOLD),
        "statusRevision": 0,
        "runNumber": int(datetime.fromisoformat(job.created_at).timestamp()),
        "rootRunId": root,
        "createdUtc": job.created_at,
        "createdBy": who,
        "userId": who["userObjectId"],
        "token": None,
        "tokenExpiryTimeUtc": None,
        "error": _error(call, job),
        "warnings": None,
        "revision": 1,
        "runUuid": _uuid(call, job.name),
        "parentRunUuid": _uuid(call, job.parent) if job.parent else None,
        "rootRunUuid": _uuid(call, root),
        "computeDuration": duration,
        "duration": duration,
        # The service's own writes are in the name of who created the run; whether its last step of a cancel
        # hides who asked for that is not known.
        "lastModifiedBy": _user(call, job.modified_by),
        "lastModifiedUtc": max(filter(None, (job.created_at, job.started_at, job.modified_at, job.ended_at))),
        "cancelationReason": job.cancelation_reason,
        "runId": job.name,
        "parentRunId": job.parent,
        "experimentId": experiment_id(call.workspace, experiment or "Default"),
        "status": job.status,
        "startTimeUtc": job.started_at,
        "endTimeUtc": job.ended_at,
        "scheduleId": None,
        "displayName": job.properties.get("displayName") or job.name,
        "name": job.run_properties.get("azureml.moduleName"),
        "dataContainerId": f"dcid.{artifacts.wrote(job)}",
        "description": job.properties.get("description"),
        "hidden": job.properties.get("isArchived", False),
        "runType": run_type,
        "runTypeV2": _run_type(kind, run_type),
        "properties": {**job.properties.get("properties", {}), **job.run_properties},
        "parameters": job.params,
        "actionUris": {"Cancel": cancel},
        "target": None if has_steps else _target(job),
        "uniqueChildRunComputeTargets": _child_targets(call, job) if has_steps else [],
        "tags": job.tags,
        "settings": {},
        "services": {},
        "inputDatasets": [],
        "outputDatasets": [],
        "runDefinition": None,
        "jobSpecification": None,
        "cancelUri": cancel,
        # Recorded: a step that is reused has null for both. Outputs that there are stay of use.
        "inputs": None if is_reused else {},
        "outputs": _outputs(call, job) or (None if is_reused else {}),
    }


def _run_type(kind: Kind | None, run_type: str) -> dict[str, Any]:
    is_itself = kind is not None and kind.run_type == run_type
    traits, orchestrator = (kind.traits, kind.orchestrator) if kind and is_itself else ((), None)
    return {
        "orchestrator": orchestrator,
        "traits": [run_type, *traits],
        "attribution": None,
        "computeType": None,
    }


def _target(job: JobRecord) -> str | None:
    return (job.properties.get("computeId") or "").rpartition("/")[2] or None


def _child_targets(call: DataCall, job: JobRecord) -> list[str]:
    children = call.context.store.children(job.workspace, job.name)
    return sorted({target for child in children if (target := _target(child))})


def _outputs(call: DataCall, job: JobRecord) -> dict[str, Any]:
    """Outputs that exist by now; each is the first version of a data asset named after job and output."""
    outputs = {}
    for name in job.properties.get("outputs") or {}:
        passed = job.passed_outputs.get(name, {}).get("asset")
        asset = passed or f"azureml_{job.name}_output_data_{name}"
        record = call.context.store.asset(job.workspace, "data", asset, "1")
        if record is not None:
            outputs[name] = {
                "assetId": _asset_id(call, record),
                "type": ASSET_TYPES[record.properties["dataType"]],
            }
    return outputs


def _asset_id(call: DataCall, record: AssetRecord) -> str:
    workspace = call.workspace
    return (
        f"azureml://locations/{workspace.location}/workspaces/{workspace.workspace_id}"
        f"/data/{record.name}/versions/{record.version}"
    )


def _error(call: DataCall, job: JobRecord) -> dict[str, Any] | None:
    if job.error is None:
        return None
    return {"error": run_error_fields(job.error), **error_frame(call.workspace.location, job.ended_at)}


def _user(call: DataCall, known: dict[str, str] | None = None) -> dict[str, Any]:
    """Who did something; if nobody is named, the service principal that all clients are."""
    tokens = call.context.tokens
    return {
        "userObjectId": tokens.object_id,
        "userPuId": None,
        "userIdp": None,
        "userAltSecId": None,
        "userIss": tokens.issuer,
        "userTenantId": tokens.tenant_id,
        "userName": tokens.client_id,
        "upn": None,
        **(known or {}),
    }


def _duration(job: JobRecord) -> str | None:
    if job.started_at is None or job.ended_at is None:
        return None
    seconds: timedelta = datetime.fromisoformat(job.ended_at) - datetime.fromisoformat(job.started_at)
    hours, rest = divmod(max(seconds.total_seconds(), 0), 3600)
    return f"{int(hours):02}:{int(rest // 60):02}:{rest % 60:010.7f}"


def _uuid(call: DataCall, name: str) -> str:
    return str(uuid.uuid5(uuid.UUID(call.workspace.workspace_id), f"run:{name}"))
