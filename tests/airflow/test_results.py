"""What a job's end becomes where the service is at its worst; its good days are in test_job_operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from types import SimpleNamespace
from typing import Any, cast

import pytest

from airflow_provider_amlrest.lifecycle import patience, results
from airflow_provider_amlrest.lifecycle.results import MAX_XCOM, JobFailedError, MetricsMissingError, finish
from airflow_provider_amlrest.rest.http.errors import ServiceError, UnreachableError
from airflow_provider_amlrest.rest.jobs.job import Job, Output
from airflow_provider_amlrest.rest.runs.failure import Failure, examine
from airflow_provider_amlrest.rest.runs.run import Run, RunError, SweepTrial
from airflow_provider_amlrest.rest.workspace.resources import Datastore

OUTAGE = UnreachableError("GET jobs/j", "reset")


def service(**answers: Any) -> Any:
    """A client that answers so; an exception is raised."""

    def answer(value: Any) -> Any:
        def method(*_: Any) -> Any:
            if isinstance(value, list):
                return value.pop(0) if len(value) > 1 else value[0]
            if isinstance(value, Exception):
                raise value
            return value

        return method

    def read_log_end(*_: Any) -> Any:
        yield from ()
        return methods["read_log_end"]()

    def examine_run(run: Run) -> Failure:
        try:
            next(examine(cast("Any", SimpleNamespace(read_log_end=read_log_end)), run))
        except StopIteration as end:
            return cast("Failure", end.value)
        raise AssertionError("no request is sent")

    answers = {"get_run": Run("j", "Completed"), **answers}
    methods = {name: answer(value) for name, value in answers.items()}
    return SimpleNamespace(operations=SimpleNamespace(cloud=None), examine_run=examine_run, **methods)


def job(status: str, type: str = "Command") -> Any:  # noqa: A002
    outputs = {"model": Output()}
    return Job("/jobs/j", "j", type, status, outputs=outputs, primary_metric="auc")


def run(**facts: Any) -> Any:
    return Run("j", "Failed", **facts)


def failure(**answers: Any) -> str:
    with pytest.raises(JobFailedError) as caught:
        finish(service(**answers), job("Failed"), "https://studio")
    return str(caught.value)


def test_a_failure_has_the_services_reason_and_code() -> None:
    error = RunError("UserError", "out of memory\n")
    assert (
        failure(get_run=run(error=error)) == "Azure ML job j failed: out of memory [UserError] https://studio"
    )


def test_a_failure_without_reason_has_the_end_of_the_log() -> None:
    files = {"system_logs/x": "https://s/x", "user_logs/std_log.txt": "https://s/log"}
    assert "the last lines of user_logs/std_log.txt are:\nTraceback" in failure(
        get_run=run(log_files=files), read_log_end="Traceback"
    )


def test_a_failure_begins_with_its_cause() -> None:
    log = (
        'Traceback (most recent call last):\n  File "/wd/train.py", line 3, in <module>\n    f()\nKeyError: 1'
    )
    error = RunError("UserError", "Execution failed. User process 'bash' exited with status code 1.")
    text = failure(
        get_run=run(error=error, log_files={"user_logs/std_log.txt": "https://s/log"}), read_log_end=log
    )
    assert text.startswith(
        "Azure ML job j failed: The script raised KeyError in line 3 of train.py. "
        "Azure ML says: Execution failed. User process 'bash' exited with status code 1. [UserError] "
        "The last lines of user_logs/std_log.txt are:\nTraceback"
    )


def test_a_failure_says_what_to_do() -> None:
    error = RunError("UserError", "Execution failed. User process 'bash' exited with status code 137.")
    assert "a VM size with more memory" in failure(get_run=run(error=error))


def test_twenty_lines_of_a_log_are_shown() -> None:
    files = {"user_logs/std_log.txt": "https://s/log"}
    text = failure(get_run=run(log_files=files), read_log_end="\n".join(map(str, range(100))))
    assert "are:\n80\n81\n" in text


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


def test_divergence_is_not_hidden() -> None:
    metrics = {"loss": nan, "grad": inf, "auc": 0.5}
    result = finish(service(get_metrics=metrics), job("Completed"), "https://studio")
    assert result["metrics"] == {"auc": 0.5, "grad": "Infinity", "loss": "NaN"}


def test_a_required_metric_is_a_number() -> None:
    with pytest.raises(MetricsMissingError, match="completed with loss NaN; it has auc, loss"):
        finish(service(get_metrics={"loss": nan, "auc": 1.0}), job("Completed"), "https://studio", ["loss"])


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(results, "time", clock)
    monkeypatch.setattr(patience, "SETTLE_PAUSE", 2.0)
    monkeypatch.setattr(patience, "SETTLE", 10.0)
    monkeypatch.setattr(patience, "REQUIRED", 60.0)
    return clock


def test_a_sweeps_outputs_are_those_of_its_best_trial(clock: Clock, said: Any) -> None:
    best = SweepTrial("j_3", "Completed", {"x": 1}, {"auc": 0.9})
    answers: dict[str, Any] = {"get_metrics": {}, "list_children": iter("abcd")}
    result = finish(service(get_best_trial=best, **answers), job("Completed", "Sweep"), "https://studio")
    assert result["outputs"]["model"].endswith("/j_3/model/")
    assert result["best_trial"]["metric"] == 0.9
    assert result["trials"] == 4


def trials(*metrics: dict[str, float]) -> Any:
    return tuple(SweepTrial(f"j_{number}", "Completed", {}, told) for number, told in enumerate(metrics))


@pytest.mark.parametrize(
    ("listed", "there"),
    [
        (trials({"AUC": 0.9, "loss": 1.0}, {"loss": 2.0}, {}), "AUC, loss"),
        (trials({}), "none"),
        (OUTAGE, "none"),
    ],
)
def test_a_sweep_without_its_metric_names_those_that_there_are(
    clock: Clock, said: Any, listed: Any, there: str
) -> None:
    def concluded(required: Any = ()) -> Any:
        late = service(get_best_trial=None, get_metrics={}, list_children=iter("ab"), list_trials=listed)
        return finish(late, job("Completed", "Sweep"), "https://studio", required)

    result = concluded()
    assert (result["outputs"], result["best_trial"], result["trials"]) == ({}, None, 2)
    text = f"No trial of j has reported the metric 'auc'; there are: {there}."
    assert text in said()
    # It may well have the one that is required: there is no best trial that has it.
    with pytest.raises(MetricsMissingError, match=f"^require_metrics: {text} A retry reads again"):
        concluded(["loss"])


@pytest.fixture
def waits(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was said of waits so far."""
    caplog.set_level("INFO")
    return lambda: [message for message in caplog.messages if "waiting for" in message]


def test_a_wait_for_metrics_is_told_when_it_begins(clock: Clock, waits: Any) -> None:
    completed(*[{"loss": 1.0}] * 5, {"auc": 0.9, "f1": 0.5, "loss": 1.0}, require=["auc", "loss", "f1"])
    assert waits() == [
        "Azure ML job j is Completed; the metrics auc, f1 may arrive later: waiting for 60 s at most."
    ]


def test_a_wait_for_a_best_trial_is_told_when_it_begins(clock: Clock, waits: Any) -> None:
    [best] = trials({"auc": 0.9})
    answers: dict[str, Any] = {"get_best_trial": [None, None, None, best], "list_children": iter("a")}
    finish(service(get_metrics={"auc": 0.9}, **answers), job("Completed", "Sweep"), "https://studio")
    assert waits() == [
        "Azure ML job j is Completed; a trial's metric 'auc' may arrive later: waiting for 60 s at most."
    ]


def test_what_is_there_is_not_waited_for(clock: Clock, waits: Any) -> None:
    completed({"auc": 0.9}, require=["auc"])
    completed({})
    best: Any = {"get_best_trial": trials({"auc": 0.9})[0], "list_children": iter("a")}
    finish(service(get_metrics={"auc": 0.9}, **best), job("Completed", "Sweep"), "https://studio", ["auc"])
    assert waits() == []


def test_expressions_in_paths_of_outputs_are_resolved(clock: Clock, said: Any) -> None:
    paths = {"plain": "azureml://datastores/d/paths/x/", "own": "azureml://datastores/d/paths/${{name}}/"}
    default = {"store": "azureml://datastores/${{default_datastore}}/paths/${{output_name}}/"}

    def outputs(kind: str, paths: dict[str, str], **answers: Any) -> Any:
        told = replace(job("Completed", kind), outputs={name: Output(uri=u) for name, u in paths.items()})
        return finish(service(get_metrics={"auc": 1.0}, **answers), told, "https://studio")["outputs"]

    # Nothing is asked that is not needed.
    assert outputs("Command", paths) == paths | {"own": "azureml://datastores/d/paths/j/"}
    best = SweepTrial("j_3", "Completed", {}, {"auc": 1.0})
    trials: dict[str, Any] = {"get_best_trial": best, "list_children": iter("ab")}
    assert outputs("Sweep", paths, **trials)["own"] == "azureml://datastores/d/paths/j_3/"
    store = Datastore("mine", "AzureBlob", "a", "c")
    assert outputs("Command", default, get_default_datastore=store) == {
        "store": "azureml://datastores/mine/paths/store/"
    }
    assert outputs("Command", default, get_default_datastore=OUTAGE) == {
        "store": "azureml://datastores/workspaceblobstore/paths/store/"
    }
    assert "${{default_datastore}} is taken for workspaceblobstore" in said()


HISTORY = "azureml://locations/westeurope/workspaces/1-2/{}/versions/7"


@pytest.mark.parametrize(
    ("asset", "found", "registered"),
    [
        ("data/scores", AssertionError("not needed"), {"model": "azureml:scores:7"}),
        ("models/scores", AssertionError("not needed"), {"model": "azureml:scores:7"}),
        ("data/azureml_j_output_data_model", [None, None, "3"], {"model": "azureml:scores:3"}),
        ("data/azureml_j_output_data_model", None, {}),
        ("data/azureml_j_output_data_model", OUTAGE, {}),
    ],
)
def test_the_version_is_told_under_which_an_output_was_registered(
    clock: Clock, said: Any, asset: str, found: Any, registered: Any
) -> None:
    told = replace(job("Completed"), outputs={"model": Output(name="scores"), "other": Output()})
    history = Run("j", "Completed", outputs={"model": HISTORY.format(asset)})
    answers: dict[str, Any] = {"get_metrics": {}, "get_run": history, "find_registered": found}
    result = finish(service(**answers), told, "https://studio")
    assert result["registered_outputs"] == registered
    assert result["outputs"].keys() == {"model", "other"}
    assert ("registered" in said()) == (not registered)


@pytest.mark.parametrize("required", [(), ("auc",)])
def test_a_sweeps_best_trial_is_waited_for(clock: Clock, required: Any) -> None:
    best = SweepTrial("j_3", "Completed", {"x": 1}, {})
    answers: dict[str, Any] = {"get_best_trial": [None, None, best], "list_children": iter("abcd")}
    answers["get_metrics"] = [{}, {}, {"auc": 0.9}, {"auc": 0.9}]
    result = finish(service(**answers), job("Completed", "Sweep"), "https://studio", required)
    assert result["outputs"]["model"].endswith("/j_3/model/")
    assert (result["best_trial"]["name"], result["best_trial"]["metric"]) == ("j_3", 0.9)


def test_a_sweep_without_its_metric_is_asked_about_for_a_minute(clock: Clock) -> None:
    asked: list[str] = []
    late = service(list_children=iter("ab"), list_trials=(), get_metrics={})
    late.get_best_trial = asked.append
    with pytest.raises(MetricsMissingError, match="No trial of j has reported the metric 'auc'"):
        finish(late, job("Completed", "Sweep"), "https://studio", ["auc"])
    assert clock.now >= 60
    assert len(asked) > 3


def completed(*reads: Any, require: Any = ()) -> Any:
    return finish(service(get_metrics=list(reads)), job("Completed"), "https://studio", require)


def test_metrics_are_believed_when_they_are_the_same_twice(clock: Clock) -> None:
    late = completed({}, {"auc": 0.8}, {"auc": 0.9}, {"auc": 0.9}, {"auc": 1.0})
    assert late["metrics"] == {"auc": 0.9}
    assert clock.now == 6


def test_metrics_that_never_settle_are_taken_after_a_while(clock: Clock) -> None:
    assert completed(*({"auc": step} for step in range(100)))["metrics"] == {"auc": 5}
    assert clock.now == 10


def test_required_metrics_are_waited_for(clock: Clock) -> None:
    result = completed(*[{}] * 20, {"auc": 0.9}, require=["auc"])
    assert result["metrics"] == {"auc": 0.9}
    assert clock.now == 42


def test_required_metrics_that_do_not_come_fail_the_task(clock: Clock) -> None:
    with pytest.raises(MetricsMissingError, match=r"j completed without auc, f1; it has loss\. A retry"):
        completed({"loss": 1.0}, require=["auc", "loss", "f1"])
    assert clock.now == 60


def test_required_metrics_of_a_sweep_are_those_of_its_best_trial(clock: Clock) -> None:
    best = SweepTrial("j_3", "Completed", {}, {})
    answers: dict[str, Any] = {"get_metrics": {"auc": 0.9}, "get_best_trial": best}
    sweep = job("Completed", "Sweep")
    result = finish(service(list_children=iter("ab"), **answers), sweep, "https://studio", ["auc"])
    assert result["best_trial"]["metric"] == 0.9
    with pytest.raises(MetricsMissingError, match="without f1; it has auc"):
        finish(service(list_children=iter("ab"), **answers), sweep, "https://studio", ["f1"])


def test_an_xcom_has_8_kb_at_most(clock: Clock, said: Any) -> None:
    import json

    best = SweepTrial("j_3", "Completed", {f"p{n}": "ü" * 40 for n in range(40)}, {})
    metrics = {f"{'m' * 200}{n}": 1.0 for n in range(60)} | {"auc": 0.9, "zz": 1.0}
    answers: dict[str, Any] = {"get_metrics": metrics, "get_best_trial": best, "list_children": iter("ab")}
    result = finish(service(**answers), job("Completed", "Sweep"), "https://studio", ["zz"])
    assert len(json.dumps(result).encode()) <= MAX_XCOM
    assert result["best_trial"]["metric"] == 0.9
    assert result["best_trial"]["metrics"]["zz"] == 1.0
    assert result["best_trial"]["params"]
    assert "larger than an XCom should be" in said()


def test_a_failed_build_has_the_end_of_its_log() -> None:
    files = {"azureml-logs/20_image_build_log.txt": "https://s/log"}
    assert "the last lines of azureml-logs/20_image_build_log.txt are:\nno such package" in failure(
        get_run=run(log_files=files), read_log_end="no such package"
    )


def test_one_line_says_how_it_went(clock: Clock, said: Any) -> None:
    times = {"start_time": "2026-01-01T00:00:00.1234567+00:00", "end_time": "2026-01-01T00:01:30+00:00"}
    ended = Run("j", "Completed", warnings=("low on quota",), **times)
    finish(service(get_metrics={"auc": 0.91}, get_run=ended), job("Completed"), "https://studio")
    assert "Azure ML job j is Completed after 90 s: auc 0.91. https://studio" in said()
    assert "Azure ML warns about job j: low on quota" in said()
