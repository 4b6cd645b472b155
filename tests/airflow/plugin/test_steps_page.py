"""What pages are told of the steps of a pipeline."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_amlrest import plugin

if not plugin._has_pages():
    pytest.skip("Airflow has pages since 3.1", allow_module_level=True)

from airflow_provider_amlrest.lifecycle.masking import MASKED_PROPERTY, NOT_SHOWN
from airflow_provider_amlrest.lifecycle.record import JobRecord, Request
from airflow_provider_amlrest.lifecycle.task_identity import IDENTITY_PROPERTY
from airflow_provider_amlrest.lifecycle.task_state import TaskKey
from airflow_provider_amlrest.plugin import view
from airflow_provider_amlrest.plugin.graph import MAX_DRAWN
from airflow_provider_amlrest.plugin.records import TaskJob
from airflow_provider_amlrest.plugin.runs import MAX_STEPS, LiveRun, LiveStep
from airflow_provider_amlrest.plugin.tasks import JobTask
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.jobs.plan import PlannedStep
from airflow_provider_amlrest.rest.jobs.status import DOCUMENTED_STATUSES
from airflow_provider_amlrest.rest.runs.run import Run, RunError

START = "2026-01-01T00:00:00Z"
END = "2026-01-01T00:00:09Z"


def job(status: str = "Running", **properties: str) -> Job:
    return Job("/jobs/p", "p", "Pipeline", status, properties=properties)


def plan(**waits: tuple[str, ...]) -> dict[str, PlannedStep]:
    return {name: PlannedStep(name, "command", name, others) for name, others in waits.items()}


def run(name: str, status: str = "Completed", called: str | None = None, **more: Any) -> Run:
    return Run(name, status, START, END if status == "Completed" else None, display_name=called, **more)


CHAIN = plan(a=(), b=("a",), c=("b",))


def rows(page: dict[str, Any]) -> list[list[Any]]:
    """Name, run, status and outcome."""
    return [[row[0], row[2], row[3], row[4]] for row in page["rows"]]


def test_a_row_says_what_a_step_is_how_it_goes_and_for_how_long() -> None:
    runs = [run("3", "Failed", "c"), run("2", "Running", "b"), run("1", called="a", is_reused=True)]
    [a, b, c] = view.steps_page(job(), CHAIN, runs)["rows"]
    assert a == ["a", "command", "1", "Completed", "succeeded", a[5], 9.0, None, True]
    began = 1767225600.0
    assert b == ["b", "command", "2", "Running", "active", b[5], None, began, False]
    assert c[:5] == ["c", "command", "3", "Failed", "failed"]
    assert c[5] < b[5] < a[5], "failed ones come first"


def test_rows_stay_in_the_order_of_the_definition() -> None:
    before = view.steps_page(job(), CHAIN, [])
    after = view.steps_page(job(), CHAIN, [run("3", called="c"), run("1", called="a")])
    assert [row[0] for row in before["rows"]] == [row[0] for row in after["rows"]] == ["a", "b", "c"]
    assert before["drawing"] == after["drawing"]


@pytest.mark.parametrize(("status", "told"), [("Running", "NotStarted"), ("Failed", "Not run")])
def test_a_step_without_a_run_has_no_page(status: str, told: str) -> None:
    page = view.steps_page(job(status), CHAIN, [run("1", called="a")])
    assert rows(page)[1] == ["b", None, told, None]


def test_the_graph_follows_what_steps_wait_for() -> None:
    drawing = view.steps_page(job(), CHAIN, [])["drawing"]
    assert drawing["places"] == ((0, 0.5), (1, 0.5), (2, 0.5))
    assert drawing["lines"] == (((0, 0.5), (1, 0.5)), ((1, 0.5), (2, 0.5)))


ENDED = {"Failed": "failed", "Canceled": "canceled", "Completed": "succeeded"}


@pytest.mark.parametrize("status", sorted(DOCUMENTED_STATUSES | {"Hibernating"}))
def test_every_status_of_a_step(status: str) -> None:
    """Those that failed come first, then those that were canceled, that are active, that are done."""
    [row] = view.steps_page(job(), {}, [run("1", status)])["rows"]
    outcome = ENDED.get(status, "active")
    assert (row[3], row[4]) == (status, outcome)
    assert row[5] == ["failed", "canceled", "active", "succeeded"].index(outcome)
    assert (row[7] is not None) == (outcome == "active")


def test_runs_that_may_be_one_of_several_steps_stand_for_themselves() -> None:
    """Two steps have the same display name, and run history has no other sign."""
    steps = {name: PlannedStep(name, "command", "same", ()) for name in ("a", "b")}
    steps |= plan(c=("a",))
    page = view.steps_page(job(), steps, [run("1", "Failed", "same"), run("2", called="same")])
    assert rows(page) == [
        ["c", None, "NotStarted", None],
        ["same", "1", "Failed", "failed"],
        ["same", "2", "Completed", "succeeded"],
    ]
    assert page["drawing"] is None


def test_without_a_definition_there_are_rows() -> None:
    page = view.steps_page(job(), {}, [run("1", called="a"), run("2")])
    assert [row[:3] for row in page["rows"]] == [["a", "", "1"], ["2", "", "2"]]
    assert (page["drawing"], page["notice"]) == (None, None)


def test_names_of_a_job_that_carries_secrets_are_not_told() -> None:
    secret = job(**{IDENTITY_PROPERTY: "i", MASKED_PROPERTY: "true"})
    page = view.steps_page(secret, CHAIN, [run("1", called="a"), run("9", called="x")])
    assert [row[0] for row in page["rows"]] == ["Step 1", "Step 2", "Step 3", "Step 4"]
    assert NOT_SHOWN in page["notice"]
    assert page["drawing"] is not None


def test_what_is_left_out_is_said() -> None:
    many = plan(**{f"s{number}": (f"s{number - 1}",) if number else () for number in range(MAX_DRAWN + 1)})
    page = view.steps_page(job(), many, [])
    assert page["drawing"] is None
    assert "not drawn" in page["notice"]
    assert len(page["rows"]) == MAX_DRAWN + 1
    runs = [run(str(number)) for number in range(MAX_STEPS)]
    assert str(MAX_STEPS) in view.steps_page(job(), {}, runs)["notice"]


@pytest.mark.parametrize(
    ("job_type", "parts"),
    [
        ("Command", ["log"]),
        ("Sweep", ["trials"]),
        ("Pipeline", ["steps"]),
        ("Parallel", ["log"]),
        ("", ["steps", "log"]),
    ],
)
def test_parts_go_by_kind(job_type: str, parts: list[str]) -> None:
    described = Job("/j", "j", job_type, "Running")
    assert view.parts(described) == parts
    # The log of one that is reused is that of the earlier run; its steps and trials are not its own.
    reused = {"trials": [], "steps": [] if job_type else ["log"], "log": ["log"]}[parts[0]]
    assert view.parts(described, reused=True) == reused


class Studio:
    """A hook that knows the Studio and nothing else."""

    def studio_url(self, job: Job) -> str:
        return f"https://studio/{job.name}"


def live(described: Job, *runs: Run) -> list[LiveRun]:
    """A job and, within each other, steps of it."""
    client: Any = None
    hook: Any = Studio()
    way = [LiveRun(described.name, client, hook)]
    way[0].job = described
    for one in runs:
        step = LiveStep(one.name, way[-1], PlannedStep("a", "pipeline", "a", ()))
        step.see(one)
        step.run.value = one
        way.append(step)
    return way


def task() -> TaskJob:
    made = datetime.fromtimestamp(10, UTC)
    request = Request("Retrain", "echo", {"team": "x"}, {"rate": "1"}, {"model": "azureml://m"})
    record = JobRecord("p", "Pipeline", "iris", request)
    known = JobTask("azureml_default", None, None)
    return TaskJob(TaskKey("d", "t", "r", -1), "running", 1, made, None, record, made, {}, None, known)


def test_the_page_of_a_step_has_nothing_of_the_tasks_request_and_the_way_back() -> None:
    root, *steps = live(job(), run("1", "Running", "outer"), run("2", "Failed", "inner", compute="gpu"))
    page = view.task_page(task(), root, steps, may_cancel=True, now=0)
    shown = page["job"]
    assert (shown["name"], shown["display_name"], shown["status"]) == ("2", "inner", "Failed")
    assert (shown["id"], shown["compute"], shown["experiment"]) == ("/jobs/2", "gpu", "iris")
    assert (shown["command"], shown["tags"], shown["inputs"], shown["outputs"]) == ("", {}, {}, {})
    assert page["way"] == [("Retrain", None), ("outer", "1")]
    assert (page["may_cancel"], page["parts"]) == (False, ["steps"])
    page = view.task_page(task(), root, may_cancel=True, now=0)
    assert (page["way"], page["may_cancel"], page["job"]["tags"]) == ([], True, {"team": "x"})


def test_a_step_of_a_job_that_carries_secrets_tells_none() -> None:
    """Its own properties do not say that there are some."""
    error = RunError("UserError", "denied for a-secret")
    one = run("1", "Failed", "a-secret", error=error, warnings=("a-secret",))
    root, *steps = live(
        job("Failed", **{IDENTITY_PROPERTY: "i", MASKED_PROPERTY: "true"}), one, run("2", called="a-secret")
    )
    for way in (steps[:1], steps):
        page = view.task_page(task(), root, way, may_cancel=False, now=0)
        assert "a-secret" not in json.dumps(page)
    assert NOT_SHOWN in view.task_page(task(), root, steps[:1], may_cancel=False, now=0)["error"]["message"]


def test_a_step_is_active_no_longer_than_its_pipeline() -> None:
    """One that never got its turn may stay NotStarted."""
    root, step = live(job(), run("1", "NotStarted", "a"))
    assert (step.active, step.settled) == (True, False)
    root.job, root.ended_at = job("Failed"), 5.0
    assert isinstance(step, LiveStep)
    step.see(run("1", "NotStarted", "a"))
    assert (step.active, step.settled) == (False, True)
