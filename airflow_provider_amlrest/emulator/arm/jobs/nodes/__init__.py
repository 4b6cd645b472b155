"""The nodes of pipelines, and the jobs that they run as. What only one type has is in the type's file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.answers import not_emulated
from airflow_provider_amlrest.emulator.arm.jobs import kind_of
from airflow_provider_amlrest.emulator.arm.jobs.nodes.node import Node, NodeType, Source
from airflow_provider_amlrest.emulator.arm.jobs.nodes.words import data_type, mode
from airflow_provider_amlrest.emulator.arm.shapes import Place, Record
from airflow_provider_amlrest.emulator.config import DEFAULT_DATASTORE
from airflow_provider_amlrest.emulator.kinds import NODES

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_amlrest.emulator.arm.jobs.kind import Properties
    from airflow_provider_amlrest.emulator.config import Workspace

COMPUTE_BINDING = re.compile(r"\$\{\{\s*parent\.inputs\.([^\s}]+)\s*\}\}")
DEFAULT_MODE = "ReadWriteMount"
SERVERLESS = "serverless"
"""As the name of a compute: none at all."""


def type_of(node_type: Any, place: Place) -> NodeType:
    """The type of a node on the wire.

    Raises:
        GatewayError: 501, the emulator has no such nodes.
    """
    if node_type not in NODES:
        raise not_emulated(f"nodes of the type {node_type} ({place})")
    found: NodeType = import_module(f"{__name__}.{node_type}").TYPE
    return found


def job_properties(
    node: Node, parent: Properties, workspace: Workspace, inputs: Mapping[str, Properties]
) -> Properties:
    """The properties of the job that a node runs as.

    Args:
        parent: the properties of the pipeline.
        inputs: see :func:`job_inputs`.

    Raises:
        MlError: 400, something of the node does not fit.
    """
    kind = kind_of(NODES[node.type])
    if kind is None or not isinstance(kind.shape, Record):
        raise LookupError(f"{node.type} has no line in the table of kinds.")
    place = Place(("properties", "jobs", node.name))
    outputs = job_outputs(node, parent)
    given = {
        **type_of(node.type, place).properties(node, inputs),
        "displayName": node.wire.get("display_name") or node.name,
        "description": node.wire.get("comment"),
        "experimentName": parent.get("experimentName") or "Default",
        "computeId": compute_id(node, parent, workspace, parent.get("inputs") or {}),
        "inputs": inputs,
        "outputs": outputs,
        "settings": parent.get("settings"),
    }
    own = {name: value for name, value in given.items() if value is not None}
    properties = kind.shape(own, place, "jobType")
    for name, output in outputs.items():
        # Only previews have it in a job; nodes always do.
        properties["outputs"][name]["assetVersion"] = output.get("assetVersion")
    return {**properties, "jobType": kind.job_type}


def job_inputs(
    node: Node, parent_inputs: Mapping[str, Properties], output_uri: Callable[[str, str], str]
) -> dict[str, Properties]:
    """What a node is given: values and data, those of its component's defaults too.

    Args:
        parent_inputs: the pipeline's.
        output_uri: (node, output) -> where it lies.

    Raises:
        MlError: 400, an input that it needs has no value.
    """
    found = {}
    place = Place(("properties", "jobs", node.name, "inputs"))
    elsewhere = type_of(node.type, Place(())).given_elsewhere(node.wire)
    for name, definition in (node.spec.get("inputs") or {}).items():
        if name in elsewhere:
            continue
        given = node.inputs.get(name)
        value = _value(given, parent_inputs, output_uri) if isinstance(given, Source) else given
        if not value and definition.get("default") is not None:
            value = {"value": str(definition["default"])}
        if value:
            found[name] = _as_defined(definition, value, place / name)
        elif given is not None and not is_optional(definition):
            raise (place / name).wrong("its source has no value")
    return found


def _value(
    source: Source, parent_inputs: Mapping[str, Properties], output_uri: Callable[[str, str], str]
) -> Properties | None:
    """What a source has, in the shape of an input; None if that is nothing."""
    if source.node is None:
        value = parent_inputs.get(source.name)
    else:
        uri = output_uri(source.node, source.name)
        value = {"uri": uri} if uri else None
    return {**value, "mode": source.mode, "outer_mode": value.get("mode")} if value else None


def is_optional(definition: Mapping[str, Any]) -> bool:
    return str(definition.get("optional", False)).lower() == "true"


def _as_defined(definition: Mapping[str, Any], value: Mapping[str, Any], place: Place) -> Properties:
    """An input in the type that the component says, whatever type its source has."""
    kind = data_type(definition)
    if kind is None:
        if "value" not in value:
            raise place.wrong(f"is of the type {definition.get('type')}, and given data")
        return {"jobInputType": "literal", "value": value["value"]}
    # What the pipeline says comes last: its inputs have a mode even if nobody gave them one.
    how = value.get("mode") or mode(definition.get("mode")) or value.get("outer_mode")
    uri = value.get("uri") or value.get("value")
    return {"jobInputType": kind, "uri": uri, **({"mode": how} if how else {})}


def job_outputs(node: Node, parent: Properties) -> dict[str, Properties]:
    """What a node writes. What the pipeline says of an output that becomes its own stands over the node's."""
    datastore = default_datastore(parent)
    found = {}
    for name, own in node.outputs.items():
        settings = {key: value for key, value in own.items() if key != "parent" and value is not None}
        outer = (parent.get("outputs") or {}).get(own.get("parent")) or {}
        given = {key: outer[key] for key in ("uri", "assetName", "assetVersion", "mode") if outer.get(key)}
        if given.get("mode") == DEFAULT_MODE:  # which it is if nobody said anything
            del given["mode"]
        file = "${{output_name}}" if settings["jobOutputType"] == "uri_file" else ""
        place = f"azureml://datastores/{datastore}/paths/azureml/${{{{name}}}}/${{{{output_name}}}}/{file}"
        found[name] = {"uri": place, **settings, **given}
    return found


def default_datastore(parent: Properties) -> str:
    """The name of the datastore that outputs go to which say nothing of it."""
    setting = (parent.get("settings") or {}).get("default_datastore") or DEFAULT_DATASTORE
    return str(setting).rstrip("/").rpartition("/")[2].rpartition(":")[2]


def compute_id(
    node: Node, parent: Properties, workspace: Workspace, inputs: Mapping[str, Properties]
) -> str | None:
    """The compute of a node, else that of the pipeline; None is serverless."""
    settings = parent.get("settings") or {}
    reference = node.wire.get("computeId") or parent.get("computeId") or settings.get("default_compute") or ""
    if match := COMPUTE_BINDING.fullmatch(str(reference)):
        reference = (inputs.get(match[1]) or {}).get("value") or ""
    name = str(reference).rstrip("/").rpartition("/")[2].rpartition(":")[2]
    return f"{workspace.arm_id}/computes/{name}" if name and name.lower() != SERVERLESS else None
