"""Where a registry is, and how its operations go."""

from __future__ import annotations

from tests.emulator.running import REGISTRY, Running


def test_discovery(emulator: Running) -> None:
    """The members are as recorded."""
    found = emulator.http.get(f"/registrymanagement/v1.0/registries/{REGISTRY}/discovery").json()
    assert list(found) == [
        *("registryId", "registryName", "tenantId", "primaryRegion", "regions", "subscriptionId"),
        *("resourceGroup", "workspaceName", "primaryRegionResourceProviderUri", "registryFqdns"),
    ]
    assert found["subscriptionId"] == emulator.facts["subscription_id"]
    assert found["primaryRegionResourceProviderUri"] == f"{emulator.facts['arm_endpoint']}/"
    other_case = emulator.http.get(f"/registrymanagement/v1.0/registries/{REGISTRY.upper()}/discovery")
    assert other_case.json() == found


def test_a_registry_that_there_is_not(emulator: Running) -> None:
    answer = emulator.http.get("/registrymanagement/v1.0/registries/nobodys/discovery")
    assert answer.status_code == 403
    error = answer.json()["error"]
    assert error["message"] == "User/tenant/subscription is not allowed to access registry nobodys"
    assert error["innerError"]["innerError"]["innerError"]["code"] == "UnAuthorizedRegistryAccess"


def test_an_operation_that_there_is_not(emulator: Running) -> None:
    assert emulator.http.get("/assetstore/v1.0/operations/none").status_code == 404


def test_without_a_token(emulator: Running) -> None:
    for path in (f"registrymanagement/v1.0/registries/{REGISTRY}/discovery", "assetstore/v1.0/operations/x"):
        assert emulator.http.get(f"/{path}", headers={"Authorization": ""}).status_code == 401
