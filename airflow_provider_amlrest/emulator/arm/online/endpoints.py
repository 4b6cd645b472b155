"""Online endpoints: create, update, read, list, delete."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import MlError, not_emulated, pretty
from airflow_provider_amlrest.emulator.arm import changes, lists
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.endpoints import (
    PARTIAL_ENDPOINT,
    check_name,
    deployments_of,
    need_rest,
    refused,
)
from airflow_provider_amlrest.emulator.arm.online.records import (
    COLLECTION,
    ENDPOINT_PREFIX,
    endpoint_answer,
    endpoint_path,
    known_endpoint,
)
from airflow_provider_amlrest.emulator.arm.online.shapes import ENDPOINT_RESOURCE
from airflow_provider_amlrest.emulator.arm.shapes import read
from airflow_provider_amlrest.emulator.tracked import Resource, Tracked

MOST_MIRRORED = 50
"""Per cent, documented."""


async def put_endpoint(call: Call, name: str) -> Response:
    check_name("endpoint", name)
    sent = read(ENDPOINT_RESOURCE, call.body, call.version)
    if sent["properties"]["keys"] is not None:
        raise not_emulated("keys of one's own choice")
    path = endpoint_path(name)
    with call.store.transaction():
        old = changes.endpoint_before(call, path)
        _check_traffic(call, old, sent["properties"])
    return await changes.put(call, path, old, sent, ENDPOINT_PREFIX, endpoint_answer)


def _check_traffic(call: Call, endpoint: Resource | None, properties: dict[str, Any]) -> None:
    """What is documented of traffic; the words are the emulator's."""
    traffic, mirrored = properties["traffic"], properties["mirrorTraffic"]
    known = {} if endpoint is None else {d.name.lower(): d for d in deployments_of(call, endpoint)}
    for member, shares in (("traffic", traffic), ("mirrorTraffic", mirrored)):
        for deployment, share in shares.items():
            if deployment.lower() not in known:
                raise refused(f"{member} names {deployment!r}, and the endpoint has no such deployment.")
            if not 0 <= share <= 100:
                raise refused(f"{member} of {deployment!r} is {share}, not 0 to 100 per cent.")
    if sum(traffic.values()) not in (0, 100):
        raise refused(f"The sum of traffic must be 0 or 100, not {sum(traffic.values())}: {traffic}.")
    copied = {deployment: share for deployment, share in mirrored.items() if share}
    if len(copied) > 1 or sum(copied.values()) > MOST_MIRRORED:
        raise refused(f"mirrorTraffic must be {MOST_MIRRORED} per cent at most, to one deployment: {copied}.")
    if both := [deployment for deployment in copied if traffic.get(deployment)]:
        raise refused(f"The deployment {both[0]!r} cannot have both traffic and mirrorTraffic.")


async def patch_endpoint(call: Call, name: str) -> Response:
    endpoint = known_endpoint(call, name)
    sent = read(PARTIAL_ENDPOINT, call.body or {}, call.version)
    need_rest("endpoint", endpoint)
    wanted = {"tags": sent["tags"], "identity": sent["identity"] or endpoint.identity}
    return await changes.patch(call, endpoint, wanted, ENDPOINT_PREFIX)


async def delete_endpoint(call: Call, name: str) -> Response:
    """With all its deployments, whatever traffic they have, as documented."""
    endpoint = Tracked(call.store).get(call.home, endpoint_path(name))
    return await changes.delete(call, endpoint, ENDPOINT_PREFIX)


def get_endpoint(call: Call, name: str) -> Response:
    return pretty(endpoint_answer(call, known_endpoint(call, name)))


def list_endpoints(call: Call) -> Response:
    found = [
        endpoint_answer(call, endpoint)
        for endpoint in reversed(Tracked(call.store).below(call.home, COLLECTION))
        if call.query.get("name", endpoint.name).lower() == endpoint.name.lower()
        and lists.has_pairs(endpoint.tags, call.query.get("tags"))
        and lists.has_pairs(endpoint.properties["properties"], call.query.get("properties"))
    ]
    return pretty(lists.page(call, found))


def check_key_mode(endpoint: Resource, mode: str, what: str) -> None:
    """Keys are for the mode Key, the service's own tokens for AMLToken. How others are refused is a guess."""
    actual = endpoint.properties["authMode"]
    if actual != mode:
        message = f"{what} is for endpoints with authMode {mode}: that of {endpoint.name} is {actual}."
        raise MlError(400, message, ("BadArgument",))
