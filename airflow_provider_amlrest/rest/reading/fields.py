"""Reads what users write, member by member, and raises InvalidSpecError if it is not valid.

Every function takes the field's name first, so that an error can name it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields
from pathlib import PurePath
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, holds_credentials
from airflow_provider_amlrest.rest.ids import NAME_PATTERN, VERSION_PATTERN
from airflow_provider_amlrest.rest.reading.not_taken import NOT_TAKEN
from airflow_provider_amlrest.rest.reading.values import (
    blank,
    boolean,
    mapping,
    number,
    quoted,
    structured,
    whole,
)

T = TypeVar("T")
_Text = TypeVar("_Text", str, str | None)

URI_SCHEMES = ("azureml://", "https://", "wasbs://", "abfss://")

SOMETHING = re.compile(r"[a-zA-Z0-9_]")
"""Every text that the service requires must contain one of these (all api-versions)."""


def text(field: str, value: _Text) -> _Text:
    """A text, or None. A whole number becomes text, because native rendering turns digits into numbers."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InvalidSpecError(field, f"{value!r} must be text.")


def path_text(field: str, value: Any) -> str:
    """A path as text; the empty one for None. A ``pathlib`` path is none yet if nobody has rendered it."""
    return str(value) if isinstance(value, PurePath) else text(field, value) or ""


def check_name(field: str, name: str, longest: int = 255) -> str:
    """The name, if Azure ML accepts it. Raises InvalidSpecError otherwise."""
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name) or len(name) > longest:
        raise InvalidSpecError(
            field,
            f"{name!r} is not a valid name for Azure ML: 1 to {longest} letters, digits, '-' and '_', "
            "beginning with a letter or digit.",
        )
    return name


def text_list(field: str, value: Any) -> tuple[str, ...]:
    """A list of names. Raises InvalidSpecError otherwise, also for a single text."""
    value = structured(value)
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) and name for name in value):
        raise InvalidSpecError(field, f'{value!r} must be a list of names, such as ["auc"].')
    return tuple(value)


def check_version(field: str, version: str, longest: int | None = None) -> str:
    """The version of an asset, if it is valid. Raises InvalidSpecError otherwise.

    :param longest: maximum number of characters; None: no limit.
    """
    if not VERSION_PATTERN.fullmatch(version):
        raise InvalidSpecError(
            field, f"{version!r} is not a valid version of an asset: it has one of <>*%&:\\?/#@."
        )
    if longest is not None and len(version) > longest:
        raise InvalidSpecError(
            field, f"{version!r} has {len(version)} characters, but here a version has {longest} at most."
        )
    return version


def is_uri(field: str, value: Any) -> bool:
    """Whether a value is a URI of data with a scheme that Azure ML accepts.

    Raises InvalidSpecError like :func:`check_unsigned`.
    """
    return isinstance(value, str) and value.startswith(URI_SCHEMES) and bool(check_unsigned(field, value))


_ACCESS = "Give it without: the job's identity, or a datastore of the workspace, can have the access."


def check_unsigned(field: str, value: str, way_out: str = _ACCESS) -> str:
    """The text, if no URL in it contains a secret: everyone who may see the asset, job or task would see it.

    :param way_out: what to do instead, for the error.
    :raises InvalidSpecError: for a signature, password or token that :func:`holds_credentials` recognises.
    """
    if holds_credentials(value):
        raise InvalidSpecError(
            field,
            f"{value!r} holds a signature or a password, and whoever sees the asset or the task would have "
            f"it. {way_out}",
        )
    return value


def string_map(field: str, value: Any) -> dict[str, str]:
    """A mapping of text to text. Numbers and booleans become text; None is refused."""
    result = {}
    for key, member in mapping(field, value).items():
        if not isinstance(member, str | int | float | bool):
            raise InvalidSpecError(f"{field}.{key}", f"{quoted(field, member)} must be text or a number.")
        result[str(key)] = str(member)
    return result


def json_map(field: str, value: Any) -> dict[str, Any]:
    """A mapping that can be written as JSON. Raises InvalidSpecError otherwise."""
    given = dict(mapping(field, value))
    try:
        json.dumps(given, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidSpecError(field, f"{given!r} cannot be written as JSON: {error}.") from None
    return {str(name): member for name, member in given.items()}


def json_value(field: str, value: Any) -> Any:
    """A value that Python can write as JSON, NaN too. Raises InvalidSpecError otherwise."""
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSpecError(field, f"it cannot be written as JSON: {error}.") from None
    return value


def one_of(field: str, value: Any, allowed: Collection[str]) -> str:
    """The value, if it is one of those allowed. Otherwise raises InvalidSpecError, which lists them."""
    if not isinstance(value, str) or value not in allowed:
        raise InvalidSpecError(field, f"{value!r} is not one of: {', '.join(allowed)}.")
    return value


def word(field: str, value: Any, allowed: Collection[str], aliases: Mapping[str, str] | None = None) -> str:
    """A word of Azure ML in our spelling. The CLI and the SDK accept any case, and also ``UserIdentity``.

    :param aliases: other words, and what they mean.
    :raises InvalidSpecError: for any other word; the error lists those allowed.
    """
    spellings = {name.replace("_", ""): name for name in allowed}
    spellings |= {other.replace("_", ""): name for other, name in (aliases or {}).items()}
    found = spellings.get(value.replace("_", "").lower()) if isinstance(value, str) else None
    return found or one_of(field, value, allowed)


def no_other_keys(field: str, value: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Raises InvalidSpecError if a mapping has a key that is not allowed."""
    other = sorted(str(key) for key in value if key not in allowed)
    if other:
        raise unknown_key(field, "', '".join(other), allowed)


def nearest(name: str, there: Collection[str]) -> str:
    """What there is instead of a name, and which of it is meant, perhaps: the end of an error."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(there), 1)
    hint = f"did you mean {near[0]!r}? There are: " if near else "there are: "
    return f"{hint}{', '.join(sorted(set(there))) or 'none'}."


def unknown_key(field: str, key: str, allowed: Collection[str]) -> InvalidSpecError:
    """The error for a key that there is not: why it is not taken, or the nearest one that there is."""
    if (reason := NOT_TAKEN.get(key)) is not None:
        return InvalidSpecError(field, f"{key!r} is not taken: {reason}.")
    return InvalidSpecError(field, f"unknown key '{key}'; {nearest(key, allowed)}")


def read_typed(
    field: str,
    value: Any,
    cls: type[T],
    types: Collection[str],
    aliases: Mapping[str, str] | None = None,
) -> T | None:
    """Read a mapping with a ``type``, or just the type as text, into a dataclass that has one.

    :param types: the types that exist.
    :param aliases: other words for them, and what they mean.
    """
    value = structured(value)
    if blank(value):
        return None
    given = {"type": value} if isinstance(value, str) else dict(mapping(field, value))
    if "type" in given:
        given["type"] = word(f"{field}.type", given["type"], types, aliases)
    return build(field, given, cls)


def build(field: str, value: Mapping[str, Any], cls: type[T]) -> T:
    """Read a mapping into a dataclass, whose annotations say what each must be. Raises InvalidSpecError."""
    known = fields(cls)  # type: ignore[arg-type]
    no_other_keys(field, value, [member.name for member in known])
    required = {f.name for f in known if f.default is MISSING and f.default_factory is MISSING}
    missing = required - set(value)
    if missing:
        raise InvalidSpecError(field, f"{', '.join(sorted(missing))} is missing.")
    hints = get_type_hints(cls)
    return cls(**{name: _typed(f"{field}.{name}", member, hints[name]) for name, member in value.items()})


_LARGEST = 2**31 - 1
_READERS: dict[Any, Callable[[str, Any], Any]] = {
    str: lambda field, value: value,
    int: lambda field, value: whole(field, value, -_LARGEST, _LARGEST),
    float: number,
    bool: boolean,
    Mapping: mapping,
}


def _typed(field: str, value: Any, hint: Any) -> Any:
    """The value as a member's type requires it, such as ``int | None``. Raises InvalidSpecError otherwise."""
    optional = NoneType in get_args(hint)
    kind = get_args(hint)[0] if optional else get_origin(hint) or hint
    if optional and (value is None or (kind is not str and blank(value))):
        return None
    if kind is str and not isinstance(value, str):
        raise InvalidSpecError(field, f"{value!r} must be text.")
    if kind is float and abs(number(field, value)) > _LARGEST:
        raise InvalidSpecError(field, f"{value!r} must be a number (up to {_LARGEST}).")
    return _READERS[kind](field, value)
