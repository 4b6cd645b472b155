"""What counts as the same resource, by Microsoft's recordings."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest.rest.resources.equality import differences

NOW = {
    "tags": {"team": "ml", "policy": "added"},
    "location": "westeurope",
    "identity": {"type": "SystemAssigned", "principalId": "1"},
    "properties": {
        "authMode": "AADToken",
        "description": None,
        "environmentVariables": {"A": "1"},
        "requestSettings": {"requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 1},
        "subnet": None,
        "model": "/subscriptions/S/models/m/versions/1",
        "schedules": [{"action": "Stop"}],
        "properties": {"AzureAsyncOperationUri": "https://...", "own": "Yes"},
    },
}
OF_USER = ("tags", "properties.properties", "properties.environmentVariables")


@pytest.mark.parametrize(
    "wanted",
    [
        {"tags": {"team": "ml"}},
        {"properties": {"authMode": "aadToken", "model": "/subscriptions/s/models/m/versions/1"}},
        {"properties": {"requestSettings": {"requestTimeout": "PT0M5S"}}},
        {"properties": {"subnet": None, "remoteLoginPortPublicAccess": "NotSpecified"}},
        {"properties": {"enableNodePublicIp": True}},
        {"identity": {"type": "SystemAssigned"}},
        {"properties": {"schedules": [{"action": "stop"}]}},
        {"properties": {"properties": {"own": "Yes"}}},
    ],
)
def test_what_the_service_adds_or_writes_in_its_own_way_makes_no_difference(wanted: dict[str, Any]) -> None:
    assert differences(wanted, NOW, OF_USER) == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"tags": {"team": "ops"}}, "tags.team: 'ml' -> 'ops'"),
        ({"tags": {"new": "1"}}, "tags.new: None -> '1'"),
        ({"properties": {"authMode": "Key"}}, "properties.authMode: 'AADToken' -> 'Key'"),
        (
            {"properties": {"environmentVariables": {}}},
            "properties.environmentVariables.A: '1' -> none",
        ),
        (
            {"properties": {"environmentVariables": {"A": "1", "B": "2"}}},
            "properties.environmentVariables.B: None -> '2'",
        ),
        ({"properties": {"properties": {"own": "yes"}}}, "properties.properties.own: 'Yes' -> 'yes'"),
        (
            {"properties": {"requestSettings": {"requestTimeout": "PT6S"}}},
            "properties.requestSettings.requestTimeout: 'PT5S' -> 'PT6S'",
        ),
        ({"properties": {"subnet": {"id": "x"}}}, "properties.subnet: None -> {'id': 'x'}"),
        ({"properties": {"description": "new"}}, "properties.description: None -> 'new'"),
        ({"properties": {"schedules": []}}, "properties.schedules: [{'action': 'Stop'}] -> []"),
    ],
)
def test_a_difference_is_said_by_its_place(wanted: dict[str, Any], said: str) -> None:
    assert differences(wanted, NOW, OF_USER) == [said]


CURATED = "azureml://registries/azureml/environments/sklearn-1.5"


@pytest.mark.parametrize(
    ("wanted", "now", "is_same"),
    [
        (f"{CURATED}/labels/latest", f"{CURATED}/labels/latest", True),
        (f"{CURATED}/labels/latest", f"{CURATED}/versions/33", True),
        ("azureml:AzureML-sklearn@latest", "azureml:AzureML-sklearn:33", True),
        (
            "azureml:AzureML-sklearn@latest",
            f"{CURATED.replace('sklearn-1.5', 'AzureML-sklearn')}/versions/3",
            True,
        ),
        (f"{CURATED}/labels/latest", f"{CURATED}-gpu/versions/33", False),
        (f"{CURATED}/labels/latest", f"{CURATED.replace('sklearn', 'my-sklearn')}/versions/33", False),
        ("azureml:AzureML-sklearn@latest", "azureml:AzureML-sklearn-gpu:33", False),
        (f"{CURATED}/versions/3", f"{CURATED}/versions/33", False),
    ],
)
def test_what_a_label_stands_for_is_the_services_business(wanted: str, now: str, is_same: bool) -> None:
    found = differences({"environmentId": wanted}, {"environmentId": now}, ())
    assert (not found) == is_same
