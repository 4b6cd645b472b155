"""What can go wrong between a client and an operation: each can be made to happen."""

from __future__ import annotations

import httpx
import pytest

from tests.emulator.online import deployment_body, endpoint_body, make_endpoint, operation, put, wait_until
from tests.emulator.running import Running, said

SHOP = "onlineEndpoints/shop"
BLUE = f"{SHOP}/deployments/blue"


def test_an_operation_that_runs_and_is_not_found(quick: Running) -> None:
    rule = {"resource": "shop", "operation": "forgotten", "seconds": 0.2, "times": 1}
    quick.admin("POST", "provisioning", rule)
    answer = put(quick, SHOP, endpoint_body())
    found = quick.http.get(answer.headers["azure-asyncoperation"])
    assert found.status_code == 404
    assert found.json()["error"]["details"][0]["code"] == "OperationNotFound"
    assert quick.get(SHOP)["provisioningState"] in ("Creating", "Succeeded")
    wait_until(quick, SHOP, "Succeeded")
    assert quick.http.get(answer.headers["azure-asyncoperation"]).status_code == 404
    assert operation(quick, put(quick, SHOP, endpoint_body()))["status"] == "Succeeded"


def test_one_that_is_stuck_at_no_per_cent(quick: Running) -> None:
    quick.admin("POST", "provisioning", {"resource": "shop", "outcome": "stuck"})
    answer = put(quick, SHOP, endpoint_body())
    for _ in range(3):
        said = quick.http.get(answer.headers["azure-asyncoperation"]).json()
        assert (said["status"], said["percentComplete"]) == ("Updating", 0)


def test_a_conflict_of_two_writers_is_refused_until_the_first_has_ended(quick: Running) -> None:
    make_endpoint(quick, "shop")
    quick.admin("POST", "provisioning", {"resource": "shop", "seconds": 0.2, "times": 1})
    put(quick, SHOP, endpoint_body(description="first"))
    refused = quick.ml("PUT", SHOP, endpoint_body(description="second"))
    assert refused.status_code == 409
    assert "in Updating provisioning state" in said(refused)
    wait_until(quick, SHOP, "Succeeded")
    assert quick.get(SHOP)["description"] == "first"
    put(quick, SHOP, endpoint_body(description="second"))


def test_202_with_a_body_where_an_update_is_followed(quick: Running) -> None:
    make_endpoint(quick, "shop")
    quick.admin("POST", "provisioning", {"resource": "shop", "seconds": 0.2, "times": 1})
    accepted = quick.ml("PATCH", SHOP, {"tags": {"a": "1"}})
    assert (accepted.status_code, accepted.text) == (202, "null")
    followed = quick.http.get(accepted.headers["location"])
    assert (followed.status_code, followed.json()["status"]) == (202, "Updating")
    assert operation(quick, accepted, "location")["status"] == "Succeeded"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_an_answer_that_is_lost_has_taken_effect(quick: Running, method: str) -> None:
    make_endpoint(quick, "shop", "blue")
    body = {
        "PUT": deployment_body(quick, tags={"a": "1"}),
        "PATCH": {"tags": {"a": "1"}},
        "DELETE": None,
    }[method]
    quick.admin("POST", "faults", {"method": method, "path": "/deployments/", "when": "after", "drop": True})
    with pytest.raises(httpx.HTTPError):
        quick.ml(method, BLUE, body)
    if method == "DELETE":
        assert quick.ml("GET", BLUE).status_code == 404
    else:
        assert quick.ml("GET", BLUE).json()["tags"] == {"a": "1"}
