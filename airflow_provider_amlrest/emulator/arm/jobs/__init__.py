"""Jobs as ARM takes and answers them. What only one kind has is in the kind's file."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from airflow_provider_amlrest.emulator.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_amlrest.emulator.arm.jobs.kind import Kind


def kind_of(job_type: str) -> Kind | None:
    """The kind of a type on the wire; None for a run that is not a job."""
    module = KINDS.get(job_type)
    return import_module(f"{__name__}.{module}").KIND if module else None


def all_kinds() -> Iterator[Kind]:
    """Every kind that the emulator has."""
    for job_type in KINDS:
        if kind := kind_of(job_type):
            yield kind
