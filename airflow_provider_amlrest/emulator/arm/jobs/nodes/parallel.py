"""A node that runs an entry script over mini-batches of files: a command job whose command is a driver."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.answers import not_emulated, request_invalid
from airflow_provider_amlrest.emulator.arm.jobs.nodes import words
from airflow_provider_amlrest.emulator.arm.jobs.nodes.node import Node, NodeType

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.jobs.kind import Properties

DRIVER = Path(__file__).parents[3] / "runtime" / "parallel_driver.py"
"""Started by path in the job's own environment, so that it is not imported here."""
DEFAULTS = {"mini_batch_size": 1, "mini_batch_error_threshold": -1, "error_threshold": -1}
"""Documented: a negative threshold tolerates every failure."""
RETRIES = {"max_retries": 2, "timeout": 60}


def _properties(node: Node, inputs: Mapping[str, Properties]) -> Properties:
    wire = {**node.spec, **{name: value for name, value in node.wire.items() if value is not None}}
    task = wire.get("task") or {}
    place = f"properties.jobs.{node.name}"
    if task.get("type") != "run_function" or not task.get("entry_script"):
        raise request_invalid(
            f"Invalid value for '{place}.task': it must be a run_function with an entry_script"
        )
    arguments = words.without_optional(str(task.get("program_arguments") or ""), inputs)
    settings = json.dumps(_settings(node, wire, task, place))
    return {
        "command": f"python -I {shlex.quote(str(DRIVER))} {shlex.quote(settings)} {arguments}".strip(),
        "codeId": words.asset_id(task.get("code")),
        "environmentId": words.asset_id(task.get("environment")) or "",
        "environmentVariables": wire.get("environment_variables") or {},
        # All workers are processes of one driver, on one node.
        "resources": {**words.resources(wire.get("resources")), "instanceCount": 1},
    }


def _settings(node: Node, wire: Mapping[str, Any], task: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The driver's settings; expressions in them are resolved with the rest of the command."""
    if wire.get("partition_keys"):
        raise not_emulated(f"parallel nodes with partition_keys ({place})")
    own = {
        name: words.whole(wire.get(name, default), f"{place}.{name}") for name, default in DEFAULTS.items()
    }
    retries = {**RETRIES, **(wire.get("retry_settings") or {})}
    own |= {name: words.whole(retries[name], f"{place}.retry_settings.{name}") for name in RETRIES}
    instances = (wire.get("resources") or {}).get("instance_count") or 1
    each = wire.get("max_concurrency_per_instance") or 1
    workers = words.whole(instances, f"{place}.resources.instance_count")
    workers *= words.whole(each, f"{place}.max_concurrency_per_instance")
    return {
        **own,
        "workers": workers,
        "entry_script": task["entry_script"],
        "input_data": _input_data(node, str(wire.get("input_data")), place),
        "append_row_to": _row_file(node, task.get("append_row_to"), place),
    }


def _input_data(node: Node, expression: str, place: str) -> str:
    match = words.INPUT.fullmatch(expression)
    definition = (node.spec.get("inputs") or {}).get(match[1]) if match else None
    if definition is None:
        raise request_invalid(
            f"Invalid value for '{place}.input_data': {expression!r} is not one of its inputs"
        )
    if words.data_type(definition) != "uri_folder":
        raise not_emulated(f"parallel nodes over the type {definition['type']} ({place}.input_data)")
    return expression


def _row_file(node: Node, expression: Any, place: str) -> str | None:
    if expression is None:
        return None
    match = words.OUTPUT.fullmatch(str(expression))
    output = node.outputs.get(match[1]) if match else None
    if output is None or output["jobOutputType"] != "uri_file":
        raise request_invalid(
            f"Invalid value for '{place}.task.append_row_to': {expression!r} is not one of its outputs "
            "of the type uri_file"
        )
    return str(expression)


TYPE = NodeType(
    "parallel",
    _properties,
    # A guess: no child of such a node is recorded.
    "ParallelRunStep",
)
