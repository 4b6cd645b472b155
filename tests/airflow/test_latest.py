"""What ``name@latest`` means stays the same while a task that asked for it is deferred."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_amlrest.operators import (
    AzureMLDeployBatchEndpointOperator,
    AzureMLDeployOnlineEndpointOperator,
    AzureMLPromoteModelOperator,
)
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.resources.goal import Change
from tests.support.emulated import Emulated
from tests.support.endpoints import INSTANCE_TYPE
from tests.support.tasks import Try, unique

INNER = {"type": "command", "command": "true", "environment": "azureml:AzureML-any:1"}
ASSETS: dict[str, tuple[str, dict[str, Any]]] = {
    "model": ("models", {"modelUri": "https://account/models/x"}),
    "environment": ("environments", {"image": "python:3.11"}),
    "component": ("components", {}),
}


@pytest.fixture
def register(client: AzureMLClient, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Register a version of an asset that is the test's own; its name."""

    def put(path: str, properties: dict[str, Any]) -> str:
        if not client.get_resource(path).exists:
            client.change_resource(Change("PUT", path, {"properties": properties}))
        return client.get_resource(path).id

    def register(kind: str, version: str) -> str:
        collection, properties = ASSETS[kind]
        name = f"{kind}-{unique(request)}"
        if kind == "component":
            inner = {**INNER, "name": "inner", "version": "1"}
            step = put("components/inner/versions/1", {"componentSpec": inner})
            spec = {"name": name, "version": version, "type": "pipeline"}
            properties = {
                "componentSpec": {**spec, "jobs": {"one": {"type": "command", "componentId": step}}}
            }
        put(f"{collection}/{name}/versions/{version}", properties)
        return name

    return register


def online(shop: str, **deployment: Any) -> Any:
    return AzureMLDeployOnlineEndpointOperator(
        task_id="deploy",
        endpoint=shop,
        deployment_name="new",
        deployment={"instance_type": INSTANCE_TYPE, **deployment},
        deferrable=True,
        poll_interval=0.05,
    )


def batch(shop: str, **deployment: Any) -> Any:
    return AzureMLDeployBatchEndpointOperator(
        task_id="deploy",
        endpoint=f"{shop}-b",
        deployment_name="new",
        deployment=deployment,
        deferrable=True,
        poll_interval=0.05,
    )


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (online, "model"),
        (online, "environment"),
        (batch, "model"),
        (batch, "environment"),
        (batch, "component"),
    ],
)
def test_a_deployment_has_what_was_the_latest_at_the_first_look(
    shop: str,
    emulator: Emulated,
    client: AzureMLClient,
    register: Callable[..., str],
    make: Callable[..., Any],
    kind: str,
) -> None:
    named = {kind: f"{register(kind, '1')}@latest"}
    if make is batch and kind != "component":
        named["compute"] = "cpu-cluster"
    if kind == "environment":
        named["model"] = f"{register('model', '1')}:1"
    task = make(shop, **named)
    mark = emulator.mark()
    with emulator.setting("operation_seconds", 0.1):
        result = Try(task).execute(lambda: _unless_unknown(emulator, mark, register, kind))
    assert result["outcome"] == "created"
    assert len(emulator.asked("PUT", "/deployments/new$", since=mark)) == 1
    [path] = [entry["path"] for entry in emulator.asked("PUT", "/deployments/new$", since=mark)]
    deployed = client.get_resource(path.partition("/workspaces/")[2].partition("/")[2])
    text = json.dumps(deployed.wire)
    assert f"{register(kind, '2')}/versions/1" in text
    assert f"{register(kind, '2')}/versions/2" not in text


def _unless_unknown(emulator: Emulated, mark: int, register: Callable[..., str], kind: str) -> None:
    """Register a newer version once the deployment was sent."""
    if emulator.asked("PUT", "/deployments/new$", since=mark):
        register(kind, "2")


def test_a_promotion_is_of_what_was_the_latest_at_the_first_look(
    emulator: Emulated, register: Callable[..., str]
) -> None:
    name = register("model", "1")
    task = AzureMLPromoteModelOperator(
        task_id="promote",
        model=f"{name}@latest",
        registry_name="emulator-registry",
        deferrable=True,
        poll_interval=0.05,
    )
    mark = emulator.mark()
    with emulator.setting("provisioning_seconds", 0.1):
        result = Try(task).execute(lambda: register("model", "2"))
    assert (result["version"], result["outcome"]) == ("1", "promoted")
    assert len(emulator.asked("POST", "/publish$", since=mark)) == 1
