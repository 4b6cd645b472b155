"""What pages are told of the steps of a pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest import plugin

if not plugin._has_pages():
    pytest.skip("Airflow has pages since 3.1", allow_module_level=True)

from airflow_provider_amlrest.lifecycle.masking import MASKED_PROPERTY, NOT_SHOWN
from airflow_provider_amlrest.lifecycle.task_identity import IDENTITY_PROPERTY
from airflow_provider_amlrest.plugin import view
from airflow_provider_amlrest.plugin.graph import MAX_DRAWN
from airflow_provider_amlrest.plugin.runs import MAX_STEPS
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.jobs.plan import PlannedStep
from airflow_provider_amlrest.rest.runs.run import Run

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


@pytest.mark.parametrize(("status", "told"), [("Running", "Not started"), ("Failed", "Not run")])
def test_a_step_without_a_run_has_no_page(status: str, told: str) -> None:
    page = view.steps_page(job(status), CHAIN, [run("1", called="a")])
    assert rows(page)[1] == ["b", None, told, None]


def test_the_graph_follows_what_steps_wait_for() -> None:
    drawing = view.steps_page(job(), CHAIN, [])["drawing"]
    assert drawing["places"] == ((0, 0.5), (1, 0.5), (2, 0.5))
    assert drawing["lines"] == (((0, 0.5), (1, 0.5)), ((1, 0.5), (2, 0.5)))


def test_runs_that_may_be_one_of_several_steps_stand_for_themselves() -> None:
    """Two steps have the same display name, and run history has no other sign."""
    steps = {name: PlannedStep(name, "command", "same", ()) for name in ("a", "b")}
    steps |= plan(c=("a",))
    page = view.steps_page(job(), steps, [run("1", "Failed", "same"), run("2", called="same")])
    assert rows(page) == [
        ["c", None, "Not started", None],
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
    assert view.parts(Job("/j", "j", job_type, "Running")) == parts
