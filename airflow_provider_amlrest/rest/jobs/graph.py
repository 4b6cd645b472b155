"""The graph of a pipeline, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.placeholders import BINDING
from airflow_provider_amlrest.rest.jobs.plan import bindings, needed_steps
from airflow_provider_amlrest.rest.jobs.ports import check_literal, check_types
from airflow_provider_amlrest.rest.jobs.steps import Step
from airflow_provider_amlrest.rest.reading.values import mapping


def check_graph(
    steps: Mapping[str, Step], inputs: Mapping[str, Any], outputs: Mapping[str, Any], prefix: str = "jobs."
) -> None:
    """Check what steps are bound to.

    :param inputs: the pipeline's, by name: a mapping with a ``type``, or a literal.
    :param outputs: the pipeline's, by name.
    :raises InvalidSpecError: for a binding to a step, an input or an output that there is not; a required
        input without a value; an input that its component does not have; data where a literal is wanted, or
        the other way round; and for steps that wait for each other.
    """
    for step in steps.values():
        where = f"{prefix}{step.name}"
        _check_ports(where, step)
        for name, path in bindings(step.wire.get("inputs") or {}):
            given = _type_at(f"{where}.inputs.{name}", path, steps, inputs)
            port = step.ports.inputs.get(name) if step.ports and not step.is_inline else None
            if port is not None and given is not None:
                check_types(f"{where}.inputs.{name}", port, given)
        for name, path in bindings(step.wire.get("outputs") or {}):
            group, _, output = path.partition(".")
            if group != "outputs" or output not in outputs:
                raise _unknown(
                    f"{where}.outputs.{name}", f"parent.{path}", "outputs of the pipeline", outputs
                )
    _check_order(steps, prefix)


def _check_ports(where: str, step: Step) -> None:
    if step.ports is None:
        return
    given = step.wire.get("inputs") or {}
    searched = mapping(f"{where}.search_space", step.wire.get("search_space"))
    for name, value in given.items():
        if name not in step.ports.inputs:
            raise _unknown(f"{where}.inputs.{name}", name, "inputs of its component", step.ports.inputs)
        text = value.get("value") if isinstance(value, Mapping) else None
        if isinstance(text, str) and not step.is_inline and not BINDING.search(text):
            check_literal(f"{where}.inputs.{name}", step.ports.inputs[name], text)
    for name, port in step.ports.inputs.items():
        if name not in given and name not in searched and "default" not in port and not port.get("optional"):
            raise InvalidSpecError(
                f"{where}.inputs.{name}", "its component requires it; give a value, or bind it to one."
            )
    for name in step.wire.get("outputs") or {}:
        if name not in step.ports.outputs:
            raise _unknown(f"{where}.outputs.{name}", name, "outputs of its component", step.ports.outputs)


def _type_at(field: str, path: str, steps: Mapping[str, Step], inputs: Mapping[str, Any]) -> str | None:
    """The type of what a path leads to; None: it is not known here."""
    group, _, rest = path.partition(".")
    if group == "inputs":
        name = rest.split(".")[0]
        if name not in inputs:
            raise _unknown(field, f"parent.{path}", "inputs of the pipeline", inputs)
        value = inputs[name]
        return str(value["type"]) if isinstance(value, Mapping) and value.get("type") else None
    step, _, output = rest.partition(".outputs.")
    if group != "jobs" or not output:
        raise InvalidSpecError(
            field,
            f"'parent.{path}' leads nowhere: write parent.inputs.<name> or "
            "parent.jobs.<step>.outputs.<name>.",
        )
    if step not in steps:
        raise _unknown(field, f"parent.{path}", "steps", steps)
    ports = steps[step].ports
    if ports is None:
        return None
    if output not in ports.outputs:
        raise _unknown(field, f"parent.{path}", f"outputs of {step}", ports.outputs)
    return str(ports.outputs[output].get("type"))


def _check_order(steps: Mapping[str, Step], prefix: str) -> None:
    waits = {step.name: needed_steps(step.wire.get("inputs")) for step in steps.values()}
    while waits:
        ready = [name for name, others in waits.items() if not others & waits.keys()]
        if not ready:
            names = ", ".join(sorted(waits))
            raise InvalidSpecError(prefix.rstrip("."), f"these steps wait for each other: {names}.")
        for name in ready:
            del waits[name]


def _unknown(field: str, what: str, kind: str, known: Mapping[str, Any]) -> InvalidSpecError:
    there = ", ".join(sorted(map(str, known))) or "none"
    return InvalidSpecError(field, f"{what!r} is not among the {kind}: {there}.")
