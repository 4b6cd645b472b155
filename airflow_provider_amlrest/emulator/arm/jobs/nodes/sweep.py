"""A node that sweeps over a command component: a sweep job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.answers import request_invalid
from airflow_provider_amlrest.emulator.arm.jobs.nodes import words
from airflow_provider_amlrest.emulator.arm.jobs.nodes.command import run
from airflow_provider_amlrest.emulator.arm.jobs.nodes.node import Node, NodeType
from airflow_provider_amlrest.emulator.kinds import NODES

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.jobs.kind import Properties

ARGUMENTS = {
    "choice": ("values",),
    "randint": ("upper",),
    "uniform": ("min_value", "max_value"),
    "quniform": ("min_value", "max_value", "q"),
    "loguniform": ("min_value", "max_value"),
    "qloguniform": ("min_value", "max_value", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
}
"""Distribution -> its arguments, in the order of a sweep job's."""


def _properties(node: Node, inputs: Mapping[str, Properties]) -> Properties:
    wire = node.wire
    space = wire.get("search_space") or {}
    trial = run(node, {**inputs, **space})
    trial["command"] = words.INPUT.sub(lambda match: _parameter(match, space), trial["command"])
    return {
        "trial": {name: value for name, value in trial.items() if value is not None},
        "searchSpace": {name: _distribution(name, node, given) for name, given in space.items()},
        "objective": words.camel(wire.get("objective") or {}),
        "samplingAlgorithm": _typed(wire.get("sampling_algorithm"), "samplingAlgorithmType"),
        "earlyTermination": _typed(wire.get("early_termination"), "policyType"),
        "limits": _limits(node),
    }


def _parameter(match: re.Match[str], space: Mapping[str, Any]) -> str:
    """What is searched for is an input of the component."""
    return f"${{{{search_space.{match[1]}}}}}" if match[1] in space else match[0]


def _distribution(name: str, node: Node, given: Mapping[str, Any]) -> list[Any]:
    kind = given.get("type")
    place = f"properties.jobs.{node.name}.search_space.{name}"
    if kind not in ARGUMENTS:
        raise request_invalid(f"Invalid value for '{place}': {kind!r} is none of {', '.join(ARGUMENTS)}")
    if name not in (node.spec.get("inputs") or {}):
        raise request_invalid(f"Invalid value for '{place}': the component has no such input")
    missing = [argument for argument in ARGUMENTS[kind] if argument not in given]
    if missing:
        raise request_invalid(f"Invalid value for '{place}': {kind} needs {', '.join(missing)}")
    return [kind, [given[argument] for argument in ARGUMENTS[kind]]]


def _typed(given: Any, discriminator: str) -> dict[str, Any] | None:
    """``random``, ``{type: random}`` or ``{sampling_algorithm_type: Random}``."""
    if given is None:
        return None
    changed = words.camel(given if isinstance(given, Mapping) else {"type": given})
    kind = changed.pop("type", None) or changed.pop(discriminator, None)
    return {**changed, discriminator: str(kind).replace("_", "")}


def _limits(node: Node) -> dict[str, Any] | None:
    given = dict(node.wire.get("limits") or {})
    given.pop("job_limits_type", None)
    if not given:
        return None
    place = f"properties.jobs.{node.name}.limits"
    for name in ("timeout", "trial_timeout"):
        given[name] = words.duration(given.get(name), f"{place}.{name}")
    for name in ("max_total_trials", "max_concurrent_trials"):
        if given.get(name) is not None:
            given[name] = words.whole(given[name], f"{place}.{name}")
    return {"jobLimitsType": NODES[node.type], **words.camel(given)}


TYPE = NodeType(
    "command",
    _properties,
    # A guess: no child of such a node is recorded.
    "HyperDriveStep",
    reference=lambda wire: (wire.get("trial") or {}).get("componentId"),
    given_elsewhere=lambda wire: set(wire.get("search_space") or {}),
)
