"""Jobs: create, update, read, list, cancel, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import (
    JSON_TYPE,
    MlError,
    empty,
    job_not_found,
    pretty,
)
from airflow_provider_amlrest.emulator.arm import lists
from airflow_provider_amlrest.emulator.arm.assets import check_name
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.computes import need_compute
from airflow_provider_amlrest.emulator.arm.jobs import all_kinds, kind_of, step_run_type, wire_2021
from airflow_provider_amlrest.emulator.arm.jobs.cancel import cancel
from airflow_provider_amlrest.emulator.arm.jobs.kind import Kind, Wire2021
from airflow_provider_amlrest.emulator.arm.jobs.shapes import NOT_EMULATED, OUTPUT
from airflow_provider_amlrest.emulator.arm.references import check_reference
from airflow_provider_amlrest.emulator.arm.shapes import Place, Union, read, write
from airflow_provider_amlrest.emulator.arm.versions import LATEST, PROPERTIES_FILTER
from airflow_provider_amlrest.emulator.config import ARTIFACT_DATASTORE, NAMESPACE
from airflow_provider_amlrest.emulator.experiments import remember_experiment
from airflow_provider_amlrest.emulator.store import JobRecord, utc_now

JOB = Union("jobType", **{kind.job_type: kind.shape for kind in all_kinds()}, **NOT_EMULATED)
JOB_2021 = Union(
    "jobType", **{kind.job_type: kind.wire_2021.shape for kind in all_kinds() if kind.wire_2021 is not None}
)
MUTABLE = ("description", "tags", "displayName", "properties", "isArchived")
PUBLIC_NAME = {"inputs": "InputBindings", "outputs": "OutputBindings"}
"""Fields whose name in the service's messages is not their own."""
LIST_CHUNK = 500


# create and update


async def put_job(call: Call, name: str) -> Response:
    # Schemas from 2025-12-01 on no longer state the pattern: a gap, it seems, not a looser service.
    check_name(name, "id")
    as_sent, properties = _values(call)
    properties = _without_server_parts({**properties, "displayName": properties["displayName"] or name})
    with call.store.transaction():
        old = call.store.job(call.home, name)
        if old is not None:
            record = _update(call, old, properties)
            return pretty(_job(call, record))
        record = add_job(call, name, properties, as_sent=as_sent)
    call.context.wake()
    record = await call.context.settle(record)
    return pretty(_job(call, record), 201, {"Location": call.url})


def add_job(call: Call, name: str, properties: dict[str, Any], **more: Any) -> JobRecord:
    """Keep a new job, which runs as soon as somebody wakes the runtime; ``more``: of its record.

    Raises:
        MlError: something that it refers to is not there.
    """
    kind = _kind(properties["jobType"])
    properties = _resolve(call, kind, properties)
    record = JobRecord(
        **{
            "workspace": call.home,
            "name": name,
            "job_type": kind.job_type,
            "properties": properties,
            "status": kind.initial_status,
            "created_by": call.principal.application_id,
            "run_properties": kind.service_properties(properties),
            **more,
        }
    )
    call.store.add_job(record)
    remember_experiment(call.store, call.workspace, properties["experimentName"])
    return record


def _values(call: Call) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """What was sent, in the words of 2021 (None in another version) and in canonical ones."""
    if not call.version.is_2021:
        return None, call.properties(JOB)
    as_sent = call.properties(JOB_2021)
    canonical = _wire_2021(as_sent["jobType"]).to_canonical(as_sent, call)
    return as_sent, read(JOB, {"properties": canonical}, LATEST, "properties")


def _kind(job_type: str) -> Kind:
    """The kind of a job that the readers have let in."""
    kind = kind_of(job_type)
    if kind is None:
        raise LookupError(f"{job_type} has no line in the table of kinds.")
    return kind


def _wire_2021(job_type: str) -> Wire2021:
    wire = _kind(job_type).wire_2021
    if wire is None:
        raise LookupError(f"{job_type} has no spelling of 2021.")
    return wire


def _without_server_parts(properties: dict[str, Any]) -> dict[str, Any]:
    """Clients change a job by sending back what they were answered; what the service added is not theirs."""
    outputs = dict(properties["outputs"])
    if (outputs.get("default", {}).get("uri") or "").startswith(
        f"azureml://datastores/{ARTIFACT_DATASTORE}/"
    ):
        del outputs["default"]
    services = {
        name: value for name, value in properties["services"].items() if name not in ("Tracking", "Studio")
    }
    return {**properties, "outputs": outputs, "services": services}


def _update(call: Call, old: JobRecord, new: dict[str, Any]) -> JobRecord:
    """Merge what may change into a job that exists.

    Raises:
        MlError: 400 JobPropertyImmutable; the text is the service's, the status is inferred.
    """
    comparable = _kind(new["jobType"]).resolved(new, call.workspace)
    changed = [
        field
        for field in sorted({*old.properties, *new} - set(MUTABLE))
        if old.properties.get(field) != comparable.get(field)
    ]
    known = {**old.run_properties, **old.properties["properties"]}
    if any(known.get(key, value) != value for key, value in new["properties"].items()):
        changed.append("properties")
    if changed:
        raise _immutable(changed)
    properties = {
        **old.properties,
        "description": new["description"],
        "displayName": new["displayName"],
        "isArchived": new["isArchived"],
        # Recorded and reported: tags and properties are merged, nothing is removed.
        "properties": {**old.properties["properties"], **new["properties"]},
    }
    job = replace(old, properties=properties).retagged(new["tags"], own=True)
    return call.store.update_job(
        *(call.home, old.name),
        properties=job.properties,
        run_tags=job.run_tags,
        modified_by=call.principal.user,
        modified_at=utc_now(),
    )


def _immutable(fields: list[str]) -> MlError:
    names = [PUBLIC_NAME.get(field, field[0].upper() + field[1:]) for field in fields]
    template = (
        "A job with this name already exists. If you are trying to create a new job, use a different name. "
        "If you are trying to update an existing job, the existing job's {property} cannot be changed. "
        "Only description, tags, displayName, properties, and isArchived can be updated."
    )
    listed = ", ".join(names)
    return MlError(
        400,
        template.replace("{property}", f"<{listed}>"),
        ("Immutable", "JobPropertyImmutable"),
        message_format=template,
        parameters={"property": f" {listed}"},
    )


def _resolve(call: Call, kind: Kind, properties: dict[str, Any]) -> dict[str, Any]:
    """Check what the job refers to. Inputs are not checked: the service lets such a job fail later.

    Raises:
        MlError: 400 for a compute, 404 for an environment or code that this workspace does not have.
    """
    need_compute(call, properties["computeId"])
    properties = kind.resolved(properties, call.workspace)
    for reference in kind.references(properties):
        check_reference(call, reference)
    kind.check(properties, call)
    return properties


# read


def get_job(call: Call, name: str) -> Response:
    return pretty(_job(call, _known(call, name)))


def list_jobs(call: Call) -> Response:
    items: list[dict[str, Any]] = []
    position = lists.read_token(call.query.get("$skip"))
    page_size = call.context.tuning.page_size
    while True:
        chunk = call.store.list_jobs(call.home, before=position, limit=LIST_CHUNK)
        for sequence, job in chunk:
            if len(items) == page_size:
                return pretty(lists.answer(call, items, position))
            position = sequence
            if _is_wanted(call, job):
                items.append(_job(call, job))
        if len(chunk) < LIST_CHUNK:
            return pretty(lists.answer(call, items, None))


def _is_wanted(call: Call, job: JobRecord) -> bool:
    query = call.query
    archived = job.properties.get("isArchived", False)
    return (
        _has_view(call, job)
        and query.get("jobtype", job.job_type).lower() == job.job_type.lower()
        and (call.version.is_2021 or lists.in_view(call, archived=archived))
        and lists.is_listed(call, job.created_at)
        and lists.has_pairs(job.tags, query.get("tag") or query.get("tags"))
        and (
            not call.version.has(PROPERTIES_FILTER)
            or lists.has_pairs(_properties(job), query.get("properties"))
        )
    )


def _known(call: Call, name: str) -> JobRecord:
    job = call.store.job(call.home, name)
    if job is None or not _has_view(call, job):
        raise job_not_found(name)
    return job


def _has_view(call: Call, job: JobRecord) -> bool:
    """Whether the api-version has such jobs; ARM never shows a run that a script made through MLflow."""
    kind = kind_of(job.job_type)
    return kind is not None and kind.is_in(call.version)


def _properties(job: JobRecord) -> dict[str, str]:
    return {**job.properties.get("properties", {}), **job.run_properties}


def _job(call: Call, job: JobRecord) -> dict[str, Any]:
    if step_run_type(call.store, job) is not None:
        # Recorded: the children of a pipeline have no properties here; run history has all of them.
        step = call.resource(f"jobs/{job.name}", {}, call.system_data(job.created_at, job.created_by))
        return {name: value for name, value in step.items() if name != "properties"}
    properties = _canonical_answer(call, job)
    if call.version.is_2021:
        properties = wire_2021.job_answer(_wire_2021(job.job_type), job, properties, call)
    else:
        properties = write(JOB, properties, call.version)
    return call.resource(f"jobs/{job.name}", properties, call.system_data(job.created_at, job.created_by))


def _canonical_answer(call: Call, job: JobRecord) -> dict[str, Any]:
    uri = f"azureml://datastores/{ARTIFACT_DATASTORE}/ExperimentRun/dcid.{job.name}"
    default = OUTPUT({"jobOutputType": "uri_folder", "uri": uri}, Place(()))
    answer = {
        **job.properties,
        "status": job.status,
        "tags": job.tags,
        "properties": _properties(job),
        "services": services(call, job),
        "outputs": {**(job.properties.get("outputs") or {}), "default": default},
    }
    return _kind(job.job_type).answer(job, answer)


def services(call: Call, job: JobRecord) -> dict[str, Any]:
    """Those that were asked for, and the service's own."""
    workspace = call.workspace
    host = call.context.endpoint.removeprefix("https://")
    tracking = f"azureml://{host}/mlflow/v1.0{workspace.arm_id}?"
    studio = (
        f"https://ml.azure.com/runs/{job.name}?wsid=/subscriptions/{workspace.subscription_id}"
        f"/resourcegroups/{workspace.resource_group}/workspaces/{workspace.name}"
    )
    services = {
        name: {**_service(service["jobServiceType"]), **service, "status": "NotStarted"}
        for name, service in (job.properties.get("services") or {}).items()
    }
    if _kind(job.job_type).has_tracking:
        services["Tracking"] = {**_service("Tracking"), "endpoint": tracking}
    services["Studio"] = {**_service("Studio"), "endpoint": studio}
    return services


def _service(kind: str) -> dict[str, Any]:
    names = ("port", "endpoint", "status", "errorMessage", "properties", "nodes")
    return {"jobServiceType": kind, **dict.fromkeys(names)}


# cancel and delete


def cancel_job(call: Call, name: str) -> Response:
    job = _known(call, name)
    cancel(call.context, job, call.principal)
    # On a job that has ended, the service's answer is not documented (200 or 400): this one is harmless.
    late = _kind(job.job_type).late_cancel
    if late is not None and not job.active:
        raise late(job)
    if call.version.cancels_at_once or not job.active:
        return empty(200)
    headers = {"Location": _operation_url(call, name), "x-ms-async-operation-timeout": "PT1H"}
    return _accepted("null", headers)


def _accepted(content: str, headers: dict[str, str]) -> Response:
    return Response(content, 202, {"Content-Type": JSON_TYPE, "x-ms-response-type": "standard", **headers})


def _operation_url(call: Call, name: str) -> str:
    workspace = call.workspace
    return (
        f"{call.context.endpoint}/subscriptions/{workspace.subscription_id}/providers/{NAMESPACE}/locations/"
        f"{workspace.location}/mfeOperationResults/jc:{workspace.workspace_id}:{name}?api-version={call.version}"
    )


def operation_result(call: Call, operation: str) -> Response:
    """How a cancel goes: 202 with ``{}`` until the job has seen it, then an empty 200."""
    kind, _, rest = operation.partition(":")
    workspace_id, _, name = rest.partition(":")
    for workspace in call.context.settings.workspaces:
        if kind == "jc" and workspace.workspace_id == workspace_id:
            call = replace(call, scope=workspace)
            if _known(call, name).status == "CancelRequested":
                return _accepted("{}", {"Location": _operation_url(call, name)})
            return empty(200)
    raise MlError(404, f"Operation {operation} not found.", ("NotFound",))


def delete_job(call: Call, name: str) -> Response:
    job = call.store.job(call.home, name)
    if job is None:
        return empty(204)
    if job.active:
        # The service's answer is not known; a job that runs has to be cancelled first.
        raise MlError(400, f"Job {name} is {job.status}: cancel it before you delete it.", ("BadArgument",))
    call.store.delete_job(call.home, name)
    return empty(200)
