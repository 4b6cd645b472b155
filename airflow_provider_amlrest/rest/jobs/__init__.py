"""Jobs: what they are, and how Azure ML spells them.

A new kind of job is a module with a ``KIND``, and a line in :data:`KINDS`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_amlrest.rest.jobs.kind import Kind

KINDS = {
    "Command": "command",
    "Sweep": "sweep",
    "Pipeline": "pipeline",
    "Spark": "spark",
    "AutoML": "automl",
}
"""Type on the wire -> module. Each is imported when it is needed."""


def kind_of(job_type: str) -> Kind | None:
    """The kind of a type on the wire; None for one that is not known here."""
    module = KINDS.get(job_type)
    return import_module(f"{__name__}.{module}").KIND if module else None


def has_trials(job_type: str) -> bool:
    """Whether such a job runs trials, the best of which is its result."""
    kind = kind_of(job_type)
    return kind is not None and kind.has_trials


def has_steps(job_type: str) -> bool:
    """Whether such a job runs steps."""
    kind = kind_of(job_type)
    return kind is not None and kind.has_steps


def type_of_step(step_type: str) -> str:
    """The type on the wire that a job would have that does what such a step of a pipeline does.

    :param step_type: as the step has it: ``command``, ``sweep``... One that only steps have (``parallel``)
        gives a type that is not known here.
    """
    return next((name for name in KINDS if name.lower() == step_type.lower()), step_type.capitalize())


def all_kinds() -> Iterator[Kind]:
    """Every kind that is known here."""
    for job_type in KINDS:
        if kind := kind_of(job_type):
            yield kind
