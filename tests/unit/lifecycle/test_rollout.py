"""What a rollout does next, wherever it was left."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from airflow_provider_amlrest.lifecycle.rollout import Kind, Rollout, plan
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError
from airflow_provider_amlrest.rest.resources.endpoints import EndpointPlace
from airflow_provider_amlrest.rest.resources.resource import Resource, gone, read_resource
from airflow_provider_amlrest.rest.resources.traffic import ROLLOUT, TrafficChangedError

PLACE = EndpointPlace("online", "shop")
STEPS = ({"green": 10}, {"green": 100})


class Service:
    def __init__(self, traffic: dict[str, int] | None, note: Any = None) -> None:
        own = {ROLLOUT: json.dumps(note)} if note else {}
        properties = {"provisioningState": "Succeeded", "traffic": traffic, "properties": own}
        self.endpoint = read_resource(PLACE.path, {"id": "/x", "properties": properties})
        if traffic is None:
            self.endpoint = gone(PLACE.path)

    def get_resource(self, path: str) -> Resource:
        assert path == PLACE.path
        return self.endpoint

    def list_resources(self, collection: str) -> list[Resource]:
        return [Resource(f"{collection}/{name}", "Succeeded") for name in ("blue", "green")]


def planned(traffic: dict[str, int] | None, note: Any = None, *, take_over: bool = False) -> Rollout:
    client = cast("AzureMLClient", Service(traffic, note))
    return plan(client, PLACE, STEPS, "me", take_over=take_over)


def phases(rollout: Rollout, *, has_paused: bool = False) -> list[str]:
    return [
        f"{phase.kind.name.lower()} {phase.shares.get('green', 0)}"
        for phase in rollout.phases(has_paused=has_paused)
    ]


def test_from_the_beginning() -> None:
    rollout = planned({"blue": 100})
    assert rollout.start == {"blue": 100}
    assert phases(rollout) == ["test 10", "shift 10", "pause 10", "test 10", "shift 100", "test 100"]


def test_a_retry_goes_on_after_the_step_that_was_reached() -> None:
    rollout = planned({"green": 10, "blue": 90}, {"by": "me", "start": {"blue": 100}})
    assert rollout.start == {"blue": 100}
    assert phases(rollout) == ["pause 10", "test 10", "shift 100", "test 100"]
    assert phases(rollout, has_paused=True) == ["test 10", "shift 100", "test 100"]


def test_a_retry_after_the_last_step_tests_again() -> None:
    rollout = planned({"green": 100}, {"by": "me", "start": {"blue": 100}})
    assert phases(rollout) == ["test 100"]


def test_the_same_shares_without_a_note_are_a_new_rollout() -> None:
    rollout = planned({"green": 10, "blue": 90})
    assert (rollout.start, rollout.reached) == ({"green": 10, "blue": 90}, 0)


def test_an_unfinished_rollout_of_somebody_else_is_left_unless_taken_over() -> None:
    note = {"by": "another", "start": {"blue": 100}}
    with pytest.raises(TrafficChangedError, match="not over, by another; before it, the shares were"):
        planned({"green": 10, "blue": 90}, note)
    rollout = planned({"green": 10, "blue": 90}, note, take_over=True)
    assert (rollout.start, rollout.reached) == ({"blue": 100}, 0)
    assert rollout.traffic({"green": 10, "blue": 90}).rollout == {"by": "me", "start": {"blue": 100}}


def test_shares_that_somebody_else_has_set_are_left_unless_taken_over() -> None:
    note = {"by": "me", "start": {"blue": 100}}
    found = {"blue": 40, "green": 60}
    goal = planned(found, note).traffic({"green": 100})
    service = Service(found, note)
    with pytest.raises(TrafficChangedError, match=r"'blue': 100} were expected: .* set take_over=True"):
        goal.change(service.endpoint)
    taken = planned(found, note, take_over=True)
    assert taken.traffic({"green": 100}).change(service.endpoint).method == "PUT"
    assert taken.start == {"blue": 100}


def test_what_is_so_already_is_only_tested() -> None:
    assert phases(planned({"green": 100})) == ["test 100"]


def test_the_first_deployment_of_an_endpoint_gets_all_at_once() -> None:
    assert phases(planned({})) == ["test 100", "shift 100", "test 100"]


def test_there_must_be_an_endpoint() -> None:
    with pytest.raises(InvalidSpecError, match="there is no online endpoint shop"):
        planned(None)


def test_the_end_has_no_note() -> None:
    rollout = planned({"blue": 100})
    assert rollout.traffic({"green": 100}, is_over=True).rollout is None
    assert Kind.SHIFT in {phase.kind for phase in rollout.phases(has_paused=False)}


def test_a_note_whose_shares_are_none_is_not_written_over() -> None:
    with pytest.raises(AzureMLError, match=r"were before is \{'blue': 'all'\}, and not percentages"):
        planned({"blue": 90, "green": 10}, {"by": "me", "start": {"blue": "all"}})
