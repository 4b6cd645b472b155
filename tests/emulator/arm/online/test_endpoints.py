"""Online endpoints: operations as recorded, refusals, traffic."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulator.online import (
    deployment_body,
    endpoint_body,
    make_endpoint,
    operation,
    put,
    wait_until,
)
from tests.emulator.running import Running, said


def test_an_endpoint_is_created_by_an_operation(quick: Running) -> None:
    answer = put(quick, "onlineEndpoints/made", endpoint_body())
    assert answer.json()["properties"]["provisioningState"] == "Creating"
    assert answer.json()["properties"]["scoringUri"] is None
    assert answer.headers["location"].partition("?")[0].endswith("/onlineEndpoints/made")
    assert "retry-after" not in answer.headers
    ended = quick.http.get(answer.headers["azure-asyncoperation"]).json()
    assert (ended["status"], ended["percentComplete"]) == ("Succeeded", 100.0)
    properties = quick.get("onlineEndpoints/made")
    assert properties["scoringUri"].endswith("/inference/made/score")
    assert properties["properties"]["AzureAsyncOperationUri"] == answer.headers["azure-asyncoperation"]
    assert "keys" not in properties


def test_while_it_runs_an_operation_is_updating_at_0_per_cent(quick: Running) -> None:
    quick.admin("POST", "provisioning", {"resource": "slow", "outcome": "stuck", "times": 1})
    answer = put(quick, "onlineEndpoints/slow", endpoint_body())
    url = answer.headers["azure-asyncoperation"]
    for kind, status in (("mfeOperationsStatus", 200), ("mfeOperationResults", 202)):
        found = quick.http.get(url.replace("mfeOperationsStatus", kind))
        assert found.status_code == status
        assert (found.json()["status"], found.json()["percentComplete"]) == ("Updating", 0.0)
        assert "endTime" not in found.json()
    refused = quick.ml("PUT", "onlineEndpoints/slow", endpoint_body())
    assert refused.status_code == 409
    refused = quick.ml("PUT", "onlineEndpoints/slow/deployments/blue", deployment_body(quick))
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        409,
        "Cannot create a deployment in endpoint slow because it is in Creating provisioning state.",
    )
    # A deletion gets through, and ends what runs.
    operation(quick, quick.ml("DELETE", "onlineEndpoints/slow"))
    assert quick.http.get(url).json()["status"] == "Canceled"


def test_a_patch_and_a_deletion_are_accepted_with_a_body(quick: Running) -> None:
    make_endpoint(quick, "changed")
    patched = quick.ml("PATCH", "onlineEndpoints/changed", {"tags": {"key": "value"}})
    assert (patched.status_code, patched.text) == (202, "null")
    assert "azure-asyncoperation" not in patched.headers
    assert operation(quick, patched, "location")["status"] == "Succeeded"
    assert quick.ml("GET", "onlineEndpoints/changed").json()["tags"] == {"key": "value"}
    deleted = quick.ml("DELETE", "onlineEndpoints/changed")
    assert (deleted.status_code, deleted.text) == (202, "null")
    assert {"location", "azure-asyncoperation"} <= set(deleted.headers)
    assert operation(quick, deleted)["status"] == "Succeeded"
    assert quick.ml("GET", "onlineEndpoints/changed").status_code == 404
    assert quick.ml("DELETE", "onlineEndpoints/changed").status_code == 204


def test_an_operation_that_fails_says_why(quick: Running) -> None:
    quick.admin("POST", "provisioning", {"resource": ".*/bad", "outcome": "failed", "error": "Quota: no"})
    make_endpoint(quick, "failing")
    answer = put(quick, "onlineEndpoints/failing/deployments/bad", deployment_body(quick))
    ended = operation(quick, answer)
    assert (ended["status"], ended["error"]["message"]) == ("Failed", "Quota: no")
    assert quick.get("onlineEndpoints/failing/deployments/bad")["provisioningState"] == "Failed"
    # It may be tried again.
    quick.admin("DELETE", "provisioning")
    put(quick, "onlineEndpoints/failing/deployments/bad", deployment_body(quick))
    wait_until(quick, "onlineEndpoints/failing/deployments/bad", "Succeeded")


@pytest.mark.parametrize("name", ["ab", "1abc", "a_b", "abc-", "a" * 33])
def test_names_that_there_cannot_be(quick: Running, name: str) -> None:
    refused = quick.ml("PUT", f"onlineEndpoints/{name}", endpoint_body())
    assert refused.status_code == 400
    assert name in said(refused)
    assert "3 to 32" in said(refused)


def test_names_are_unique_in_the_region_and_have_no_case(quick: Running) -> None:
    make_endpoint(quick, "mine")
    assert quick.ml("GET", "onlineEndpoints/MINE").json()["name"] == "mine"


TRAFFIC: list[tuple[dict[str, Any], str]] = [
    ({"traffic": {"blue": 50}}, "sum of traffic must be 0 or 100, not 50"),
    ({"traffic": {"blue": 50, "green": 60}}, "not 110"),
    ({"traffic": {"blue": 150, "green": -50}}, "not 0 to 100"),
    ({"traffic": {"red": 100}}, "'red'"),
    ({"mirrorTraffic": {"green": 60}}, "50 per cent at most"),
    ({"traffic": {"blue": 100}, "mirrorTraffic": {"blue": 10}}, "both traffic and mirrorTraffic"),
    ({"mirrorTraffic": {"blue": 10, "green": 10}}, "one deployment"),
]


@pytest.mark.parametrize(("properties", "problem"), TRAFFIC)
def test_traffic_that_there_cannot_be(quick: Running, properties: dict[str, Any], problem: str) -> None:
    make_endpoint(quick, "split", "blue", "green")
    refused = quick.ml("PUT", "onlineEndpoints/split", endpoint_body(**properties))
    assert refused.status_code == 400
    assert problem in said(refused)


def test_traffic_of_nothing_is_allowed(quick: Running) -> None:
    make_endpoint(quick, "silent", "blue", traffic={"blue": 0})
    assert quick.get("onlineEndpoints/silent")["traffic"] == {"blue": 0}


@pytest.mark.parametrize("version", ["2022-05-01", "2022-10-01", "2023-04-01", "2025-12-01"])
def test_members_are_there_from_their_version_on(quick: Running, version: str) -> None:
    make_endpoint(quick, "versioned")
    properties = quick.get("onlineEndpoints/versioned", version=version)
    assert ("mirrorTraffic" in properties) == (version >= "2023-04-01")
    assert ("publicNetworkAccess" in properties) == (version >= "2022-10-01")


def test_the_version_of_2021_is_not_emulated(quick: Running) -> None:
    assert quick.ml("GET", "onlineEndpoints", version="2021-03-01-preview").status_code == 501


def test_lists_know_names_and_tags(quick: Running) -> None:
    make_endpoint(quick, "listed-one")
    make_endpoint(quick, "listed-two")
    operation(quick, quick.ml("PATCH", "onlineEndpoints/listed-two", {"tags": {"a": "1"}}), "location")

    def names(**query: str) -> list[str]:
        return [e["name"] for e in quick.ml("GET", "onlineEndpoints", **query).json()["value"]]

    assert names() == ["listed-two", "listed-one"]
    assert names(tags="a=1") == ["listed-two"]
    assert names(name="listed-one") == ["listed-one"]


def test_an_unknown_member_is_refused(quick: Running) -> None:
    refused = quick.ml("PUT", "onlineEndpoints/odd", endpoint_body(color="red"))
    assert refused.status_code == 400
    assert "Could not find member 'color' on object of type 'OnlineEndpoint'" in said(refused)


def test_a_tag_that_says_nonsense_is_refused(quick: Running) -> None:
    body = {**endpoint_body(), "tags": {"emulator.outcome": "maybe"}}
    refused = quick.ml("PUT", "onlineEndpoints/tagged", body)
    assert refused.status_code == 400
    assert "'maybe'" in said(refused)


def test_a_name_of_another_workspace_is_taken(tmp_path_factory: pytest.TempPathFactory) -> None:
    running = Running(
        tmp_path_factory.mktemp("two") / "data",
        *("--runtime", "simulated", "--workspace", "one", "--workspace", "two"),
    )
    try:
        running.admin("PATCH", "settings", {"operation_seconds": 0})
        make_endpoint(running, "taken")
        running.workspace = running.workspace.removesuffix("one") + "two"
        refused = running.ml("PUT", "onlineEndpoints/taken", endpoint_body())
        assert refused.status_code == 400
        [detail] = refused.json()["error"]["details"]
        assert "needs to be unique within a region" in json.loads(detail["message"])["errors"][""][0]
        assert running.ml("GET", "onlineEndpoints/taken").status_code == 404
    finally:
        assert running.stop() == 0
