"""What a rollout does next, wherever it was left."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.rollout import Kind, Rollout, go_back, plan
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.http.drive import drive
from airflow_provider_amlrest.rest.http.errors import AzureMLError, ConflictError, InvalidSpecError
from airflow_provider_amlrest.rest.resources.endpoints import EndpointPlace
from airflow_provider_amlrest.rest.resources.resource import Resource, gone, read_resource
from airflow_provider_amlrest.rest.resources.traffic import LAST_ROLLOUT, ROLLOUT, TrafficChangedError

PLACE = EndpointPlace("online", "shop")
STEPS = ({"green": 10}, {"green": 100})


class Service:
    def __init__(self, traffic: dict[str, int] | None, note: Any = None, last: Any = None) -> None:
        notes = {ROLLOUT: note, LAST_ROLLOUT: last}
        own = {name: json.dumps(value) for name, value in notes.items() if value}
        properties = {"provisioningState": "Succeeded", "traffic": traffic, "properties": own}
        self.endpoint = read_resource(PLACE.path, {"id": "/x", "properties": properties})
        if traffic is None:
            self.endpoint = gone(PLACE.path)

    def get_resource(self, path: str) -> Resource:
        assert path == PLACE.path
        return self.endpoint

    def list_resources(self, collection: str) -> list[Resource]:
        return [Resource(f"{collection}/{name}", "Succeeded") for name in ("blue", "green")]


def planned(
    traffic: dict[str, int] | None, note: Any = None, last: Any = None, *, take_over: bool = False
) -> Rollout:
    client = cast("AzureMLClient", Service(traffic, note, last))
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
    assert rollout.step({"green": 10, "blue": 90}).rollout == {"by": "me", "start": {"blue": 100}}


def test_shares_that_somebody_else_has_set_are_left_unless_taken_over() -> None:
    note = {"by": "me", "start": {"blue": 100}}
    found = {"blue": 40, "green": 60}
    goal = planned(found, note).step({"green": 100})
    service = Service(found, note)
    with pytest.raises(TrafficChangedError, match=r"'blue': 100} were expected: .* set take_over=True"):
        goal.change(service.endpoint)
    taken = planned(found, note, take_over=True)
    assert taken.step({"green": 100}).change(service.endpoint).method == "PUT"
    assert taken.start == {"blue": 100}


def test_what_is_so_already_is_only_tested() -> None:
    rollout = planned({"green": 100})
    assert phases(rollout) == ["test 100"]
    assert rollout.end.is_reached(Service({"green": 100}).endpoint)


MINE = {"by": "me", "start": {"blue": 100}}


def test_a_retry_after_the_end_knows_what_had_requests_before() -> None:
    """The last request of the rollout has arrived, and its worker has died of the answer."""
    service = Service({"green": 100}, last=MINE)
    rollout = planned({"green": 100}, last=MINE)
    assert rollout.before == {"blue": 100}
    assert rollout.end.is_reached(service.endpoint)
    assert rollout.back.is_reached(service.endpoint)


@pytest.mark.parametrize("last", [{**MINE, "by": "another"}, None])
def test_what_another_rollout_has_ended_with_was_so_before(last: Any) -> None:
    rollout = planned({"green": 100}, last=last)
    assert rollout.before == {"green": 100}
    assert rollout.end.is_reached(Service({"green": 100}, last=last).endpoint)


def test_shares_that_were_changed_since_are_those_of_before() -> None:
    assert planned({"blue": 100}, last={"by": "me", "start": {"red": 100}}).before == {"blue": 100}


def test_the_first_deployment_of_an_endpoint_gets_all_at_once() -> None:
    assert phases(planned({})) == ["test 100", "shift 100", "test 100"]


def test_there_must_be_an_endpoint() -> None:
    with pytest.raises(InvalidSpecError, match="there is no online endpoint shop"):
        planned(None)


def test_at_its_end_the_note_is_that_of_the_last_rollout() -> None:
    rollout = planned({"blue": 100})
    properties = (rollout.end.change(Service({"green": 100}, MINE).endpoint).body or {})["properties"]
    assert properties["properties"] == {LAST_ROLLOUT: json.dumps(MINE)}
    assert Kind.SHIFT in {phase.kind for phase in rollout.phases(has_paused=False)}


def way_back(monkeypatch: pytest.MonkeyPatch, seconds: float, *, refusals: int) -> list[Any]:
    """What was done on a way back that was refused so often at first; pauses as numbers."""
    monkeypatch.setattr(patience, "BACK_PAUSE", 1.0)
    monkeypatch.setattr("time.time", lambda: float(len(done)))
    done: list[Any] = []

    def take(step: Any) -> None:
        done.append(step if isinstance(step, float) else "sent")
        if step == goal and done.count("sent") <= refusals:
            raise ConflictError("PUT", 409)

    goal = planned({"green": 10, "blue": 90}, MINE).back
    drive(go_back(goal, seconds), take)
    return done


def test_the_way_back_waits_for_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert way_back(monkeypatch, 10.0, refusals=2) == ["sent", 1.0, "sent", 1.0, "sent"]


def test_the_way_back_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConflictError):
        way_back(monkeypatch, 5.0, refusals=9)


def test_a_note_whose_shares_are_none_is_not_written_over() -> None:
    with pytest.raises(AzureMLError, match=r"were before is \{'blue': 'all'\}, and not percentages"):
        planned({"blue": 90, "green": 10}, {"by": "me", "start": {"blue": "all"}})
