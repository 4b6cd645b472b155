"""Answers against Microsoft's OpenAPI files, more strictly than the files ask for.

A JSON Schema made of them would let unknown members and unknown kinds pass, which is what matters here. So
this walks the definitions itself: ``allOf`` is merged, a discriminator chooses the kind, enums hold although
they are ``modelAsString``, formats are checked, and null is for what is ``x-nullable``.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from tests.contract.openapi import operation
from tests.contract.schemas import published

FILES = ("mfe", "machineLearningServices")
Schema = dict[str, Any]
Definition = tuple[str, Schema]
"""A schema, and the file to which its references are relative."""

TEXT = {"type": "string"}
RESOURCE: Schema = {"type": "object", "properties": dict.fromkeys(("id", "name", "type"), TEXT)}
SYSTEM_DATA: Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("createdBy", "lastModifiedBy"), TEXT),
        **{name: {"type": "string", "format": "date-time"} for name in ("createdAt", "lastModifiedAt")},
        **{
            name: {"type": "string", "enum": ["User", "Application", "ManagedIdentity", "Key"]}
            for name in ("createdByType", "lastModifiedByType")
        },
    },
}
RESOURCE_3: Schema = {
    "type": "object",
    "properties": {**RESOURCE["properties"], "systemData": SYSTEM_DATA},
}
ERROR: Schema = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        **dict.fromkeys(("code", "message", "target"), TEXT),
        "details": {"type": "array", "items": {"$ref": "types.json#/definitions/ErrorDetail"}},
        "additionalInfo": {
            "type": "array",
            "items": {"type": "object", "properties": {"type": TEXT, "info": {"type": "object"}}},
        },
    },
}
COMMON: dict[str, Schema] = {
    "v2 Resource": RESOURCE,
    "v2 systemData": SYSTEM_DATA,
    "v3 Resource": RESOURCE_3,
    "v3 ProxyResource": RESOURCE_3,
    "v3 TrackedResource": {
        "type": "object",
        "required": ["location"],
        "properties": {
            **RESOURCE_3["properties"],
            "location": TEXT,
            "tags": {"type": "object", "additionalProperties": TEXT},
        },
    },
    "v3 SkuTier": {"type": "string", "enum": ["Free", "Basic", "Standard", "Premium"]},
    "v3 Sku": {
        "type": "object",
        "required": ["name"],
        "properties": {
            **dict.fromkeys(("name", "tier", "size", "family"), TEXT),
            "capacity": {"type": "integer", "format": "int32"},
        },
    },
    "v3 ManagedServiceIdentity": {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {
                "type": "string",
                "enum": ["None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned"],
            },
            "principalId": {"type": "string", "format": "uuid"},
            "tenantId": {"type": "string", "format": "uuid"},
            "userAssignedIdentities": {"type": "object"},
        },
    },
    "ErrorResponse": {
        "type": "object",
        "properties": {"error": {"$ref": "types.json#/definitions/ErrorDetail"}},
    },
    "ErrorDetail": ERROR,
}
"""What the files take from Azure's common types (v2, v3), which are not beside them."""

DURATION = re.compile(r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")


class Answers:
    """What the operations of one api-version answer."""

    def __init__(self, api_version: str) -> None:
        self.api_version = api_version
        self._files = {f"{name}.json": published(f"swagger/{api_version}/{name}.json") for name in FILES}

    def problems(self, method: str, url: str, status: int, body: Any) -> list[str]:
        """What is wrong with an answer; ``body`` is None if there was none."""
        template, found = operation(self.api_version, method, url)
        [file] = [name for name, document in self._files.items() if template in document["paths"]]
        responses = found["responses"]
        if str(status) not in responses and status < 400:
            return [f": the status {status} is not documented"]
        schema = responses.get(str(status), responses["default"]).get("schema")
        if schema is None or body is None:
            return [] if schema is body else [f": the body is {body!r}"]
        return list(self._check((file, schema), body, ""))

    def _check(self, definition: Definition, value: Any, at: str) -> Iterator[str]:
        file, schema = self._resolve(definition)
        if value is None:
            # The files of 2021 do not say what may be null.
            if not (schema.get("x-nullable") or self.api_version.startswith("2021")):
                yield f"{at} is null"
        elif "enum" in schema:
            if value not in schema["enum"]:
                yield f"{at} is {value!r}, none of {schema['enum']}"
        elif schema.get("type") == "array":
            if not isinstance(value, list):
                yield f"{at} is {value!r}, no array"
            for index, item in enumerate(value if isinstance(value, list) else ()):
                yield from self._check((file, schema["items"]), item, f"{at}[{index}]")
        elif schema.get("type", "object") == "object" and len(schema) > 1:
            yield from self._check_object((file, schema), value, at)
        else:
            yield from _check_scalar(schema, value, at)

    def _check_object(self, definition: Definition, value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at} is {value!r}, no object"
            return
        definition, problem = self._kind(definition, value)
        if problem:
            yield f"{at} {problem}"
            return
        members, required, others = self._members(definition)
        for name in sorted(required - set(value)):
            yield f"{at}.{name} is missing"
        for name, content in value.items():
            member = members.get(name, others)
            if member is None:
                yield f"{at}.{name} is unknown"
            elif member[1]:
                yield from self._check(member, content, f"{at}.{name}")

    def _kind(self, definition: Definition, value: Any) -> tuple[Definition, str]:
        """The definition that the discriminator names; and what is wrong with the discriminator."""
        base = {key: member for key, member in definition[1].items() if key != "x-nullable"}
        discriminator = base.get("discriminator")
        if discriminator is None:
            return definition, ""
        for other, document in self._files.items():
            for name, candidate in document["definitions"].items():
                kind = candidate.get("x-ms-discriminator-value", name)
                if kind == value.get(discriminator) and self._descends(candidate, other, base):
                    return (other, candidate), ""
        return definition, f"has no kind {value.get(discriminator)!r}"

    def _descends(self, candidate: Schema, file: str, base: Schema) -> bool:
        parents = [self._resolve((file, parent))[1] for parent in candidate.get("allOf", ())]
        return any(parent == base or self._descends(parent, file, base) for parent in parents)

    def _members(self, definition: Definition) -> tuple[dict[str, Definition], set[str], Definition | None]:
        """Members, the required ones, and what other members are (None: there are none)."""
        file, schema = self._resolve(definition)
        members: dict[str, Definition] = {}
        required = set(schema.get("required", ()))
        for parent in schema.get("allOf", ()):
            inherited, needed, _ = self._members((file, parent))
            members |= inherited
            required |= needed
        members |= {name: (file, member) for name, member in schema.get("properties", {}).items()}
        extra = schema.get("additionalProperties")
        free = extra is True or (extra is None and not members)
        others = (file, extra) if isinstance(extra, dict) else (file, {}) if free else None
        return members, required, others

    def _resolve(self, definition: Definition) -> Definition:
        """The schema behind references; what stands beside a reference (x-nullable) is kept."""
        file, schema = definition
        while "$ref" in schema:
            location, _, name = schema["$ref"].partition("#/definitions/")
            beside = {key: value for key, value in schema.items() if key == "x-nullable"}
            file, target = self._find(file, location, name)
            schema = {**target, **beside}
        return file, schema

    def _find(self, file: str, location: str, name: str) -> Definition:
        local = location.removeprefix("./") or file
        if local in self._files:
            return local, self._files[local]["definitions"][name]
        family = "v2" if "/v2/" in location else "v3"
        return file, COMMON.get(name) or COMMON[f"{family} {name}"]


def _check_scalar(schema: Schema, value: Any, at: str) -> Iterator[str]:
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": object}
    kind = schema.get("type", "object")
    if not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind in ("integer", "number")):
        yield f"{at} is {value!r}, no {kind}"
        return
    if kind == "string":
        if len(value) < schema.get("minLength", 0) or not re.search(schema.get("pattern", ""), value):
            yield f"{at} is {value!r}, which does not match its pattern"
        if not _has_format(schema.get("format"), value):
            yield f"{at} is {value!r}, no {schema['format']}"
    elif kind == "integer" and schema.get("format") == "int32" and not -(2**31) <= value < 2**31:
        yield f"{at} is {value!r}, no int32"


def _has_format(name: str | None, value: str) -> bool:
    try:
        if name == "date-time":
            return datetime.fromisoformat(value).tzinfo is not None
        if name == "uuid":
            return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False
    if name == "duration":
        return DURATION.fullmatch(value) is not None
    return bool(urlsplit(value).scheme) if name in ("uri", "url") else True


@cache
def answers(api_version: str) -> Answers:
    return Answers(api_version)
