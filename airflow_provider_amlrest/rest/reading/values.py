"""Numbers, booleans, mappings and lists, as users and templates write them: one rule for every field.

Jinja turns everything into text: ``"3600"``, ``"0.5"``, ``"False"``, ``"None"``, ``"{'a': 1}"``. Where a
field needs such a value, a text that represents one is accepted, and any other text is refused. Every
function takes the field's name first, so that an error can name it.
"""

from __future__ import annotations

import ast
import json
import math
import numbers
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

T = TypeVar("T")

_WHOLE = re.compile(r"[+-]?\d{1,300}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_SECRET = re.compile(r"environment_variables|ssh_settings|password", re.IGNORECASE)
"""Fields whose values may be secrets."""
_WORDS = {"true": True, "false": False, "none": None, "null": None, "": None}


def boolean(field: str, value: Any) -> bool:
    """True or false. Raises InvalidSpecError for everything else, including 0 and 1."""
    said = _said(value)
    if not isinstance(said, bool):
        raise InvalidSpecError(field, f"{value!r} must be true or false.")
    return said


def number(field: str, value: Any) -> int | float:
    """A finite number. Raises InvalidSpecError otherwise."""
    said = _said(value)
    if isinstance(said, bool) or not isinstance(said, numbers.Real) or not _is_finite(said):
        raise InvalidSpecError(field, f"{value!r} must be a finite number.")
    return int(said) if isinstance(said, numbers.Integral) else float(said)


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can be
        return False


def whole(field: str, value: Any, low: int, high: int) -> int:
    """A whole number within bounds; 4.0 is one. Raises InvalidSpecError otherwise."""
    try:
        said = number(field, value)
    except InvalidSpecError:
        said = math.nan
    if said != said // 1 or not low <= said <= high:
        raise InvalidSpecError(field, f"{value!r} must be a whole number from {low} to {high}.")
    return int(said)


def blank(value: Any) -> bool:
    """Whether a value is None, or a text that means None: ``"None"``, ``"null"`` or an empty text."""
    return _said(value) is None


def optional(read: Callable[..., T], field: str, value: Any, *more: Any) -> T | None:
    """What ``read(field, value, *more)`` reads; None for what is not given."""
    return None if blank(value) else read(field, value, *more)


def optional_seconds(field: str, value: Any) -> float | None:
    """A time in seconds, or None. Raises InvalidSpecError like :func:`required_seconds`."""
    return optional(required_seconds, field, value)


def required_seconds(field: str, value: Any) -> float:
    """A time in seconds: a number, or a timedelta.

    Raises InvalidSpecError if it is missing, or not above 0 and below a billion.
    """
    try:
        said = number(field, value)
    except InvalidSpecError:
        said = math.nan
    if not 0 < said < 1e9:
        raise InvalidSpecError(field, f"{value!r} must be a number of seconds above 0 and below 1e9.")
    return float(said)


def mapping(field: str, value: Any) -> Mapping[str, Any]:
    """A mapping; None is an empty one. Raises InvalidSpecError otherwise."""
    said = _said(value)
    if said is None:
        return {}
    if not isinstance(said, Mapping):
        raise InvalidSpecError(field, f"{quoted(field, value)} must be a mapping.")
    return said


def items(field: str, value: Any) -> Sequence[Any]:
    """A list; None is an empty one. Raises InvalidSpecError otherwise."""
    said = _said(value)
    if said is None:
        return ()
    if not isinstance(said, list | tuple):
        raise InvalidSpecError(field, f"{value!r} must be a list.")
    return said


def quoted(field: str, value: Any) -> str:
    """The value for an error, or only its type where it may be a secret."""
    return f"what is given, a {type(value).__name__}," if _SECRET.search(field) else repr(value)


def structured(value: Any) -> Any:
    """The mapping or list that a text represents, in JSON or Python syntax; any other value unchanged."""
    if not isinstance(value, str) or not value.strip().startswith(("{", "[", "(")):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            said = read(value.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(said, dict | list | tuple):
            return said
    return value


def _said(value: Any) -> Any:
    """The value that a text represents, or a timedelta's seconds; any other value or text unchanged."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return structured(value)
