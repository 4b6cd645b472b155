"""The emulator's answers about endpoints and deployments, against Microsoft's OpenAPI files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.test_responses import NEW, Checked
from tests.emulator.running import Running


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    running = Running(tmp_path_factory.mktemp("endpoints") / "data", "--runtime", "simulated")
    running.admin("PATCH", "settings", {"operation_seconds": 0})
    yield Checked(running)
    assert running.stop() == 0, running.log.read_text()


@pytest.mark.parametrize("version", NEW)
def test_online_endpoints(simulated: Checked, version: str) -> None:
    running = simulated.running
    running.put(f"codes/online-{version}/versions/1", {"codeUri": "https://a/c/src"})
    path, blue = f"onlineEndpoints/e-{version}", f"onlineEndpoints/e-{version}/deployments/blue"
    endpoint: dict[str, Any] = {
        "location": "eastus",
        "tags": {"a": "1"},
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "Key", "description": "d", "properties": {"p": "1"}},
    }
    code = f"{simulated.workspace}/codes/online-{version}/versions/1"
    deployment = {
        "location": "eastus",
        "sku": {"name": "Default", "capacity": 2},
        "properties": {
            "endpointComputeType": "Managed",
            "codeConfiguration": {"codeId": code, "scoringScript": "score.py"},
            "environmentVariables": {"A": "1"},
            "scaleSettings": {"scaleType": "TargetUtilization", "maxInstances": 3},
            "requestSettings": {"requestTimeout": "PT10S"},
            "readinessProbe": {"initialDelay": "PT5S"},
        },
    }
    simulated.ask(version, "PUT", path, endpoint, expect=201)
    simulated.ask(version, "PUT", blue, deployment, expect=201)
    endpoint["properties"]["traffic"] = {"blue": 100}
    simulated.ask(version, "PUT", path, endpoint, expect=201)
    simulated.ask(version, "PATCH", path, {"tags": {"a": "2"}}, expect=202)
    simulated.ask(version, "PATCH", blue, {"sku": {"capacity": 1}}, expect=202)
    for reader in NEW:
        for known in ("onlineEndpoints", path, f"{path}/deployments", blue, f"{blue}/skus"):
            simulated.ask(reader, "GET", known, expect=200)
    simulated.ask(version, "POST", f"{path}/listKeys", expect=200)
    simulated.ask(version, "POST", f"{path}/regenerateKeys", {"keyType": "Secondary"}, expect=202)
    simulated.ask(version, "POST", f"{blue}/getLogs", {"tail": 5}, expect=200)
    simulated.ask(version, "DELETE", blue, expect=400)
    endpoint["properties"] = {"authMode": "AMLToken"}
    simulated.ask(version, "PUT", path, endpoint, expect=201)
    simulated.ask(version, "POST", f"{path}/token", expect=200)
    for thing in (blue, path):
        simulated.ask(version, "DELETE", thing, expect=202)
        simulated.ask(version, "DELETE", thing, expect=204)
        simulated.ask(version, "GET", thing, expect=404)


@pytest.mark.parametrize("version", NEW)
def test_batch_endpoints(simulated: Checked, version: str) -> None:
    running = simulated.running
    model = f"models/batch-{version}/versions/1"
    running.put(model, {"modelUri": "https://a/c/m"})
    path, first = f"batchEndpoints/b-{version}", f"batchEndpoints/b-{version}/deployments/first"
    endpoint: dict[str, Any] = {
        "location": "eastus",
        "tags": {"a": "1"},
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "AADToken", "description": "d", "properties": {"p": "1"}},
    }
    deployment: dict[str, Any] = {
        "location": "eastus",
        "properties": {
            "model": {"referenceType": "Id", "assetId": f"{simulated.workspace}/{model}"},
            "compute": f"{simulated.workspace}/computes/cpu-cluster",
            "environmentVariables": {"A": "1"},
            "retrySettings": {"maxRetries": 1, "timeout": "PT5M"},
            "resources": {"instanceCount": 2},
        },
    }
    simulated.ask(version, "PUT", path, endpoint, expect=201)
    simulated.ask(version, "PUT", first, deployment, expect=201)
    endpoint["properties"]["defaults"] = {"deploymentName": "first"}
    simulated.ask(version, "PUT", path, endpoint, expect=201)
    simulated.ask(version, "PATCH", path, {"tags": {"a": "2"}}, expect=202)
    simulated.ask(version, "PATCH", first, {"properties": {"description": "d"}}, expect=202)
    for reader in NEW:
        for known in ("batchEndpoints", path, f"{path}/deployments", first):
            simulated.ask(reader, "GET", known, expect=200)
    simulated.ask(version, "DELETE", first, expect=400)
    endpoint["properties"] = {"authMode": "AADToken"}
    simulated.ask(version, "PUT", path, endpoint, expect=201)
    for thing in (first, path):
        simulated.ask(version, "DELETE", thing, expect=202)
        simulated.ask(version, "DELETE", thing, expect=204)
        simulated.ask(version, "GET", thing, expect=404)
