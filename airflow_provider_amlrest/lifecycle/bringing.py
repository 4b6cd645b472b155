"""A task brings a resource to a state: what it does at each look, whoever else is at work on it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.outages import retry_through_outage
from airflow_provider_amlrest.rest.http.errors import AzureMLError, ConflictError, ResponseError

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.resources.goal import Goal
    from airflow_provider_amlrest.rest.resources.resource import Resource

log = logging.getLogger(__name__)

UNCHANGED = "unchanged"
NOT_NOW = (400, 409)
"""How a service refuses what it would accept at another time: 409, and 400 with a reason such as
``StopComputeInstanceOnlyAllowedInRunningState`` (reported by users, of an operation that then failed)."""


class ResourceError(AzureMLError):
    """A resource is not what it was to be."""


class ResourceTimeoutError(AzureMLError, TimeoutError):
    """The task's time ran out while an operation was under way. The operation goes on."""


class Step(NamedTuple):
    """What came of a look at a resource.

    ``operation``: the URL of the operation that was started. ``is_over``: it is as it is wanted.
    """

    now: Resource
    operation: str | None = None
    is_over: bool = False


@dataclass
class Bringing:
    """One task's way to bring a resource to a state.

    What is so already is left alone. A request is sent once at most: an operation that an earlier try, or
    somebody else, has begun is followed first, and then there may be nothing left to do. Some requests do not
    wait for that, see :meth:`Goal.interrupts`; if such a one leads nowhere, it is sent again in its turn.

    :param sent: what this task has done: ``created``; None: nothing yet.
    :param is_early: whether that was sent while another operation was under way.
    :ivar why: why the operation that was waited for has failed, if it said so.
    """

    client: AzureMLClient
    goal: Goal
    sent: str | None = None
    is_early: bool = False
    why: str = ""
    _tried: str | None = None
    _refused: bool = False

    @property
    def outcome(self) -> str:
        """What was done in the end."""
        return self.sent or self._tried or UNCHANGED

    def next(self, deadline: float | None, is_over: Callable[[], bool]) -> Step:
        """Look, and send what is to be sent. After it, wait until nothing is under way, and look again.

        :param deadline: seconds since the epoch up to which it is tried again while Azure ML does not answer.
        :param is_over: whether nobody wants it any more.
        :raises ResourceError: if it is not what it was to be after all.
        """
        return retry_through_outage(
            f"{self.goal.what} cannot be read or changed", self._step, deadline, is_over
        )

    def _step(self) -> Step:
        goal = self.goal
        now = _settled(self.client, goal) if self.sent else self.client.get_resource(goal.path)
        if now.is_active:
            if self.sent is None and goal.interrupts(now):
                return self._interrupt(now)
            log.info("%s is %s: the operation that is under way is followed.", goal.what, now.status)
            return Step(now)
        if goal.is_reached(now):
            return Step(now, is_over=True)
        if self.sent and not self.is_early:
            raise ResourceError(_failure(self.client, goal, now, self.why))
        self.is_early = False
        return self._change(now)

    def _interrupt(self, now: Resource) -> Step:
        """Ask for it while something else is under way. A refusal is no failure: its turn comes."""
        goal = self.goal
        done = goal.done(now)
        try:
            operation = self.client.change_resource(goal.change(now))
        except ResponseError as error:
            if error.status not in NOT_NOW:
                raise
            text = "%s is %s, and cannot be %s before that is over: it is waited for. %s"
            log.info(text, goal.what, now.status, done, error)
            return Step(now)
        log.info("%s is %s: it is to be %s all the same.", goal.what, now.status, done)
        self.sent, self.is_early = done, True
        return Step(now, operation)

    def _change(self, now: Resource) -> Step:
        goal = self.goal
        change = goal.change(now)
        for reason in goal.why(now):
            log.info("%s: %s", goal.what, reason)
        self._tried = goal.done(now)
        try:
            operation = self.client.change_resource(change)
        except ConflictError as error:
            blocking = _blocking(self.client, goal)
            if blocking is None:
                return self._again(error)
            log.info("%s waits for %s, which is %s. %s", goal.what, blocking.name, blocking.status, error)
            self._tried = None
            return Step(blocking)
        self.sent = self._tried
        log.info("%s is being %s.", goal.what, self.sent)
        return Step(now, operation)

    def _again(self, error: ConflictError) -> Step:
        """Once more, for what was in the way may have ended between the refusal and the look."""
        if self._refused:
            # Airflow may try again: what is in the way need not be visible, and passes.
            raise ResourceError(str(error))
        log.info("%s was refused, and nothing is in its way now: looking again. %s", self.goal.what, error)
        self._refused, self._tried = True, None
        return self._step()


def _blocking(client: AzureMLClient, goal: Goal) -> Resource | None:
    """What an operation is under way on, so that a change was refused."""
    found = map(client.get_resource, (goal.path, *goal.parents))
    below = client.list_resources(goal.below) if goal.below else ()
    return next((now for now in chain(found, below) if now.is_active), None)


def _settled(client: AzureMLClient, goal: Goal) -> Resource:
    """The resource after a change. What is read right after one may still be what was before."""
    end = time.time() + patience.SETTLE
    while True:
        now = client.get_resource(goal.path)
        if now.is_active or now.is_broken or goal.is_reached(now) or time.time() >= end:
            return now
        time.sleep(patience.SETTLE_PAUSE)


def _failure(client: AzureMLClient, goal: Goal, now: Resource, why: str) -> str:
    reason = why or now.error or client.explain_failure(now)
    text = f"{goal.what} is {now.status}" + (f": {reason}" if reason else "")
    details = "; ".join(goal.why(now))
    return text if now.is_broken or not details else f"{text}. It was changed, but differs still: {details}"
