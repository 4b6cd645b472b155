"""A rollout: shares of the requests, one step after the other, with tests between, and the way back.

What it was before is noted on the endpoint until the rollout is over. So whoever goes on after a crash or a
clear knows where to go back to, and another rollout knows that this one is not over. The end leaves the same
note under another name: whoever goes on after a crash just then knows what had requests before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.rest.http.errors import ConflictError, InvalidSpecError
from airflow_provider_amlrest.rest.resources.resource import BROKEN
from airflow_provider_amlrest.rest.resources.traffic import (
    Shares,
    Traffic,
    TrafficChangedError,
    author_of,
    completed,
    last_rollout_of,
    read_shares,
    rollout_of,
    shares_of,
)

if TYPE_CHECKING:
    from airflow_provider_amlrest.lifecycle.task_state import TaskKey
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.resources.endpoints import EndpointPlace

log = logging.getLogger(__name__)


def author(task: TaskKey) -> str:
    """Who does a rollout: the same over the tries and clears of a task instance."""
    return " ".join((task.dag_id, task.task_id, task.run_id, str(task.map_index)))


class Kind(Enum):
    """What a rollout does next."""

    TEST = auto()
    SHIFT = auto()
    PAUSE = auto()


class Phase(NamedTuple):
    """A part of a rollout. ``shares``: those that hold after a shift, or that get requests in a test."""

    kind: Kind
    shares: Shares


@dataclass(frozen=True)
class Rollout:
    """A rollout as it was planned when it began.

    :param by: its :func:`author`.
    :param start: the shares before it.
    :param steps: the shares at each step, of all deployments.
    :param reached: how many steps are done.
    :param taken: the shares of another writer that are taken over; None: there are none.
    :param ended_from: the shares before the same rollout, if it has come to its end already.
    """

    place: EndpointPlace
    by: str
    start: Shares
    steps: tuple[Shares, ...]
    reached: int = 0
    taken: Shares | None = None
    ended_from: Shares | None = None

    @property
    def before(self) -> Shares:
        """What the shares were before all of it. From a rollout that has ended, the way back is another."""
        return self.start if self.ended_from is None else self.ended_from

    def phases(self, *, has_paused: bool) -> tuple[Phase, ...]:
        """What is left to do, in order. Whoever is to get requests is tested before.

        :param has_paused: whether the pause after the step that is done is over.
        """
        before = self._after(self.reached) if self.reached else (Phase(Kind.TEST, self.steps[0]),)
        left = [phase for phase in before if not (has_paused and phase.kind is Kind.PAUSE)]
        for number in range(self.reached + 1, len(self.steps) + 1):
            left += [Phase(Kind.SHIFT, self.steps[number - 1]), *self._after(number)]
        return tuple(left)

    def _after(self, number: int) -> tuple[Phase, ...]:
        shares = self.steps[number - 1]
        pause = () if number == len(self.steps) else (Phase(Kind.PAUSE, shares),)
        return (*pause, Phase(Kind.TEST, shares))

    def step(self, shares: Shares) -> Traffic:
        """The goal of a step."""
        return Traffic(self.place.path, self.place.what, dict(shares), self._expected, self._note)

    @property
    def end(self) -> Traffic:
        """The goal of the end: the last shares. If they are those of before, there was no rollout."""
        last = self._note if self.start != self.steps[-1] else None
        what, shares = self.place.what, dict(self.steps[-1])
        return Traffic(self.place.path, what, shares, self._expected, last_rollout=last)

    @property
    def back(self) -> Traffic:
        """The goal of the way back."""
        return back(self.place.path, self.place.what, self.way_back)

    @property
    def _note(self) -> dict[str, Any]:
        return {"by": self.by, "start": dict(self.start)}

    @property
    def _expected(self) -> tuple[Shares, ...]:
        taken = () if self.taken is None else (self.taken,)
        return (*taken, *self.steps, self.start)

    @property
    def way_back(self) -> dict[str, Any]:
        """What :func:`back` needs, as JSON."""
        return {"start": dict(self.start), "expected": [dict(shares) for shares in self._expected]}


def back(path: str, what: str, way_back: Mapping[str, Any]) -> Traffic:
    """The goal of a rollout that is given up: the shares of before, and no note of it."""
    return Traffic(path, what, way_back["start"], tuple(way_back["expected"]), None)


def go_back(goal: Traffic, deadline: float) -> Generator[Traffic | float, Any, None]:
    """The way back, although the endpoint is just being changed: what to bring, or seconds of a pause.

    Each time it is looked anew: what is under way may be a change of somebody else.

    :param deadline: seconds since the epoch.
    :raises ConflictError: if the endpoint was being changed up to then.
    """
    while True:
        try:
            yield goal
        except ConflictError:
            if time.time() + patience.BACK_PAUSE >= deadline:
                raise
        else:
            return
        yield patience.BACK_PAUSE


def told_back(goal: Traffic, error: Exception | None = None) -> str:
    """What became of the way back, for the log."""
    if error is None:
        return f"{goal.what} gets back the shares {dict(goal.shares)}."
    return f"The shares of {goal.what} could not be set back to {dict(goal.shares)}: {error}"


def plan(
    client: AzureMLClient,
    place: EndpointPlace,
    steps: tuple[Mapping[str, int], ...],
    by: str,
    *,
    take_over: bool,
) -> Rollout:
    """The rollout from the shares of now on, or from those of its beginning if an earlier try has begun it.

    :param take_over: whether another rollout that is not over, and shares that somebody else has set in one,
        may be taken over.
    :raises InvalidSpecError: for an endpoint or a deployment that there is not.
    :raises TrafficChangedError: if another rollout is not over.
    """
    endpoint = client.get_resource(place.path)
    if not endpoint.exists:
        raise InvalidSpecError("endpoint_name", f"there is no {place.what} in the workspace.")
    now, found, last = shares_of(endpoint), rollout_of(endpoint), last_rollout_of(endpoint)
    if found is not None and found.get("by") != by and not take_over:
        raise TrafficChangedError(
            f"{place.what} has a rollout that is not over, by {author_of(found)}; before it, the shares were "
            f"{found['start']}. Clear that task, so that it ends; or set take_over=True."
        )
    start = now if found is None else _before(place, found)
    listed = list(client.list_resources(f"{place.path}/deployments"))
    deployments = [one.name.rpartition("/")[2] for one in listed]
    wanted = {name for step in steps for name, share in step.items() if share}
    for name, one in zip(deployments, listed, strict=True):
        # No error: what a deployment served before a change of it failed, it may still serve.
        if name in wanted and one.status in BROKEN:
            log.warning("Deployment %s is %s: it may not answer the requests that it gets.", name, one.status)
    if found is None and now == completed(steps[-1], start, deployments):
        ended_from = _before(place, last) if last is not None and last.get("by") == by else None
        return Rollout(place, by, start, (now,), reached=1, ended_from=ended_from)
    each = [completed(step, start, deployments) for step in steps]
    planned = tuple(shares for before, shares in zip([None, *each], each, strict=False) if shares != before)
    is_ours = found is not None and found.get("by") == by
    reached = planned.index(now) + 1 if is_ours and now in planned else 0
    return Rollout(place, by, start, planned, reached, now if take_over else None)


def _before(place: EndpointPlace, note: Mapping[str, Any]) -> dict[str, int]:
    """The shares before a rollout. Raises AzureMLError for a note in which they are none."""
    return read_shares(f"What the shares of {place.what} were before", note["start"])
