"""Values of a mapping in Python as a YAML file would have them."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import PurePath
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

DEEPEST = 50
"""No file of a job is nested deeper; one that is, is a mistake, or is made to fill the memory."""


def plain(field: str, value: Any, depth: int = 0) -> Any:
    """Texts, numbers, booleans, None, lists and mappings of them.

    A path becomes text; a number of another library, such as numpy's, a number; a timedelta its seconds, as
    in the arguments of operators; a tuple a list.

    :param field: whose value it is, for errors.
    :raises InvalidSpecError: for anything else, such as a datetime or a set; it names the member.
    """
    if depth > DEEPEST:
        raise InvalidSpecError(field, f"it is nested more than {DEEPEST} deep, or is a part of itself.")
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return float(value)
    if isinstance(value, Mapping):
        return {
            _key(field, key): plain(f"{field}.{key}" if field else str(key), member, depth + 1)
            for key, member in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview | range):
        return [plain(f"{field}[{index}]", member, depth + 1) for index, member in enumerate(value)]
    raise InvalidSpecError(
        field, f"{value!r} is {_named(value)}, which no YAML file can have; {_way_out(value)}."
    )


def _key(field: str, key: Any) -> Any:
    if key is None or isinstance(key, str | int | float):
        return key
    raise InvalidSpecError(field, f"the key {key!r} is {_named(key)}; write it as text.")


def _named(value: Any) -> str:
    return f"of type {type(value).__qualname__}" if not isinstance(value, float) else "no finite number"


def _way_out(value: Any) -> str:
    if isinstance(value, date):
        return "write it as text, such as by isoformat()"
    if isinstance(value, set | frozenset):
        return "write it as a list"
    return "write it as text, a number, a boolean, a list or a mapping"
