"""What a resource is wanted to be, and which request brings it there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.resources.equality import differences
from airflow_provider_amlrest.rest.resources.resource import Resource
from airflow_provider_amlrest.rest.versions.spelling import Wire
from airflow_provider_amlrest.rest.versions.words import object_in, properties_of


class Change(NamedTuple):
    """A request that changes a resource."""

    method: str
    path: str
    body: Wire | None = None
    query: Mapping[str, str] = {}


@dataclass(frozen=True)
class Goal(ABC):
    """What a resource is wanted to be.

    :param path: the resource, below the workspace: ``computes/gpu``.
    :param what: it in words: ``compute gpu``.
    """

    path: str
    what: str

    @property
    def parents(self) -> tuple[str, ...]:
        """What an operation on may be in the way of a change: an endpoint, for its deployment."""
        ids = self.path.split("/")
        return tuple("/".join(ids[:count]) for count in range(2, len(ids) - 1, 2))

    @property
    def below(self) -> str | None:
        """What an operation on may be in the way, too: the deployments of an endpoint."""
        collection, *names = self.path.split("/")
        return f"{self.path}/deployments" if collection.endswith("Endpoints") and len(names) == 1 else None

    @abstractmethod
    def is_reached(self, now: Resource) -> bool:
        """Whether a resource on which nothing is under way is so."""

    def interrupts(self, now: Resource) -> bool:
        """Whether the request is sent although an operation is under way on the resource.

        Where that operation leads elsewhere, and may cost money for as long as it takes.
        """
        return False

    @abstractmethod
    def change(self, now: Resource) -> Change:
        """The request that brings it there. Raises InvalidSpecError if there is none."""

    def why(self, now: Resource) -> list[str]:
        """What differs, for people. Empty: there is no more to say than the goal itself."""
        return []

    @abstractmethod
    def done(self, now: Resource) -> str:
        """What the change does to it, in a word: ``created``."""


@dataclass(frozen=True)
class Present(Goal):
    """It exists, and is as the body of a PUT says. What failed is made again.

    :param of_user: which mappings of the body are compared letter by letter.
    :param marks: tags that are sent, but make no difference: who has made it.
    :param kept: members of its properties that stay as they are if nothing is said of them. The service would
        reset them, for a PUT says all.
    :param notes: likewise, of the properties in its properties.
    """

    body: Wire = field(default_factory=dict)
    of_user: tuple[str, ...] = ("tags",)
    marks: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def is_reached(self, now: Resource) -> bool:
        return now.exists and not now.is_broken and not self.why(now)

    def why(self, now: Resource) -> list[str]:
        if not now.exists:
            return ["it does not exist"]
        return [f"it is {now.status}"] * now.is_broken + differences(self.body, now.wire, self.of_user)

    def change(self, now: Resource) -> Change:
        properties = self.body["properties"]
        before = properties_of(now.wire)
        kept = _left(before, self.kept, properties)
        own = properties.get("properties") or {}
        if notes := _left(object_in(before, "properties"), self.notes, own):
            kept["properties"] = {**own, **notes}
        tags = {**self.body.get("tags", {}), **self.marks}
        return Change("PUT", self.path, {**self.body, "tags": tags, "properties": {**properties, **kept}})

    def done(self, now: Resource) -> str:
        return "updated" if now.exists else "created"


def _left(before: Wire, names: tuple[str, ...], given: Wire) -> Wire:
    """What was before, of that of which nothing is said."""
    return {name: before[name] for name in names if name not in given and before.get(name)}


@dataclass(frozen=True)
class Absent(Goal):
    """It does not exist."""

    query: Mapping[str, str] = field(default_factory=dict)

    def is_reached(self, now: Resource) -> bool:
        return not now.exists

    def interrupts(self, now: Resource) -> bool:
        return now.status != "Deleting"

    def change(self, now: Resource) -> Change:
        return Change("DELETE", self.path, query=self.query)

    def done(self, now: Resource) -> str:
        return "deleted"


@dataclass(frozen=True)
class InState(Goal):
    """It is in one of some states, to which an action brings it: ``start``, ``stop``.

    :param despite: states with an operation under way in which the action is asked for all the same.
    """

    action: str = ""
    states: frozenset[str] = frozenset()
    despite: frozenset[str] = frozenset()

    def is_reached(self, now: Resource) -> bool:
        return now.status in self.states

    def interrupts(self, now: Resource) -> bool:
        return now.status in self.despite

    def change(self, now: Resource) -> Change:
        if not now.exists:
            raise InvalidSpecError("name", f"there is no {self.what} in the workspace to {self.action}.")
        return Change("POST", f"{self.path}/{self.action}")

    def done(self, now: Resource) -> str:
        return {"start": "started", "stop": "stopped"}[self.action]
