"""What pages are told, of jobs and tasks as they can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from math import nan
from typing import Any

import pytest

from airflow_provider_amlrest import plugin
from airflow_provider_amlrest.lifecycle.masking import MASKED_PROPERTY, NOT_SHOWN
from airflow_provider_amlrest.lifecycle.record import JobRecord
from airflow_provider_amlrest.lifecycle.task_identity import IDENTITY_PROPERTY
from airflow_provider_amlrest.lifecycle.task_state import TaskKey
from airflow_provider_amlrest.plugin import view
from airflow_provider_amlrest.plugin.live import Status
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.runs.causes import Diagnosis
from airflow_provider_amlrest.rest.runs.failure import Failure
from airflow_provider_amlrest.rest.runs.run import MetricPoint, Run, SweepTrial

NOW = 1_000.0


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def job(status: str, created: float | None = 0.0, **more: Any) -> Job:
    return Job("/id", "j", "Command", status, created_at=None if created is None else iso(created), **more)


def told(job: Job, run: Run | None, *seen: tuple[str, float]) -> list[tuple[str, float | None]]:
    return [(one["status"], one["seconds"]) for one in view.phases(job, run, seen, NOW)]


def run(started: float | None = None, ended: float | None = None) -> Run:
    times = [None if at is None else iso(at) for at in (started, ended)]
    return Run("j", "x", *times)


def test_what_nobody_has_seen_is_a_wait() -> None:
    assert told(job("Completed"), run(100, 400)) == [("Waiting", 100), ("Running", 300)]
    assert told(job("Queued"), run()) == [("Waiting", NOW)]


def test_what_was_seen_is_told_apart() -> None:
    seen = [("Queued", 5.0), ("Preparing", 60.0), ("Running", 101.0), ("Completed", 401.0)]
    expected = [("Queued", 60), ("Preparing", 40), ("Running", 300)]
    assert told(job("Completed"), run(100, 400), *seen) == expected


def test_who_came_late_does_not_know_what_was_before() -> None:
    assert told(job("Preparing"), run(), ("Preparing", 50.0)) == [("Waiting", 50), ("Preparing", NOW - 50)]
    seen = [("Running", 200.0), ("Finalizing", 390.0)]
    expected = [("Waiting", 100), ("Running", 290), ("Finalizing", 10)]
    assert told(job("Completed"), run(100, 400), *seen) == expected


def test_a_job_that_runs_is_not_over() -> None:
    assert told(job("Running"), run(100)) == [("Waiting", 100), ("Running", NOW - 100)]


def test_an_end_that_is_not_known_yet_has_no_seconds() -> None:
    assert told(job("Completed"), run(100)) == [("Waiting", 100), ("Running", None)]


def test_the_beginning_of_a_divergence_is_never_thinned_out() -> None:
    points = [MetricPoint(step, nan if step > 777 else 1.0, 0.0) for step in range(10_000)]
    shown = view._points(points)
    assert len(shown) <= view.MAX_POINTS + 2
    assert next(step for step, value in shown if value == "NaN") == 778
    assert shown[-1] == [9_999, "NaN"]


class TestLogPage:
    FOUND = Failure(Diagnosis("It was killed.", "Use less.", "137"), "exited [UserError]", "log", "a\nb")

    def test_only_new_lines(self) -> None:
        page = view.log_page(["a", "b", "c"], 2, "unread", None)
        assert page == {"lines": ["c"], "next": 3, "notice": "unread"}

    def test_of_a_run_that_has_failed(self) -> None:
        page = view.log_page([], 0, None, self.FOUND)
        assert page["failure"] == {
            "cause": {"problem": "It was killed.", "advice": "Use less.", "evidence": "137"},
            "last_lines": "a\nb",
        }
        unknown = replace(self.FOUND, cause=None)
        assert view.log_page([], 0, None, unknown)["failure"]["cause"] is None


def test_times_that_are_missing_or_no_times() -> None:
    assert told(job("Completed", created=None), None) == []
    assert told(replace(job("Running"), created_at="soon"), Run("j", "x", "never", None)) == []


def test_long_histories_are_thinned_out_and_keep_their_end() -> None:
    points = [MetricPoint(step, step / 7, 0.0) for step in range(10_001)]
    thinned = view._points(points)
    assert len(thinned) <= view.MAX_POINTS + 1
    assert thinned[0] == [0, 0.0]
    assert thinned[-1] == [10_000, 10_000 / 7]
    assert view._points(points[:3]) == [[0, 0.0], [1, 1 / 7], [2, 2 / 7]]
    assert view._points([]) == []


def sweep(goal: str, best: str | None = None) -> Job:
    properties = {"best_child_run_id": best} if best else {}
    return Job("/s", "s", "Sweep", "Running", goal=goal, primary_metric="auc", properties=properties)


@pytest.mark.parametrize(("job_type", "has_trials"), [("Sweep", True), ("Command", False), ("New", False)])
def test_the_page_is_told_whether_there_are_trials(job_type: str, has_trials: bool) -> None:
    assert view._job(Job("/j", "j", job_type, "Running"))["has_trials"] is has_trials


TRIALS = [
    SweepTrial("s_0", "Completed", {"lr": 0.1}, {"auc": 0.5, "acc": 1.0}, iso(0), iso(9)),
    SweepTrial("s_1", "Completed", {"lr": 0.2, "kind": "gbdt"}, {"auc": 0.9}),
    SweepTrial("s_2", "Running", {}, {}),
]


@pytest.mark.parametrize(
    ("goal", "named", "best"),
    [("maximize", None, "s_1"), ("minimize", None, "s_0"), ("maximize", "s_0", "s_0")],
)
def test_the_best_trial(goal: str, named: str | None, best: str) -> None:
    assert view.sweep_page(sweep(goal, named), TRIALS, None)["best"] == best


def test_rows_of_trials_have_all_columns_the_primary_metric_first() -> None:
    page = view.sweep_page(sweep("maximize"), TRIALS, None)
    assert (page["params"], page["metrics"]) == (["kind", "lr"], ["auc", "acc"])
    assert page["rows"] == [
        ["s_0", "Completed", 9.0, [None, 0.1], [0.5, 1.0]],
        ["s_1", "Completed", None, ["gbdt", 0.2], [0.9, None]],
        ["s_2", "Running", None, [None, None], [None, None]],
    ]
    assert view.sweep_page(sweep("maximize"), TRIALS[2:], None)["best"] is None


def test_of_a_sweep_with_secrets_there_are_only_numbers() -> None:
    secret = replace(sweep("maximize"), properties={IDENTITY_PROPERTY: "i", MASKED_PROPERTY: "true"})
    page = view.sweep_page(secret, TRIALS, None)
    assert page["params"] == ["lr"]
    assert [row[3] for row in page["rows"]] == [[0.1], [0.2], [None]]
    assert NOT_SHOWN in page["notice"]


def task(state: str | None = "success", result: dict[str, Any] | None = None) -> Any:
    if not plugin._has_pages():
        pytest.skip("Airflow has pages since 3.1; its database was another one before")
    from airflow_provider_amlrest.plugin.records import TaskJob

    made = datetime.fromtimestamp(10, UTC)
    record = JobRecord("j", "Command", "iris")
    return TaskJob(TaskKey("d", "t", "r", -1), state, 1, made, made, record, made, result or {})


def row(task: Any, **statuses: Any) -> tuple[Any, ...]:
    told = view.job_row(task, {task.key: statuses["j"]} if statuses else {})
    return told["status"], told["outcome"], told["active"], told["ended"]


def test_a_result_says_how_the_job_has_ended() -> None:
    assert row(task(result={"status": "Completed"})) == ("Completed", "succeeded", False, 10.0)


def test_a_result_of_a_task_that_did_not_wait_says_nothing_of_the_end() -> None:
    result = {"status": "Starting"}
    assert row(task(result=result)) == (None, None, False, None)
    assert row(task(result=result), j=Status("Running", None, None)) == ("Running", "active", True, None)
    assert row(task(result=result), j=Status("Failed", 50.0, None)) == ("Failed", "failed", False, 50.0)


def test_a_job_that_is_not_known_yet_may_be_active_while_its_task_is() -> None:
    assert row(task("deferred")) == (None, None, True, None)
    assert row(task("failed")) == (None, None, False, None)


def test_a_result_says_what_became_of_a_pipelines_steps() -> None:
    steps = {"done": 3, "total": 5, "failed": ["train"]}
    told = view.job_row(task("failed", result={"status": "Failed", "metrics": {}, "steps": steps}), {})
    assert (told["status"], told["steps"]) == ("Failed", steps)
    for odd in ([], "all", {"done": 3}, {"done": "3", "total": 5}, None):
        assert view.job_row(task("failed", result={"status": "Failed", "steps": odd}), {})["steps"] is None
    strange = {"done": 1, "total": 2, "failed": ["a", 7, "b", "c", "d"]}
    told = view.job_row(task("failed", result={"status": "Failed", "steps": strange}), {})
    assert told["steps"]["failed"] == ["a", "b", "c"]


def test_odd_results_are_no_reason_to_fail() -> None:
    for odd in ({"status": 7}, {"metrics": "many"}, {"best_trial": "the first"}, {"metrics": {"auc": None}}):
        assert view.job_row(task(result=odd), {})["metrics"] == {}


def test_a_history_has_gaps_where_a_run_has_no_metric() -> None:
    tasks = [
        task(result={"metrics": {"auc": 0.8}}),
        task("failed"),
        task(result={"best_trial": {"metrics": {"auc": 0.9, "loss": 1}}, "metrics": {"trials": 4}}),
    ]
    page = view.history_page(tasks)
    assert page["metrics"] == {"auc": [0.8, None, 0.9], "loss": [None, None, 1]}
    assert [state for _, state, _ in page["runs"]] == ["success", "failed", "success"]


COMPARED = {
    "accepted": True,
    "reason": "auc: 0.9 is better by 0.1 than 0.8 (any improvement is enough)",
    "candidate": {"model": None, "job": "train-2", "id": None},
    "champion": {"model": "iris:1", "job": "train-1", "id": "/iris/1"},
    "metrics": [{"name": "auc", "candidate": 0.9, "champion": 0.8, "difference": 0.1, "passed": True}],
}


def test_the_models_that_a_gate_has_compared() -> None:
    page = view.comparison_page(task(), COMPARED)
    assert (page["task"]["task_id"], page["poll"]) == ("t", None)
    assert page["comparison"] == {
        **COMPARED,
        "candidate": {"model": "", "job": "train-2"},
        "champion": {"model": "iris:1", "job": "train-1"},
    }
    assert view.comparison_page(task(), {**COMPARED, "champion": None})["comparison"]["champion"] is None
    assert view.comparison_page(task("running"), COMPARED)["poll"] == view.ACTIVE_POLL


@pytest.mark.parametrize(
    "said",
    [{}, {"metrics": 5, "candidate": "x", "reason": 3, "accepted": "yes"}, {"metrics": [7], "champion": [1]}],
)
def test_a_comparison_that_is_none_breaks_no_page(said: dict[str, Any]) -> None:
    page = view.comparison_page(task(), said)["comparison"]
    assert (page["accepted"], page["reason"], page["candidate"], page["metrics"]) == (False, "", None, [])
    [row] = view.comparison_page(task(), {"metrics": [{"name": 1, "candidate": "x", "passed": 1}]})[
        "comparison"
    ]["metrics"]
    assert row == {"name": "", "candidate": None, "champion": None, "difference": None, "passed": False}
