"""The inputs and outputs that a component declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_amlrest.rest.assets.data import DATA_TYPES
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.fields import no_other_keys, word
from airflow_provider_amlrest.rest.reading.values import mapping

PRIMITIVES = ("string", "number", "integer", "boolean")
ANY_DATA = "path"
"""A type of azure-ai-ml's first components: data of any kind."""
_INPUT = ("type", "description", "default", "optional", "mode", "min", "max", "enum", "path")
_OUTPUT = ("type", "description", "mode", "path", "early_available")


def read_input_ports(field: str, value: Any) -> dict[str, dict[str, Any]]:
    """The inputs that a component declares. Defaults become text, as the wire has them."""
    ports = {}
    for name, port in mapping(field, value).items():
        where = f"{field}.{name}"
        given = dict(mapping(where, {"type": port} if isinstance(port, str) else port))
        no_other_keys(where, given, _INPUT)
        types = (*PRIMITIVES, *DATA_TYPES, *MODEL_TYPES, ANY_DATA)
        given["type"] = word(f"{where}.type", given.get("type") or "string", types)
        for member in ("default", "min", "max"):
            if given.get(member) is not None:
                given[member] = literal_text(given["type"], given[member])
        ports[str(name)] = {key: member for key, member in given.items() if member is not None}
    return ports


def read_output_ports(field: str, value: Any) -> dict[str, dict[str, Any]]:
    """The outputs that a component declares."""
    ports = {}
    for name, port in mapping(field, value).items():
        where = f"{field}.{name}"
        given = dict(mapping(where, {"type": port} if isinstance(port, str) else port))
        no_other_keys(where, given, _OUTPUT)
        types = (*PRIMITIVES, *DATA_TYPES, *MODEL_TYPES, ANY_DATA)
        given["type"] = word(f"{where}.type", given.get("type") or "uri_folder", types)
        ports[str(name)] = {key: member for key, member in given.items() if member is not None}
    return ports


def literal_text(type_: str, value: Any) -> str:
    """A literal as the wire has it, in the type that it is declared with."""
    if type_ == "number":
        try:
            return str(float(value))
        except (TypeError, ValueError):
            pass
    return str(value)


def type_of_literal(value: Any) -> str:
    """The type of a literal that nothing declares."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, float) else "string"


def check_literal(field: str, port: Mapping[str, Any], value: str) -> None:
    """Raises InvalidSpecError for a literal that an input cannot take, by its declared type."""
    takes = str(port.get("type"))
    if takes not in PRIMITIVES:
        raise InvalidSpecError(field, f"{value!r} is a literal; its component takes data: {takes}.")
    readers: dict[str, Callable[[str], object]] = {"number": float, "integer": int}
    try:
        readers.get(takes, str)(value)
    except ValueError:
        raise InvalidSpecError(
            field, f"{value!r} is not of the type that its component takes: {takes}."
        ) from None
    if takes == "boolean" and value.lower() not in ("true", "false"):
        raise InvalidSpecError(field, f"{value!r} must be true or false.")


def check_types(field: str, wanted: Mapping[str, Any], given: str) -> None:
    """Raises InvalidSpecError for what an input cannot take, by its declared type."""
    takes = str(wanted.get("type"))
    data, both_data = (*DATA_TYPES, *MODEL_TYPES, ANY_DATA), {takes, given}
    if (takes in data) != (given in data):
        kind = "data" if takes in data else f"a literal of type {takes}"
        raise InvalidSpecError(field, f"it must be {kind}, but what it is bound to is {given}.")
    if ("uri_file" in both_data) and both_data & {"uri_folder", "mltable"} and len(both_data) > 1:
        raise InvalidSpecError(field, f"it must be {takes}, but what it is bound to is {given}.")
