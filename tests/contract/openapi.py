"""Microsoft's OpenAPI files: which requests exist, and what their bodies may hold."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import isodate
import jsonschema

from tests.contract.schemas import Wire, one_of_kinds, published, validate

FILES = ("2021-03-01-preview", "2023-04-01", "2024-04-01")
"""The api-versions that have one."""

FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("duration", raises=ValueError)
def _is_duration(value: Any) -> bool:
    if isinstance(value, str):
        isodate.parse_duration(value)
    return True


@FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: Any) -> bool:
    return not isinstance(value, str) or str(UUID(value)) == value.lower()


@FORMATS.checks("int32")
def _is_int32(value: Any) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


# Requests


def operation(api_version: str, method: str, url: str) -> tuple[str, Wire]:
    """(path template, operation) of a request. Raises AssertionError if this version has no such route.

    Paths are compared as they are written: ARM itself would be lenient with the case.
    """
    path = urlsplit(url).path
    for template, methods in paths(api_version).items():
        if re.fullmatch(_pattern(template), path):
            assert method.lower() in methods, f"{api_version} has no {method} {template}"
            return template, methods[method.lower()]
    raise AssertionError(f"{api_version} has no path {path}")


def check_request(api_version: str, method: str, url: str, body: Any) -> None:
    """Raises AssertionError or ValidationError for a request that this version does not have."""
    template, found = operation(api_version, method, url)
    parameters = [_parameter(api_version, parameter) for parameter in found["parameters"]]
    _check_path(template, url, parameters)
    _check_query(api_version, url, {p["name"]: p for p in parameters if p["in"] == "query"})
    bodies = [parameter for parameter in parameters if parameter["in"] == "body"]
    if body is None:
        assert not any(parameter.get("required") for parameter in bodies), f"{method} {template}: no body"
    else:
        assert bodies, f"{method} {template} takes no body"
        validate(_validator(api_version, bodies[0]["schema"]["$ref"]), body)


def check_body(api_version: str, kind: str, properties: Wire) -> None:
    """Raises ValidationError for ``properties`` that a PUT of this version refuses.

    :param kind: as in the path: jobs, environments, codes or data.
    """
    path = f"/workspaces/{{workspaceName}}/{kind}/{{id}}"
    if kind != "jobs":
        path = f"/workspaces/{{workspaceName}}/{kind}/{{name}}/versions/{{version}}"
    [put] = [methods["put"] for template, methods in paths(api_version).items() if template.endswith(path)]
    [body] = [parameter for parameter in put["parameters"] if parameter.get("in") == "body"]
    validate(_validator(api_version, body["schema"]["$ref"]), {"properties": properties})


def _check_path(template: str, url: str, parameters: list[Wire]) -> None:
    values = re.fullmatch(_pattern(template), urlsplit(url).path)
    assert values
    for parameter in parameters:
        if parameter["in"] == "path":
            text = unquote(values[parameter["name"]])
            assert len(text) >= parameter.get("minLength", 1), (parameter["name"], text)
            if "pattern" in parameter:
                assert re.search(parameter["pattern"], text), (parameter["name"], text)


def _check_query(api_version: str, url: str, known: dict[str, Wire]) -> None:
    query = parse_qs(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert query.pop("api-version") == [api_version]
    for name, values in query.items():
        assert name in known, f"{urlsplit(url).path} takes no {name}; it has {sorted(known)}"
        [text] = values
        match known[name]["type"]:
            case "boolean":
                assert text in ("true", "false"), (name, text)
            case "integer":
                assert text.isdecimal(), (name, text)
            case _:
                assert text in known[name].get("enum", (text,)), (name, text)
    missing = {name for name, p in known.items() if p.get("required")} - set(query) - {"api-version"}
    assert not missing, f"{urlsplit(url).path} needs {missing}"


def _pattern(template: str) -> str:
    return re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))


@cache
def paths(api_version: str) -> Wire:
    """All paths that lie in a workspace, or are one."""
    files = [published(f"swagger/{api_version}/{name}.json") for name in ("mfe", "machineLearningServices")]
    return {path: methods for file in files for path, methods in file["paths"].items()}


def _parameter(api_version: str, parameter: Wire) -> Wire:
    if "$ref" not in parameter:
        return parameter
    name = parameter["$ref"].rpartition("/")[2]
    shared = published(f"swagger/{api_version}/machineLearningServices.json")["parameters"]
    return dict(shared.get(name) or OF_ARM[name])


OF_ARM: dict[str, Wire] = {
    "ApiVersionParameter": {"name": "api-version", "in": "query", "type": "string", "required": True},
    "SubscriptionIdParameter": {"name": "subscriptionId", "in": "path", "minLength": 1},
    "ResourceGroupNameParameter": {"name": "resourceGroupName", "in": "path", "minLength": 1},
}
"""Parameters of ARM's common files, which are not at hand."""


# Bodies


_TEXT = {"type": "string"}
COMMON_TYPES: dict[str, Wire] = {
    **{name: {} for name in ("Resource", "ProxyResource", "ErrorResponse")},
    "ManagedServiceIdentity": {
        "required": ["type"],
        "properties": {
            "type": {
                "type": "string",
                "enum": ["None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned"],
            },
            "userAssignedIdentities": {"type": "object", "additionalProperties": {"type": "object"}},
        },
    },
    "TrackedResource": {
        "required": ["location"],
        "properties": {"location": _TEXT, "tags": {"type": "object", "additionalProperties": _TEXT}},
    },
    "Sku": {
        "required": ["name"],
        "properties": {
            **dict.fromkeys(("name", "size", "family", "tier"), _TEXT),
            "capacity": {"type": "integer"},
        },
    },
}
"""Resource Manager's common types, version 3, which are not at hand: what of them is sent."""


def _definitions(api_version: str) -> Wire:
    files = [published(f"swagger/{api_version}/{name}.json") for name in ("machineLearningServices", "mfe")]
    found = {name: one for file in files for name, one in file["definitions"].items()}
    # Each refers to the others by their paths.
    here = re.sub(r'("\$ref": ")[^"#]+#', r"\1#", json.dumps(found))
    return COMMON_TYPES | json.loads(here)


@cache
def _validator(api_version: str, reference: str) -> Any:
    published_definitions = _definitions(api_version)
    definitions = {name: _closed(name, published_definitions) for name in published_definitions}
    schema = {"definitions": definitions, "$ref": reference}
    return jsonschema.Draft7Validator(schema, format_checker=FORMATS)


def _closed(name: str, definitions: Wire) -> Wire:
    """A definition as a JSON Schema that refuses unknown members; a type with kinds becomes its kinds."""
    discriminator = definitions[name].get("discriminator")
    if discriminator is None:
        return _flat(name, definitions)
    kinds = [kind for kind in definitions if name in _ancestors(kind, definitions)]
    return one_of_kinds(discriminator, [_flat(kind, definitions) for kind in kinds])


def _flat(name: str, definitions: Wire) -> Wire:
    """A definition with the members of those that it extends."""
    family = [definitions[member] for member in (name, *_ancestors(name, definitions))]
    family += [part for definition in family for part in definition.get("allOf", ()) if "$ref" not in part]
    members: Wire = {}
    for definition in reversed(family):
        members |= definition.get("properties", {})
    if not members:
        return _schema(definitions[name])
    properties = {key: _schema(value) for key, value in members.items() if not value.get("readOnly")}
    for discriminator in [parent["discriminator"] for parent in family if "discriminator" in parent]:
        properties[discriminator] = {"const": definitions[name].get("x-ms-discriminator-value", name)}
    required = {key for definition in family for key in definition.get("required", ())}
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(required & set(properties)),
        "additionalProperties": False,
    }


def _ancestors(name: str, definitions: Wire) -> list[str]:
    """What a definition extends. ARM's common types (id, name, systemData) have nothing to write."""
    found: list[str] = []
    for parent in definitions[name].get("allOf", ()):
        if parent.get("$ref", "").startswith("#/definitions/"):
            parent_name = parent["$ref"].rpartition("/")[2]
            found += [parent_name, *_ancestors(parent_name, definitions)]
    return found


KEYWORDS = ("type", "format", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum")


def _schema(member: Wire) -> Wire:
    """A member as JSON Schema. Null is left out rather than sent, so that nullable members take none."""
    if "$ref" in member:
        return {"$ref": member["$ref"]}
    schema = {keyword: member[keyword] for keyword in KEYWORDS if keyword in member}
    if member.get("properties"):
        # Defined where it is used.
        own = {
            key: _schema(value) for key, value in member["properties"].items() if not value.get("readOnly")
        }
        schema |= {"properties": own, "additionalProperties": False}
    if "items" in member:
        schema["items"] = _schema(member["items"])
    if isinstance(member.get("additionalProperties"), dict):
        values = _schema(member["additionalProperties"])
        # As a map's value, .NET's object: anything.
        schema["additionalProperties"] = {} if values == {"type": "object"} else values
    return schema
