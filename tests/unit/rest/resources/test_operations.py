"""Answers that nobody has published: they are no tracebacks, and no proof that something is gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.http.errors import AzureMLError, UnreachableError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.resources.endpoints import check_is_idle, default_of, writable
from airflow_provider_amlrest.rest.resources.goal import Present
from airflow_provider_amlrest.rest.resources.resource import GONE, Resource, read_resource
from airflow_provider_amlrest.rest.resources.traffic import (
    ROLLOUT,
    Traffic,
    mirrored_of,
    rollout_of,
    shares_of,
)
from airflow_provider_amlrest.rest.versions.api_versions import DEFAULT_API_VERSION
from tests.unit.answers import Answered, drive

OPERATION = "https://management.azure.com/operations/1"
SHOP = "onlineEndpoints/shop"
ENDPOINT: dict[str, Any] = {
    "id": "/shop",
    "name": "shop",
    "tags": {"a": "b"},
    "identity": {"type": "UserAssigned", "userAssignedIdentities": {"a": {"clientId": "1"}}},
    "properties": {
        "properties": {ROLLOUT: json.dumps({"by": "x", "start": {"blue": 100}}), "state": "Running"},
        "provisioningState": "Succeeded",
        "provisioningErrors": [{"error": {"message": "why"}}],
        "computeType": "ComputeInstance",
        "traffic": {"blue": 90, "green": 10},
        "mirrorTraffic": {"green": 5},
        "defaults": {"deploymentName": "blue"},
    },
}
ODD = (None, [], {}, "x", 1, 1.5, True, float("nan"), [None], [[]], {"a": None}, '{"start": {"blue": "x"}}')
WANTED = Present(
    SHOP,
    "shop",
    {"tags": {"a": "c"}, "identity": ENDPOINT["identity"], "properties": {"traffic": {"blue": 100}}},
    ("tags", "properties.traffic"),
    kept=("mirrorTraffic",),
    notes=(ROLLOUT,),
)
READERS: dict[str, Callable[[Resource], object]] = {
    "shares": shares_of,
    "mirrored": mirrored_of,
    "rollout": rollout_of,
    "default": default_of,
    "writable": writable,
    "idle": lambda now: check_is_idle(now, "none"),
    "why": WANTED.why,
    "change": WANTED.change,
    "traffic": Traffic(SHOP, "shop", {"blue": 100}, ({"blue": 90, "green": 10},)).change,
}


def ways(wire: Any) -> Iterator[tuple[str | int, ...]]:
    """To each member, however deep."""
    members = wire.items() if isinstance(wire, dict) else enumerate(wire) if isinstance(wire, list) else ()
    for name, member in members:
        yield (name,)
        yield from ((name, *rest) for rest in ways(member))


@pytest.mark.parametrize("reader", READERS)
def test_a_member_that_is_something_else_is_no_traceback(reader: str) -> None:
    for way in ways(ENDPOINT):
        for odd in ODD:
            target = wire = deepcopy(ENDPOINT)
            for name in way[:-1]:
                target = target[name]  # type: ignore[index]
            target[way[-1]] = odd  # type: ignore[index]
            try:
                READERS[reader](read_resource(SHOP, wire))
            except AzureMLError as error:
                assert "shop" in str(error)  # noqa: PT017 (some of them are read, some are not)


def test_shares_that_are_none_are_no_empty_shares() -> None:
    """Otherwise a rollout would write over them."""
    now = read_resource(SHOP, {"properties": {"traffic": {"blue": "all"}}})
    with pytest.raises(
        AzureMLError, match=r"The traffic of onlineEndpoints/shop is \{'blue': 'all'\}, and not"
    ):
        shares_of(now)


@pytest.fixture
def operations() -> Operations:
    return Operations(WorkspaceId("s", "g", "w"), PUBLIC, DEFAULT_API_VERSION)


@pytest.mark.parametrize("said", ["<html>blocked</html>", "not found", "[]"])
def test_a_proxys_404_does_not_say_that_a_resource_is_gone(operations: Operations, said: str) -> None:
    """Whoever deletes a compute would believe that it costs nothing any more."""
    with pytest.raises(UnreachableError, match=r"GET computes/gpu: the answer is not JSON; is there a proxy"):
        drive(operations.get_resource("computes/gpu"), Answered(said, 404))


@pytest.mark.parametrize("said", [None, {"error": {"code": "NotFound"}}])
def test_the_services_404_does(operations: Operations, said: Any) -> None:
    assert drive(operations.get_resource("computes/gpu"), Answered(said, 404))[0].status == GONE


@pytest.mark.parametrize(
    ("said", "status", "error"),
    [
        (Answered("<html>"), "Succeeded", ""),
        (Answered([1]), "Succeeded", ""),
        (Answered({"status": None}), "Succeeded", ""),
        (Answered({"status": "succeeded"}), "Succeeded", ""),
        (Answered({"status": "updating"}), "Updating", ""),
        (Answered({"status": "Failed", "error": "no nodes"}), "Failed", "no nodes"),
        (Answered({"status": "failed", "error": {"message": "no nodes"}}), "Failed", "no nodes"),
        (Answered({"status": "Cancelled"}), "Failed", "the operation is Canceled"),
        (Answered({"status": "Nobody knows"}), "Nobody knows", ""),
    ],
)
def test_an_operation_that_says_nothing_is_a_reason_to_look(
    operations: Operations, said: Answered, status: str, error: str
) -> None:
    there = Answered({"id": "/gpu", "name": "gpu", "properties": {"provisioningState": "succeeded"}})
    asked = operations.poll_resource("computes/gpu", OPERATION)
    is_over = status in ("Succeeded", "Failed")
    [now] = drive(asked, said, *[there] * is_over)[0].jobs
    assert (now.status, now.error) == (status, error)


def test_an_operation_that_is_out_of_reach_is_a_reason_to_look(operations: Operations) -> None:
    asked = operations.poll_resource("computes/gpu", OPERATION)
    next(asked)
    call = asked.throw(UnreachableError("GET", "no such host"))
    assert call.asked == "GET computes/gpu"


@pytest.mark.parametrize("said", [{}, {"primaryKey": None}, {"primaryKey": ""}])
def test_an_endpoint_without_a_key_is_not_asked(operations: Operations, said: dict[str, Any]) -> None:
    """Its own answer would be 401, and the reason unknown."""
    endpoint = read_resource(SHOP, {"properties": {"authMode": "Key", "scoringUri": "https://shop/score"}})
    with pytest.raises(
        AzureMLError, match="onlineEndpoints/shop has answered listKeys without its primaryKey"
    ):
        drive(operations.get_access(endpoint), Answered(said))
