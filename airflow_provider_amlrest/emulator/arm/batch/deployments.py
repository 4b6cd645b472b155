"""Deployments of batch endpoints: create, update, read, list, delete."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import empty, pretty
from airflow_provider_amlrest.emulator.arm import changes, components, lists
from airflow_provider_amlrest.emulator.arm.batch.records import (
    DEPLOYMENT_PREFIX,
    deployment_answer,
    deployment_path,
    known_deployment,
    known_endpoint,
)
from airflow_provider_amlrest.emulator.arm.batch.shapes import DEPLOYMENT_RESOURCE, PARTIAL_DEPLOYMENT
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.computes import need_compute
from airflow_provider_amlrest.emulator.arm.endpoints import (
    check_name,
    deployments_of,
    need_rest,
    need_rest_of_parent,
    refused,
)
from airflow_provider_amlrest.emulator.arm.references import check_reference
from airflow_provider_amlrest.emulator.arm.shapes import read
from airflow_provider_amlrest.emulator.tracked import Tracked


async def put_deployment(call: Call, endpoint: str, name: str) -> Response:
    parent = known_endpoint(call, endpoint)
    check_name("deployment", name)
    sent = read(DEPLOYMENT_RESOURCE, call.body, call.version)
    _check(call, sent["properties"])
    need_rest_of_parent(parent)
    old = changes.deployment_before(call, deployment_path(endpoint, name))
    path = deployment_path(parent.name, name)
    return await changes.put(call, path, old, sent, DEPLOYMENT_PREFIX, deployment_answer)


def _check(call: Call, properties: dict[str, Any]) -> None:
    """What it refers to, and that it has what it scores with. The words are the emulator's."""
    configuration = properties["deploymentConfiguration"]
    if configuration is not None:
        reference = configuration["componentId"]["assetId"]
        spec = components.find(call.context.settings, call.store, call.workspace, reference).properties[
            "componentSpec"
        ]
        if spec["type"] != "pipeline":
            raise refused(f"{reference} is a component of the type {spec['type']}, not a pipeline.")
        need_compute(call, configuration["settings"].get("default_compute"))
        return
    code = properties["codeConfiguration"] or {}
    check_reference(call, properties["environmentId"])
    check_reference(call, code.get("codeId"), "codes")
    if not properties["model"]:
        raise refused("A batch deployment needs a model, or the deploymentConfiguration of a pipeline.")
    check_reference(call, properties["model"]["assetId"], "models")
    if code and not properties["environmentId"]:
        raise refused("A batch deployment with a scoring script needs an environment.")
    if not properties["compute"]:
        raise refused("A batch deployment of a model needs a compute.")
    need_compute(call, properties["compute"])


async def patch_deployment(call: Call, endpoint: str, name: str) -> Response:
    deployment = known_deployment(call, endpoint, name)
    sent = read(PARTIAL_DEPLOYMENT, call.body or {}, call.version)
    need_rest("deployment", deployment)
    given = {key: value for key, value in (sent["properties"] or {}).items() if value is not None}
    wanted = {"tags": sent["tags"], "properties": {**deployment.properties, **given}}
    return await changes.patch(call, deployment, wanted, DEPLOYMENT_PREFIX)


async def delete_deployment(call: Call, endpoint: str, name: str) -> Response:
    parent = known_endpoint(call, endpoint)
    deployment = Tracked(call.store).get(call.home, deployment_path(endpoint, name))
    if deployment is None:
        return empty(204)
    if (parent.properties["defaults"]["deploymentName"] or "").lower() == name.lower():
        # A guess: that it is refused, and the words.
        raise refused(f"The deployment {name} is the endpoint's default: make another one the default first.")
    return await changes.delete(call, deployment, DEPLOYMENT_PREFIX)


def get_deployment(call: Call, endpoint: str, name: str) -> Response:
    return pretty(deployment_answer(call, known_deployment(call, endpoint, name)))


def list_deployments(call: Call, endpoint: str) -> Response:
    found = deployments_of(call, known_endpoint(call, endpoint))
    return pretty(lists.page(call, [deployment_answer(call, deployment) for deployment in reversed(found)]))
