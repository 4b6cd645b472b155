"""A node that runs a command component: a command job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.arm.jobs.nodes import words
from airflow_provider_amlrest.emulator.arm.jobs.nodes.node import Node, NodeType
from airflow_provider_amlrest.emulator.kinds import NODES

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.jobs.kind import Properties


def run(node: Node, inputs: Mapping[str, Any]) -> Properties:
    """What runs: a command job, or the trial of a sweep."""
    spec, wire = node.spec, node.wire
    return {
        "command": words.without_optional(str(spec["command"]), inputs),
        "codeId": words.asset_id(spec.get("code")),
        "environmentId": words.asset_id(spec["environment"]),
        "environmentVariables": {
            **(spec.get("environment_variables") or {}),
            **(wire.get("environment_variables") or {}),
        },
        "distribution": words.distribution(wire.get("distribution") or spec.get("distribution")),
        "resources": words.resources(spec.get("resources"), wire.get("resources")),
    }


def _properties(node: Node, inputs: Mapping[str, Properties]) -> Properties:
    timeout = (node.wire.get("limits") or {}).get("timeout")
    duration = words.duration(timeout, f"properties.jobs.{node.name}.limits.timeout")
    limits = {"jobLimitsType": NODES[node.type], "timeout": duration} if duration else None
    return {**run(node, inputs), "limits": limits}


TYPE = NodeType("command", _properties, "PythonScriptStep")
