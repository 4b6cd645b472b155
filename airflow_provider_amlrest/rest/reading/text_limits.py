"""Limits of the texts of a job that are not names of assets: length, number, characters.

They come from Microsoft's page on the limits of Azure ML (2025), the characters of an experiment's name from
the service's own refusal. docs/operators.md has the same table; a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

MAX_TEXT = {"experiment_name": 256, "display_name": 256, "description": 5000}
"""Maximum characters of each."""

EXPERIMENT_PATTERN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]*")


@dataclass(frozen=True)
class PairLimit:
    """Limits of tags or properties: their number, and the characters of a name and of a value."""

    count: int
    name: int
    value: int


MAX_PAIRS = {"tags": PairLimit(50, 100, 1000), "properties": PairLimit(50, 100, 1000)}


def check_text(field: str, value: str | None) -> str | None:
    """The text, if it is not too long. Raises InvalidSpecError otherwise."""
    if value is not None and len(value) > MAX_TEXT[field]:
        raise InvalidSpecError(
            field, f"{value[:40]!r}... has {len(value)} characters; Azure ML takes {MAX_TEXT[field]}."
        )
    return value


def check_experiment(field: str, name: str | None) -> str | None:
    """The experiment's name, if it is valid. Otherwise raises InvalidSpecError, which suggests a name."""
    if name is None or (EXPERIMENT_PATTERN.fullmatch(name) and len(name) <= MAX_TEXT[field]):
        return name
    usable = re.sub(r"[^a-zA-Z0-9_-]+", "-", name).strip("-_")[: MAX_TEXT[field]]
    suggestion = f" {usable!r} would be one." if usable else " Leave it out for the default one."
    raise InvalidSpecError(
        field,
        f"{name!r} is not a valid name of an experiment: 1 to {MAX_TEXT[field]} letters, digits, '-' and "
        f"'_', beginning with a letter or digit.{suggestion}",
    )


def check_pairs(field: str, pairs: Mapping[str, str], ours: int) -> Mapping[str, str]:
    """Tags or properties, if they fit.

    :param ours: the number that the provider adds.
    :raises InvalidSpecError: if there are too many, a name is empty, or a name or value is too long.
    """
    limit = MAX_PAIRS[field]
    if len(pairs) > limit.count - ours:
        raise InvalidSpecError(
            field, f"there are {len(pairs)}; Azure ML takes {limit.count}, of which Airflow's own are {ours}."
        )
    for name, value in pairs.items():
        if not name.strip():
            raise InvalidSpecError(field, f"the name of {value[:40]!r} is empty.")
        if len(name) > limit.name or len(value) > limit.value:
            raise InvalidSpecError(
                f"{field}.{name[: limit.name]}",
                f"it is too long; a name has {limit.name} characters at most, a value {limit.value}.",
            )
    return pairs
