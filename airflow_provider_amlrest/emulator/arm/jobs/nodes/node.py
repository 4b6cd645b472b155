"""A node of a pipeline, read; and what a type of node must give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.jobs.kind import Properties
    from airflow_provider_amlrest.emulator.store import AssetRecord


@dataclass(frozen=True)
class Source:
    """Where a node's input comes from: an output of another node, or an input of the pipeline."""

    name: str
    node: str | None = None
    mode: str | None = None


@dataclass(frozen=True)
class Node:
    name: str
    type: str
    wire: Mapping[str, Any]
    """As it was sent: snake_case, without types."""
    component: AssetRecord
    inputs: Mapping[str, Source | Properties]
    """Those that are given; what comes from nowhere else is in the shape of a job's input."""
    outputs: Mapping[str, Properties]
    """Settings of all, in the shape of a job's output; ``parent`` is the pipeline's output it becomes."""

    @property
    def spec(self) -> dict[str, Any]:
        """The component's."""
        spec: dict[str, Any] = self.component.properties["componentSpec"]
        return spec

    @property
    def waits_for(self) -> set[str]:
        """The nodes that must have completed before it runs."""
        sources = self.inputs.values()
        return {source.node for source in sources if isinstance(source, Source) and source.node is not None}


@dataclass(frozen=True)
class NodeType:
    """A type of node. Its module has one as ``TYPE``; :mod:`emulator.kinds` names the module."""

    component_type: str
    properties: Callable[[Node, Mapping[str, Properties]], Properties]
    """The properties that only its kind of job has, made of the node and the inputs that it has."""
    step_type: str
    """How run history calls it, as ``StepType``."""
    reference: Callable[[Mapping[str, Any]], Any] = lambda wire: wire.get("componentId")
    """The id of its component."""
    inner: Callable[[dict[str, Any]], Mapping[str, Any] | None] = lambda spec: None
    """Nodes that its component has itself."""
    given_elsewhere: Callable[[Mapping[str, Any]], set[str]] = lambda wire: set()
    """Inputs that have their values from somewhere else, such as a search space."""
