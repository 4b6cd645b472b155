"""How endpoints and their deployments change: the operation that a request begins, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import empty
from airflow_provider_amlrest.emulator.arm import operations
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.endpoints import check_name_is_free, need_rest
from airflow_provider_amlrest.emulator.tracked import DELETING, UPDATING, Resource, Tracked, Verb


def endpoint_before(call: Call, path: str) -> Resource | None:
    """The endpoint that a PUT changes; None if it makes a new one, whose name must be free."""
    old = Tracked(call.store).get(call.home, path)
    if old is None:
        check_name_is_free(call, path.rpartition("/")[2])
    else:
        need_rest("endpoint", old)
    return old


def deployment_before(call: Call, path: str) -> Resource | None:
    """The deployment that a PUT changes; None if it makes a new one."""
    old = Tracked(call.store).get(call.home, path)
    if old is not None:
        need_rest("deployment", old)
    return old


async def put(
    call: Call,
    path: str,
    old: Resource | None,
    sent: Mapping[str, Any],
    prefix: str,
    answer: Callable[[Call, Resource], Any],
    *,
    process: bool = False,
    **own: Any,
) -> Response:
    """A PUT: the resource becomes what it says, or is made so.

    Args:
        sent: the request, as it is read.
        prefix: of the operation's name.
        process: as of :func:`operations.begin`.
        own: members of the resource that are not as they were sent.
    """
    location = sent["location"].lower()
    fresh = old or Resource(call.home, path, {}, location, created_by=call.principal.application_id)
    members = {name: sent[name] for name in ("properties", "tags", "identity", "sku")}
    state = "Creating" if old is None else UPDATING
    becoming = replace(fresh, **{**members, "location": location, "state": state, **own})
    verb: Verb = "create" if old is None else "update"
    made, operation = await operations.begin(call, becoming, verb, prefix, process=process)
    return operations.created(call, operation, answer(call, made))


async def patch(
    call: Call, old: Resource, changes: Mapping[str, Any], prefix: str, *, process: bool = False
) -> Response:
    """A PATCH. That tags are replaced, not merged, is a guess; those that are None stay."""
    tags = old.tags if changes["tags"] is None else changes["tags"]
    becoming = replace(old, **{"state": UPDATING, **changes, "tags": tags})
    _, operation = await operations.begin(call, becoming, "update", prefix, process=process)
    return operations.updating(call, operation)


async def delete(call: Call, old: Resource | None, prefix: str) -> Response:
    """A DELETE, also of what is not there."""
    if old is None:
        return empty(204)
    _, operation = await operations.begin(call, replace(old, state=DELETING), "delete", prefix)
    return operations.deleting(call, operation)
