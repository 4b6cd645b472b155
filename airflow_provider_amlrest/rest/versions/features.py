"""What some api-versions cannot express: refused before it is sent.

The rows are next to the classes that they belong to, as FEATURES; :mod:`rest.table` has all of them.

First versions come from Microsoft's JSON Schemas, and from its bicep types for versions in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError


@dataclass(frozen=True)
class Feature:
    """Something that our classes can express, and api-versions only from a certain one on."""

    of: type | tuple[type, ...]
    """The classes that have it: an asset, a job, a sweep's trial, a resource."""
    field: str
    """Its name in the operators, and therefore in errors."""
    what: str
    since: str
    used: Callable[[Any], bool]
    """Whether an asset or a job uses it; with ``each``, whether a member of the field does."""
    each: bool = False
    also: tuple[str, ...] = ()
    """Versions before ``since`` that have it anyway."""

    def is_in(self, api_version: str) -> bool:
        # Versions are dates: their order is that of text.
        return api_version >= self.since or api_version in self.also

    def fields(self, thing: Any) -> Iterator[str]:
        """The fields of an asset or a job that use it."""
        if not isinstance(thing, self.of):
            return
        if self.each:
            members = getattr(thing, self.field).items()
            yield from (f"{self.field}.{name}" for name, value in members if self.used(value))
        elif self.used(thing):
            yield self.field


NEVER = "none"
"""For ``since``: only previews that this provider does not support have it. Greater than every date."""


def refuse_unsupported(api_version: str, features: Iterable[Feature], *things: object) -> None:
    """Raises InvalidSpecError if an asset, a job or a part of one uses what the version cannot express."""
    for problem in missing(api_version, features, *things):
        raise problem


def missing(api_version: str, features: Iterable[Feature], *things: object) -> Iterator[InvalidSpecError]:
    """The errors for all that things use and the version cannot express."""
    for feature in features:
        if not feature.is_in(api_version):
            for field in (field for thing in things for field in feature.fields(thing)):
                yield unsupported(api_version, field, feature.what, feature.since)


def refuse_member(api_version: str, features: Iterable[Feature], of: str, field: str, value: object) -> None:
    """The same for one member that was not known before it was looked up.

    :param of: the field whose member it is: ``inputs``.
    :param field: the member's own name: ``inputs.data``.
    """
    for feature in features:
        if feature.each and feature.field == of and not feature.is_in(api_version) and feature.used(value):
            raise unsupported(api_version, field, feature.what, feature.since)


def unsupported(api_version: str, field: str, what: str, since: str) -> InvalidSpecError:
    """The error for a field that an api-version cannot express; ``since``: the first later one that can."""
    if since == NEVER:
        return InvalidSpecError(
            field,
            f"api-version {api_version} cannot say {what}, nor can any other that this provider supports. "
            "Leave it out.",
        )
    return InvalidSpecError(
        field,
        f"api-version {api_version} cannot say {what}; {since} is the first after it that can. "
        "Do without it, or set a newer api_version.",
    )
