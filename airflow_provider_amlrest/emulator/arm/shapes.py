"""Reading JSON as the service does, and answering what a version knows of it.

Names and enum values are taken in any case, defaults filled in. What does not fit is a 400 that names the
field. Members that the type does not have in the request's api-version are refused, all of them at once and
in the recorded words; the position is that of the member in the compact JSON which Resource Manager hands on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from airflow_provider_amlrest.emulator.answers import MlError, not_emulated, request_invalid
from airflow_provider_amlrest.emulator.arm.versions import LATEST, ApiVersion, Since

DURATION = re.compile(r"P(?=[0-9T])(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")


@dataclass(frozen=True)
class Place:
    """Where in a request a value stands.

    :param keys: the way to it from the body.
    :param version: the request's api-version.
    :param root: how many of the keys lead to the nearest object of a named kind; messages count from there.
    :param unknown: members that were found and have no place there: the way to each, and its object's type.
    """

    keys: tuple[str | int, ...]
    version: ApiVersion = LATEST
    root: int = 0
    unknown: list[tuple[Place, str]] = field(default_factory=list)

    def __truediv__(self, key: str | int) -> Place:
        return replace(self, keys=(*self.keys, key))

    def __str__(self) -> str:
        return _dotted(self.keys)

    def wrong(self, problem: str) -> MlError:
        """The error for a value that does not fit."""
        return request_invalid(f"Invalid value for '{self}': {problem}")

    def not_one_of(self, names: str) -> MlError:
        return request_invalid(
            f"The value provided is not a valid enum value. Field: {self}. Allowed values: {names}."
        )


def _dotted(keys: tuple[str | int, ...]) -> str:
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".")


class Reader(Protocol):
    def __call__(self, value: Any, place: Place, /) -> Any:
        """The canonical value. Never called with None."""


def read(reader: Reader, body: Any, version: ApiVersion, *keys: str) -> Any:
    """The value at a place of a request's body, in its canonical form.

    Raises:
        MlError: 400 for what does not fit.
    """
    place = Place(keys, version)
    value = body
    for key in keys:
        value = lowered(value, place).get(key.lower())
    try:
        result = reader({} if value is None else value, place)
    except MlError as error:
        raise request_invalid(*_unknown(place, body), *error.problems) if error.problems else error from None
    if place.unknown:
        raise request_invalid(*_unknown(place, body))
    return result


def _unknown(place: Place, body: Any) -> list[str]:
    return [
        f"Could not find member '{found.keys[-1]}' on object of type '{type_name}'. "
        f"Path '{_dotted(found.keys[found.root :])}', line 1, position {_position(body, found.keys)}."
        for found, type_name in place.unknown
    ]


def _position(value: Any, keys: tuple[str | int, ...]) -> int:
    """Characters up to and with the name and colon of a member, in compact JSON."""
    key, *rest = keys
    position = 1
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for name, member in members:
        position += len(_compact(name)) + 1 if isinstance(value, dict) else 0
        if name == key or str(name).lower() == str(key).lower():
            return position + (_position(member, tuple(rest)) if rest else 0)
        position += len(_compact(member)) + 1
    return position


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Field:
    """A member of an object.

    :param default: what stands for a value that was not sent; called if it can be.
    :param since: the versions that have the member; all if None.
    :param answered: only answered: if it is sent, nobody reads it.
    """

    read: Reader
    default: Any = None
    required: bool = False
    since: Since | None = None
    answered: bool = False

    def is_in(self, version: ApiVersion) -> bool:
        return self.since is None or version.has(self.since)


class Record:
    """An object with known members; ``type_name`` is what the service calls it in messages."""

    since: Since | None = None

    def __init__(self, type_name: str, /, **members: Reader | Field) -> None:
        self.type_name = type_name
        self.fields = {name: m if isinstance(m, Field) else Field(m) for name, m in members.items()}

    def __call__(self, value: Any, place: Place, discriminator: str = "") -> dict[str, Any]:
        given = lowered(value, place)
        known = {name.lower() for name, member in self.fields.items() if member.is_in(place.version)}
        known.add(discriminator.lower())
        place.unknown.extend((place / name, self.type_name) for name in value if name.lower() not in known)
        return {
            name: self._member(name, member, given, place / name)
            for name, member in self.fields.items()
            if not member.answered
        }

    def _member(self, name: str, member: Field, given: Mapping[str, Any], place: Place) -> Any:
        value = given.get(name.lower())
        if value is not None and member.is_in(place.version):
            return member.read(value, place)
        if member.required:
            raise request_invalid(f"The {place} field is required.")
        return member.default() if callable(member.default) else member.default

    def write(self, value: dict[str, Any], version: ApiVersion) -> dict[str, Any]:
        """An answer's object without the members that the version does not have."""
        result = {}
        for name, content in value.items():
            member = self.fields.get(name)
            if member is None:
                result[name] = content
            elif member.is_in(version):
                result[name] = write(member.read, content, version)
        return result


class NotEmulated(Record):
    """An object that the service takes, in the versions that have it, and the emulator does not."""

    def __init__(self, what: str, since: Since | None = None) -> None:
        super().__init__(what)
        self.since = since

    def __call__(self, value: Any, place: Place, discriminator: str = "") -> dict[str, Any]:
        raise not_emulated(self.type_name)


class Union:
    """An object whose kind is named by one of its members."""

    def __init__(self, discriminator: str, **kinds: Record) -> None:
        self.discriminator = discriminator
        self.kinds = kinds

    def __call__(self, value: Any, place: Place) -> dict[str, Any]:
        kind = lowered(value, place).get(self.discriminator.lower())
        place = replace(place, root=len(place.keys))
        if kind is None:
            raise request_invalid(f"The {place / self.discriminator} field is required.")
        kinds = [n for n, record in self.kinds.items() if not record.since or place.version.has(record.since)]
        name = OneOf(*kinds)(kind, place / self.discriminator)
        return {**self.kinds[name](value, place, self.discriminator), self.discriminator: name}

    def write(self, value: dict[str, Any], version: ApiVersion) -> dict[str, Any]:
        name = value[self.discriminator]
        return {**self.kinds[name].write(value, version), self.discriminator: version.spell(name)}


class OneOf:
    """One of some names; ``later`` are those that not every version has."""

    def __init__(self, *names: str, **later: Since) -> None:
        self.names = names
        self.later = later

    def __call__(self, value: Any, place: Place) -> str:
        names = [*self.names, *(name for name, since in self.later.items() if place.version.has(since))]
        by_wire_name = {place.version.spell(name).lower(): name for name in names}
        name = by_wire_name.get(value.lower()) if isinstance(value, str) else None
        if name is None:
            raise place.not_one_of(",".join(place.version.spell(name) for name in names))
        return name

    def write(self, value: str, version: ApiVersion) -> str:
        return version.spell(value)


class MapOf:
    """An object with any names and values of one kind; null is as good as not sent."""

    def __init__(self, member: Reader) -> None:
        self.member = member

    def __call__(self, value: Any, place: Place) -> dict[str, Any]:
        _check_object(value, place)
        return {
            name: self.member(content, place / name) for name, content in value.items() if content is not None
        }

    def write(self, value: dict[str, Any], version: ApiVersion) -> dict[str, Any]:
        return {name: write(self.member, content, version) for name, content in value.items()}


class ListOf:
    def __init__(self, member: Reader) -> None:
        self.member = member

    def __call__(self, value: Any, place: Place) -> list[Any]:
        if not isinstance(value, list):
            raise place.wrong(f"must be a list, not {_kind(value)}")
        return [self.member(content, place / index) for index, content in enumerate(value)]


def write(reader: Reader, value: Any, version: ApiVersion) -> Any:
    """A canonical value as the version answers it."""
    if value is None or not isinstance(reader, Record | Union | OneOf | MapOf):
        return value
    return reader.write(value, version)


def lowered(value: Any, place: Place) -> dict[str, Any]:
    """An object's members under lower-case names."""
    _check_object(value, place)
    return {name.lower(): content for name, content in value.items()}


def _check_object(value: Any, place: Place) -> None:
    if not isinstance(value, dict):
        raise place.wrong(f"must be an object, not {_kind(value)}")


def required(read: Reader) -> Field:
    return Field(read, required=True)


def text(value: Any, place: Place) -> str:
    if not isinstance(value, str):
        raise place.wrong(f"must be a string, not {_kind(value)}")
    return value


def scalar_text(value: Any, place: Place) -> str:
    """Text; numbers and booleans, which Microsoft's SDK sends in maps, become text as .NET writes them."""
    if isinstance(value, bool):
        return str(value)
    return str(value) if isinstance(value, int | float) else text(value, place)


def filled(value: Any, place: Place) -> str:
    if not text(value, place).strip():
        raise place.wrong("must not be empty")
    return text(value, place)


def boolean(value: Any, place: Place) -> bool:
    if not isinstance(value, bool):
        raise place.wrong(f"must be true or false, not {_kind(value)}")
    return value


def integer(value: Any, place: Place) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise place.wrong(f"must be a whole number, not {_kind(value)}")
    return value


def positive(value: Any, place: Place) -> int:
    if integer(value, place) < 1:
        raise place.wrong(f"must be at least 1, not {value}")
    return int(value)


def number(value: Any, place: Place) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise place.wrong(f"must be a number, not {_kind(value)}")
    return value


def duration(value: Any, place: Place) -> str:
    if not DURATION.fullmatch(text(value, place)):
        raise place.wrong(f"{value!r} is not an ISO 8601 duration such as PT1H30M")
    return str(value)


def anything(value: Any, place: Place) -> Any:
    return value


def of_previews(first: str, last: str) -> Field:
    """A member that never became general: taken in the previews that have it, and without effect."""
    return Field(anything, since=Since(None, first, last))


string_map = MapOf(scalar_text)
"""Tags, properties, environment variables."""


def _kind(value: Any) -> str:
    names = {
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "null")
