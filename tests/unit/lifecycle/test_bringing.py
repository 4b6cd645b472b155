"""Bringing a resource to a state: one request at most, whoever else is at work on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.bringing import Bringing, ResourceError
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.http.errors import (
    ConflictError,
    InvalidSpecError,
    PermissionDeniedError,
    ResponseError,
    UnreachableError,
)
from airflow_provider_amlrest.rest.resources.compute import deleted, started, stopped
from airflow_provider_amlrest.rest.resources.endpoints import EndpointPlace, endpoint_deleted
from airflow_provider_amlrest.rest.resources.goal import Change, Goal, Present
from airflow_provider_amlrest.rest.resources.resource import (
    BROKEN,
    GONE,
    MOVING,
    READY,
    Resource,
    gone,
    read_resource,
)

PATH = "onlineEndpoints/shop/deployments/blue"
BODY = {"properties": {"instanceType": "a"}}


def resource(path: str = PATH, state: str = "Succeeded", **properties: Any) -> Resource:
    return read_resource(path, {"id": "/x", "properties": {"provisioningState": state, **properties}})


class Service:
    """Answers with what a test has prepared, and keeps what was changed."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.changes: list[Change] = []
        self.refuse: list[Exception] = []
        self.elsewhere: dict[str, Resource] = {}
        self.below: list[Resource] = []

    def get_resource(self, path: str) -> Resource:
        if path in self.elsewhere:
            return self.elsewhere[path]
        now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(now, Exception):
            raise now
        return cast("Resource", now)

    def list_resources(self, collection: str) -> list[Resource]:
        assert collection == "onlineEndpoints/shop/deployments"
        return self.below

    def change_resource(self, change: Change) -> str:
        self.changes.append(change)
        if self.refuse:
            raise self.refuse.pop(0)
        return "https://operation"

    def explain_failure(self, now: Resource) -> str:
        return "the image has no python"


def brought(
    service: Service, goal: Goal | None = None, sent: str | None = None
) -> tuple[Bringing, list[str]]:
    """A wait is over at once. What was waited for, and what came of it."""
    goal = goal or Present(PATH, "online deployment blue", BODY)
    way = Bringing(cast("AzureMLClient", service), goal, sent)
    waited = []
    while not (step := way.next(None, lambda: False)).is_over:
        waited.append(step.now.name)
    return way, waited


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SETTLE_PAUSE", 0.0)
    monkeypatch.setattr(patience, "SETTLE", 0.0)
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def test_what_is_as_wanted_is_left_alone() -> None:
    service = Service(resource(instanceType="A"))
    way, waited = brought(service)
    assert (way.outcome, waited, service.changes) == ("unchanged", [], [])


def test_what_is_not_there_is_created_once() -> None:
    service = Service(gone(PATH), resource(state="Creating", instanceType="a"), resource(instanceType="a"))
    way, _ = brought(service)
    assert way.outcome == "created"
    assert [change.method for change in service.changes] == ["PUT"]


def test_an_operation_of_an_earlier_try_is_followed_and_not_sent_again() -> None:
    service = Service(resource(state="Updating", instanceType="a"), resource(instanceType="a"))
    way, waited = brought(service)
    assert (way.outcome, waited, service.changes) == ("unchanged", [PATH], [])


def test_somebody_elses_operation_is_followed_before_ours() -> None:
    service = Service(
        resource(state="Updating", instanceType="b"),
        resource(instanceType="b"),
        resource(state="Updating", instanceType="a"),
        resource(instanceType="a"),
    )
    way, _ = brought(service)
    assert (way.outcome, len(service.changes)) == ("updated", 1)


def test_what_has_failed_is_made_again_by_the_next_try_and_not_by_this_one() -> None:
    service = Service(resource(state="Failed", instanceType="a"))
    with pytest.raises(ResourceError, match="blue is Failed: the image has no python"):
        brought(service)
    assert len(service.changes) == 1


def test_a_change_that_does_not_hold_fails_with_what_differs() -> None:
    service = Service(resource(instanceType="b"))
    with pytest.raises(ResourceError, match=r"differs still: properties.instanceType: 'b' -> 'a'"):
        brought(service)
    assert len(service.changes) == 1


def test_a_lost_answer_is_no_second_request_if_the_first_has_arrived() -> None:
    service = Service(gone(PATH), resource(state="Creating"), resource(instanceType="a"))
    service.refuse = [UnreachableError("PUT", "reset")]
    way, _ = brought(service)
    assert (way.outcome, len(service.changes)) == ("created", 1)


def test_a_change_waits_for_the_operation_on_the_endpoint_that_is_in_its_way() -> None:
    service = Service(gone(PATH), gone(PATH), gone(PATH), resource(instanceType="a"))
    service.refuse = [ConflictError("PUT", 409, message="the endpoint is Updating")]
    service.elsewhere = {"onlineEndpoints/shop": resource("onlineEndpoints/shop", "Updating")}
    way, waited = brought(service)
    assert waited[0] == "onlineEndpoints/shop"
    assert (way.outcome, len(service.changes)) == ("created", 2)


def test_what_was_in_the_way_may_end_between_refusal_and_look() -> None:
    """The answer to the first request was lost; when the second is refused, the first has taken effect."""
    ready = resource(instanceType="a")
    service = Service(gone(PATH), ready)
    service.refuse = [ConflictError("PUT", 409, message="the deployment is Creating")]
    service.elsewhere = {"onlineEndpoints/shop": resource("onlineEndpoints/shop")}
    way, waited = brought(service)
    assert (way.outcome, waited, len(service.changes)) == ("unchanged", [], 1)


def test_a_change_that_was_refused_for_an_operation_of_before_is_sent_again() -> None:
    service = Service(resource(instanceType="b"), resource(instanceType="b"), resource(instanceType="b"))
    service.refuse = [ConflictError("PUT", 409, message="the endpoint is Updating")]
    service.elsewhere = {"onlineEndpoints/shop": resource("onlineEndpoints/shop")}
    way = Bringing(cast("AzureMLClient", service), Present(PATH, "online deployment blue", BODY))
    way.next(None, lambda: False)
    assert (way.outcome, len(service.changes)) == ("updated", 2)


def test_a_conflict_without_an_operation_is_an_error() -> None:
    service = Service(resource(instanceType="b"))
    service.refuse = [ConflictError("PUT", 409, message="immutable")] * 2
    service.elsewhere = {"onlineEndpoints/shop": resource("onlineEndpoints/shop")}
    with pytest.raises(ResourceError, match="immutable") as caught:
        brought(service)
    assert not patience.is_hopeless(caught.value)


def test_a_change_of_an_endpoint_waits_for_its_deployments() -> None:
    """One that is being made may be in its way."""
    endpoint = "onlineEndpoints/shop"
    before, after = resource(endpoint, authMode="a"), resource(endpoint, authMode="b")
    service = Service(before, before, before, after)
    service.refuse = [ConflictError("PUT", 409, message="a deployment is Creating")]
    service.below = [resource(PATH), resource(f"{endpoint}/deployments/green", "Creating")]
    goal = Present(endpoint, "online endpoint shop", {"properties": {"authMode": "b"}})
    way, waited = brought(service, goal)
    assert waited == [f"{endpoint}/deployments/green", endpoint]
    assert (way.outcome, len(service.changes)) == ("updated", 2)


def test_after_a_trigger_nothing_is_sent_again() -> None:
    service = Service(resource(state="Failed"))
    with pytest.raises(ResourceError):
        brought(service, sent="created")
    assert service.changes == []


def test_what_is_gone_is_deleted() -> None:
    service = Service(gone("computes/gpu"))
    assert brought(service, deleted("gpu"))[0].outcome == "unchanged"
    service = Service(resource("computes/gpu"), resource("computes/gpu", "Deleting"), gone("computes/gpu"))
    way, _ = brought(service, deleted("gpu"))
    assert way.outcome == "deleted"
    assert service.changes[0].query == {"underlyingResourceAction": "Delete"}


def test_an_instance_is_started_unless_it_runs() -> None:
    def instance(state: str) -> Resource:
        return resource("computes/ci", computeType="ComputeInstance", properties={"state": state})

    assert brought(Service(instance("JobRunning")), started("ci"))[0].outcome == "unchanged"
    service = Service(instance("Stopped"), instance("Starting"), instance("Running"))
    assert brought(service, started("ci"))[0].outcome == "started"
    assert service.changes[0].path == "computes/ci/start"
    with pytest.raises(InvalidSpecError, match="there is no compute ci in the workspace to start"):
        brought(Service(gone("computes/ci")), started("ci"))


def test_a_read_right_after_the_change_may_be_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SETTLE", 60.0)
    service = Service(resource(instanceType="b"), resource(instanceType="b"), resource(instanceType="a"))
    assert brought(service)[0].outcome == "updated"


def rows() -> Iterator[tuple[str, str, str]]:
    """State, operation and what it does, of the table in docs/compute.md."""
    text = (Path(__file__).parents[3] / "docs" / "compute.md").read_text()
    table = text.partition("| state | create, deploy | delete | start | stop |\n")[2].partition("\n\n")[0]
    for line in table.splitlines()[1:]:
        first, *cells = (cell.strip() for cell in line.strip("| ").split("|"))
        states = re.findall(r"`(\w+)`", first) + ["SomethingNew"] * ("any other" in first)
        for state in states:
            yield from ((state, verb, cell) for verb, cell in zip(GOALS, cells, strict=True))


GOALS: dict[str, Goal] = {
    "create": Present("computes/ci", "compute ci", BODY),
    "delete": deleted("ci"),
    "start": started("ci"),
    "stop": stopped("ci"),
}


def in_state(state: str) -> Resource:
    """An instance in a state of its own, or a resource in a provisioning state."""
    if state == GONE:
        return gone("computes/ci")
    if state in ("Running", "JobRunning", "Stopped"):
        inner = {"computeType": "ComputeInstance", "properties": {"state": state}}
        return resource("computes/ci", instanceType="b", **inner)
    return resource("computes/ci", state, instanceType="b")


def first_look(service: Service, goal: Goal) -> str:
    """What it does, in the words of the table."""
    try:
        step = Bringing(cast("AzureMLClient", service), goal).next(None, lambda: False)
    except InvalidSpecError:
        return "fails"
    if not service.changes:
        return "nothing" if step.is_over else "waits"
    [change] = service.changes
    action = f"POST {change.path.rpartition('/')[2]}" if change.method == "POST" else change.method
    return f"`{action}`"


def test_the_table_has_each_state_that_is_known() -> None:
    assert {state for state, *_ in rows()} == READY | BROKEN | MOVING | {GONE, "SomethingNew"}


@pytest.mark.parametrize(("state", "verb", "does"), rows())
def test_what_is_sent_in_which_state(state: str, verb: str, does: str) -> None:
    now = in_state(state)
    assert does.startswith(first_look(Service(now), GOALS[verb]))
    assert does.endswith(" at once") == (now.is_active and does.startswith("`"))


@pytest.mark.parametrize(
    ("goal", "underway", "after", "end"),
    [
        (deleted("ci"), "Creating", "Succeeded", gone("computes/ci")),
        (stopped("ci"), "Starting", "Running", in_state("Stopped")),
    ],
)
class TestWhatDoesNotWait:
    def test_it_is_sent_once(self, goal: Goal, underway: str, after: str, end: Resource) -> None:
        service = Service(in_state(underway), in_state("Deleting"), end)
        way, _ = brought(service, goal)
        assert (way.outcome, len(service.changes)) == (goal.done(end), 1)

    @pytest.mark.parametrize("refusal", [ResponseError("POST", 400), ConflictError("DELETE", 409)])
    def test_a_refusal_waits_for_its_turn(
        self, goal: Goal, underway: str, after: str, end: Resource, refusal: Exception
    ) -> None:
        service = Service(in_state(underway), in_state(after), end)
        service.refuse = [refusal]
        way, waited = brought(service, goal)
        assert waited[0] == "computes/ci"
        assert (way.outcome, len(service.changes)) == (goal.done(end), 2)

    def test_what_was_accepted_and_led_nowhere_is_sent_once_more(
        self, goal: Goal, underway: str, after: str, end: Resource
    ) -> None:
        way, _ = brought(service := Service(in_state(underway), in_state(after), end), goal)
        assert (way.outcome, len(service.changes)) == (goal.done(end), 2)
        service = Service(in_state(underway), in_state(after), in_state(after), in_state(after))
        with pytest.raises(ResourceError):
            brought(service, goal)
        assert len(service.changes) == 2

    def test_another_refusal_is_an_error(self, goal: Goal, underway: str, after: str, end: Resource) -> None:
        service = Service(in_state(underway))
        service.refuse = [PermissionDeniedError("DELETE", 403)]
        with pytest.raises(PermissionDeniedError):
            brought(service, goal)


def test_a_deployment_under_way_may_be_in_the_way_of_its_endpoints_deletion() -> None:
    place = EndpointPlace("online", "shop")
    service = Service(resource(place.path), resource(place.path), resource(place.path), gone(place.path))
    service.refuse = [ConflictError("DELETE", 409, message="blue is Creating")]
    service.below = [resource(f"{place.path}/deployments/blue", "Creating")]
    way, waited = brought(service, endpoint_deleted(place))
    assert waited[0] == f"{place.path}/deployments/blue"
    assert (way.outcome, len(service.changes)) == ("deleted", 2)
