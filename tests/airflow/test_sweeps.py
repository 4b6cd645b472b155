"""Submit operators of sweeps: the best trial is what they return."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest.lifecycle.results import JobFailedError
from tests.support.tasks import Try


def test_the_best_trial_is_the_best_of_all(sweep_task: Any, client: Any) -> None:
    result = Try(sweep_task()).execute()
    trials = client.list_trials(result["name"])
    best = min(trials, key=lambda trial: trial.metrics["loss"])
    assert result["status"] == "Completed"
    assert result["trials"] == len(trials) == 5
    assert result["best_trial"]["name"] == best.name
    assert result["best_trial"]["metric"] == best.metrics["loss"]
    assert result["best_trial"]["params"] == {"lr": pytest.approx(best.params["lr"])}


def test_maximize(sweep_task: Any, client: Any) -> None:
    result = Try(sweep_task(objective={"goal": "maximize", "primary_metric": "auc"})).execute()
    trials = client.list_trials(result["name"])
    assert result["best_trial"]["metric"] == max(trial.metrics["auc"] for trial in trials)


def test_a_parameter_that_is_never_used_is_warned_about(sweep_task: Any, said: Any) -> None:
    Try(sweep_task(command="echo nothing", wait_for_completion=False)).execute()
    assert "never uses the sweep's parameter ${{search_space.lr}}" in said()


def test_all_trials_failed(sweep_task: Any) -> None:
    task = sweep_task(tags={"emulator.outcome": "failed", "emulator.seconds": "0"})
    with pytest.raises(JobFailedError, match="None of the sweep's 5 trials completed"):
        Try(task).execute()
