"""Resources and the operations on them, in the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_amlrest.emulator.store import Store
from airflow_provider_amlrest.emulator.tracked import (
    CANCELED,
    FAILED,
    SUCCEEDED,
    Operation,
    Resource,
    Tracked,
)

ENDPOINT = Resource("ws", "onlineEndpoints/shop", {"a": 1}, "eastus")
BLUE = Resource("ws", "onlineEndpoints/shop/deployments/blue", {}, "eastus")


@pytest.fixture
def tracked(tmp_path: Path) -> Tracked:
    return Tracked(Store(tmp_path / "store.sqlite3"))


def begin(tracked: Tracked, resource: Resource, verb: str = "create") -> Operation:
    operation = Operation("ws", resource.path, verb, "oe", "2025-12-01")  # type: ignore[arg-type]
    tracked.begin(resource, operation)
    return operation


def test_the_resource_follows_its_operation(tracked: Tracked) -> None:
    operation = begin(tracked, ENDPOINT)
    assert [found.id for found in tracked.active_operations()] == [operation.id]
    tracked.end(operation)
    found = tracked.get("ws", "ONLINEENDPOINTS/Shop")
    assert found is not None
    assert (found.state, found.operation, found.at_rest) == (SUCCEEDED, operation.id, True)
    failing = begin(tracked, found, "update")
    tracked.end(failing, {"message": "no"})
    again, ended = tracked.get("ws", ENDPOINT.path), tracked.operation(failing.id)
    assert again is not None
    assert ended is not None
    assert (again.state, ended.status, ended.error) == (FAILED, FAILED, {"message": "no"})
    assert tracked.active_operations() == []


def test_a_second_operation_takes_the_place_of_the_first(tracked: Tracked) -> None:
    first = begin(tracked, ENDPOINT)
    second = begin(tracked, replace(ENDPOINT, state="Deleting"), "delete")
    superseded = tracked.operation(first.id)
    assert superseded is not None
    assert superseded.status == CANCELED
    tracked.end(first)
    found = tracked.get("ws", ENDPOINT.path)
    assert found is not None
    assert (found.state, found.operation) == ("Deleting", second.id)


def test_what_is_deleted_goes_with_what_is_below_it(tracked: Tracked) -> None:
    tracked.end(begin(tracked, ENDPOINT))
    creating = begin(tracked, BLUE)
    begin(tracked, replace(BLUE, workspace="other"))
    assert [r.name for r in tracked.below("ws", "onlineEndpoints")] == ["shop"]
    assert [r.name for r in tracked.below("ws", f"{ENDPOINT.path}/deployments")] == ["blue"]
    tracked.end(begin(tracked, ENDPOINT, "delete"))
    assert tracked.get("ws", BLUE.path) is None
    assert tracked.get("other", BLUE.path) is not None
    canceled = tracked.operation(creating.id)
    assert canceled is not None
    assert canceled.status == CANCELED
