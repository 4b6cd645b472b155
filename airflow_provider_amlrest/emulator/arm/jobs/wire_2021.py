"""api-version 2021-03-01-preview: its other names for what all jobs have, to the canonical shape and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

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
from airflow_provider_amlrest.emulator.arm.wire_2021 import last_segment
from airflow_provider_amlrest.emulator.config import DEFAULT_DATASTORE

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.call import Call
    from airflow_provider_amlrest.emulator.arm.jobs.kind import Properties, Wire2021
    from airflow_provider_amlrest.emulator.store import JobRecord

MODE = OneOf(
    "Mount", "Download", "Upload", "ReadOnlyMount", "ReadWriteMount", "Direct", "EvalMount", "EvalDownload"
)
INPUT = Record("InputDataBinding", dataId=required(filled), mode=MODE, pathOnCompute=text)
OUTPUT = Record("OutputDataBinding", datastoreId=text, mode=MODE, pathOnCompute=text, pathOnDatastore=text)
RUN: dict[str, Reader | Field] = {
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
"""What runs: a command job, or the trial of a sweep."""
BASE: dict[str, Reader | Field] = {
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
PROVISIONING_STATES = {"Completed": "Succeeded", "Failed": "Failed", "Canceled": "Canceled"}
DATA_ID = re.compile(r".*/data/([^/]+)/versions/([^/]+)", re.IGNORECASE)


def base_to_canonical(sent: dict[str, Any]) -> Properties:
    """What every job has but its inputs and outputs."""
    names = ("jobType", "description", "tags", "properties", "experimentName", "identity")
    return {name: sent[name] for name in names} | {"computeId": sent["compute"]["target"]}


def run_to_canonical(sent: dict[str, Any], compute: dict[str, Any]) -> dict[str, Any]:
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


def bindings_to_canonical(sent: dict[str, Any], call: Call) -> dict[str, Any]:
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
    datastore = last_segment(binding["datastoreId"]) or DEFAULT_DATASTORE
    return f"azureml://datastores/{datastore}/paths/{binding['pathOnDatastore'].lstrip('/')}"


def job_answer(wire: Wire2021, record: JobRecord, canonical: Properties, call: Call) -> dict[str, Any]:
    """A job's properties in the old words; ``canonical`` is its answer in the current ones."""
    own = record.as_sent if record.as_sent is not None else wire.from_canonical(canonical)
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


def base_from_canonical(canonical: Properties, run: Properties) -> Properties:
    """``run``: what runs, which has the nodes that the compute is answered with."""
    names = ("jobType", "experimentName", "identity")
    resources = run.get("resources") or {}
    compute = {name: resources.get(name) for name in ("instanceCount", "instanceType", "properties")}
    return {name: canonical[name] for name in names} | {
        "compute": {"target": canonical["computeId"], **compute}
    }


def run_from_canonical(run: Properties, canonical: Properties) -> Properties:
    """``canonical``: the job, which has the inputs and outputs."""
    names = ("codeId", "command", "environmentId", "environmentVariables")
    nodes = (run.get("resources") or {}).get("instanceCount") or 1
    return {name: run.get(name) for name in names} | {
        "distribution": _distribution_answer(run.get("distribution"), nodes),
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


def _distribution_answer(distribution: dict[str, Any] | None, nodes: int) -> dict[str, Any] | None:
    if not distribution or distribution["distributionType"] != "PyTorch":
        return distribution
    per_node = distribution["processCountPerInstance"]
    return {"distributionType": "PyTorch", "processCount": per_node and per_node * nodes}
