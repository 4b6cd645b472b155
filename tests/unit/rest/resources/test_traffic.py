"""Shares of the requests, as people write them and as the service has them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.resources.resource import Resource, gone, read_resource
from airflow_provider_amlrest.rest.resources.traffic import (
    ROLLOUT,
    Traffic,
    TrafficChangedError,
    completed,
    read_steps,
    rollout_of,
)

PATH = "onlineEndpoints/shop"
NOTE = {"by": "a task", "start": {"blue": 100}}


def endpoint(traffic: dict[str, int], note: Any = None) -> Resource:
    own = {"team": "ml", "AzureAsyncOperationUri": "https://..."}
    if note is not None:
        own[ROLLOUT] = json.dumps(note)
    return read_resource(
        PATH,
        {
            "id": "/x",
            "location": "westeurope",
            "tags": {"a": "b"},
            "kind": "Managed",
            "identity": {"type": "SystemAssigned", "principalId": "1", "tenantId": "2"},
            "properties": {
                "authMode": "Key",
                "provisioningState": "Succeeded",
                "scoringUri": "https://shop",
                "traffic": traffic,
                "mirrorTraffic": {},
                "properties": own,
            },
        },
    )


def goal(shares: dict[str, int], note: Any = NOTE) -> Traffic:
    return Traffic(PATH, "online endpoint shop", shares, ({"green": 50, "blue": 50}, {"blue": 100}), note)


@pytest.mark.parametrize(
    ("step", "start", "shares"),
    [
        ({"green": 10}, {"blue": 100}, {"green": 10, "blue": 90}),
        ({"green": 100}, {"blue": 100}, {"green": 100}),
        ({"green": 10}, {"blue": 60, "old": 40}, {"green": 10, "blue": 54, "old": 36}),
        ({"green": 1}, {"blue": 34, "old": 33, "new": 33}, {"green": 1, "new": 33, "old": 33, "blue": 33}),
        ({"green": 0}, {"blue": 100}, {"blue": 100}),
        ({"green": 30, "blue": 70}, {}, {"green": 30, "blue": 70}),
    ],
)
def test_what_a_step_leaves_goes_to_the_others_as_before(
    step: dict[str, int], start: dict[str, int], shares: dict[str, int]
) -> None:
    found = completed(step, start, ["blue", "green", "new", "old"])
    assert found == shares
    assert sum(found.values()) == 100


@pytest.mark.parametrize(
    ("step", "start", "problem"),
    [
        ({"gren": 10}, {"blue": 100}, "no deployment 'gren'; it has: blue, green"),
        ({"green": 10, "blue": 20}, {}, "leave 70 percent, and no other deployment had any"),
    ],
)
def test_a_step_that_cannot_be(step: dict[str, int], start: dict[str, int], problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=problem):
        completed(step, start, ["blue", "green"])


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([], "must be a list of shares"),
        ("green", "must be a list of shares"),
        ([{}], "are 0 percent"),
        ([{"green": 60, "blue": 50}], "are 110 percent together"),
        ([{"green": 101}], "must be a whole number from 0 to 100"),
    ],
)
def test_steps_that_are_none(steps: Any, problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=problem):
        read_steps(steps)


def test_steps_as_templates_make_them() -> None:
    assert read_steps('[{"green": "10"}, {"green": 100}]') == ({"green": 10}, {"green": 100})


def test_a_put_says_all_that_can_be_written_and_notes_the_rollout() -> None:
    change = goal({"green": 10, "blue": 90}).change(endpoint({"blue": 100}))
    assert change.method == "PUT"
    assert change.body == {
        "location": "westeurope",
        "tags": {"a": "b"},
        "kind": "Managed",
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "authMode": "Key",
            "properties": {"team": "ml", ROLLOUT: json.dumps(NOTE)},
            "traffic": {"green": 10, "blue": 90},
        },
    }


def test_the_note_goes_when_the_rollout_is_over() -> None:
    now = endpoint({"green": 100}, NOTE)
    last = Traffic(PATH, "shop", {"green": 100}, ({"green": 100},), None)
    assert not last.is_reached(now)
    assert ROLLOUT not in str(last.change(now).body)
    assert last.is_reached(endpoint({"green": 100, "blue": 0}))


@pytest.mark.parametrize(
    ("now", "wanted", "why", "done"),
    [
        (
            endpoint({"blue": 100}),
            goal({"green": 50, "blue": 50}),
            [
                "shares: {'blue': 100} -> {'green': 50, 'blue': 50}",
                "rollout: none -> by a task, from {'blue': 100}",
            ],
            "shifted",
        ),
        (
            endpoint({"green": 50, "blue": 50}, NOTE),
            goal({"blue": 100}),
            ["shares: {'green': 50, 'blue': 50} -> {'blue': 100}"],
            "shifted",
        ),
        (
            endpoint({"blue": 100}, NOTE),
            goal({"blue": 100}, None),
            ["rollout: by a task, from {'blue': 100} -> none"],
            "updated",
        ),
        (
            endpoint({"blue": 100}, NOTE),
            goal({"blue": 100}, {**NOTE, "by": "another"}),
            ["rollout: by a task, from {'blue': 100} -> by another, from {'blue': 100}"],
            "updated",
        ),
    ],
)
def test_what_a_change_is_of(now: Resource, wanted: Traffic, why: list[str], done: str) -> None:
    assert (wanted.why(now), wanted.done(now)) == (why, done)


def test_shares_that_somebody_else_has_set_are_left() -> None:
    with pytest.raises(TrafficChangedError, match=r"has the shares {'red': 100}"):
        goal({"green": 10, "blue": 90}).change(endpoint({"red": 100}))


def test_an_endpoint_that_is_not_there() -> None:
    with pytest.raises(InvalidSpecError, match="there is no online endpoint shop"):
        goal({"green": 100}).change(gone(PATH))


@pytest.mark.parametrize("note", ["no JSON", json.dumps([]), json.dumps({"by": "x"})])
def test_a_note_that_is_none(note: str) -> None:
    now = endpoint({})
    wire = {**now.wire, "properties": {**now.wire["properties"], "properties": {ROLLOUT: note}}}
    assert rollout_of(read_resource(PATH, wire)) is None
