"""Microsoft's published examples: what of them the neutral model has arrives in it, whatever is beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_amlrest.rest.assets.code import PendingUpload
from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.http.paging import Page
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.workspace.resources import DatastoreSecrets
from tests.contract import openapi, schemas
from tests.contract.expected import MAPS, MODELS, OLD, expected
from tests.contract.recordings import decoded
from tests.contract.schemas import API, published
from tests.contract.tally import count
from tests.support.codec import codec_for
from tests.unit.answers import Answered
from tests.unit.jobs import WORKSPACE

EXAMPLES = API / "examples"

KINDS = {
    "CodeVersion": "code",
    "DataVersion": "data",
    "DataVersionBase": "data",
    "ModelVersion": "model",
    "EnvironmentVersion": "environment",
    "EnvironmentSpecificationVersion": "environment",
    "Datastore": "datastore",
    "Job": "job",
    "Compute": "compute",
    "Workspace": "workspace",
}
"""Folders of the examples, and what is in them. A folder below another one counts."""
NOT_MODELLED = {
    *("CodeContainer", "DataContainer", "EnvironmentContainer", "ModelContainer"),
    *("ComponentContainer", "ComponentVersion", "FeaturesetContainer", "FeaturesetVersion", "Schedule"),
    *("FeaturestoreEntityContainer", "FeaturestoreEntityVersion", "BatchEndpoint", "BatchDeployment"),
    *("OnlineEndpoint", "OnlineDeployment", "ServerlessEndpoint", "MarketplaceSubscription"),
}
NO_RESOURCE = {
    *("delete", "cancel", "publish", "listKeys", "listNodes", "start", "stop", "restart", "updateSchedules"),
    *("resyncKeys", "listNotebookAccessToken", "listStorageAccountKeys", "diagnose", "operationsList"),
    *("listSecrets", "createOrGetStartPendingUpload", "package"),
}
"""Operations whose answers are no resources; those that we have are below."""

READ: dict[str, Callable[[Operations, Any], Any]] = {
    "code": lambda o, resource: decoded(o.get_code("n", "1"), Answered(resource)),
    "data": lambda o, resource: decoded(o.get_data("n", "1"), Answered(resource)),
    "environment": lambda o, resource: decoded(o.get_environment("n", "1"), Answered(resource)),
    "model": lambda o, resource: decoded(o.get_model("n", "1"), Answered(resource)),
    "datastore": lambda o, resource: decoded(o.get_default_datastore(), Answered({"value": [resource]})),
    "job": lambda o, resource: decoded(o.get_job("n"), Answered(resource)),
    "compute": lambda o, resource: decoded(o.get_compute("n"), Answered(resource)),
    "workspace": lambda o, resource: decoded(o.get_workspace(), Answered(resource)),
}
LIST: dict[str, Callable[[Operations, Any], Any]] = {
    "code": lambda o, page: decoded(o.get_latest_code("n"), Answered(page)),
    "data": lambda o, page: decoded(o.get_latest_data("n"), Answered(page)),
    "environment": lambda o, page: decoded(o.get_latest_environment("n"), Answered(page)),
    "model": lambda o, page: decoded(o.get_latest_model("n"), Answered(page)),
    "datastore": lambda o, page: decoded(o.get_default_datastore(), Answered(page)),
    "job": lambda o, page: decoded(o.list_jobs(), Answered(page)),
    "compute": lambda o, page: decoded(o.list_computes(), Answered(page)),
}


# The examples


def examples() -> list[str]:
    return sorted(str(file.relative_to(EXAMPLES)) for file in EXAMPLES.rglob("*.json"))


def kind_of(example: str) -> str | None:
    """What an example is of; None: of nothing that the model has."""
    for folder in reversed(Path(example).parts[1:-1]):
        if folder in NOT_MODELLED:
            return None
        if folder in KINDS:
            return KINDS[folder]
    raise AssertionError(f"{example}: is it modelled?")


def bodies(example: str) -> Iterator[dict[str, Any]]:
    for answer in published(f"examples/{example}")["responses"].values():
        if answer.get("body") is not None:
            yield answer["body"]


MODELLED = [
    example
    for example in examples()
    if kind_of(example) is not None and Path(example).stem not in NO_RESOURCE
]


def operations(example: str) -> tuple[str, Operations]:
    api_version = Path(example).parts[0]
    return api_version, Operations(WORKSPACE, PUBLIC, api_version)


def test_maps_are_complete() -> None:
    for kind, cls in MODELS.items():
        assert {field.name for field in fields(cls)} == set(MAPS[kind]), kind


@pytest.mark.skipif(not MODELLED, reason="the reference data (../shared) is not on this machine")
def test_examples_are_there() -> None:
    assert {kind_of(example) for example in MODELLED} == set(MODELS)


@pytest.mark.parametrize("example", MODELLED)
def test_every_member_arrives(example: str) -> None:
    kind = kind_of(example) or ""
    api_version, ours = operations(example)
    for body in bodies(example):
        resources = body.get("value", [body])
        for resource in resources:
            assert asdict(READ[kind](ours, resource)) == expected(api_version, kind, resource)
            count("examples decoded")
        if "value" in body and kind in LIST:
            first = LIST[kind](ours, body)
            first = first.items[0] if isinstance(first, Page) else first
            assert asdict(first) == expected(api_version, kind, resources[0])


@pytest.mark.parametrize("example", MODELLED)
def test_nothing_else_has_to_be_there(example: str) -> None:
    """Each member left out, null, or beside one that nobody knows: the others arrive all the same."""
    kind = kind_of(example) or ""
    api_version, ours = operations(example)
    [first, *_] = bodies(example)
    [resource, *_] = first.get("value", [first])
    for changed in variations(resource):
        if changed.get("id") and changed.get("name"):
            assert asdict(READ[kind](ours, changed)) == expected(api_version, kind, changed)


def variations(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    text = json.dumps(resource)
    for path in list(_objects(resource)):
        members = list(_member(resource, path))
        for change in (lambda o, m: o.pop(m), lambda o, m: o.update({m: None})):
            for name in members:
                copied = json.loads(text)
                change(_member(copied, path), name)
                yield copied
        copied = json.loads(text)
        _member(copied, path)["unknown"] = {"a": 1}
        yield copied


def _objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        yield path
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield from _objects(member, (*path, key))


def _member(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


# Answers that are no resources


@pytest.mark.parametrize("api_version", [OLD, "2024-04-01"])
def test_secrets(api_version: str) -> None:
    [body] = bodies(f"{api_version}/Datastore/listSecrets.json")
    masked: list[str] = []
    flow = Operations(WORKSPACE, PUBLIC, api_version, masked.append).list_datastore_secrets("d")
    assert decoded(flow, Answered(body)) == DatastoreSecrets(account_key=body["key"])
    assert masked == [body["key"]]
    count("examples decoded")


@pytest.mark.parametrize("api_version", ["2024-04-01", "2025-12-01"])
def test_pending_upload(api_version: str) -> None:
    [body] = bodies(f"{api_version}/Workspace/CodeVersion/createOrGetStartPendingUpload.json")
    flow = Operations(WORKSPACE, PUBLIC, api_version).start_pending_upload("c", "1")
    place = body["blobReferenceForConsumption"]
    assert decoded(flow, Answered(body)) == PendingUpload(place["blobUri"], place["credential"]["sasUri"])
    count("examples decoded")


@pytest.mark.parametrize("api_version", [OLD, "2024-04-01", "2025-12-01"])
def test_cancel(api_version: str) -> None:
    for status in published(f"examples/{api_version}/Job/cancel.json")["responses"]:
        flow = Operations(WORKSPACE, PUBLIC, api_version).cancel_job("j")
        assert decoded(flow, Answered(status_code=int(status))) is None
        count("examples decoded")


# There and back: what is read from an example says, when sent, what the example's own request says.

UNMODELLED = {
    *("isAnonymous", "isArchived", "properties", "inferenceConfig", "inferenceContainerProperties"),
    *("autoRebuild", "stage", "docker"),
}
ASSETS = [
    example
    for example in MODELLED
    if kind_of(example) in ("environment", "code", "data") and example.endswith("createOrUpdate.json")
]


@pytest.mark.parametrize("example", ASSETS)
def test_there_and_back(example: str) -> None:
    kind = kind_of(example) or ""
    api_version, ours = operations(example)
    request = published(f"examples/{example}")["parameters"]["body"]["properties"]
    read = READ[kind](ours, next(bodies(example)))
    workspace = WORKSPACE
    if "datastoreId" in request:
        workspace = WorkspaceId.parse(request["datastoreId"].partition("/datastores/")[0])
    sent = getattr(codec_for(api_version, workspace), f"{kind}_body")(read)
    if api_version == OLD and kind == "data":
        assert sent["tags"].pop("data_type") == "uri_file"
    # What the service takes as said, we say.
    said = {"osType": "Linux"} if kind == "environment" and api_version != OLD else {}
    assert modelled(sent) == said | modelled(request)


def modelled(body: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in body.items() if key not in UNMODELLED}
    if "condaFile" in kept:
        parsed = yaml.safe_load(kept.pop("condaFile"))
        # "string" is no conda file.
        kept |= {"condaFile": parsed} if isinstance(parsed, dict) else {}
    return kept


# What Microsoft asks for is taken by its schemas as we have repaired them.

REQUESTS = {
    example: {"environment": "environments", "code": "codes", "data": "data", "job": "jobs"}[kind]
    for example in MODELLED
    if example.endswith("createOrUpdate.json")
    and (kind := kind_of(example)) in ("environment", "code", "data", "job")
    and Path(example).parent.name not in ("AutoMLJob", "PipelineJob")
}


@pytest.mark.parametrize("example", REQUESTS)
def test_the_repaired_schemas_take(example: str) -> None:
    api_version = Path(example).parts[0]
    body = published(f"examples/{example}")["parameters"]["body"]["properties"]
    if "searchSpace" in body:
        body["searchSpace"] = {"lr": ["uniform", [0, 1]]}  # The examples have empty objects there.
    body.pop("parentJobName", None)  # In an example of 2025-12-01, but not in its schema.
    schemas.check(api_version, REQUESTS[example], body)
    if api_version in openapi.FILES:
        openapi.check_body(api_version, REQUESTS[example], body)
