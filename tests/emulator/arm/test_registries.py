"""Registries in Resource Manager, and on the host that azure-ai-ml asks."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.emulator.arm.test_components import SPEC
from tests.emulator.running import REGISTRY, Running

ASSETS: dict[str, Any] = {
    "environments": {"image": "img:1"},
    "codes": {"codeUri": "https://a/c/src"},
    "data": {"dataType": "uri_folder", "dataUri": "https://a/c/iris/"},
    "models": {"modelUri": "https://a/c/model", "modelType": "mlflow_model"},
    "components": {"componentSpec": {**SPEC, "name": "shared"}},
}
NAMES = f"azureml://registries/{REGISTRY}"


def follow(emulator: Running, answer: httpx.Response, header: str) -> httpx.Response:
    return emulator.http.get(answer.headers[header])


def test_the_registry_itself(emulator: Running) -> None:
    found = emulator.shared("GET", "").json()
    assert found["name"] == REGISTRY
    assert found["type"] == "Microsoft.MachineLearningServices/registries"
    assert emulator.http.get(found["properties"]["discoveryUrl"]).json()["registryName"] == REGISTRY


@pytest.mark.parametrize("kind", ASSETS)
def test_assets_in_resource_manager(emulator: Running, kind: str) -> None:
    path = f"{kind}/shared/versions/1"
    made = emulator.shared("PUT", path, {"properties": ASSETS[kind]})
    assert made.status_code == 201
    assert made.json()["id"].endswith(f"/registries/{REGISTRY}/{path}")
    assert made.json()["type"] == f"Microsoft.MachineLearningServices/registries/{kind}/versions"
    assert follow(emulator, made, "Azure-AsyncOperation").json() == {"status": "Succeeded"}
    assert emulator.shared("GET", path).json() == made.json()
    assert [item["name"] for item in emulator.shared("GET", f"{kind}/shared/versions").json()["value"]] == [
        "1"
    ]
    assert "shared" in [item["name"] for item in emulator.shared("GET", kind).json()["value"]]
    # What one scope has, the other does not.
    assert emulator.ml("GET", path).status_code == 404
    assert emulator.shared("DELETE", path).status_code == 200
    assert emulator.shared("GET", path).status_code == 404


@pytest.mark.parametrize("kind", ASSETS)
def test_assets_on_the_registrys_own_host(emulator: Running, kind: str) -> None:
    """Recorded: 202 with null, an operation with the asset's id, and an envelope of its own."""
    path = f"{kind}/hosted/versions/2"
    properties = ASSETS[kind] if kind != "components" else {"componentSpec": {**SPEC, "name": "hosted"}}
    made = emulator.shared("PUT", path, {"properties": properties}, host=True)
    assert (made.status_code, made.text) == (202, "null")
    assert "retry-after" not in made.headers
    assert follow(emulator, made, "Location").json() == {"assetId": f"{NAMES}/{path}"}
    found = emulator.shared("GET", path, host=True).json()
    assert (found["id"], found["name"], found["type"]) == (f"{NAMES}/{path}", "hosted", kind)
    assert "provisioningState" not in found["properties"]
    listed = emulator.shared("GET", f"{kind}/hosted/versions", host=True).json()["value"]
    assert [item["id"] for item in listed] == [f"{NAMES}/{path}"]
    assert emulator.shared("GET", f"{kind}/hosted", host=True).json()["id"] == f"{NAMES}/{kind}/hosted"


def test_containers_are_put_like_versions(emulator: Running) -> None:
    made = emulator.shared("PUT", "environments/empty", {"properties": {"description": "d"}})
    assert made.status_code == 201
    assert follow(emulator, made, "Azure-AsyncOperation").json() == {"status": "Succeeded"}
    hosted = emulator.shared("PUT", "environments/empty", {"properties": {"description": "e"}}, host=True)
    assert follow(emulator, hosted, "Location").json() == {"assetId": f"{NAMES}/environments/empty"}


def test_the_creation_takes_its_time(tuned: Running) -> None:
    tuned.admin("PATCH", "settings", {"provisioning_seconds": 600})
    made = tuned.shared("PUT", "codes/slow/versions/1", {"properties": ASSETS["codes"]})
    assert made.json()["properties"]["provisioningState"] == "Creating"
    assert follow(tuned, made, "Azure-AsyncOperation").json() == {"status": "InProgress"}
    hosted = tuned.shared("PUT", "codes/slow/versions/2", {"properties": ASSETS["codes"]}, host=True)
    assert (follow(tuned, hosted, "Location").status_code, hosted.text) == (202, "null")


def test_a_version_cannot_change(emulator: Running) -> None:
    emulator.share("environments/kept/versions/1", {"image": "img:1"})
    emulator.share("environments/kept/versions/1", {"image": "img:1", "tags": {"a": "b"}})
    other = emulator.shared("PUT", "environments/kept/versions/1", {"properties": {"image": "img:2"}})
    assert other.status_code == 409


def test_a_registry_has_no_datastores(emulator: Running) -> None:
    properties = {"dataType": "uri_file", "dataUri": "azureml://datastores/workspaceblobstore/paths/a"}
    answer = emulator.shared("PUT", "data/stored/versions/1", {"properties": properties})
    assert answer.status_code == 400
    assert "a registry has no datastores" in answer.text


def test_a_registry_that_there_is_not(emulator: Running) -> None:
    group = emulator.workspace.partition("/workspaces/")[0]
    own = emulator.http.get(f"{group}/registries/nobodys?api-version=2024-04-01")
    assert (own.status_code, own.json()["error"]["code"]) == (404, "ResourceNotFound")
    assert "'Microsoft.MachineLearningServices/registries/nobodys'" in own.json()["error"]["message"]
    below = emulator.http.get(f"{group}/registries/nobodys/models?api-version=2024-04-01")
    assert (below.status_code, below.json()["error"]["code"]) == (404, "ParentResourceNotFound")


def test_versions_of_the_api(emulator: Running) -> None:
    old = emulator.http.get(
        f"{emulator.workspace.partition('/workspaces/')[0]}/registries/{REGISTRY}?api-version=2022-05-01"
    )
    assert (old.status_code, old.json()["error"]["code"]) == (400, "NoRegisteredProviderFound")
    path = f"/mferp/managementfrontend{emulator.workspace.partition('/workspaces/')[0]}/registries/{REGISTRY}"
    other = emulator.http.get(f"{path}/models?api-version=2024-04-01")
    assert other.status_code == 400
    assert "is not 2021-10-01-dataplanepreview" in other.text


def test_operations_that_there_are_not(emulator: Running) -> None:
    subscription = emulator.workspace.partition("/resourceGroups/")[0]
    path = "providers/Microsoft.MachineLearningServices/locations/eastus/mfeOperationsStatus/none"
    assert emulator.http.get(f"{subscription}/{path}?api-version=2024-04-01").status_code == 404
