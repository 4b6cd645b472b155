"""The ways in which users refer to an asset, and the ARM id of each."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import NAME_PATTERN, VERSION_PATTERN, ResourceId

_PREFIX = "azureml:"
_NAMED = re.compile(
    r"^(?P<name>[a-zA-Z0-9][\w.\-]{0,254})"
    rf"(?::(?P<version>{VERSION_PATTERN.pattern})|@(?P<label>[\w.\-]+))?$"
)
_REGISTRY = re.compile(r"^azureml://registries/[^/]+/(?P<kind>\w+)/[^/]+/(?:versions|labels)/[^/]+$")

LATEST = "latest"


@dataclass(frozen=True)
class Named:
    """An asset by its name in the connection's workspace; without a version, the latest one."""

    name: str
    version: str | None
    written: str = field(default="", repr=False, compare=False)
    """As the user wrote it, for errors; not part of the request."""


@dataclass(frozen=True)
class Registry:
    """An asset of a registry, which the service resolves."""

    uri: str


Reference = ResourceId | Named | Registry


def parse_reference(field: str, value: Any, kind: str) -> Reference | None:
    """Read a reference to an asset; None if the value is not a reference (a path, a URL, a literal).

    Accepts an ARM id, ``name:version`` and ``name@latest``, each also with the prefix ``azureml:``, with
    which a name alone means its latest version; ``azureml://registries/...``; and what an upstream operator
    returned (a mapping with ``id``), rendered as text or not. Raises InvalidSpecError for a mapping without
    an id, for an asset of another kind, for ``:latest``, and for a label that the service does not have.
    """
    value = unrendered(value)
    if isinstance(value, Mapping):
        if not isinstance(value.get("id"), str):
            raise InvalidSpecError(
                field, f"{dict(value)!r} has no 'id'; pass what an upstream task returned."
            )
        value = value["id"]
    if not isinstance(value, str):
        return None
    value = value.strip()
    if value.removeprefix(_PREFIX).lower().startswith("/subscriptions/"):
        return _arm_id(field, value, kind)
    if match := _REGISTRY.fullmatch(value):
        if match["kind"].lower() != kind.lower():
            raise InvalidSpecError(field, f"{value!r} names one of {match['kind']}, not of {kind}.")
        return Registry(value)
    return _named(field, value)


def _named(field: str, value: str) -> Named | None:
    match = _NAMED.fullmatch(value.removeprefix(_PREFIX))
    if match is None:
        return None
    name, version, label = match.groups()
    if version == LATEST:
        raise InvalidSpecError(field, f"{value!r} asks for a version of this name; write {name}@{LATEST}.")
    if label == LATEST or version:
        return Named(name, version, value)
    if not value.startswith(_PREFIX):
        return None  # This may also be a path.
    if label:
        raise InvalidSpecError(field, f"{value!r}: the only valid label is {name}@{LATEST}.")
    return Named(name, None, value)


def _arm_id(field: str, value: str, kind: str) -> ResourceId:
    try:
        resource = ResourceId.parse(value)
    except ValueError as error:
        raise InvalidSpecError(field, str(error)) from None
    if resource.kind.lower() != kind.lower():
        raise InvalidSpecError(field, f"{value!r} is the id of one of {resource.kind}, not of {kind}.")
    if kind in ("environments", "codes", "data") and resource.version is None:
        raise InvalidSpecError(field, f"{value!r} names no version; add /versions/<version>.")
    return resource


def job_reference(field: str, value: Any) -> str:
    """The name of a job, from its name or from what an operator that submits jobs returned.

    :raises InvalidSpecError: for anything else.
    """
    value = unrendered(value)
    name = value.get("name") if isinstance(value, Mapping) else value
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
        raise InvalidSpecError(field, f"{value!r} is not the name of a job, nor the result of one.")
    return name


def unrendered(value: Any) -> Any:
    """What an upstream operator returned, if the value is its rendered text; else the value."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            mapping = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            return value
        if isinstance(mapping, dict) and isinstance(mapping.get("id"), str):
            return mapping
    return value
