"""Which trials the policies stop, on histories small enough to check by hand."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest.emulator.runtime.early_termination import Policy


def stopped(goal: Any, interval: int, histories: dict[str, list[float]], **settings: Any) -> set[str]:
    policy = Policy(settings, goal)
    return {t for t in histories if len(histories[t]) >= interval and policy.stops(t, interval, histories)}


@pytest.mark.parametrize(
    ("every", "delay", "due"),
    [
        (1, 0, [None, 1, 2, 3, 4, 5, 6]),
        (2, 0, [None, None, 2, 2, 4, 4, 6]),
        (1, 3, [None, None, None, 3, 4, 5, 6]),
        (2, 3, [None, None, None, None, 4, 4, 6]),
        (None, None, [None, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_when_a_trial_is_judged(every: int | None, delay: int | None, due: list[int | None]) -> None:
    policy = Policy({"evaluationInterval": every, "delayEvaluation": delay}, "Maximize")
    assert [policy.due(reported) for reported in range(7)] == due


def test_bandit_with_slack_factor() -> None:
    histories = {"best": [0.8], "near": [0.67], "far": [0.66]}  # the bound is 0.8 / 1.2
    assert stopped("Maximize", 1, histories, policyType="Bandit", slackFactor=0.2) == {"far"}
    losses = {"best": [0.5], "near": [0.59], "far": [0.61]}  # the bound is 0.5 * 1.2
    assert stopped("Minimize", 1, losses, policyType="Bandit", slackFactor=0.2) == {"far"}


def test_bandit_with_slack_amount() -> None:
    histories = {"best": [0.8], "near": [0.61], "far": [0.59]}
    assert stopped("Maximize", 1, histories, policyType="Bandit", slackAmount=0.2) == {"far"}
    losses = {"best": [0.1], "near": [0.29], "far": [0.31]}
    assert stopped("Minimize", 1, losses, policyType="Bandit", slackAmount=0.2) == {"far"}


def test_bandit_looks_at_the_best_value_up_to_the_interval() -> None:
    histories = {"best": [0.8, 0.1, 0.9], "late": [0.1, 0.2, 0.9], "young": [0.1]}
    assert stopped("Maximize", 2, histories, policyType="Bandit", slackAmount=0.1) == {"late"}
    assert stopped("Maximize", 3, histories, policyType="Bandit", slackAmount=0.1) == set()


def test_median_stopping() -> None:
    histories = {"a": [0.9, 0.9], "b": [0.5, 0.7], "c": [0.1, 0.5], "d": [0.0, 0.9]}
    # averages 0.9, 0.6, 0.3, 0.45: their median is 0.525
    assert stopped("Maximize", 2, histories, policyType="MedianStopping") == {"c"}
    # lower is better: the lowest values 0.9, 0.5, 0.1, 0.0
    assert stopped("Minimize", 2, histories, policyType="MedianStopping") == {"a"}


def test_truncation() -> None:
    histories = {f"t{i}": [float(i)] for i in range(5)}
    settings = {"policyType": "TruncationSelection", "truncationPercentage": 40}
    assert stopped("Maximize", 1, histories, **settings) == {"t0", "t1"}
    assert stopped("Minimize", 1, histories, **settings) == {"t4", "t3"}
    assert stopped("Maximize", 1, {"t0": [0.0], "t1": [1.0]}, **settings) == set()
    equal = {f"t{i}": [1.0] for i in range(5)}
    assert len(stopped("Maximize", 1, equal, **settings)) == 2
