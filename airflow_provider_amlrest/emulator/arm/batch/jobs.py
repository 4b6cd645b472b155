"""Jobs of batch endpoints: a request makes one, which is a pipeline job like others."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Iterator
from typing import Any

from airflow_provider_amlrest.emulator.answers import job_not_found
from airflow_provider_amlrest.emulator.arm.batch.records import deployment_path
from airflow_provider_amlrest.emulator.arm.batch.scoring import pipeline_of, settings_of
from airflow_provider_amlrest.emulator.arm.batch.shapes import REQUEST
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.endpoints import refused
from airflow_provider_amlrest.emulator.arm.jobs import routes
from airflow_provider_amlrest.emulator.arm.shapes import read
from airflow_provider_amlrest.emulator.arm.versions import LATEST
from airflow_provider_amlrest.emulator.store import JobRecord, utc_now
from airflow_provider_amlrest.emulator.tracked import SUCCEEDED, Resource, Tracked

TAGS = {
    "outputType": "output_data",
    "inputType": "input_data",
    "azureml.batchrun": "true",
    "azureml.jobtype": "azureml.batchjob",
}
"""Recorded, with ``azureml.deploymentname``."""
NAMES = (("careful", "brave", "quiet", "olive"), ("bulb", "river", "lamp", "kite"))


async def invoke(
    call: Call, endpoint: Resource, deployment: str | None, request_id: str | None
) -> tuple[Resource, dict[str, Any]]:
    """Make a job of a request; the deployment that has it, and the answer.

    Args:
        deployment: its name; None: the endpoint's default.
        request_id: by which a repeated request is told, if the setting ``honours_repeatability`` is on.

    Raises:
        MlError: 400 for a request that cannot be.
    """
    sent = read(REQUEST, call.body, LATEST, "properties")
    with call.store.transaction():
        known = _repeated(call, endpoint, request_id)
        if known is not None:
            record = _deployment(call, endpoint, known.path.split("/")[3])
            return record, answer(call, known, _need_job(call, known.name))
        record = _deployment(call, endpoint, deployment)
        job = _add_job(call, record, sent)
        request = Resource(
            call.home,
            f"{record.path}/jobs/{job.name}",
            {**sent, "requestId": request_id, "settings": settings_of(record, sent)},
            endpoint.location,
            state=SUCCEEDED,
            created_by=call.principal.application_id,
        )
        Tracked(call.store).keep(request)
    call.context.wake()
    return record, answer(call, request, await call.context.settle(job))


def _deployment(call: Call, endpoint: Resource, name: str | None) -> Resource:
    name = name or endpoint.properties["defaults"]["deploymentName"]
    if not name:
        raise refused(f"The endpoint {endpoint.name} has no default deployment, and the request names none.")
    found = Tracked(call.store).get(call.home, deployment_path(endpoint.name, name))
    if found is None:
        raise refused(f"The endpoint {endpoint.name} has no deployment {name!r}.")
    if found.state != SUCCEEDED:
        raise refused(f"The deployment {found.name} is {found.state}.")
    return found


def _repeated(call: Call, endpoint: Resource, request_id: str | None) -> Resource | None:
    if request_id is None or not call.context.tuning.honours_repeatability:
        return None
    found = _requests(call, endpoint.name)
    return next((request for request in found if request.properties["requestId"] == request_id), None)


def _add_job(call: Call, deployment: Resource, sent: dict[str, Any]) -> JobRecord:
    wanted = pipeline_of(call, deployment, sent)
    properties = read(routes.JOB, {"properties": wanted}, LATEST, "properties")
    shown = "_".join((*map(secrets.choice, NAMES), secrets.token_hex(4)))
    return routes.add_job(
        call,
        f"batchjob-{uuid.uuid4()}",
        {**properties, "displayName": shown},
        status="Preparing",
        run_tags={**TAGS, "azureml.deploymentname": deployment.name},
        run_properties=_run_properties(settings_of(deployment, sent)),
    )


def _run_properties(settings: dict[str, Any]) -> dict[str, str]:
    """Recorded. Their values are text."""
    retries = settings["retrySettings"]
    parameters = {
        "run_max_try": str(retries["maxRetries"]),
        "run_invocation_timeout": str(retries["timeout"]).removeprefix("PT").removesuffix("S"),
        "mini_batch_size": str(settings["miniBatchSize"]),
        "error_threshold": str(settings["errorThreshold"]),
        "logging_level": settings["loggingLevel"].upper(),
        "process_count_per_node": str(settings["maxConcurrencyPerInstance"]),
        "legacy_model_job": "False",
        "NodeCount": str(settings["resources"]["instanceCount"]),
        "append_row_file_name": settings["outputFileName"],
    }
    return {
        "azureml.pipelineid": str(uuid.uuid4()),
        "azureml.runsource": "azureml.PipelineRun",
        "runSource": "Unavailable",
        "runType": "HTTP",
        "azureml.parameters": json.dumps(parameters, separators=(",", ":")),
        "azureml.continue_on_step_failure": "False",
        "azureml.continue_on_failed_optional_input": "False",
        "azureml.pipelineComponent": "pipelinerun",
    }


def list_jobs(call: Call, endpoint: str, deployment: str | None) -> list[dict[str, Any]]:
    """The jobs of an endpoint, or of one of its deployments, newest first."""
    requests = list(_requests(call, endpoint, deployment))
    requests.sort(key=lambda request: request.created_at, reverse=True)
    found = [(request, call.store.job(call.home, request.name)) for request in requests]
    return [answer(call, request, job) for request, job in found if job is not None]


def get_job(call: Call, endpoint: str, name: str) -> dict[str, Any]:
    for request in _requests(call, endpoint):
        if request.name == name:
            return answer(call, request, _need_job(call, name))
    raise job_not_found(name)


def _requests(call: Call, endpoint: str, deployment: str | None = None) -> Iterator[Resource]:
    tracked = Tracked(call.store)
    for found in tracked.below(call.home, f"batchEndpoints/{endpoint}/deployments"):
        if deployment is None or found.name.lower() == deployment.lower():
            yield from tracked.below(call.home, f"{found.path}/jobs")


def _need_job(call: Call, name: str) -> JobRecord:
    job = call.store.job(call.home, name)
    if job is None:
        raise job_not_found(name)
    return job


def answer(call: Call, request: Resource, job: JobRecord) -> dict[str, Any]:
    """The resource of a job, as recorded; ``outputData`` is not in the recording."""
    said, settings = request.properties, request.properties["settings"]
    data = {name: {"description": None, **_with_mode(given)} for name, given in said["inputData"].items()}
    properties = {
        "provisioningState": "Succeeded",
        "inputData": data,
        **({"outputData": said["outputData"]} if said["outputData"] else {}),
        "compute": {
            "target": settings["compute"],
            "instanceCount": None,
            "isLocal": False,
            "location": None,
            "instanceType": None,
            "properties": None,
            **{name: value for name, value in (said["compute"] or {}).items() if value is not None},
        },
        "output": {"datastoreId": None, "path": None},
        "retrySettings": settings["retrySettings"],
        "status": job.status,
        "interactionEndpoints": _endpoints(call, job),
        "tags": job.tags,
        "properties": {**job.properties["properties"], **job.run_properties},
        "name": job.properties["displayName"],
    }
    created = {"createdAt": job.created_at, "createdBy": job.created_by}
    changed = {"lastModifiedAt": job.modified_at or utc_now(), "lastModifiedBy": job.created_by}
    return call.resource(request.path, properties, {**created, **changed})


def _with_mode(given: dict[str, Any]) -> dict[str, Any]:
    return {**given, "mode": given["mode"] or "ReadOnlyMount"} if "uri" in given else given


def _endpoints(call: Call, job: JobRecord) -> dict[str, Any]:
    return {
        name: {
            "jobEndpointType": name,
            "port": None,
            "endpoint": service["endpoint"],
            "properties": None,
        }
        for name, service in routes.services(call, job).items()
    }
