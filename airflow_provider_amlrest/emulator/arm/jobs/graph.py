"""The graph of a pipeline: its nodes in an order in which they can run, or a 400 that names what is wrong.

Nodes have no types on the wire, so what the service says of a wrong one is not known: a component that there
is not is recorded (404); the rest is a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.answers import not_emulated
from airflow_provider_amlrest.emulator.arm.jobs.nodes import is_optional, type_of
from airflow_provider_amlrest.emulator.arm.jobs.nodes.node import Node, NodeType, Source
from airflow_provider_amlrest.emulator.arm.jobs.nodes.words import data_type, mode
from airflow_provider_amlrest.emulator.arm.shapes import Place, filled, lowered

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.store import AssetRecord

Find = Callable[[str], "AssetRecord"]
"""The component that a reference means."""
INPUT = re.compile(r"\$\{\{\s*parent\.inputs\.([^\s.}]+)\s*\}\}")
OF_NODE = re.compile(r"\$\{\{\s*parent\.jobs\.([^\s.}]+)\.outputs\.([^\s.}]+)\s*\}\}")
OUTPUT = re.compile(r"\$\{\{\s*parent\.outputs\.([^\s.}]+)\s*\}\}")
EXPRESSION = re.compile(r"\$\{\{\s*parent\.")
JOBS = Place(("properties", "jobs"))


def read_graph(
    jobs: Mapping[str, Any],
    find: Find,
    *,
    inputs: Collection[str] | None = None,
    outputs: Collection[str] | None = None,
    place: Place = JOBS,
) -> dict[str, Node]:
    """The nodes, each after those that it waits for.

    Args:
        inputs: names of the pipeline's inputs; None: not checked.
        outputs: of its outputs.

    Raises:
        MlError: 404 for a component, 400 for anything else. GatewayError: 501 for what is not emulated.
    """
    nodes = {name: _node(name, wire, find, place / name) for name, wire in jobs.items()}
    for node in nodes.values():
        _check_sources(node, nodes, inputs, place / node.name)
        _check_outputs(node, outputs, place / node.name)
        _check_inner(node, find, place / node.name)
    return _in_order(nodes, place)


def _node(name: str, wire: Any, find: Find, place: Place) -> Node:
    given = lowered(wire, place)
    node_type = type_of(filled(given.get("type") or "", place / "type"), place)
    component = find(filled(node_type.reference(wire) or "", place / "componentId"))
    spec = component.properties["componentSpec"]
    if spec["type"] != node_type.component_type:
        raise place.wrong(
            f"a node of the type {wire['type']} needs a component of the type {node_type.component_type}, "
            f"and {component.name} is of the type {spec['type']}"
        )
    inputs = _inputs(wire.get("inputs") or {}, spec, place)
    _check_needed(inputs, spec, node_type.given_elsewhere(wire), place)
    return Node(name, wire["type"], wire, component, inputs, _outputs(wire.get("outputs") or {}, spec, place))


def _inputs(given: Mapping[str, Any], spec: Mapping[str, Any], place: Place) -> dict[str, Any]:
    found = {}
    known = spec.get("inputs") or {}
    for name, value in given.items():
        at = place / "inputs" / name
        if name not in known:
            raise at.wrong(f"the component has no such input. It has {_listed(known)}")
        if value is not None:
            found[name] = _input(value, at)
    return found


def _input(value: Any, place: Place) -> Any:
    given = lowered(value, place)
    how = mode(given.get("mode"))
    if (uri := given.get("uri")) is not None:
        return {"uri": filled(uri, place / "uri"), "mode": how}
    text = str(given.get("value", ""))
    if match := INPUT.fullmatch(text):
        return Source(match[1], mode=how)
    if match := OF_NODE.fullmatch(text):
        return Source(match[2], node=match[1], mode=how)
    if EXPRESSION.search(text):
        raise not_emulated(f"an input that is more than one expression ({place}: {text})")
    if "value" not in given:
        raise place.wrong("has neither a value nor a uri")
    return {"value": text, "mode": how}


def _outputs(given: Mapping[str, Any], spec: Mapping[str, Any], place: Place) -> dict[str, Any]:
    found = {}
    known = spec.get("outputs") or {}
    for name in given:
        if name not in known:
            raise (place / "outputs" / name).wrong(
                f"the component has no such output. It has {_listed(known)}"
            )
    for name, definition in known.items():
        at = place / "outputs" / name
        kind = data_type(definition)
        if kind is None:
            raise not_emulated(f"outputs of the type {definition.get('type')} ({at})")
        found[name] = {"jobOutputType": kind, "mode": mode(definition.get("mode"))}
        found[name] |= _output(given.get(name) or {}, at)
    return found


def _output(value: Any, place: Place) -> dict[str, Any]:
    given = lowered(value, place)
    settings = {
        "mode": mode(given.get("mode")),
        "uri": given.get("uri"),
        "assetName": given.get("name") or given.get("asset_name"),
        "assetVersion": given.get("version") or given.get("asset_version"),
    }
    if (text := given.get("value")) is not None:
        match = OUTPUT.fullmatch(str(text))
        if match is None:
            raise place.wrong(
                f"{text!r} is not an output of the pipeline, such as ${{{{parent.outputs.model}}}}"
            )
        settings["parent"] = match[1]
    return {name: setting for name, setting in settings.items() if setting is not None}


def _check_needed(
    inputs: Collection[str], spec: Mapping[str, Any], elsewhere: set[str], place: Place
) -> None:
    for name, definition in (spec.get("inputs") or {}).items():
        has_value = name in inputs or name in elsewhere or definition.get("default") is not None
        if not has_value and not is_optional(definition):
            raise (place / "inputs" / name).wrong("the component needs it, and it has no value")


def _check_sources(
    node: Node, nodes: Mapping[str, Node], inputs: Collection[str] | None, place: Place
) -> None:
    for name, source in node.inputs.items():
        if not isinstance(source, Source):
            continue
        at = place / "inputs" / name
        if source.node is None:
            if inputs is not None and source.name not in inputs:
                raise at.wrong(f"the pipeline has no input {source.name!r}. It has {_listed(inputs)}")
        elif source.node not in nodes:
            raise at.wrong(f"the pipeline has no node {source.node!r}. It has {_listed(nodes)}")
        elif source.name not in nodes[source.node].outputs:
            known = _listed(nodes[source.node].outputs)
            raise at.wrong(f"the node {source.node!r} has no output {source.name!r}. It has {known}")


def _check_outputs(node: Node, outputs: Collection[str] | None, place: Place) -> None:
    for name, settings in node.outputs.items():
        parent = settings.get("parent")
        if parent is not None and outputs is not None and parent not in outputs:
            raise (place / "outputs" / name).wrong(
                f"the pipeline has no output {parent!r}. It has {_listed(outputs)}"
            )


def _check_inner(node: Node, find: Find, place: Place) -> None:
    """The nodes of a component that has some, against what it says of itself."""
    kind: NodeType = type_of(node.type, place)
    inner = kind.inner(node.spec)
    if inner is not None:
        own = node.spec
        read_graph(
            inner,
            find,
            inputs=own.get("inputs") or {},
            outputs=own.get("outputs") or {},
            place=place / "jobs",
        )


def _in_order(nodes: dict[str, Node], place: Place) -> dict[str, Node]:
    ordered: dict[str, Node] = {}
    while len(ordered) < len(nodes):
        free = {
            name: node
            for name, node in nodes.items()
            if name not in ordered and node.waits_for <= ordered.keys()
        }
        if not free:
            circle = _listed(name for name in nodes if name not in ordered)
            raise place.wrong(f"these nodes wait for each other: {circle}")
        ordered |= free
    return ordered


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"
