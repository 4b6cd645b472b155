"""Deployments of online endpoints: create, update, scale, read, list, logs, delete."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import MlError, empty, invalid, pretty
from airflow_provider_amlrest.emulator.arm import changes, lists
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.endpoints import (
    check_name,
    deployments_of,
    need_rest,
    need_rest_of_parent,
    refused,
)
from airflow_provider_amlrest.emulator.arm.online.records import (
    DEPLOYMENT_PREFIX,
    deployment_answer,
    deployment_path,
    known_deployment,
    known_endpoint,
)
from airflow_provider_amlrest.emulator.arm.online.shapes import (
    DEPLOYMENT_RESOURCE,
    LOGS,
    PARTIAL_DEPLOYMENT,
)
from airflow_provider_amlrest.emulator.arm.references import check_reference
from airflow_provider_amlrest.emulator.arm.shapes import read
from airflow_provider_amlrest.emulator.container_log import ContainerLog, deployment_folder
from airflow_provider_amlrest.emulator.tracked import UPDATING, Tracked

INSTANCE_TYPE = re.compile(r"Standard_[A-Z]+\d+\w*", re.IGNORECASE)
DEFAULT_SKU = {"name": "Default", "tier": "Standard", "capacity": 1}
MOST_INSTANCES = 50
"""Documented: of a deployment."""
RESOURCE_TYPE = "Microsoft.MachineLearning.Services/endpoints/deployments"
"""Of ``skus``, from Microsoft's example of the operation."""


async def put_deployment(call: Call, endpoint: str, name: str) -> Response:
    parent = known_endpoint(call, endpoint)
    check_name("deployment", name)
    sent = read(DEPLOYMENT_RESOURCE, call.body, call.version)
    _check_references(call, sent["properties"])
    need_rest_of_parent(parent)
    old = changes.deployment_before(call, deployment_path(endpoint, name))
    path = deployment_path(parent.name, name)
    sku = sent["sku"] or DEFAULT_SKU
    return await changes.put(
        call, path, old, sent, DEPLOYMENT_PREFIX, deployment_answer, process=True, sku=sku
    )


def _check_references(call: Call, properties: dict[str, Any]) -> None:
    code = properties["codeConfiguration"] or {}
    check_reference(call, properties["environmentId"])
    check_reference(call, code.get("codeId"), "codes")
    check_reference(call, properties["model"], "models")
    if not INSTANCE_TYPE.fullmatch(properties["instanceType"]):
        raise invalid(
            "properties.instanceType", f"{properties['instanceType']!r} is no size of a virtual machine"
        )
    if not code.get("codeId") and not properties["model"]:
        raise refused("A deployment needs a model, or code with its scoringScript.")


async def patch_deployment(call: Call, endpoint: str, name: str) -> Response:
    deployment = known_deployment(call, endpoint, name)
    sent = read(PARTIAL_DEPLOYMENT, call.body or {}, call.version)
    need_rest("deployment", deployment)
    given = {member: value for member, value in (sent["sku"] or {}).items() if value is not None}
    sku = {**(deployment.sku or DEFAULT_SKU), **given}
    # Recorded of other tags alone: Updating. That another capacity is Scaling is inferred from the enum.
    state = UPDATING if sku == deployment.sku else "Scaling"
    wanted = {"tags": sent["tags"], "sku": sku, "state": state}
    return await changes.patch(call, deployment, wanted, DEPLOYMENT_PREFIX, process=True)


async def delete_deployment(call: Call, endpoint: str, name: str) -> Response:
    parent = known_endpoint(call, endpoint)
    deployment = Tracked(call.store).get(call.home, deployment_path(endpoint, name))
    if deployment is None:
        return empty(204)
    for member in ("traffic", "mirrorTraffic"):
        shares = {key.lower(): share for key, share in parent.properties[member].items()}
        if share := shares.get(name.lower()):
            # That it is refused is documented; the words are the emulator's.
            raise refused(
                f"The deployment {name} has {share} % of {member}: set it to 0 before you delete it."
            )
    return await changes.delete(call, deployment, DEPLOYMENT_PREFIX)


def get_deployment(call: Call, endpoint: str, name: str) -> Response:
    return pretty(deployment_answer(call, known_deployment(call, endpoint, name)))


def list_deployments(call: Call, endpoint: str) -> Response:
    found = deployments_of(call, known_endpoint(call, endpoint))
    return pretty(lists.page(call, [deployment_answer(call, deployment) for deployment in reversed(found)]))


def get_logs(call: Call, endpoint: str, name: str) -> Response:
    deployment = known_deployment(call, endpoint, name)
    sent = read(LOGS, call.body or {}, call.version)
    if sent["tail"] is not None and sent["tail"] < 1:
        raise MlError(400, f"tail is {sent['tail']}, not a number of lines.", ("BadArgument",))
    folder = deployment_folder(call.context.settings.data_dir, call.home, deployment.path)
    # The container that fetches the model has no log of its own here.
    tail = sent["tail"] if sent["containerType"] == "InferenceServer" else 0
    return pretty({"content": ContainerLog(folder).text(tail)})


def list_skus(call: Call, endpoint: str, name: str) -> Response:
    deployment = known_deployment(call, endpoint, name)
    capacity = {
        "minimum": 1,
        "maximum": MOST_INSTANCES,
        "default": 1,
        "scaleType": "Manual",
    }
    sku = {"name": (deployment.sku or DEFAULT_SKU)["name"], "tier": "Standard"}
    return pretty(lists.page(call, [{"resourceType": RESOURCE_TYPE, "sku": sku, "capacity": capacity}]))
