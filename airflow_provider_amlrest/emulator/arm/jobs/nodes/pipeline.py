"""A node that runs a pipeline component: a pipeline in the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow_provider_amlrest.emulator.arm.jobs.nodes.node import Node, NodeType

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.jobs.kind import Properties


def _properties(node: Node, inputs: Mapping[str, Properties]) -> Properties:
    return {"jobs": node.spec["jobs"]}


TYPE = NodeType(
    "pipeline",
    _properties,
    # A guess: no child of such a node is recorded.
    "SubGraphCloudStep",
    inner=lambda spec: dict(spec["jobs"]),
)
