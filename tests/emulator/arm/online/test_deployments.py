"""Deployments of online endpoints: operations as recorded, refusals, logs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.online import deployment_body, make_endpoint, operation, put, score, wait_until
from tests.emulator.running import Running, said

BLUE = "onlineEndpoints/shop/deployments/blue"


@pytest.fixture
def shop(quick: Running) -> Running:
    make_endpoint(quick, "shop")
    return quick


def test_a_deployment_is_answered_with_its_defaults(shop: Running) -> None:
    answer = put(shop, BLUE, deployment_body(shop), version="2022-05-01")
    body = answer.json()
    assert body["properties"]["provisioningState"] == "Creating"
    assert body["properties"]["requestSettings"] == {
        "maxQueueWait": "PT0S",
        "requestTimeout": "PT5S",
        "maxConcurrentRequestsPerInstance": 1,
    }
    assert body["sku"] == {"name": "Default", "tier": "Standard", "capacity": 1}
    assert "egressPublicNetworkAccess" not in body["properties"]
    assert operation(shop, answer)["name"].startswith("od:")


def test_a_put_over_a_deployment_is_201_and_updating(shop: Running) -> None:
    put(shop, BLUE, deployment_body(shop))
    wait_until(shop, BLUE, "Succeeded")
    again = put(shop, BLUE, deployment_body(shop))
    assert again.json()["properties"]["provisioningState"] == "Updating"
    assert again.json()["properties"]["properties"]["AzureAsyncOperationUri"]
    wait_until(shop, BLUE, "Succeeded")


def test_two_writers_at_once_are_told(shop: Running) -> None:
    put(shop, BLUE, deployment_body(shop))
    wait_until(shop, BLUE, "Succeeded")
    shop.admin("POST", "provisioning", {"resource": "blue", "outcome": "stuck"})
    assert shop.ml("PATCH", BLUE, {"tags": {"a": "1"}}).status_code == 202
    for method in ("PUT", "PATCH"):
        refused = shop.ml(method, BLUE, deployment_body(shop) if method == "PUT" else {"tags": {}})
        assert refused.status_code == 409
        assert "in Updating provisioning state" in said(refused)


def test_scaling_is_a_patch_of_the_sku(shop: Running) -> None:
    put(shop, BLUE, deployment_body(shop))
    wait_until(shop, BLUE, "Succeeded")
    shop.admin("POST", "provisioning", {"resource": "blue", "outcome": "stuck", "times": 1})
    accepted = shop.ml("PATCH", BLUE, {"sku": {"capacity": 3}})
    assert accepted.status_code == 202
    body = shop.ml("GET", BLUE).json()
    assert (body["properties"]["provisioningState"], body["sku"]["capacity"]) == ("Scaling", 3)


def test_one_with_traffic_is_not_deleted(shop: Running) -> None:
    make_endpoint(shop, "busy", "blue", "green", traffic={"blue": 100}, mirrorTraffic={"green": 10})
    for name, member in (("blue", "100 % of traffic"), ("green", "10 % of mirrorTraffic")):
        refused = shop.ml("DELETE", f"onlineEndpoints/busy/deployments/{name}")
        assert refused.status_code == 400
        assert member in said(refused)
    make_endpoint(shop, "busy", traffic={"blue": 0})
    gone = shop.ml("DELETE", "onlineEndpoints/busy/deployments/blue")
    assert operation(shop, gone)["status"] == "Succeeded"
    names = [d["name"] for d in shop.ml("GET", "onlineEndpoints/busy/deployments").json()["value"]]
    assert names == ["green"]
    assert shop.ml("DELETE", "onlineEndpoints/busy/deployments/blue").status_code == 204


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"instanceType": "huge"}, 400, "properties.instanceType"),
    ({"codeConfiguration": None}, 400, "a model, or code"),
    ({"model": "azureml:none:1"}, 404, "none:1"),
    ({"model": "{workspace}s/models/m/versions/1"}, 400, "another workspace"),
    ({"environmentId": "azureml:none:1"}, 404, "none"),
    ({"endpointComputeType": "Kubernetes"}, 501, "Kubernetes"),
    ({"readinessProbe": {"failureThreshold": 0}}, 400, "readinessProbe.failureThreshold"),
]


@pytest.mark.parametrize(("changes", "status", "problem"), REFUSED)
def test_deployments_that_there_cannot_be(
    shop: Running, changes: dict[str, Any], status: int, problem: str
) -> None:
    body = deployment_body(shop, **changes)
    if isinstance(changes.get("model"), str):
        other = shop.workspace.removesuffix("/emulator") + "/other"
        body["properties"]["model"] = changes["model"].replace("{workspace}s", other)
    refused = shop.ml("PUT", BLUE, body)
    assert refused.status_code == status
    assert problem in refused.text


def test_one_of_an_endpoint_that_there_is_not(quick: Running) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        body = deployment_body(quick) if method == "PUT" else None
        assert quick.ml(method, "onlineEndpoints/none/deployments/blue", body).status_code == 404


def test_logs_and_skus(shop: Running) -> None:
    put(shop, BLUE, deployment_body(shop))
    wait_until(shop, BLUE, "Succeeded")
    content = shop.ml("POST", f"{BLUE}/getLogs", {"tail": 10}).json()["content"]
    assert content.startswith("Instance status:\nSystemSetup: Succeeded\n")
    assert "Message: Container is ready" in content
    assert shop.ml("POST", f"{BLUE}/getLogs", {"tail": 0}).status_code == 400
    [sku] = shop.ml("GET", f"{BLUE}/skus").json()["value"]
    assert sku["sku"]["name"] == "Default"


def test_one_that_gets_unhealthy_after_success(shop: Running) -> None:
    body = deployment_body(shop, tags={"emulator.outcome": "unhealthy"})
    put(shop, BLUE, body)
    wait_until(shop, BLUE, "Succeeded")
    make_endpoint(shop, "shop", traffic={"blue": 100})
    assert score(shop, "shop", {}).status_code == 503
    assert "LivenessProbeFailed" in shop.ml("POST", f"{BLUE}/getLogs").json()["content"]
    # What is put over it serves again.
    put(shop, BLUE, deployment_body(shop))
    wait_until(shop, BLUE, "Succeeded")
    assert score(shop, "shop", {}).json() == {"deployment": "blue"}


def test_one_that_is_stuck_by_its_tags_can_be_deleted(shop: Running) -> None:
    put(shop, BLUE, deployment_body(shop, tags={"emulator.outcome": "stuck"}))
    assert shop.get(BLUE)["provisioningState"] == "Creating"
    assert operation(shop, shop.ml("DELETE", BLUE))["status"] == "Succeeded"
