"""What run history and MLflow say of a job, or of a sweep's trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RunError:
    code: str
    """The innermost one."""
    message: str


@dataclass(frozen=True)
class Run:
    """A run as run history knows it: a job, or a sweep's trial."""

    name: str
    status: str
    start_time: str | None = None
    end_time: str | None = None
    error: RunError | None = None
    warnings: tuple[str, ...] = ()
    log_files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Path -> URL with a shared access signature, good for hours. Never printed."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Name -> id of the asset that it became, which ends in ``/data/<name>/versions/<version>``."""


@dataclass(frozen=True)
class RunChange:
    """Who changed a run last, as run history knows it."""

    by: str
    """A name; empty for the identity that submitted the run: the service's own changes bear its name, too."""
    cancel_reason: str


@dataclass(frozen=True)
class SweepTrial:
    """A trial of a sweep with its point in the search space and its last metrics."""

    name: str
    status: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    start_time: str | None = None
    end_time: str | None = None


@dataclass(frozen=True)
class MetricPoint:
    """A value that a run has logged of a metric. ``time``: seconds since the epoch."""

    step: int
    value: float
    time: float
