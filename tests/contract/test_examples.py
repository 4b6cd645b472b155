"""Microsoft's published examples: what of them the neutral model has arrives in it, whatever is beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_amlrest.rest.assets.code import Code, PendingUpload
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.http.paging import Page
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.workspace.resources import Compute, Datastore, DatastoreSecrets, Workspace
from tests.contract import openapi, schemas
from tests.contract.recordings import decoded
from tests.contract.schemas import API, published
from tests.contract.tally import count
from tests.support.codec import codec_for
from tests.unit.answers import Answered
from tests.unit.jobs import WORKSPACE

OLD = "2021-03-01-preview"
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


# Where each member of the neutral model is on the wire, as the documentation has it

Find = Callable[[dict[str, Any]], Any]


def at(path: str, default: Any = None) -> Find:
    """A member by its path; the default where it, or something on the way to it, is missing or null."""

    def find(resource: dict[str, Any]) -> Any:
        value: Any = resource
        for key in path.split("."):
            value = (value or {}).get(key)
        return default if value is None else value

    return find


def texts(path: str) -> Find:
    """A map of texts: null members are none."""
    return lambda resource: {k: v for k, v in at(path, {})(resource).items() if v is not None}


def asset_name(resource: dict[str, Any]) -> str:
    match = re.search(r"/([^/]+)/versions/[^/]+$", resource["id"])
    return match[1] if match else ""


def conda(resource: dict[str, Any]) -> Any:
    parsed = yaml.safe_load(at("properties.condaFile", "")(resource))
    return parsed if isinstance(parsed, dict) else None


def build(resource: dict[str, Any]) -> Any:
    found = at("properties.build")(resource)
    if not found:
        return None
    return {
        "uri": at("contextUri", "")(found),
        "dockerfile_path": at("dockerfilePath", "Dockerfile")(found),
    }


def datastore_uri(binding: dict[str, Any], path: str) -> str | None:
    store = re.search(r"/datastores/([^/]+)$", at("datastoreId", "")(binding))
    found = at(path)(binding)
    return f"azureml://datastores/{store[1]}/paths/{found}" if store and found else None


MODES = {"ReadWriteMount": "rw_mount", "Upload": "upload", "Direct": "direct", "Mount": "rw_mount"}


def outputs(resource: dict[str, Any]) -> Any:
    return {
        name: {
            "type": at("jobOutputType", "uri_folder")(output),
            "mode": MODES.get(at("mode")(output), "rw_mount"),
            "uri": at("uri")(output),
            "name": at("assetName")(output),
            "version": None,
        }
        for name, output in at("properties.outputs", {})(resource).items()
    }


def old_outputs(resource: dict[str, Any]) -> Any:
    bindings = at("properties.outputDataBindings")(resource) or at("properties.trial.outputDataBindings", {})(
        resource
    )
    return {
        name: {
            "type": "uri_folder",
            "mode": MODES.get(at("mode")(binding), "rw_mount"),
            "uri": datastore_uri(binding or {}, "pathOnDatastore"),
            "name": None,
            "version": None,
        }
        for name, binding in bindings.items()
    }


READ_MODES = {"Download": "download", "Direct": "direct", "EvalMount": "eval_mount"}


def inputs(resource: dict[str, Any]) -> Any:
    found = {}
    for name, value in at("properties.inputs", {})(resource).items():
        kind = at("jobInputType", "uri_folder")(value)
        if kind.lower() == "literal":
            found[name] = {"value": at("value", "")(value)}
        else:
            mode = READ_MODES.get(at("mode")(value), "ro_mount")
            found[name] = {"type": kind, "uri": at("uri", "")(value), "mode": mode}
    return found


def old_inputs(resource: dict[str, Any]) -> Any:
    bindings = at("properties.inputDataBindings")(resource) or at("properties.trial.inputDataBindings", {})(
        resource
    )
    return {
        name: {
            "type": "uri_folder",
            "uri": at("dataId", "")(binding),
            "mode": READ_MODES.get(at("mode")(binding), "ro_mount"),
        }
        for name, binding in bindings.items()
    }


def of_run(member: str) -> Find:
    """What a command job has itself, and a sweep in its trial."""

    def find(resource: dict[str, Any]) -> Any:
        return at(f"properties.trial.{member}")(resource) or at(f"properties.{member}")(resource)

    return find


ASSET: dict[str, Find] = {
    "id": at("id"),
    "name": asset_name,
    "version": lambda resource: resource["id"].rpartition("/")[2],
    "description": at("properties.description"),
    "tags": texts("properties.tags"),
}
MODEL_TYPES = {"CustomModel": "custom_model", "MLFlowModel": "mlflow_model", "TritonModel": "triton_model"}
HASH = at("properties.properties.hash_sha256")
MAPS: dict[str, dict[str, Find]] = {
    "environment": {
        **ASSET,
        "image": at("properties.image"),
        "conda": conda,
        "build": build,
        "os_type": at("properties.osType", "Linux"),
        "provisioning_state": at("properties.provisioningState"),
    },
    "code": {
        **ASSET,
        "uri": at("properties.codeUri", ""),
        "datastore": lambda resource: None,
        "path": lambda resource: None,
        "content_hash": HASH,
    },
    "data": {
        **ASSET,
        "type": at("properties.dataType", "uri_folder"),
        "uri": at("properties.dataUri", ""),
        "referenced_uris": lambda resource: tuple(at("properties.referencedUris", [])(resource)),
    },
    "model": {
        **{member: ASSET[member] for member in ("id", "name", "version")},
        # The examples spell them as 2022-02-01-preview does.
        "type": lambda r: MODEL_TYPES.get(kind := at("properties.modelType", "custom_model")(r), kind),
        "uri": at("properties.modelUri", ""),
    },
    "datastore": {
        "name": at("name"),
        "type": at("properties.datastoreType", ""),
        "account_name": at("properties.accountName", ""),
        "container_name": at("properties.containerName", ""),
        "protocol": at("properties.protocol", "https"),
        "endpoint": at("properties.endpoint", "core.windows.net"),
    },
    "compute": {
        "name": at("name"),
        "type": at("properties.computeType", ""),
        "state": at("properties.provisioningState", ""),
        "location": at("location", ""),
    },
    "workspace": {
        "id": at("id"),
        "name": at("name"),
        "location": at("location", ""),
        "discovery_url": at("properties.discoveryUrl", ""),
        "mlflow_tracking_uri": at("properties.mlFlowTrackingUri", ""),
    },
    "job": {
        "id": at("id"),
        "name": at("name"),
        "type": at("properties.jobType", ""),
        "status": at("properties.status", "Unknown"),
        "display_name": at("properties.displayName"),
        "experiment_name": at("properties.experimentName"),
        "studio_url": at("properties.services.Studio.endpoint"),
        "compute": at("properties.computeId"),
        "created_at": at("systemData.createdAt"),
        "tags": texts("properties.tags"),
        "properties": texts("properties.properties"),
        "outputs": outputs,
        "inputs": inputs,
        "command": of_run("command"),
        "environment": of_run("environmentId"),
        "code": of_run("codeId"),
        "goal": lambda resource: at("properties.objective.goal", "")(resource).lower() or None,
        "primary_metric": at("properties.objective.primaryMetric"),
        "limit": lambda resource: limit(resource),
    },
}


def limit(resource: dict[str, Any]) -> float | None:
    """Seconds; the examples write ``PT5M``, ``PT2S``, and words that are no duration."""
    text = at("properties.limits.timeout")(resource) or at("properties.timeout")(resource) or ""
    match = re.fullmatch(r"PT(\d+)([MS])", text)
    return float(match[1]) * {"M": 60, "S": 1}[match[2]] if match else None


def old_path(resource: dict[str, Any]) -> str:
    return str(at("properties.path", "")(resource))


def has_datastore(resource: dict[str, Any]) -> bool:
    return "/datastores/" in at("properties.datastoreId", "")(resource)


def old_uri(resource: dict[str, Any]) -> str:
    if not has_datastore(resource):
        return old_path(resource)
    store = resource["properties"]["datastoreId"].rpartition("/")[2]
    return f"azureml://datastores/{store}/paths/{old_path(resource)}"


def old_data_type(resource: dict[str, Any]) -> str:
    """The version has no such thing: a path with a slash at its end, or without a dot, is a folder's."""
    name = old_path(resource).rpartition("/")[2]
    return "uri_file" if "." in name else "uri_folder"


OLD_MAPS = {
    "environment": {
        "image": at("properties.docker.dockerImageUri"),
        # A Dockerfile's text, which the model has no place for: it knows folders.
        "build": lambda resource: None,
        "os_type": at("properties.docker.platform.operatingSystemType", "Linux"),
        "provisioning_state": lambda resource: None,
    },
    "code": {
        "uri": lambda r: "" if has_datastore(r) else old_path(r),
        "datastore": lambda r: (
            r["properties"]["datastoreId"].rpartition("/")[2] if has_datastore(r) else None
        ),
        "path": lambda r: old_path(r) if has_datastore(r) else None,
    },
    "data": {
        "type": old_data_type,
        "uri": lambda resource: old_uri(resource),
        "referenced_uris": lambda resource: (),
    },
    "model": {"type": lambda resource: "custom_model", "uri": lambda resource: old_uri(resource)},
    "datastore": {
        "type": at("properties.contents.contentsType", ""),
        "account_name": at("properties.contents.accountName", ""),
        "container_name": at("properties.contents.containerName", ""),
        "protocol": at("properties.contents.protocol", "https"),
        "endpoint": at("properties.contents.endpoint", "core.windows.net"),
    },
    "job": {
        "studio_url": at("properties.interactionEndpoints.Studio.endpoint"),
        "compute": at("properties.compute.target"),
        "outputs": old_outputs,
        "inputs": old_inputs,
    },
}
MODELS = {
    "environment": Environment,
    "code": Code,
    "data": Data,
    "model": Model,
    "datastore": Datastore,
    "compute": Compute,
    "workspace": Workspace,
    "job": Job,
}


def expected(api_version: str, kind: str, resource: dict[str, Any]) -> dict[str, Any]:
    """The neutral model's members as the maps find them."""
    found = MAPS[kind] | (OLD_MAPS.get(kind, {}) if api_version == OLD else {})
    return {member: find(resource) for member, find in found.items()}


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
