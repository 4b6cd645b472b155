"""Which algorithms an AutoML job tries; and how good each seems to be where none is trained."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.arm.jobs.automl_shapes import (
    CLASSIFICATION_METRICS,
    METRICS,
    REGRESSION_METRICS,
)
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.simulated import read_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_amlrest.emulator.runtime.context import JobContext

_TREES = ("LightGBM", "RandomForest", "ExtremeRandomTrees", "GradientBoosting", "DecisionTree", "KNN", "SGD")
CANDIDATES = {
    "Classification": ("LogisticRegression", *_TREES, "BernoulliNaiveBayes"),
    "Regression": ("ElasticNet", *_TREES, "LassoLars"),
    "Forecasting": ("ElasticNet", *_TREES, "Naive", "SeasonalNaive", "Average"),
}
"""Task -> its algorithms, in the order in which they are tried. Forecasting is for the clock alone."""
TASK_METRICS = {
    "Classification": tuple(CLASSIFICATION_METRICS.values()),
    "Regression": tuple(REGRESSION_METRICS.values()),
    "Forecasting": tuple(REGRESSION_METRICS.values()),
}
SMALLER_IS_BETTER = frozenset({"normalized_root_mean_squared_error", "normalized_mean_absolute_error"})
PREPROCESSOR = "StandardScaler"
"""Of numbers, before every algorithm."""


def candidates(details: Mapping[str, Any], missing: Mapping[str, str] | None = None) -> list[str]:
    """The algorithms of a job, each for one trial.

    :param details: the job's ``taskDetails``.
    :param missing: algorithms that its environment lacks, and why.
    :raises JobError: none is left.
    """
    settings, known = details.get("trainingSettings") or {}, CANDIDATES[details["taskType"]]
    allowed = settings.get("allowedTrainingAlgorithms") or known
    blocked = settings.get("blockedTrainingAlgorithms") or ()
    asked_for = [name for name in known if name in allowed and name not in blocked]
    found = [name for name in asked_for if name not in (missing or {})]
    if not found:
        reasons = "".join(f" {name}: {reason}." for name, reason in (missing or {}).items())
        raise JobError(
            f"No algorithm is left to be tried. The emulator knows {', '.join(known)} for "
            f"{details['taskType']}; the job allows {', '.join(asked_for) or 'none of them'}.{reasons}"
        )
    return found[: details["limitSettings"]["maxTrials"]]


def primary_metric(details: Mapping[str, Any]) -> str:
    """As runs log it."""
    return METRICS[details["primaryMetric"]]


def simulated_metrics(task: str, algorithm: str) -> dict[str, float]:
    """Metrics of a trial without training: they depend on the algorithm and the metric alone."""
    metrics = {}
    for metric in TASK_METRICS[task]:
        share = zlib.crc32(f"{algorithm} {metric}".encode()) % 1000 / 1000
        metrics[metric] = 0.05 + 0.2 * share if metric in SMALLER_IS_BETTER else 0.75 + 0.2 * share
    return metrics


class Clock:
    """Trials that train nothing: command jobs on a clock, which log these metrics at their end."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._details = context.properties["taskDetails"]

    async def candidates(self) -> list[str]:
        read_tags(self._context)  # what cannot be read fails here, once
        return candidates(self._details)

    def properties(self, algorithm: str) -> dict[str, Any]:
        tags = self._context.services.scripts.tags(self._context.job)
        scores = simulated_metrics(self._details["taskType"], algorithm)
        metrics = {**scores, **json.loads(tags.get("emulator.metrics", "{}"))}
        return {"command": "", "tags": {**tags, "emulator.metrics": json.dumps(metrics)}}

    async def metrics(self, trial: str) -> dict[str, float]:
        return {}
