"""Batch endpoints: operations as recorded, defaults, refusals."""

from __future__ import annotations

from tests.emulator.batch import endpoint_body, make_endpoint, put
from tests.emulator.online import operation, wait_until
from tests.emulator.online import put as put_online
from tests.emulator.running import Running, said

NIGHT = "batchEndpoints/night"


def test_an_endpoint_is_answered_as_recorded(quick: Running) -> None:
    answer = quick.ml("PUT", NIGHT, endpoint_body(properties={"p": "1"}), version="2022-05-01")
    assert answer.status_code == 201
    assert answer.json()["properties"]["properties"]["BatchEndpointCreationApiVersion"] == "2022-05-01"
    followed = quick.http.get(answer.headers["azure-asyncoperation"])
    assert followed.json() == {
        "id": followed.json()["id"],
        "name": followed.json()["name"],
        "status": "Succeeded",
    }
    assert followed.json()["name"].startswith("bebes:")
    properties = quick.get(NIGHT)
    assert properties["scoringUri"] == f"{quick.facts['arm_endpoint']}/batch/night/jobs"
    assert (properties["authMode"], properties["defaults"]) == ("AADToken", {"deploymentName": None})
    # It keeps the version of its creation.
    put(quick, NIGHT, endpoint_body())
    assert quick.get(NIGHT)["properties"]["BatchEndpointCreationApiVersion"] == "2022-05-01"
    assert [e["name"] for e in quick.ml("GET", "batchEndpoints").json()["value"]] == ["night"]


def test_a_name_is_free_of_endpoints_of_both_kinds(quick: Running) -> None:
    put_online(quick, "onlineEndpoints/night", {"location": "eastus", "properties": {"authMode": "Key"}})
    refused = quick.ml("PUT", NIGHT, endpoint_body())
    assert refused.status_code == 400
    assert "unique within a region" in said(refused)


def test_the_default_must_be_there(quick: Running) -> None:
    make_endpoint(quick, "night", "first")
    assert quick.get(NIGHT)["defaults"] == {"deploymentName": "first"}
    refused = quick.ml("PUT", NIGHT, endpoint_body("second"))
    assert refused.status_code == 400
    assert "no such deployment" in said(refused)


def test_what_an_endpoint_cannot_be(quick: Running) -> None:
    assert quick.ml("PUT", "batchEndpoints/1", endpoint_body()).status_code == 400
    assert quick.ml("PUT", NIGHT, endpoint_body(authMode="Key")).status_code == 501
    assert quick.ml("GET", NIGHT).status_code == 404
    assert quick.ml("GET", "batchEndpoints", version="2021-03-01-preview").status_code == 501


def test_tags_by_patch_and_deletion_with_all_in_it(quick: Running) -> None:
    make_endpoint(quick, "night", "first")
    accepted = quick.ml("PATCH", NIGHT, {"tags": {"a": "1"}})
    assert (accepted.status_code, accepted.text) == (202, "null")
    wait_until(quick, NIGHT, "Succeeded")
    assert quick.ml("GET", NIGHT).json()["tags"] == {"a": "1"}
    assert quick.ml("POST", f"{NIGHT}/listkeys").status_code == 400
    assert operation(quick, quick.ml("DELETE", NIGHT))["status"] == "Succeeded"
    assert quick.ml("DELETE", NIGHT).status_code == 204
    assert quick.ml("GET", f"{NIGHT}/deployments/first").status_code == 404
