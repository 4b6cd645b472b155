"""Which share of an online endpoint's requests each deployment gets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError
from airflow_provider_amlrest.rest.reading.values import mapping, structured, whole
from airflow_provider_amlrest.rest.resources.endpoints import own_properties, writable
from airflow_provider_amlrest.rest.resources.goal import Change, Goal
from airflow_provider_amlrest.rest.resources.resource import Resource
from airflow_provider_amlrest.rest.versions.spelling import Wire
from airflow_provider_amlrest.rest.versions.words import object_in, properties_of

ROLLOUT = "airflow.rollout"
"""Property of an endpoint while a rollout is not finished: who does it, and the shares before it, as JSON."""
LAST_ROLLOUT = "airflow.last_rollout"
"""Property of an endpoint: the same of the last rollout that has come to its end."""

Shares = Mapping[str, int]
"""Deployment -> percent of the requests; those without any are left out."""


class TrafficChangedError(AzureMLError):
    """Somebody else has changed the shares meanwhile: nothing was written over."""


def shares_of(endpoint: Resource) -> dict[str, int]:
    """The shares as they are."""
    return _percentages(endpoint, "traffic")


def mirrored_of(endpoint: Resource) -> dict[str, int]:
    """Of which percentage of the requests a deployment gets a copy, which nobody sees the answers to."""
    return _percentages(endpoint, "mirrorTraffic")


def _percentages(endpoint: Resource, member: str) -> dict[str, int]:
    given = properties_of(endpoint.wire).get(member) or {}
    return read_shares(f"The {member} of {endpoint.name}", given)


def read_shares(whose: str, given: Any) -> dict[str, int]:
    """The shares that are not 0. Raises AzureMLError for what are none: they are not to be written over."""
    try:
        return {str(name): int(share) for name, share in given.items() if share}
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise AzureMLError(f"{whose} is {given!r}, and not percentages.") from None


def rollout_of(endpoint: Resource) -> dict[str, Any] | None:
    """The unfinished rollout: ``{"by": ..., "start": shares}``; None if there is none."""
    return _note(endpoint, ROLLOUT)


def last_rollout_of(endpoint: Resource) -> dict[str, Any] | None:
    """The last rollout that has come to its end, likewise."""
    return _note(endpoint, LAST_ROLLOUT)


def _note(endpoint: Resource, name: str) -> dict[str, Any] | None:
    note = object_in(properties_of(endpoint.wire), "properties").get(name)
    try:
        found = json.loads(str(note or ""))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("start"), dict) else None


@dataclass(frozen=True)
class Traffic(Goal):
    """The deployments of an endpoint get these shares.

    :param expected: the shares that may be written over; with any other ones, somebody else is at work.
    :param rollout: the note that the endpoint bears from then on; None: no rollout is going on.
    :param last_rollout: that of the rollout that ends with these shares; None: the endpoint's stays as it is.
    """

    shares: Shares = field(default_factory=dict)
    expected: tuple[Shares, ...] = ()
    rollout: Mapping[str, Any] | None = None
    last_rollout: Mapping[str, Any] | None = None

    def is_reached(self, now: Resource) -> bool:
        is_noted = self.last_rollout is None or last_rollout_of(now) == self.last_rollout
        return shares_of(now) == self.shares and rollout_of(now) == self.rollout and is_noted

    def why(self, now: Resource) -> list[str]:
        if not now.exists:
            return ["it does not exist"]
        compared = (
            ("shares", shares_of(now), dict(self.shares)),
            ("rollout", _told(rollout_of(now)), _told(self.rollout)),
        )
        return [f"{what}: {found} -> {wanted}" for what, found, wanted in compared if found != wanted]

    def change(self, now: Resource) -> Change:
        if not now.exists:
            raise InvalidSpecError("endpoint_name", f"there is no {self.what}.")
        found = shares_of(now)
        if found not in (*self.expected, self.shares):
            raise TrafficChangedError(
                f"{self.what} has the shares {found}, where {dict(self.expected[-1])} were expected: "
                "somebody else has changed them, and they are left so. To go on from there, set "
                "take_over=True."
            )
        return Change("PUT", self.path, self._body(now))

    def done(self, now: Resource) -> str:
        return "updated" if shares_of(now) == self.shares else "shifted"

    def _body(self, now: Resource) -> Wire:
        own = {name: value for name, value in own_properties(now).items() if name != ROLLOUT}
        if self.rollout is not None:
            own[ROLLOUT] = json.dumps(self.rollout)
        if self.last_rollout is not None:
            own[LAST_ROLLOUT] = json.dumps(self.last_rollout)
        return writable(now, properties=own, traffic=dict(self.shares))


def _told(rollout: Mapping[str, Any] | None) -> str:
    """A rollout's note, for people."""
    return "none" if rollout is None else f"by {author_of(rollout)}, from {rollout['start']}"


def author_of(rollout: Mapping[str, Any]) -> str:
    """Who has noted the rollout, for people: the map index only of a mapped task."""
    return str(rollout.get("by")).removesuffix(" -1")


def read_steps(value: Any) -> tuple[dict[str, int], ...]:
    """Shares one after the other: ``[{"green": 10}, {"green": 100}]``. Raises InvalidSpecError."""
    steps = structured(value)
    if isinstance(steps, Mapping):
        steps = [steps]
    if not isinstance(steps, list | tuple) or not steps:
        raise InvalidSpecError("steps", f'{value!r} must be a list of shares, such as [{{"green": 100}}].')
    read = []
    for index, step in enumerate(steps):
        given = mapping(f"steps[{index}]", step)
        read.append(
            {str(name): whole(f"steps[{index}].{name}", share, 0, 100) for name, share in given.items()}
        )
        total = sum(read[-1].values())
        if not given or total > 100:
            raise InvalidSpecError(
                f"steps[{index}]", f"{dict(given)!r} are {total} percent together; they must be up to 100."
            )
    return tuple(read)


def completed(step: Shares, start: Shares, deployments: Iterable[str]) -> dict[str, int]:
    """The shares of all deployments at a step: what it leaves goes to the others as they had it before.

    :param start: the shares before the rollout.
    :param deployments: those that the endpoint has.
        If none had any requests, the only one that a step names gets all.
    :raises InvalidSpecError: for one that it does not have, and if there is nobody for what is left.
    """
    if not start and len(step) == 1:
        # The first deployment of an endpoint: there is nobody else.
        step = dict.fromkeys(step, 100)
    known = sorted(deployments)
    for name in step:
        if name not in known:
            has = f"it has: {', '.join(known)}" if known else "it has none"
            raise InvalidSpecError("steps", f"the endpoint has no deployment {name!r}; {has}.")
    left = 100 - sum(step.values())
    others = {name: share for name, share in start.items() if name not in step}
    total = sum(others.values())
    if left and not total:
        raise InvalidSpecError(
            "steps", f"{dict(step)!r} leave {left} percent, and no other deployment had any before."
        )
    shares = {name: share for name, share in step.items() if share}
    for name, share in sorted(others.items(), key=lambda item: item[1]):
        part = round(left * share / total) if total else 0
        left, total = left - part, total - share
        shares |= {name: part} if part else {}
    return shares
