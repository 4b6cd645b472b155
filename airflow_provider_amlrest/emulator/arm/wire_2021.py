"""api-version 2021-03-01-preview: other names for the same things, to the canonical shape and back."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from airflow_provider_amlrest.emulator.answers import invalid
from airflow_provider_amlrest.emulator.arm.asset_shapes import INFERENCE
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.job_shapes import EARLY_TERMINATION, OBJECTIVE
from airflow_provider_amlrest.emulator.arm.shapes import (
    Field,
    MapOf,
    OneOf,
    Reader,
    Record,
    Union,
    anything,
    boolean,
    duration,
    filled,
    integer,
    positive,
    required,
    string_map,
    text,
)
from airflow_provider_amlrest.emulator.config import DEFAULT_DATASTORE
from airflow_provider_amlrest.emulator.store import AssetRecord, JobRecord

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
MODE = OneOf(
    "Mount", "Download", "Upload", "ReadOnlyMount", "ReadWriteMount", "Direct", "EvalMount", "EvalDownload"
)
INPUT = Record("InputDataBinding", dataId=required(filled), mode=MODE, pathOnCompute=text)
OUTPUT = Record("OutputDataBinding", datastoreId=text, mode=MODE, pathOnCompute=text, pathOnDatastore=text)
TRIAL: dict[str, Reader | Field] = {
    "codeId": text,
    "command": required(filled),
    "environmentId": required(filled),
    "environmentVariables": Field(string_map, dict),
    "distribution": Union(
        "distributionType",
        Mpi=Record("Mpi", processCountPerInstance=positive),
        PyTorch=Record("PyTorch", processCount=positive),
        TensorFlow=Record("TensorFlow", parameterServerCount=Field(integer, 0), workerCount=positive),
    ),
    "inputDataBindings": Field(MapOf(INPUT), dict),
    "outputDataBindings": Field(MapOf(OUTPUT), dict),
    "timeout": duration,
}
JOB_BASE: dict[str, Reader | Field] = {
    "description": text,
    "tags": Field(string_map, dict),
    "properties": Field(string_map, dict),
    "experimentName": Field(filled, "Default"),
    "identity": Union(
        "identityType",
        AMLToken=Record("AmlToken"),
        Managed=Record("ManagedIdentity", clientId=text, objectId=text, resourceId=text),
    ),
    "priority": integer,
    "compute": required(
        Record(
            "ComputeConfiguration",
            target=required(filled),
            instanceCount=Field(positive, 1),
            instanceType=text,
            isLocal=boolean,
            location=text,
            properties=MapOf(anything),
        )
    ),
    **{
        name: Field(anything, answered=True)
        for name in ("status", "provisioningState", "interactionEndpoints", "output")
    },
}
JOB = Union(
    "jobType",
    Command=Record("CommandJob", **JOB_BASE, **TRIAL, parameters=Field(anything, answered=True)),
    Sweep=Record(
        "SweepJob",
        **JOB_BASE,
        algorithm=required(OneOf("Grid", "Random", "Bayesian")),
        objective=required(OBJECTIVE),
        searchSpace=required(MapOf(anything)),
        trial=required(Record("TrialComponent", **TRIAL)),
        maxTotalTrials=positive,
        maxConcurrentTrials=positive,
        timeout=duration,
        earlyTermination=EARLY_TERMINATION,
    ),
)
OWN = {
    "codes": ("datastoreId", "path"),
    "data": ("datastoreId", "path", "datasetType"),
    "models": ("datastoreId", "path", "flavors"),
}
"""What of an asset is answered as it was sent."""
PROVISIONING_STATES = {"Completed": "Succeeded", "Failed": "Failed", "Canceled": "Canceled"}
DATA_ID = re.compile(r".*/data/([^/]+)/versions/([^/]+)", re.IGNORECASE)


# assets


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
    name = _last_segment(datastore_id) or DEFAULT_DATASTORE
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
    datastore = _last_segment(sent["datastoreId"]) or DEFAULT_DATASTORE
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


# jobs


def job_to_canonical(sent: dict[str, Any], call: Call) -> dict[str, Any]:
    """What the canonical reader takes."""
    names = ("jobType", "description", "tags", "properties", "experimentName", "identity")
    base = {name: sent[name] for name in names} | {"computeId": sent["compute"]["target"]}
    if sent["jobType"] == "Command":
        limits = {"jobLimitsType": "Command", "timeout": sent["timeout"]} if sent["timeout"] else None
        return (
            base
            | _trial_to_canonical(sent, sent["compute"])
            | _bindings_to_canonical(sent, call)
            | {"limits": limits}
        )
    trial = sent["trial"]
    space = {_parameter_name(key): value for key, value in sent["searchSpace"].items()}
    arguments = "".join(f" {key} ${{{{search_space.{_parameter_name(key)}}}}}" for key in sent["searchSpace"])
    limits = {
        "jobLimitsType": "Sweep",
        "maxTotalTrials": sent["maxTotalTrials"],
        "maxConcurrentTrials": sent["maxConcurrentTrials"],
        "timeout": sent["timeout"],
        "trialTimeout": trial["timeout"],
    }
    canonical_trial = _trial_to_canonical(trial, sent["compute"])
    return (
        base
        | _bindings_to_canonical(trial, call)
        | {
            "samplingAlgorithm": {"samplingAlgorithmType": sent["algorithm"]},
            "objective": sent["objective"],
            "searchSpace": space,
            "limits": limits,
            "earlyTermination": sent["earlyTermination"],
            "trial": {**canonical_trial, "command": canonical_trial["command"] + arguments},
        }
    )


def _parameter_name(key: str) -> str:
    """Keys are written as the arguments they become: ``--learning_rate``."""
    return key.lstrip("-")


def _trial_to_canonical(sent: dict[str, Any], compute: dict[str, Any]) -> dict[str, Any]:
    distribution = sent["distribution"]
    if distribution and distribution["distributionType"] == "PyTorch" and distribution["processCount"]:
        per_node = max(1, distribution["processCount"] // compute["instanceCount"])
        distribution = {"distributionType": "PyTorch", "processCountPerInstance": per_node}
    return {
        "codeId": sent["codeId"],
        "command": sent["command"],
        "environmentId": sent["environmentId"],
        "environmentVariables": sent["environmentVariables"],
        "distribution": distribution,
        "resources": {name: compute[name] for name in ("instanceCount", "instanceType", "properties")},
    }


def _bindings_to_canonical(sent: dict[str, Any], call: Call) -> dict[str, Any]:
    inputs = {
        name: {
            "jobInputType": _data_type(binding["dataId"], call),
            "uri": binding["dataId"],
            "mode": "ReadOnlyMount" if binding["mode"] in (None, "Mount", "Upload") else binding["mode"],
        }
        for name, binding in sent["inputDataBindings"].items()
    }
    outputs = {
        name: {
            "jobOutputType": "uri_folder",
            "uri": _output_uri(binding),
            "mode": "Upload" if binding["mode"] == "Upload" else "ReadWriteMount",
        }
        for name, binding in sent["outputDataBindings"].items()
    }
    return {"inputs": inputs, "outputs": outputs}


def _data_type(data_id: str, call: Call) -> str:
    match = DATA_ID.fullmatch(data_id)
    record = call.store.asset(call.home, "data", match[1], match[2]) if match else None
    return str(record.properties["dataType"]) if record else "uri_folder"


def _output_uri(binding: dict[str, Any]) -> str | None:
    if not binding["pathOnDatastore"]:
        return None
    datastore = _last_segment(binding["datastoreId"]) or DEFAULT_DATASTORE
    return f"azureml://datastores/{datastore}/paths/{binding['pathOnDatastore'].lstrip('/')}"


def _last_segment(arm_id: str | None) -> str:
    return (arm_id or "").rstrip("/").rpartition("/")[2]


def job_answer(record: JobRecord, canonical: dict[str, Any], call: Call) -> dict[str, Any]:
    """A job's properties in the old words; ``canonical`` is its answer in the current ones."""
    own = record.as_sent if record.as_sent is not None else _job_from_canonical(canonical)
    store = f"{call.workspace.arm_id}/datastores/workspaceartifactstore"
    return {
        **own,
        "tags": canonical["tags"],
        "properties": canonical["properties"],
        "description": canonical.get("description"),
        "status": record.status,
        "provisioningState": PROVISIONING_STATES.get(record.status, "InProgress"),
        "interactionEndpoints": {
            name: {
                "jobEndpointType": service["jobServiceType"],
                "endpoint": service["endpoint"],
                "port": service["port"],
                "properties": service["properties"],
            }
            for name, service in canonical["services"].items()
        },
        "output": {"datastoreId": store, "path": f"ExperimentRun/dcid.{record.name}"},
    }


def _distribution_answer(distribution: dict[str, Any] | None, nodes: int) -> dict[str, Any] | None:
    if not distribution or distribution["distributionType"] != "PyTorch":
        return distribution
    per_node = distribution["processCountPerInstance"]
    return {"distributionType": "PyTorch", "processCount": per_node and per_node * nodes}


def _job_from_canonical(canonical: dict[str, Any]) -> dict[str, Any]:
    names = ("jobType", "experimentName", "identity")
    is_sweep = canonical["jobType"] == "Sweep"
    trial = canonical["trial"] if is_sweep else canonical
    resources = trial.get("resources") or {}
    limits = canonical["limits"] or {}
    compute = {name: resources.get(name) for name in ("instanceCount", "instanceType", "properties")}
    base = {name: canonical[name] for name in names} | {
        "compute": {"target": canonical["computeId"], **compute}
    }
    old_trial = {
        name: trial.get(name) for name in ("codeId", "command", "environmentId", "environmentVariables")
    }
    old_trial |= {
        "distribution": _distribution_answer(trial.get("distribution"), resources.get("instanceCount") or 1),
        "inputDataBindings": {
            name: {"dataId": value["uri"], "mode": value["mode"], "pathOnCompute": None}
            for name, value in canonical["inputs"].items()
            if value["jobInputType"] != "literal"
        },
        "outputDataBindings": {
            name: {
                "datastoreId": None,
                "mode": value["mode"],
                "pathOnCompute": None,
                "pathOnDatastore": value["uri"],
            }
            for name, value in canonical["outputs"].items()
            if name != "default"
        },
    }
    if not is_sweep:
        return base | old_trial | {"timeout": limits.get("timeout")}
    return base | {
        "algorithm": canonical["samplingAlgorithm"]["samplingAlgorithmType"],
        "objective": canonical["objective"],
        "searchSpace": canonical["searchSpace"],
        "earlyTermination": canonical["earlyTermination"],
        "maxTotalTrials": limits.get("maxTotalTrials"),
        "maxConcurrentTrials": limits.get("maxConcurrentTrials"),
        "timeout": limits.get("timeout"),
        "trial": old_trial | {"timeout": limits.get("trialTimeout")},
    }
