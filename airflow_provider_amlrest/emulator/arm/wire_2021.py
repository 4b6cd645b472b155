"""api-version 2021-03-01-preview: other names of assets and datastores, to the canonical shape and back."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from airflow_provider_amlrest.emulator.answers import invalid
from airflow_provider_amlrest.emulator.arm.asset_shapes import INFERENCE
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.shapes import (
    Field,
    MapOf,
    OneOf,
    Reader,
    Record,
    Union,
    anything,
    boolean,
    filled,
    required,
    string_map,
    text,
)
from airflow_provider_amlrest.emulator.config import DEFAULT_DATASTORE
from airflow_provider_amlrest.emulator.store import AssetRecord

BASE_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04"
"""What an environment without ``docker`` stands on."""

ASSET: dict[str, Reader | Field] = {
    "description": text,
    "tags": Field(string_map, dict),
    "properties": Field(string_map, dict),
}
CONTAINER = Record("AssetContainer", **ASSET)
PLATFORM = Record("DockerImagePlatform", operatingSystemType=Field(OneOf("Linux", "Windows"), "Linux"))
ANONYMOUS = Field(boolean, default=False)
VERSIONS = {
    "environments": Record(
        "EnvironmentSpecificationVersion",
        **ASSET,
        isAnonymous=ANONYMOUS,
        docker=Union(
            "dockerSpecificationType",
            Image=Record("DockerImage", dockerImageUri=required(filled), platform=PLATFORM),
            Build=Record("DockerBuild", dockerfile=required(filled), context=text, platform=PLATFORM),
        ),
        condaFile=text,
        inferenceContainerProperties=Record("InferenceContainerProperties", **INFERENCE),
        environmentSpecificationType=Field(text, answered=True),
    ),
    "codes": Record("CodeVersion", **ASSET, isAnonymous=ANONYMOUS, datastoreId=text, path=required(filled)),
    "data": Record(
        "DataVersion",
        **ASSET,
        isAnonymous=ANONYMOUS,
        datastoreId=text,
        path=required(filled),
        datasetType=Field(OneOf("Simple", "Dataflow"), "Simple"),
    ),
    "models": Record(
        "ModelVersion",
        **ASSET,
        isAnonymous=ANONYMOUS,
        datastoreId=text,
        path=required(filled),
        flavors=Field(MapOf(anything), dict),
    ),
}
OWN = {
    "codes": ("datastoreId", "path"),
    "data": ("datastoreId", "path", "datasetType"),
    "models": ("datastoreId", "path", "flavors"),
}
"""What of an asset is answered as it was sent."""


def version_to_canonical(kind: str, sent: dict[str, Any], call: Call) -> dict[str, Any]:
    """What the canonical readers take, under lower-case names."""
    common = {name.lower(): sent[name] for name in ("description", "tags", "properties", "isAnonymous")}
    if kind == "environments":
        return common | _environment_to_canonical(sent)
    if kind == "codes":
        return common | {"codeuri": _code_uri(sent, call)}
    if kind == "models":
        return common | {"modeluri": _uri(sent), "flavors": sent["flavors"]}
    return common | _data_to_canonical(sent)


def _environment_to_canonical(sent: dict[str, Any]) -> dict[str, Any]:
    docker = sent["docker"] or {"dockerSpecificationType": "Image", "dockerImageUri": BASE_IMAGE}
    result = {
        "condafile": sent["condaFile"],
        "ostype": (docker.get("platform") or {}).get("operatingSystemType"),
        "inferenceconfig": sent["inferenceContainerProperties"],
    }
    if docker["dockerSpecificationType"] == "Image":
        return result | {"image": docker["dockerImageUri"]}
    # The old version has the Dockerfile's text itself where the new one has a folder.
    digest = hashlib.sha256(docker["dockerfile"].encode()).hexdigest()[:16]
    return result | {"build": {"contextUri": docker["context"] or f"dockerfile:{digest}"}}


def _code_uri(sent: dict[str, Any], call: Call) -> str:
    path: str = sent["path"]
    if "://" in path:
        return path
    container = _container(sent["datastoreId"], call)
    return f"{call.context.blobs.endpoint}/{container}/{path.strip('/')}"


def _container(datastore_id: str | None, call: Call) -> str:
    name = last_segment(datastore_id) or DEFAULT_DATASTORE
    containers = call.workspace.datastores
    if name not in containers:
        raise invalid(
            "properties.datastoreId", f"there is no datastore {name}; there are {', '.join(containers)}"
        )
    return containers[name]


def _data_to_canonical(sent: dict[str, Any]) -> dict[str, Any]:
    # The old version does not say whether a path is a file; a folder has no extension, or ends in a slash.
    is_file = "." in sent["path"].rpartition("/")[2]
    kinds = {"Dataflow": "mltable", "Simple": "uri_file" if is_file else "uri_folder"}
    return {"datauri": _uri(sent), "datatype": kinds[sent["datasetType"]]}


def _uri(sent: dict[str, Any]) -> str:
    path: str = sent["path"]
    if "://" in path:
        return path
    datastore = last_segment(sent["datastoreId"]) or DEFAULT_DATASTORE
    return f"azureml://datastores/{datastore}/paths/{path.lstrip('/')}"


def version_answer(record: AssetRecord, call: Call) -> dict[str, Any]:
    """A version's properties in the old words: those it was sent in, else translated."""
    new = record.properties
    common = {name: new[name] for name in ("description", "tags", "properties", "isAnonymous")}
    if record.kind == "environments":
        own = _environment_answer(record)
    elif record.as_sent is not None:
        own = {name: record.as_sent[name] for name in OWN[record.kind]}
    elif record.kind == "codes":
        own = {"datastoreId": None, "path": new["codeUri"]}
    elif record.kind == "models":
        own = {**_place(new["modelUri"], call), "flavors": new["flavors"]}
    else:
        kind = "Dataflow" if new["dataType"] == "mltable" else "Simple"
        own = {**_place(new["dataUri"], call), "datasetType": kind}
    return {**common, **own}


def _environment_answer(record: AssetRecord) -> dict[str, Any]:
    new = record.properties
    platform = {"operatingSystemType": new["osType"]}
    docker: dict[str, Any] = {
        "dockerSpecificationType": "Image",
        "dockerImageUri": new["image"],
        "platform": platform,
    }
    if new["build"] is not None:
        docker = {
            "dockerSpecificationType": "Build",
            "dockerfile": f"# {new['build']['dockerfilePath']} in {new['build']['contextUri']}",
            "context": new["build"]["contextUri"],
            "platform": platform,
        }
        sent = (record.as_sent or {}).get("docker") or {}
        docker |= {name: sent[name] for name in ("dockerfile", "context") if name in sent}
    return {
        "environmentSpecificationType": "UserCreated",
        "docker": docker,
        "condaFile": new["condaFile"],
        "inferenceContainerProperties": new["inferenceConfig"],
    }


def _place(uri: str, call: Call) -> dict[str, str | None]:
    match = re.fullmatch(r"azureml://.*/datastores/([^/]+)/paths/(.*)", uri)
    if match is None:
        return {"datastoreId": None, "path": uri}
    return {"datastoreId": f"{call.workspace.arm_id}/datastores/{match[1]}", "path": match[2]}


def datastore_answer(properties: dict[str, Any]) -> dict[str, Any]:
    """A datastore's properties with the nested ``contents``."""
    names = ("accountName", "containerName", "endpoint", "protocol", "credentials")
    return {
        "contents": {
            "contentsType": properties["datastoreType"],
            **{name: properties[name] for name in names},
        },
        "hasBeenValidated": True,
        "isDefault": properties["isDefault"],
        "linkedInfo": None,
        "description": properties["description"],
        "tags": properties["tags"],
        "properties": properties["properties"],
    }


def last_segment(arm_id: str | None) -> str:
    return (arm_id or "").rstrip("/").rpartition("/")[2]
