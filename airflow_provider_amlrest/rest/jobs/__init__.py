"""Jobs: what they are, and how Azure ML spells them.

A module for each of :data:`kinds.KINDS` has a ``KIND``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from airflow_provider_amlrest.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_amlrest.rest.jobs.kind import Kind


def kind_of(job_type: str) -> Kind | None:
    """The kind of a type on the wire, or in a file; None for one that is not known here.

    Its module is imported when it is needed.
    """
    name = job_type.lower()
    return import_module(f"{__name__}.{name}").KIND if name in KINDS else None


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
    kind = kind_of(step_type)
    return step_type.capitalize() if kind is None else kind.job_type


def all_kinds() -> Iterator[Kind]:
    """Every kind that is known here."""
    for name in KINDS:
        if kind := kind_of(name):
            yield kind
