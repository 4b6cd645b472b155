"""A job or a sweep's trial, as run history and MLflow describe it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, isnan, nan
from typing import Any

from airflow_provider_amlrest.rest.http.errors import innermost_code

JsonNumber = float | str
"""A number, ``NaN``, ``Infinity`` or ``-Infinity``."""


@dataclass(frozen=True)
class RunError:
    code: str
    """The innermost code."""
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
    """Path -> URL with a shared access signature, valid for hours. Never print it."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Name -> id of the asset that it became, which ends in ``/data/<name>/versions/<version>``."""
    display_name: str | None = None
    """Of a pipeline's step: its name in the pipeline."""
    is_reused: bool = False
    """Whether it did not run, as a step of another pipeline did the same."""
    created_time: str | None = None
    compute: str | None = None
    """Name of the compute that it runs on."""


@dataclass(frozen=True)
class RunChange:
    """Who changed a run last, as run history knows it."""

    by: str
    """A name; empty for the identity that submitted the run: the service's own changes have its name, too."""
    cancel_reason: str


@dataclass(frozen=True)
class Artifact:
    """The beginning of a file that a job has left with its run."""

    content: bytes
    """As many bytes of it as were asked for, if it has so many."""
    size: int
    """Bytes of the whole file."""


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
    """A value of a metric that a run has logged. ``time``: seconds since the epoch."""

    step: int
    value: float
    time: float


def read_run(details: Mapping[str, Any]) -> Run:
    """The run in an answer of run history."""
    error = (details.get("error") or {}).get("error") or {}
    return Run(
        details.get("runId") or "",
        details.get("status") or "Unknown",
        details.get("startTimeUtc"),
        details.get("endTimeUtc"),
        RunError(innermost_code(error), error.get("message") or "") if error else None,
        tuple(str(warning.get("message") or "") for warning in details.get("warnings") or ()),
        details.get("logFiles") or {},
        {
            name: str(output["assetId"])
            for name, output in (details.get("outputs") or {}).items()
            if (output or {}).get("assetId")
        },
        details.get("displayName"),
        (details.get("properties") or {}).get("azureml.isreused") == "true",
        # Lists and details spell it differently.
        details.get("createdUtc") or details.get("createdTimeUtc"),
        details.get("target"),
    )


def read_run_change(run: Mapping[str, Any]) -> RunChange:
    """Who changed a run last, and why it was canceled, from an answer of run history (v1.0)."""
    creator, last = run.get("createdBy") or {}, run.get("lastModifiedBy") or {}
    # The service's own changes have the submitter's name (recordings of 2023).
    other = last.get("userObjectId") not in (None, creator.get("userObjectId"))
    name = str(last.get("userName") or last.get("userObjectId") or "") if other else ""
    return RunChange(name, str(run.get("cancelationReason") or ""))


def last_values(run: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of an MLflow run; what is no number is left out, NaN and infinity are not."""
    metrics = (run.get("data") or {}).get("metrics") or ()
    values = {str(metric["key"]): number(metric.get("value")) for metric in metrics}
    return {key: value for key, value in values.items() if value is not None}


def read_point(metric: Mapping[str, Any]) -> MetricPoint | None:
    """A value of a metric's history in MLflow; None: it is no number."""
    value = number(metric.get("value"))
    if value is None:
        return None
    step, milliseconds = (number(metric.get(name)) or 0.0 for name in ("step", "timestamp"))
    return MetricPoint(
        int(step) if isfinite(step) else 0, value, milliseconds / 1000 if isfinite(milliseconds) else 0.0
    )


def number(value: Any) -> float | None:
    """A metric's value, which is a number or text ("NaN", "Infinity") in JSON, or missing."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def json_number(value: float) -> JsonNumber:
    """A number as JSON can hold it: NaN and infinity, which it lacks, are the words that MLflow writes."""
    if isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def json_metrics(metrics: Mapping[str, float]) -> dict[str, JsonNumber]:
    """Metrics as JSON can hold them: see :func:`json_number`."""
    return {name: json_number(value) for name, value in metrics.items()}


def best_of(trials: Sequence[SweepTrial], metric: str, goal: str | None) -> SweepTrial | None:
    """The trial with the best last value of a metric; None if none has a finite one.

    :param goal: ``maximize``; everything else is ``minimize``.
    """
    reported = [trial for trial in trials if isfinite(trial.metrics.get(metric, nan))]
    choose = max if goal == "maximize" else min
    return choose(reported, key=lambda trial: trial.metrics[metric]) if reported else None


def trial_number(name: str) -> int:
    """The number at the end of a trial's name."""
    suffix = name.rpartition("_")[2]
    return int(suffix) if suffix.isdigit() else 0


def trial_params(tags: Mapping[str, str], trial: str) -> dict[str, Any]:
    """A trial's point in the search space, which the service keeps as a tag of the sweep."""
    try:
        params = json.loads(tags.get(f"_aml_system_{trial}", "{}"))
    except ValueError:
        return {}
    return params if isinstance(params, dict) else {}
