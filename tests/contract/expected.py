"""Where the members of our classes are in Microsoft's published resources: maps to read examples by."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.workspace.resources import Compute, Datastore, Workspace

OLD = "2021-03-01-preview"


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


def nodes(resource: dict[str, Any]) -> Any:
    properties = at("properties.properties", {})(resource)
    if not properties.get("nodeStateCounts") or not properties.get("scaleSettings"):
        return None
    return {
        "most": at("scaleSettings.maxNodeCount", 0)(properties),
        "current": at("currentNodeCount", 0)(properties),
        "running": at("nodeStateCounts.runningNodeCount", 0)(properties),
        "idle": at("nodeStateCounts.idleNodeCount", 0)(properties),
        "target": at("targetNodeCount", 0)(properties),
    }


def compute_errors(resource: dict[str, Any]) -> tuple[str, ...]:
    found = [
        *at("properties.provisioningErrors", [])(resource),
        *at("properties.properties.errors", [])(resource),
    ]
    errors = [one.get("error") or one for one in found]
    return tuple(f"{one['code']}: {one['message']}" for one in errors)


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


def flavors(resource: dict[str, Any]) -> dict[str, dict[str, str]]:
    found = at("properties.flavors", {})(resource)
    return {name: texts("data")(flavor or {}) for name, flavor in found.items()}


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
        **ASSET,
        # The examples spell them as 2022-02-01-preview does.
        "type": lambda r: MODEL_TYPES.get(kind := at("properties.modelType", "custom_model")(r), kind),
        "uri": at("properties.modelUri", ""),
        "properties": texts("properties.properties"),
        "stage": at("properties.stage"),
        "flavors": flavors,
        "job_name": at("properties.jobName"),
        "is_archived": at("properties.isArchived", False),
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
        "power": at("properties.properties.state", ""),
        "nodes": nodes,
        "errors": compute_errors,
    },
    "workspace": {
        "id": at("id"),
        "name": at("name"),
        "location": at("location", ""),
        "discovery_url": at("properties.discoveryUrl", ""),
        "mlflow_tracking_uri": at("properties.mlFlowTrackingUri", ""),
        "guid": at("properties.workspaceId", ""),
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
        "jobs": at("properties.jobs", {}),
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
