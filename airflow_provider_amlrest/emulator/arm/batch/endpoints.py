"""Batch endpoints: create, update, read, list, delete."""

from __future__ import annotations

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import MlError, not_emulated, pretty
from airflow_provider_amlrest.emulator.arm import changes, lists
from airflow_provider_amlrest.emulator.arm.batch.records import (
    COLLECTION,
    CREATED_IN,
    ENDPOINT_PREFIX,
    deployment_path,
    endpoint_answer,
    endpoint_path,
    known_endpoint,
)
from airflow_provider_amlrest.emulator.arm.batch.shapes import ENDPOINT_RESOURCE
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.endpoints import (
    PARTIAL_ENDPOINT,
    check_name,
    need_rest,
    refused,
)
from airflow_provider_amlrest.emulator.arm.shapes import read
from airflow_provider_amlrest.emulator.tracked import Tracked


async def put_endpoint(call: Call, name: str) -> Response:
    check_name("endpoint", name)
    sent = read(ENDPOINT_RESOURCE, call.body, call.version)
    properties = sent["properties"]
    if properties["authMode"] != "AADToken" or properties["keys"] is not None:
        raise not_emulated(f"batch endpoints with authMode {properties['authMode']}, or with keys")
    path = endpoint_path(name)
    with call.store.transaction():
        old = changes.endpoint_before(call, path)
        _check_default(call, name, properties["defaults"]["deploymentName"])
    # Recorded: it keeps the version that it was created in.
    version = str(call.version) if old is None else old.properties["properties"][CREATED_IN]
    own = {**properties, "properties": {**properties["properties"], CREATED_IN: version}}
    return await changes.put(call, path, old, sent, ENDPOINT_PREFIX, endpoint_answer, properties=own)


def _check_default(call: Call, endpoint: str, deployment: str | None) -> None:
    """That it must be there is a guess, and so are the words."""
    if deployment and Tracked(call.store).get(call.home, deployment_path(endpoint, deployment)) is None:
        raise refused(f"The default is {deployment!r}, and the endpoint has no such deployment.")


async def patch_endpoint(call: Call, name: str) -> Response:
    endpoint = known_endpoint(call, name)
    sent = read(PARTIAL_ENDPOINT, call.body or {}, call.version)
    need_rest("endpoint", endpoint)
    wanted = {"tags": sent["tags"], "identity": sent["identity"] or endpoint.identity}
    return await changes.patch(call, endpoint, wanted, ENDPOINT_PREFIX)


async def delete_endpoint(call: Call, name: str) -> Response:
    """With its deployments. The jobs that they made stay."""
    endpoint = Tracked(call.store).get(call.home, endpoint_path(name))
    return await changes.delete(call, endpoint, ENDPOINT_PREFIX)


def get_endpoint(call: Call, name: str) -> Response:
    return pretty(endpoint_answer(call, known_endpoint(call, name)))


def list_endpoints(call: Call) -> Response:
    found = reversed(Tracked(call.store).below(call.home, COLLECTION))
    return pretty(lists.page(call, [endpoint_answer(call, endpoint) for endpoint in found]))


def list_keys(call: Call, name: str) -> Response:
    """The words, and the status, are a guess."""
    known_endpoint(call, name)
    raise MlError(400, f"The batch endpoint {name} has no keys: its authMode is AADToken.", ("BadArgument",))
