"""What we send, against Microsoft's own JSON Schemas of the two api-versions.

As published the schemas are unsatisfiable for every real job, and let unknown keys of the others pass; they
are repaired below. The repair itself is proved by Microsoft's kinds of mistakes being refused.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airflow_provider_amlrest.rest import model
from airflow_provider_amlrest.rest.codecs import codec_for
from tests.unit.jobs import CODE, DATA, ENVIRONMENT, FULL, FULL_SWEEP, PLAIN, SWEEP, WORKSPACE

SCHEMAS = Path(__file__).resolve().parents[2].parent / "shared" / "api" / "schemas"
EXPRESSION = "https://schema.management.azure.com/schemas/common/definitions.json#/definitions/expression"
OLD, NEW = "2021-03-01-preview", "2025-12-01"

POLICIES = [
    model.EarlyTermination("bandit", 1, 5, slack_factor=0.1),
    model.EarlyTermination("bandit", 1, 5, slack_amount=0.1),
    model.EarlyTermination("median_stopping", 1, 5),
    model.EarlyTermination("truncation_selection", 1, 5, truncation_percentage=20),
]
DISTRIBUTIONS = [
    model.Distribution("pytorch", 4),
    model.Distribution("mpi", 4),
    model.Distribution("tensorflow", parameter_server_count=1, worker_count=2),
]
GUID = "00000000-0000-0000-0000-000000000001"
IDENTITIES = [
    model.Identity("aml_token"),
    model.Identity("managed"),
    model.Identity("managed", GUID, GUID, "/subscriptions/s"),
]

BOTH = [
    PLAIN,
    SWEEP,
    *[replace(PLAIN, distribution=distribution) for distribution in DISTRIBUTIONS],
    *[replace(PLAIN, identity=identity) for identity in IDENTITIES],
    *[replace(SWEEP, early_termination=policy) for policy in POLICIES],
    *[replace(SWEEP, sampling_algorithm=model.SamplingAlgorithm(kind)) for kind in ("grid", "bayesian")],
]
NEW_ONLY = [
    FULL,
    FULL_SWEEP,
    model.CommandJob(command="true", environment="azureml:sk:1"),
    *[replace(FULL, job_tier=tier) for tier in ("spot", "basic", "standard", "premium")],
    *[
        replace(FULL, services={"s": model.Service(kind)})
        for kind in ("ssh", "jupyter_lab", "tensor_board", "vs_code", "custom")
    ],
    *[
        replace(FULL, inputs={"i": model.DataInput(kind, "azureml://datastores/d/paths/p", mode)})
        for kind in ("uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model")
        for mode in ("ro_mount", "rw_mount", "download", "direct", "eval_mount", "eval_download")
    ],
    *[
        replace(FULL, outputs={"o": model.Output(kind, mode)})
        for kind in ("uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model")
        for mode in ("rw_mount", "upload", "direct")
    ],
    *[
        replace(SWEEP, sampling_algorithm=model.SamplingAlgorithm("random", rule, 1))
        for rule in ("random", "sobol")
    ],
]


@cache
def repaired(api_version: str) -> dict[str, Any]:
    """The definitions, with unions that can be satisfied and with unknown keys refused."""
    file = SCHEMAS / f"{api_version}.json"
    if not file.is_file():
        pytest.skip("the reference data (../shared) is not on this machine")
    document: dict[str, Any] = json.loads(file.read_text().replace(EXPRESSION, "#/definitions/expression"))
    published = document["definitions"]
    definitions = {name: _closed(name, published) for name in published}
    definitions["expression"] = {"type": "string", "pattern": r"^\[([^\[].*)?\]$"}
    return {"definitions": definitions}


def _closed(name: str, published: dict[str, Any]) -> dict[str, Any]:
    definition = deepcopy(published[name])
    if "allOf" in definition:
        # A discriminated type: its base closes itself against what its kinds add.
        base, kinds = definition["allOf"]
        return {"oneOf": [_kind(base, kind, published) for kind in kinds["oneOf"]]}
    if definition.get("properties"):
        definition.setdefault("additionalProperties", False)
    for amount in ("slackFactor", "slackAmount"):
        if amount in definition.get("properties", {}):
            # The OpenAPI file says number; the schema's integer is a fault.
            definition["properties"][amount] = {"type": "number"}
    return definition


def _kind(base: dict[str, Any], kind: dict[str, Any], published: dict[str, Any]) -> dict[str, Any]:
    reference, discriminator = kind["allOf"]
    own = _closed(reference["$ref"].rpartition("/")[2], published)
    return {
        "type": "object",
        "properties": {**base["properties"], **own.get("properties", {}), **discriminator["properties"]},
        "required": sorted({*base.get("required", ()), *own.get("required", ()), *discriminator["required"]}),
        "additionalProperties": False,
    }


def check(api_version: str, definition: str, body: dict[str, Any]) -> None:
    schema = repaired(api_version) | {"$ref": f"#/definitions/{definition}"}
    # What goes on the wire: tuples are lists there.
    jsonschema.Draft7Validator(schema).validate(json.loads(json.dumps(body)))


def definition_of(api_version: str, kind: str) -> str:
    """The definition of a resource's ``properties``."""
    resources = json.loads((SCHEMAS / f"{api_version}.json").read_text())["resourceDefinitions"]
    choices = resources[kind]["properties"]["properties"]["oneOf"]
    return str(choices[0]["$ref"]).rpartition("/")[2]


@pytest.mark.parametrize("api_version", [OLD, NEW])
def test_jobs(api_version: str) -> None:
    repaired(api_version)
    definition = definition_of(api_version, "workspaces_jobs")
    codec = codec_for(api_version, WORKSPACE)
    for job in BOTH + (NEW_ONLY if api_version == NEW else []):
        check(api_version, definition, codec.job_body(job))


@pytest.mark.parametrize("api_version", [OLD, NEW])
def test_assets(api_version: str) -> None:
    repaired(api_version)
    codec = codec_for(api_version, WORKSPACE)
    bodies = [
        ("environments", codec.environment_body(ENVIRONMENT)),
        ("environments", codec.environment_body(replace(ENVIRONMENT, conda=None, os_type="Windows"))),
        ("codes", codec.code_body(CODE)),
        ("codes", codec.code_body(replace(CODE, datastore=None, path=None))),
        ("data", codec.data_body(DATA)),
        ("data", codec.data_body(replace(DATA, uri="https://host/a.csv", type="uri_folder"))),
    ]
    if api_version == NEW:
        build = replace(ENVIRONMENT, image=None, build=model.BuildContext("https://host/context/"))
        bodies += [
            ("environments", codec.environment_body(build)),
            ("data", codec.data_body(replace(DATA, type="mltable"))),
        ]
    for kind, body in bodies:
        check(api_version, definition_of(api_version, f"workspaces_{kind}_versions"), body)


# What the repaired schemas must refuse, lest the tests above prove nothing.

WRONG = [
    {"comand": "x"},
    {"displayname": "x"},
    {"resources": {"instanceCount": 1, "shmsize": "2g"}},
    {"inputs": {"x": {"jobInputType": "literal", "value": 1}}},
    {"inputs": {"x": {"jobInputType": "uri_file"}}},
    {"inputs": {"x": {"jobInputType": "UriFile", "uri": "a"}}},
    {"identity": {"identityType": "managed"}},
    {"distribution": {"distributionType": "PyTorch", "processCount": 4}},
    {"queueSettings": {"jobTier": "spot"}},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_the_repaired_schemas_refuse(wrong: dict[str, Any]) -> None:
    repaired(NEW)
    body = codec_for(NEW, WORKSPACE).job_body(PLAIN)
    check(NEW, definition_of(NEW, "workspaces_jobs"), body)
    with pytest.raises(jsonschema.ValidationError):
        check(NEW, definition_of(NEW, "workspaces_jobs"), body | wrong)


@pytest.mark.parametrize("job", [PLAIN, SWEEP])
def test_one_versions_body_is_not_the_others(job: model.CommandJob | model.SweepJob) -> None:
    repaired(NEW)
    for wrong, right in ((OLD, NEW), (NEW, OLD)):
        with pytest.raises(jsonschema.ValidationError):
            check(right, definition_of(right, "workspaces_jobs"), codec_for(wrong, WORKSPACE).job_body(job))
