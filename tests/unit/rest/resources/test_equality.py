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
        "codeConfiguration": {"scoringScript": "score.py"},
        "settings": {"continue_on_step_failure": "False"},
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
        {"location": "West Europe"},
        {"properties": {"schedules": [{"action": "stop"}]}},
        {"properties": {"properties": {"own": "Yes"}}},
        {"properties": {"requestSettings": {"maxConcurrentRequestsPerInstance": "1"}}},
        {"properties": {"settings": {"continue_on_step_failure": False}}},
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
            "properties.environmentVariables.A: '***' -> none",
        ),
        (
            {"properties": {"environmentVariables": {"A": "1", "B": "2"}}},
            "properties.environmentVariables.B: None -> '***'",
        ),
        ({"properties": {"properties": {"own": "yes"}}}, "properties.properties.own: 'Yes' -> 'yes'"),
        (
            {"properties": {"requestSettings": {"requestTimeout": "PT6S"}}},
            "properties.requestSettings.requestTimeout: 'PT5S' -> 'PT6S'",
        ),
        ({"properties": {"subnet": {"id": "x"}}}, "properties.subnet: None -> {'id': 'x'}"),
        ({"properties": {"description": "new"}}, "properties.description: None -> 'new'"),
        ({"properties": {"schedules": []}}, "properties.schedules: [{'action': 'Stop'}] -> []"),
        (
            {"properties": {"codeConfiguration": {"scoringScript": "Score.py"}}},
            "properties.codeConfiguration.scoringScript: 'score.py' -> 'Score.py'",
        ),
        ({"properties": {"settings": {"force": True}}}, "properties.settings.force: None -> True"),
        ({"identity": {"type": "None"}}, "identity.type: 'SystemAssigned' -> 'None'"),
    ],
)
def test_a_difference_is_said_by_its_place(wanted: dict[str, Any], said: str) -> None:
    assert differences(wanted, NOW, OF_USER) == [said]


@pytest.mark.parametrize(
    ("wanted", "now", "said"),
    [
        ({"B": {}}, {"a": {"clientId": "1"}}, ["B: None -> {}", "a: {'clientId': '1'} -> none"]),
        ({"A": {}, "b": {}}, {"a": {"clientId": "1"}}, ["b: None -> {}"]),
        ({"A": {}}, {"a": {"clientId": "1"}, "b": {"clientId": "2"}}, ["b: {'clientId': '2'} -> none"]),
        ({"A": {}}, {"a": {"clientId": "1"}}, []),
    ],
)
def test_another_identity_is_a_difference(
    wanted: dict[str, Any], now: dict[str, Any], said: list[str]
) -> None:
    """The service writes their ids in its own way."""
    name = "userAssignedIdentities"
    found = differences({"identity": {name: wanted}}, {"identity": {name: now}}, ("tags",))
    assert found == [f"identity.{name}.{one}" for one in said]


def test_what_a_compute_has_not_is_not_in_its_answer() -> None:
    """Of identities and tags: in the properties there is null instead."""
    found = differences({"identity": {"type": "SystemAssigned"}, "tags": {"a": "1"}}, {"id": "1"}, ("tags",))
    assert found == ["identity.type: 'None' -> 'SystemAssigned'", "tags.a: None -> '1'"]
    assert differences({"identity": {"type": "None"}}, {"id": "1"}, ("tags",)) == []


@pytest.mark.parametrize("now", [{"DB": "sig=old"}, {}, None])
def test_no_difference_shows_a_secret(now: dict[str, str] | None) -> None:
    """That of before is none that Airflow could mask."""
    wanted = {
        "properties": {"environmentVariables": {"DB": "pass-word"}, "account": {"password": "pass-word"}}
    }
    found = differences(wanted, {"properties": {"environmentVariables": now, "account": None}}, OF_USER)
    assert len(found) == 2
    assert "***" in found[0]
    assert "pass-word" not in str(found)
    assert "old" not in str(found)


def test_a_difference_shows_no_signature() -> None:
    wanted = {"properties": {"description": "https://a/b?sv=1&sig=abc"}}
    assert "abc" not in str(differences(wanted, {"properties": {"description": "AccountKey=abc"}}, ()))


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
