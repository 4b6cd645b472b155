"""The steps of a pipeline as the service has them: what each runs, and which others it waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.rest.jobs.placeholders import BINDING


@dataclass(frozen=True)
class PlannedStep:
    """A step, whether it has a run yet or not."""

    name: str
    type: str
    """As the wire has it: ``command``, ``sweep``, ``parallel``, ``pipeline``..."""
    label: str
    """What its run is called in run history: its display name, or else its name."""
    waits_for: tuple[str, ...]
    """The steps whose outputs it takes."""
    component: str | None = None
    """Id of the component that it runs."""
    goal: str | None = None
    """A sweep's goal: minimize or maximize."""
    primary_metric: str | None = None


def read_plan(jobs: Any) -> dict[str, PlannedStep]:
    """The steps, by name: of a pipeline (:attr:`Job.jobs`), or of the definition of a pipeline component.

    The service does not check what a step consists of, so that what cannot be read here is left out.
    """
    wires = _mapping(jobs)
    return {name: _read(name, _mapping(wire), wires) for name, wire in wires.items()}


def _read(name: str, wire: Mapping[str, Any], siblings: Mapping[str, Any]) -> PlannedStep:
    needed = needed_steps(wire.get("inputs"))
    objective = _mapping(wire.get("objective"))
    return PlannedStep(
        name,
        str(wire.get("type") or ""),
        str(wire.get("display_name") or name),
        tuple(other for other in siblings if other in needed),
        wire.get("componentId") or _mapping(wire.get("trial")).get("componentId"),
        str(objective["goal"]).lower() if objective.get("goal") else None,
        objective.get("primary_metric"),
    )


def needed_steps(inputs: Any) -> set[str]:
    """The names of the steps whose outputs are bound to these inputs of another one."""
    return {path.split(".")[1] for _, path in bindings(inputs) if path.startswith("jobs.")}


def bindings(members: Any) -> Iterator[tuple[str, str]]:
    """The inputs or outputs of a step that are bound, each with what it is bound to: ``inputs.x``."""
    for name, member in _mapping(members).items():
        value = _mapping(member).get("value")
        for match in BINDING.finditer(value if isinstance(value, str) else ""):
            yield name, match["path"]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
