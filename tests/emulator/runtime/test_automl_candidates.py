"""Which algorithms are tried, and the metrics of those that only seem to be."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest.emulator.arm.jobs.automl_shapes import (
    CLASSIFIERS,
    FORECASTERS,
    METRICS,
    REGRESSORS,
)
from airflow_provider_amlrest.emulator.runtime.automl_candidates import (
    CANDIDATES,
    SMALLER_IS_BETTER,
    TASK_METRICS,
    candidates,
    simulated_metrics,
)
from airflow_provider_amlrest.emulator.runtime.errors import JobError


def details(task: str = "Regression", trials: int = 1000, **training: Any) -> dict[str, Any]:
    return {"taskType": task, "limitSettings": {"maxTrials": trials}, "trainingSettings": training}


def test_every_candidate_is_an_algorithm_of_its_task() -> None:
    known = {"Classification": CLASSIFIERS, "Regression": REGRESSORS, "Forecasting": FORECASTERS}
    for task, algorithms in CANDIDATES.items():
        assert set(algorithms) <= set(known[task])
        assert len(set(algorithms)) == len(algorithms)


def test_limits_and_choices() -> None:
    everything = list(CANDIDATES["Regression"])
    assert candidates(details()) == everything
    assert candidates(details(trials=2)) == everything[:2]
    assert candidates(details(allowedTrainingAlgorithms=["SGD", "KNN"])) == ["KNN", "SGD"]
    assert candidates(details(blockedTrainingAlgorithms=everything[1:])) == everything[:1]


def test_what_is_not_installed_leaves_its_place_to_the_next() -> None:
    everything = list(CANDIDATES["Regression"])
    assert candidates(details(trials=1), {everything[0]: "No module"}) == everything[1:2]
    with pytest.raises(JobError, match="LightGBM: No module named 'lightgbm'"):
        candidates(
            details(allowedTrainingAlgorithms=["LightGBM"]), {"LightGBM": "No module named 'lightgbm'"}
        )


@pytest.mark.parametrize("task", CANDIDATES)
def test_simulated_metrics_are_plausible_and_the_same_again(task: str) -> None:
    for algorithm in CANDIDATES[task]:
        found = simulated_metrics(task, algorithm)
        assert found == simulated_metrics(task, algorithm)
        assert tuple(found) == TASK_METRICS[task]
        assert set(found) <= set(METRICS.values())
        for name, value in found.items():
            assert (0 < value < 0.3) if name in SMALLER_IS_BETTER else (0.7 < value < 1)
