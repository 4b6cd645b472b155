"""Reading JSON as the service does: names and enum values in any case, unknown members dropped,
defaults filled in, and a 400 that names the field for what does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.emulator.answers import invalid

Reader = Callable[[Any, str], Any]
"""(value, path of the field) -> canonical value. Never called with None."""

DURATION = re.compile(r"P(?=[0-9T])(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")


@dataclass(frozen=True)
class Field:
    read: Reader
    default: Any = None
    required: bool = False


class Record:
    """An object with known members."""

    def __init__(self, **members: Reader | Field) -> None:
        self.fields = {name: m if isinstance(m, Field) else Field(m) for name, m in members.items()}

    def __call__(self, value: Any, path: str) -> dict[str, Any]:
        given = lowered(value, path)
        return {name: self._member(name, field, given, path) for name, field in self.fields.items()}

    def _member(self, name: str, field: Field, given: Mapping[str, Any], path: str) -> Any:
        value = given.get(name.lower())
        if value is not None:
            return field.read(value, f"{path}.{name}")
        if field.required:
            raise invalid(f"{path}.{name}", "the field is required")
        return field.default() if callable(field.default) else field.default


class Union:
    """An object whose kind is named by one of its members."""

    def __init__(self, discriminator: str, **variants: Record) -> None:
        self.discriminator = discriminator
        self.variants = variants

    def __call__(self, value: Any, path: str) -> dict[str, Any]:
        kind = lowered(value, path).get(self.discriminator.lower())
        for name, record in self.variants.items():
            if isinstance(kind, str) and kind.lower() == name.lower():
                return {**record(value, path), self.discriminator: name}
        known = ", ".join(self.variants)
        raise invalid(f"{path}.{self.discriminator}", f"{kind!r} is none of {known}")


def lowered(value: Any, path: str) -> dict[str, Any]:
    """An object's members under lower-case names."""
    if not isinstance(value, dict):
        raise invalid(path, f"must be an object, not {_kind(value)}")
    return {str(name).lower(): member for name, member in value.items()}


def required(read: Reader) -> Field:
    return Field(read, required=True)


def text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise invalid(path, f"must be a string, not {_kind(value)}")
    return value


def scalar_text(value: Any, path: str) -> str:
    """Text; numbers and booleans, which Microsoft's SDK sends in maps, become text as .NET writes them."""
    if isinstance(value, bool):
        return str(value)
    return str(value) if isinstance(value, int | float) else text(value, path)


def filled(value: Any, path: str) -> str:
    if not text(value, path).strip():
        raise invalid(path, "must not be empty")
    return text(value, path)


def boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise invalid(path, f"must be true or false, not {_kind(value)}")
    return value


def integer(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid(path, f"must be a whole number, not {_kind(value)}")
    return value


def positive(value: Any, path: str) -> int:
    if integer(value, path) < 1:
        raise invalid(path, f"must be at least 1, not {value}")
    return int(value)


def number(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(path, f"must be a number, not {_kind(value)}")
    return value


def duration(value: Any, path: str) -> str:
    if not DURATION.fullmatch(text(value, path)):
        raise invalid(path, f"{value!r} is not an ISO 8601 duration such as PT1H30M")
    return str(value)


def anything(value: Any, path: str) -> Any:
    return value


def string_map(value: Any, path: str) -> dict[str, str]:
    """Tags, properties, environment variables."""
    result: dict[str, str] = mapping(scalar_text)(value, path)
    return result


def enum(*names: str) -> Reader:
    by_lower_name = {name.lower(): name for name in names}

    def read(value: Any, path: str) -> str:
        name = by_lower_name.get(value.lower()) if isinstance(value, str) else None
        if name is None:
            raise invalid(path, f"{value!r} is none of {', '.join(names)}")
        return name

    return read


def mapping(read: Reader) -> Reader:
    def read_all(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid(path, f"must be an object, not {_kind(value)}")
        return {
            name: None if member is None else read(member, f"{path}.{name}") for name, member in value.items()
        }

    return read_all


def listing(read: Reader) -> Reader:
    def read_all(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise invalid(path, f"must be a list, not {_kind(value)}")
        return [read(member, f"{path}[{index}]") for index, member in enumerate(value)]

    return read_all


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
