"""Long operations: how they begin, and what their URLs answer."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import JSON_TYPE, MlError, invalid, pretty
from airflow_provider_amlrest.emulator.arm import promotion, registries
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.jobs import routes as jobs
from airflow_provider_amlrest.emulator.behaviour.provisioning import read_provisioning
from airflow_provider_amlrest.emulator.config import NAMESPACE
from airflow_provider_amlrest.emulator.tracked import Operation, Resource, Tracked, Verb

STATUS, RESULTS = KINDS = "mfeOperationsStatus", "mfeOperationResults"
"""The two URLs of an operation: ``Azure-AsyncOperation``, and ``Location``."""
TIMEOUT = {"x-ms-async-operation-timeout": "PT30M"}
CANCEL_OF_A_JOB = "jc"
WITHOUT_PROGRESS = ("bebes", "bebds")
"""Recorded of batch endpoints: they say neither when nor how far. Of their deployments: a guess."""


async def begin(
    call: Call, resource: Resource, verb: Verb, prefix: str, *, process: bool = False
) -> tuple[Resource, Operation]:
    """Keep a resource as it is to be, and let an operation bring it there.

    Args:
        process: whether it may have to start one: nobody waits for that.

    Raises:
        MlError: 400, a tag says what cannot be.
    """
    # Tags say how a resource comes to be; what is stuck for them can be deleted.
    own = {} if verb == "delete" else resource.tags
    says = call.context.provisioning.tags(resource.path, own)
    try:
        behaviour = read_provisioning(says, call.context.tuning.operation_seconds)
    except ValueError as error:
        raise invalid("tags", str(error)) from None
    operation = Operation(call.home, resource.path, verb, prefix, str(call.version), says)
    resource = Tracked(call.store).begin(resource, operation)
    call.context.wake()
    if behaviour.takes_no_time and not (process and call.context.settings.runtime != "simulated"):
        await call.context.settle_operation(operation)
    return resource, operation


def url(call: Call, operation: Operation, kind: str) -> str:
    name = f"{operation.prefix}:{call.workspace.workspace_id}:{operation.id}"
    return _url(call, name, kind, operation.api_version)


def _url(call: Call, name: str, kind: str, api_version: str) -> str:
    return f"{call.context.endpoint}{_arm_id(call, name, kind)}?api-version={api_version}"


def _arm_id(call: Call, name: str, kind: str) -> str:
    workspace = call.workspace
    return (
        f"/subscriptions/{workspace.subscription_id}/providers/{NAMESPACE}/locations/{workspace.location}"
        f"/{kind}/{name}"
    )


def created(call: Call, operation: Operation, content: dict[str, Any]) -> Response:
    """Recorded: 201 with the resource, whether it is new or not; no Retry-After."""
    headers = {"Location": call.url, "Azure-AsyncOperation": url(call, operation, STATUS), **TIMEOUT}
    return pretty(content, 201, headers)


def accepted(headers: dict[str, str]) -> Response:
    """Recorded: 202 with the body ``null``; no Retry-After."""
    return Response("null", 202, {"Content-Type": JSON_TYPE, "x-ms-response-type": "standard", **headers})


def deleting(call: Call, operation: Operation) -> Response:
    """Recorded: a deletion names both URLs."""
    return accepted(
        {
            "Location": url(call, operation, RESULTS),
            "Azure-AsyncOperation": url(call, operation, STATUS),
            **TIMEOUT,
        }
    )


def updating(call: Call, operation: Operation) -> Response:
    """Recorded: a PATCH names only one."""
    return accepted({"Location": url(call, operation, RESULTS), **TIMEOUT})


def forgotten(call: Call, prefix: str) -> Response:
    """Recorded, of new keys: the operation that ``Location`` names is not found, although all went well."""
    name = f"{prefix}:{call.workspace.workspace_id}:{uuid.uuid4()}"
    return accepted({"Location": _url(call, name, RESULTS, call.version)})


def answer(call: Call, name: str, *, kind: str) -> Response:
    """What the URL of an operation answers; ``kind`` is its collection, ``name`` has prefix and ids."""
    if name.startswith(f"{CANCEL_OF_A_JOB}:"):
        return jobs.operation_result(call, name)
    if ":" not in name:
        return (registries.operation_status if kind == STATUS else promotion.operation_result)(call, name)
    operation_id = name.rpartition(":")[2]
    operation = Tracked(call.store).operation(operation_id)
    if operation is None or read_provisioning(operation.says, 0.0).forgotten:
        raise MlError(
            404,
            "The specified resource was not found.",
            code="NotFound",
            details=[("OperationNotFound", f"There is no operation with id {operation_id}")],
        )
    [workspace] = [w for w in call.context.settings.workspaces if w.name == operation.workspace]
    call = replace(call, scope=workspace)
    # Recorded: Location is answered 202 and then 200, with the same body as Azure-AsyncOperation.
    is_202 = operation.active and kind == RESULTS
    return pretty(_status(call, operation, kind), 202 if is_202 else 200)


def _status(call: Call, operation: Operation, kind: str) -> dict[str, Any]:
    name = f"{operation.prefix}:{call.workspace.workspace_id}:{operation.id}"
    body: dict[str, Any] = {"id": _arm_id(call, name, kind), "name": name}
    if operation.prefix not in WITHOUT_PROGRESS:
        body["startTime"] = operation.started_at
        if operation.ended_at is not None:
            body["endTime"] = operation.ended_at
        # Recorded: 0 all the time, then 100.
        body["percentComplete"] = 0.0 if operation.active else 100.0
    body["status"] = operation.status
    if operation.error is not None:
        body["error"] = operation.error
    return body
