"""Microsoft's JSON Schemas of request bodies, repaired so that they accept what is right and nothing else.

As published they accept no real job at all, and let unknown keys of what they do accept pass. The repair is
itself proved: Microsoft's own examples pass, and every kind of mistake is refused.
"""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

API = Path(__file__).resolve().parents[2].parent / "shared" / "api"
"""What Microsoft published; it lies beside the project, not in it."""

FILES = ("2021-03-01-preview", "2022-02-01-preview", "2022-05-01", "2023-04-01", "2024-04-01", "2025-12-01")
"""The api-versions that have a file."""

EXPRESSION = "https://schema.management.azure.com/schemas/common/definitions.json#/definitions/expression"
DURATION = r"^P(?=\d|T)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$"

DURATIONS = {
    *(
        "timeout",
        "trialTimeout",
        "requestTimeout",
        "maxQueueWait",
        "initialDelay",
        "period",
        "pollingInterval",
    ),
    *("nodeIdleTimeBeforeScaleDown", "idleTimeBeforeShutdown"),
}
"""Members that are times, whatever they belong to."""

NUMBERS_OF = {
    "uniform": 2,
    "quniform": 3,
    "loguniform": 2,
    "qloguniform": 3,
    "normal": 2,
    "qnormal": 3,
    "lognormal": 2,
    "qlognormal": 3,
}
"""How many numbers a distribution has, choice and randint apart."""

Wire = dict[str, Any]


def published(path: str) -> Any:
    """A file of Microsoft's; skips the test where they are absent."""
    file = API / path
    if not file.is_file():
        pytest.skip("the reference data (../shared) is not on this machine")
    return json.loads(file.read_text())


def file_for(api_version: str) -> str:
    """The api-version whose schema says what ``api_version`` takes.

    A version without a file is checked against the next later one that has one: from 2022-05-01 on, members
    were added and none was changed or taken away. What came in between is the table of first versions' part.
    2026-03-01 and 2026-05-01 take what 2025-12-01 takes.
    """
    # "2022-02-01" comes before "2022-02-01-preview": the shorter text.
    return next((file for file in FILES if file >= api_version), FILES[-1])


def check(api_version: str, kind: str, body: Wire) -> None:
    """Raises ValidationError for a body (``properties``) that this version would refuse.

    :param kind: as in the path: jobs, environments, codes or data.
    """
    validate(_validator(file_for(api_version), kind), body)


def check_resource(api_version: str, kind: str, body: Wire) -> None:
    """The same for the whole body of a PUT of a compute, an endpoint or a deployment.

    :param kind: as in the path: ``computes``, ``onlineEndpoints/deployments``.
    """
    validate(_resource_validator(file_for(api_version), kind.replace("/", "_")), body)


def validate(validator: Any, body: Any) -> None:
    """Raises the ValidationError that says most: that of a union alone says that none of its kinds fits."""
    error = jsonschema.exceptions.best_match(validator.iter_errors(body))
    if error is not None:
        raise error


@cache
def _validator(file: str, kind: str) -> Any:
    document = published(f"schemas/{file}.json")
    resource = f"workspaces_{kind}" if kind == "jobs" else f"workspaces_{kind}_versions"
    properties = document["resourceDefinitions"][resource]["properties"]["properties"]
    definitions = repaired(document["definitions"])
    schema = {"definitions": definitions, **_without_expressions(properties)}
    return jsonschema.Draft7Validator(schema)


@cache
def _resource_validator(file: str, kind: str) -> Any:
    document = published(f"schemas/{file}.json")
    resource = document["resourceDefinitions"][f"workspaces_{kind}"]
    of_templates = ("apiVersion", "name", "resources", "type")
    members = {name: one for name, one in resource["properties"].items() if name not in of_templates}
    schema = {
        "definitions": repaired(document["definitions"]),
        "type": "object",
        "properties": _without_expressions(members),
        "required": sorted({"location", *resource["required"]} - set(of_templates)),
        "additionalProperties": False,
    }
    return jsonschema.Draft7Validator(schema)


def repaired(definitions: Wire) -> Wire:
    """The definitions with unions that can be satisfied, with unknown keys refused, and tightened."""
    plain = {name: _without_expressions(definition) for name, definition in definitions.items()}
    return {name: _closed(name, plain) for name in plain}


def _without_expressions(schema: Any) -> Any:
    """Expressions ("[parameters('x')]") belong to templates: a request has none."""
    if isinstance(schema, list):
        return [_without_expressions(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    choices = [choice for choice in schema.get("oneOf", ()) if choice.get("$ref") != EXPRESSION]
    if "oneOf" in schema and len(choices) < len(schema["oneOf"]):
        return _without_expressions(choices[0])
    return {key: _without_expressions(member) for key, member in schema.items()}


def _closed(name: str, plain: Wire) -> Wire:
    definition: Wire = deepcopy(plain[name])
    if "allOf" in definition:
        # A discriminated type: its base closes itself against what its kinds add.
        base, kinds = definition["allOf"]
        [discriminator] = kinds["oneOf"][0]["allOf"][1]["properties"]
        return one_of_kinds(discriminator, [_kind(base, kind, plain) for kind in kinds["oneOf"]])
    if definition.get("properties"):
        definition.setdefault("additionalProperties", False)
    _tighten(name, definition)
    return definition


def one_of_kinds(discriminator: str, kinds: list[Wire]) -> Wire:
    """A union whose errors are those of the kind that was meant, as those of ``oneOf`` are not."""
    values = [kind["properties"][discriminator]["const"] for kind in kinds]
    return {
        "type": "object",
        "required": [discriminator],
        "properties": {discriminator: {"enum": values}},
        "allOf": [
            {"if": {"properties": {discriminator: {"const": value}}}, "then": kind}
            for value, kind in zip(values, kinds, strict=True)
        ],
    }


def _kind(base: Wire, kind: Wire, plain: Wire) -> Wire:
    reference, discriminator = kind["allOf"]
    own = _closed(reference["$ref"].rpartition("/")[2], plain)
    return {
        "type": "object",
        "properties": {**base["properties"], **own.get("properties", {}), **discriminator["properties"]},
        "required": sorted({*base.get("required", ()), *own.get("required", ()), *discriminator["required"]}),
        "additionalProperties": False,
    }


def _tighten(name: str, definition: Wire) -> None:
    """What the descriptions say and the schemas leave out, and two faults of theirs."""
    properties = definition.get("properties", {})
    if name == "FlavorData":
        # They have lost its member, which the OpenAPI file and the recordings have.
        data = definition.pop("additionalProperties")
        definition |= {"properties": {"data": {"type": "object", "additionalProperties": data}}}
        definition["additionalProperties"] = False
    for amount in {"slackFactor", "slackAmount"} & set(properties):
        properties[amount] = {"type": "number"}  # They say integer; the OpenAPI file says number.
    for duration in DURATIONS & set(properties):
        properties[duration] = {"type": "string", "pattern": DURATION}
    if "samplingRate" in properties:
        properties["samplingRate"] = {"type": "number"}  # The same.
    for whose in ("Command", "Sweep"):
        if name == f"{whose}JobLimits":
            properties["jobLimitsType"] = {"const": whose}
    if "searchSpace" in properties:
        properties["searchSpace"] = search_space_schema()
    if "codeUri" in properties:
        definition["required"] = ["codeUri"]
    if "condaFile" in properties:
        definition["anyOf"] = [{"required": [source]} for source in ("image", "build", "docker")]


def search_space_schema() -> Wire:
    """``["uniform", [0.01, 0.9]]``, and ``["choice", [[1, 2]]]``: untyped in Microsoft's files, known from
    its SDK's encoder and from recordings."""
    number = {"type": "number"}
    forms = [_pair(kind, *[number] * arguments) for kind, arguments in NUMBERS_OF.items()]
    forms.append(_pair("choice", {"type": "array", "minItems": 1}))
    forms.append(_pair("randint", {"type": "integer", "minimum": 1}))
    return {"type": "object", "minProperties": 1, "additionalProperties": {"oneOf": forms}}


def _pair(kind: str, *arguments: Wire) -> Wire:
    return _tuple({"const": kind}, _tuple(*arguments))


def _tuple(*members: Wire) -> Wire:
    return {"type": "array", "items": list(members), "additionalItems": False, "minItems": len(members)}
