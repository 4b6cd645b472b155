"""Computes: create, scale, start, stop, restart, delete, and how these operations go."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator import computes
from airflow_provider_amlrest.emulator.answers import MlError, empty, invalid, pretty
from airflow_provider_amlrest.emulator.arm import lists
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.compute_nodes import count_nodes, running_jobs
from airflow_provider_amlrest.emulator.arm.compute_shapes import PROPERTIES, RESOURCE, SCALED, UPDATE, answer
from airflow_provider_amlrest.emulator.arm.shapes import read
from airflow_provider_amlrest.emulator.behaviour.scripts import number_in
from airflow_provider_amlrest.emulator.computes import CLUSTER, INSTANCE, ComputeState, Operation
from airflow_provider_amlrest.emulator.config import NAMESPACE

NAME = re.compile(r"[a-zA-Z](?![a-zA-Z0-9-]*-\d+$)[a-zA-Z0-9-]{2,23}")
VM_SIZE = re.compile(r"(?:Standard|Basic)_\w+", re.IGNORECASE)
OUR_MEMBERS = ("location", "tags", "identity", "sku")
FIXED = ("vmSize", "vmPriority", "subnet", "osType")
"""Members of a cluster or an instance that stay as they were when it was made."""
OUTCOMES = ("succeeded", "failed", "stuck")
"""What the tag ``emulator.outcome`` of a compute may say of its creation, and of changes."""
NEEDED_STATE = {"Start": "Stopped", "Stop": "Running", "Restart": "Running"}


def list_computes(call: Call) -> Response:
    found = computes.computes(call.store, call.context.settings, call.workspace)
    return pretty(lists.page(call, [_answer(call, state) for state in found]))


def get_compute(call: Call, name: str) -> Response:
    state = find_compute(call, name)
    # The service's own 404 for a compute has no body at all.
    return empty(404) if state is None else pretty(_answer(call, state))


def find_compute(call: Call, name: str) -> ComputeState | None:
    return computes.find(call.store, call.context.settings, call.workspace, name)


def need_compute(call: Call, compute_id: str | None) -> None:
    """Check what a job says of its compute.

    Raises:
        MlError: 400, the workspace does not have it.
    """
    name = (compute_id or "").rstrip("/").rpartition("/")[2].rpartition(":")[2]
    state = find_compute(call, name) if compute_id else None
    if compute_id and (state is None or state.is_leaving):
        known = computes.computes(call.store, call.context.settings, call.workspace)
        names = ", ".join(state.name for state in known if not state.is_leaving)
        message = f"Compute Not Found: {compute_id}. The workspace has {names}."
        raise MlError(400, message, ("BadArgument", "ComputeNotFound"))


# changes


def put_compute(call: Call, name: str) -> Response:
    resource = _resource(call)
    kind = resource["properties"]["computeType"]
    _check(name, kind, resource["properties"]["properties"])
    with call.store.transaction():
        old = find_compute(call, name)
        if old is not None:
            return _update(call, old, resource)
        operation = _change(call, "Create", resource)
        state = ComputeState(
            *(call.home, name, kind, resource, operation.started_at, operation.started_at),
            created_by=call.principal.application_id,
            operations=computes.before(call.store, call.workspace, name),
        ).after(operation)
        computes.keep(call.store, state)
    return _accepted(call, operation, 201, _answer(call, state, now="Creating"))


def _resource(call: Call) -> dict[str, Any]:
    """The request's resource in the canonical shape."""
    properties = call.properties(PROPERTIES)
    given = {key: value for key, value in (call.body or {}).items() if key.lower() in OUR_MEMBERS}
    resource = read(RESOURCE, given, call.version)
    if login := properties["properties"].get("userAccountCredentials"):
        login["adminUserPassword"] = None  # it is for nobody to see, nor to keep
    return {**resource, "location": resource["location"] or call.workspace.location, "properties": properties}


def _check(name: str, kind: str, properties: dict[str, Any]) -> None:
    """The service's words for these are not known.

    Raises:
        MlError: 400 that names the member.
    """
    if not NAME.fullmatch(name):
        raise invalid(
            "name",
            f"{name!r} must begin with a letter, have 3-24 letters, digits and -, and not end in -1",
        )
    if not VM_SIZE.fullmatch(properties["vmSize"]):
        raise invalid(
            "properties.properties.vmSize", f"{properties['vmSize']!r} is no size of a virtual machine"
        )
    if kind == CLUSTER:
        _check_scale(properties["scaleSettings"])


def _check_scale(scale: dict[str, Any]) -> None:
    if not 0 <= scale["minNodeCount"] <= scale["maxNodeCount"]:
        problem = f"{scale['minNodeCount']} is not between 0 and maxNodeCount, {scale['maxNodeCount']}"
        raise invalid("properties.properties.scaleSettings.minNodeCount", problem)


def _update(call: Call, old: ComputeState, resource: dict[str, Any]) -> Response:
    """PUT on a compute that there is: 200 and Updating are Microsoft's example."""
    _check_free(old)
    new = resource["properties"]["properties"]
    if resource["properties"]["computeType"] != old.kind:
        raise invalid("properties.computeType", f"it is {old.kind} and cannot be changed")
    for member in FIXED:
        was, wanted = old.settings.get(member), new.get(member)
        if str(was).lower() != str(wanted).lower():
            raise invalid(
                f"properties.properties.{member}", f"it is {was!r} and cannot be changed to {wanted!r}"
            )
    return _changed(call, old, resource)


def _changed(call: Call, old: ComputeState, resource: dict[str, Any]) -> Response:
    operation = _change(call, "Update", resource)
    state = replace(old, resource=resource).after(operation)
    computes.keep(call.store, state)
    call.context.wake()
    return _accepted(call, operation, 200, _answer(call, state, now="Updating"))


def patch_compute(call: Call, name: str) -> Response:
    """Other scale settings of a cluster."""
    if call.version.is_2021:
        scale = call.properties(SCALED)["scaleSettings"]
    else:
        scale = call.properties(UPDATE)["properties"]["scaleSettings"]
    with call.store.transaction():
        old = find_compute(call, name)
        if old is None:
            return empty(404)
        _check_free(old)
        _check_kind(old, CLUSTER, "ComputeUpdate")
        _check_scale(scale)
        outer = old.resource["properties"]
        properties = {**outer, "properties": {**outer["properties"], "scaleSettings": scale}}
        return _changed(call, old, {**old.resource, "properties": properties})


def delete_compute(call: Call, name: str) -> Response:
    action = call.query.get("underlyingresourceaction", "")
    if action.lower() not in ("delete", "detach"):
        raise invalid("underlyingResourceAction", f"{action!r} is none of Delete, Detach")
    with call.store.transaction():
        old = find_compute(call, name)
        if old is None:
            return empty(200 if call.version.is_2021 else 204)
        if action.lower() == "detach":
            # Only what was attached can be detached; the service's words are not known.
            raise invalid("underlyingResourceAction", f"{old.kind} {name} was not attached: use Delete")
        if old.provisioning_state == "Deleting" and old.under_way:
            return _accepted(call, old.under_way, 202)
        operation = _operation(call, "Delete")
        computes.keep(call.store, old.after(operation))
    call.context.wake()
    return _accepted(call, operation, 202)


def start_compute(call: Call, name: str) -> Response:
    return _power(call, name, "Start")


def stop_compute(call: Call, name: str) -> Response:
    return _power(call, name, "Stop")


def restart_compute(call: Call, name: str) -> Response:
    return _power(call, name, "Restart")


def _power(call: Call, name: str, action: str) -> Response:
    """Reported by a user, for a start: in another state the operation begins, and fails."""
    with call.store.transaction():
        old = find_compute(call, name)
        if old is None:
            return empty(404)
        _check_kind(old, INSTANCE, f"Compute{action}")
        _check_free(old)
        error = None
        wanted = NEEDED_STATE[action]
        if old.instance_state != wanted:
            error = {
                "code": f"{action}ComputeInstanceOnlyAllowedIn{wanted}State",
                "message": f"{action} Azure ML Compute Instance is only allowed when the instance {old.name} "
                f"is in '{wanted.lower()}' state",
            }
        operation = _operation(call, action, error)
        computes.keep(call.store, old.after(operation))
    call.context.wake()
    # The first version has a restart that is over when it is answered; that its instance is not is a guess.
    at_once = action == "Restart" and call.version.is_2021
    return empty(200) if at_once else _accepted(call, operation, 202)


def _check_kind(state: ComputeState, kind: str, operation: str) -> None:
    """Reported by a user, for the nodes of an instance."""
    if state.kind != kind:
        raise MlError(400, f"{operation} with computeType {state.kind} is not supported.", ("BadArgument",))


def _check_free(state: ComputeState) -> None:
    """What the service answers to a change during another is not known."""
    if operation := state.under_way:
        doing = computes.PROVISIONING.get(operation.name) or computes.INSTANCE_STATES[operation.name]
        message = f"Compute {state.name} is {doing}: wait for the end of that operation."
        raise MlError(409, message, ("Conflict",))


# nodes and operations


def list_nodes(call: Call, name: str) -> Response:
    state = find_compute(call, name)
    if state is None:
        return empty(404)
    _check_kind(state, CLUSTER, "ComputeListNodes")
    counts = count_nodes(call.store, state)
    runs = [
        job.name
        for job in running_jobs(call.store, state)
        for _ in range((job.properties.get("resources") or {}).get("instanceCount") or 1)
    ]
    nodes = [
        {
            "nodeId": f"tvmps_{state.name}_{number}",
            "privateIpAddress": f"10.0.0.{number + 4}",
            "publicIpAddress": None,
            "port": 50000 + number,
            "nodeState": "running" if number < len(runs) else "idle",
            "runId": runs[number] if number < len(runs) else None,
        }
        for number in range(counts.current)
    ]
    kind = {"computeType": CLUSTER} if call.version.is_2021 else {}
    return pretty({**kind, "nodes": nodes})


def operation_status(call: Call, identifier: str) -> Response:
    """How an operation goes, in the recorded words; that of a failure is a guess."""
    for workspace in call.context.settings.workspaces:
        if operation := computes.find_operation(call.store, workspace, identifier):
            return pretty(_status(operation))
    # Recorded, for another kind of operation.
    message = f"There is no operation with id {identifier}"
    raise MlError(
        *(404, "The specified resource was not found."),
        code="NotFound",
        details=(("OperationNotFound", message),),
    )


def _status(operation: Operation) -> dict[str, Any]:
    if not operation.is_over:
        return {"status": "InProgress"}
    if operation.error:
        return {"status": "Failed", "error": operation.error}
    return {"status": "Succeeded", "percentComplete": 100.0}


def _operation(call: Call, name: str, error: dict[str, str] | None = None) -> Operation:
    return computes.new_operation(name, call.context.tuning.compute_seconds, error)


def _change(call: Call, name: str, resource: dict[str, Any]) -> Operation:
    """The operation that makes or changes a compute, which goes as the compute's tags say.

    Raises:
        MlError: 400, a tag says what cannot be.
    """
    tags = resource["tags"] or {}
    try:
        outcome = tags.get("emulator.outcome", "succeeded")
        if outcome not in OUTCOMES:
            raise ValueError(f"emulator.outcome is {outcome!r}, not one of {', '.join(OUTCOMES)}")
        seconds = number_in(tags, "emulator.seconds", call.context.tuning.compute_seconds)
    except ValueError as error:
        raise invalid("tags", str(error)) from None
    failure = {"code": "ComputeOperationFailed", "message": tags.get("emulator.error", f"{name} failed.")}
    return computes.new_operation(
        name, None if outcome == "stuck" else seconds, failure if outcome == "failed" else None
    )


def _accepted(
    call: Call, operation: Operation, status: int, content: dict[str, Any] | None = None
) -> Response:
    """Recorded: neither Location nor Retry-After."""
    workspace = call.workspace
    url = (
        f"{call.context.endpoint}/subscriptions/{workspace.subscription_id}/providers/{NAMESPACE}/locations/"
        f"{workspace.location}/computeOperationsStatus/{operation.id}?api-version={call.version}&service=new"
    )
    headers = {"Azure-AsyncOperation": url}
    return empty(status, headers) if content is None else pretty(content, status, headers)


def _answer(call: Call, state: ComputeState, now: str | None = None) -> dict[str, Any]:
    """:param now: the provisioning state of what has just begun, even if it takes no time."""
    if now is not None and state.under_way is None:
        last = replace(state.operations[-1], ends_at=computes.NEVER)
        state = replace(state, operations=(*state.operations[:-1], last))
    return answer(call, state, count_nodes(call.store, state))


COMPUTE = r"computes/(?P<name>[^/]+)"
OPERATIONS = (
    ("GET", r"computes", list_computes),
    ("GET", COMPUTE, get_compute),
    ("PUT", COMPUTE, put_compute),
    ("PATCH", COMPUTE, patch_compute),
    ("DELETE", COMPUTE, delete_compute),
    ("POST", COMPUTE + "/start", start_compute),
    ("POST", COMPUTE + "/stop", stop_compute),
    ("POST", COMPUTE + "/restart", restart_compute),
    ("POST", COMPUTE + "/listNodes", list_nodes),
)
