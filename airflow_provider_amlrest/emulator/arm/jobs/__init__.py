"""Jobs as ARM takes and answers them. What only one kind has is in the kind's file."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from airflow_provider_amlrest.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_amlrest.emulator.arm.jobs.kind import Kind
    from airflow_provider_amlrest.emulator.store import JobRecord, Store


def kind_of(job_type: str) -> Kind | None:
    """The kind of a type on the wire; None for a run that is not a job."""
    name = job_type.lower()
    return import_module(f"{__name__}.{name}").KIND if name in KINDS else None


def step_run_type(store: Store, job: JobRecord) -> str | None:
    """How run history calls a step of a pipeline; None for every other job."""
    parent = store.job(job.workspace, job.parent) if job.parent else None
    kind = kind_of(parent.job_type) if parent else None
    return kind.step_type if kind and kind_of(job.job_type) else None


def all_kinds() -> Iterator[Kind]:
    """Every kind that the emulator has."""
    for name in KINDS:
        if kind := kind_of(name):
            yield kind
