"""What a job's end becomes where the service is at its worst; its good days are in test_job_operators."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_amlrest.rest import model
from airflow_provider_amlrest.rest.errors import ServiceError, UnreachableError
from airflow_provider_amlrest.results import JobFailedError, finish

OUTAGE = UnreachableError("GET jobs/j", "reset")


def service(**answers: Any) -> Any:
    """A client that answers so; an exception is raised."""

    def answer(value: Any) -> Any:
        def method(*_: Any) -> Any:
            if isinstance(value, Exception):
                raise value
            return value

        return method

    methods = {name: answer(value) for name, value in answers.items()}
    return SimpleNamespace(operations=SimpleNamespace(cloud=None), **methods)


def job(status: str, type: str = "Command") -> Any:  # noqa: A002
    outputs = {"model": model.Output()}
    return model.Job("/jobs/j", "j", type, status, outputs=outputs, primary_metric="auc")


def run(**facts: Any) -> Any:
    return model.Run("j", "Failed", **facts)


def failure(**answers: Any) -> str:
    with pytest.raises(JobFailedError) as caught:
        finish(service(**answers), job("Failed"), "https://studio")
    return str(caught.value)


def test_a_failure_has_the_services_reason_and_code() -> None:
    error = model.RunError("UserError", "out of memory\n")
    assert (
        failure(get_run=run(error=error)) == "Azure ML job j failed: out of memory [UserError] https://studio"
    )


def test_a_failure_without_reason_has_the_end_of_the_log() -> None:
    files = {"system_logs/x": "https://s/x", "user_logs/std_log.txt": "https://s/log"}
    assert "the last lines of user_logs/std_log.txt are:\nTraceback" in failure(
        get_run=run(log_files=files), read_log_end="Traceback"
    )


def test_a_failure_stays_one_if_nobody_says_why() -> None:
    assert "the service gives no reason" in failure(get_run=run())
    assert "the reason could not be read: No answer" in failure(get_run=OUTAGE)


@pytest.mark.parametrize("error", [OUTAGE, ServiceError("GET MLflow run j", 503)])
def test_a_completed_job_is_green_without_its_metrics(error: Exception, said: Any) -> None:
    result = finish(service(get_metrics=error), job("Completed"), "https://studio")
    assert result["metrics"] == {}
    assert "metrics of j could not be read" in said()


def test_the_xcom_has_fifty_metrics_at_most(said: Any) -> None:
    metrics = {f"m{number:02}": 1.0 for number in range(60)}
    result = finish(service(get_metrics=metrics), job("Completed"), "https://studio")
    assert list(result["metrics"]) == [f"m{number:02}" for number in range(50)]
    assert "60 metrics; the XCom has the first 50" in said()


def test_a_sweeps_outputs_are_those_of_its_best_trial(said: Any) -> None:
    best = model.SweepTrial("j_3", "Completed", {"x": 1}, {"auc": 0.9})
    answers: dict[str, Any] = {"get_metrics": {}, "list_children": iter("abcd")}
    result = finish(service(get_best_trial=best, **answers), job("Completed", "Sweep"), "https://studio")
    assert result["outputs"]["model"].endswith("/j_3/model/")
    assert result["best_trial"]["metric"] == 0.9
    assert result["trials"] == 4

    result = finish(service(get_best_trial=None, **answers), job("Completed", "Sweep"), "https://studio")
    assert (result["outputs"], result["best_trial"]) == ({}, None)
    assert "No trial of j has reported the metric 'auc'" in said()
