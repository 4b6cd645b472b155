"""How simulated jobs are made to go: scripts, the setting job_seconds, and an empty workspace again."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.emulator import computes, context
from airflow_provider_amlrest.emulator.behaviour.faults import FaultRules, Tuning
from airflow_provider_amlrest.emulator.behaviour.scripts import Scripts
from airflow_provider_amlrest.emulator.config import Settings, Workspace
from airflow_provider_amlrest.emulator.store import JobRecord, Store
from tests.emulator.running import Running


@pytest.fixture
def clean(emulator: Running) -> Iterator[Running]:
    """The emulator, empty before and after."""
    emulator.admin("DELETE", "state")
    yield emulator
    emulator.admin("DELETE", "state")


def submit(emulator: Running, name: str, **changes: Any) -> str:
    """Create a job; the status that the answer has."""
    return str(emulator.put(f"jobs/{name}", emulator.command_job(**changes))["status"])


def grid_sweep(emulator: Running) -> dict[str, Any]:
    return {
        "jobType": "Sweep",
        "computeId": f"{emulator.workspace}/computes/cpu-cluster",
        "objective": {"primaryMetric": "loss", "goal": "Minimize"},
        "samplingAlgorithm": {"samplingAlgorithmType": "Grid"},
        "searchSpace": {"lr": ["choice", [[1, 2, 3]]]},
        "trial": {"command": "echo ${{search_space.lr}}", "environmentId": emulator.environment()},
        "limits": {"jobLimitsType": "Sweep", "maxTotalTrials": 3},
    }


def script(emulator: Running, job: str, **fields: Any) -> None:
    assert emulator.admin("POST", "scripts", {"job": job, **fields}).status_code == 201


def admin_jobs(emulator: Running, pattern: str = ".*") -> list[dict[str, Any]]:
    return list(
        emulator.http.get(
            "/_emulator/jobs",
            params={"job": pattern},
            headers={"x-emulator-key": emulator.facts["admin_key"]},
        ).json()["value"]
    )


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({}, "Completed", None),
        ({"outcome": "failed", "error": "out of memory"}, "Failed", "out of memory"),
        ({"outcome": "canceled"}, "Canceled", None),
        ({"outcome": "stuck"}, "Queued", None),
        ({"outcome": "preempted"}, "Completed", None),
        ({"outcome": "canceled_by_person"}, "Canceled", None),
        ({"outcome": "lost"}, "Failed", "The node that ran the job does not respond any more."),
    ],
)
def test_a_job_that_takes_no_time_is_at_rest_when_it_is_answered(
    clean: Running, fields: dict[str, Any], status: str, message: str | None
) -> None:
    script(clean, "j", seconds=0, **fields)
    assert submit(clean, "j") == status
    (job,) = admin_jobs(clean)
    assert job["status"] == status
    assert (job["error"] or {}).get("message") == message


def test_the_setting_is_the_default_of_all_jobs_and_tags_stand_over_it(clean: Running) -> None:
    clean.admin("PATCH", "settings", {"job_seconds": 0})
    assert submit(clean, "quick") == "Completed"
    assert submit(clean, "slow", tags={"emulator.seconds": "60"}) == "Starting"


def test_a_script_stands_over_tags(clean: Running) -> None:
    script(clean, "j", seconds=0, metrics={"auc": 0.5})
    tags = {"emulator.outcome": "failed", "emulator.seconds": "60", "emulator.error": "as tagged"}
    assert submit(clean, "j", tags=tags) == "Failed"
    (job,) = admin_jobs(clean)
    assert job["error"]["message"] == "as tagged"
    assert job["metrics"] == {"auc": 0.5}
    assert job["properties"]["tags"] == tags


@pytest.mark.parametrize(
    "changes",
    [
        {"displayName": "wanted one"},
        {"experimentName": "wanted-two"},
        {"tags": {"airflow_task_id": "group.wanted"}},
    ],
)
def test_what_a_job_can_be_called_by(clean: Running, changes: dict[str, Any]) -> None:
    script(clean, r"(group\.)?wanted.*", outcome="failed", seconds=0)
    script(clean, ".*", seconds=0)
    assert submit(clean, "called", **changes) == "Failed"
    assert submit(clean, "other", displayName="not wanted") == "Completed"
    assert [job["name"] for job in admin_jobs(clean, r"(group\.)?wanted.*")] == ["called"]


def test_the_first_script_that_is_not_used_up_counts(clean: Running) -> None:
    clean.admin("PATCH", "settings", {"job_seconds": 0})
    script(clean, "j.*", outcome="failed", times=2)
    script(clean, "j.*", outcome="canceled", times=1)
    assert [submit(clean, f"j{number}") for number in range(4)] == [
        "Failed",
        "Failed",
        "Canceled",
        "Completed",
    ]
    first, second = clean.admin("GET", "scripts").json()["value"]
    assert (first["jobs"], second["jobs"]) == (["j0", "j1"], ["j2"])


def test_a_script_that_comes_later_changes_no_job(clean: Running) -> None:
    added = clean.admin("POST", "scripts", {"job": "j", "outcome": "stuck", "seconds": 0}).json()
    submit(clean, "j")
    assert clean.admin("DELETE", f"scripts/{added['id']}").json() == {"removed": 1}
    script(clean, "j", outcome="failed", seconds=0)
    time.sleep(0.1)
    assert clean.get("jobs/j")["status"] == "Queued"


def test_a_name_that_is_taken_again_is_a_new_job(clean: Running) -> None:
    submit(clean, "j", tags={"emulator.seconds": "0"})
    assert clean.ml("DELETE", "jobs/j").status_code == 200
    script(clean, "j", outcome="failed", seconds=0)
    assert submit(clean, "j") == "Failed"


def test_throttled_reads(clean: Running) -> None:
    script(clean, "j", throttled_reads=2, seconds=0)
    submit(clean, "j")
    submit(clean, "j2")
    answers = [clean.ml("GET", "jobs/j") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "1"
    assert answers[0].json()["error"]["code"] == "TooManyRequests"
    assert clean.ml("GET", "jobs/j2").status_code == 200


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("completed", "Completed"),
        ("failed", "Failed"),
        ("canceled", "Canceled"),
        ("canceled_by_person", "Canceled"),
        ("canceled_by_preemption", "Canceled"),
        ("evicted", "Failed"),
    ],
)
def test_a_sweep_and_its_trials(clean: Running, outcome: str, status: str) -> None:
    script(clean, "s", outcome=outcome, error="no memory", seconds=0, times=1)
    assert clean.put("jobs/s", grid_sweep(clean))["status"] == status
    job, *trials = admin_jobs(clean, "s")
    assert [trial["status"] for trial in trials] == [status] * 3
    assert [trial["parent"] for trial in trials] == ["s"] * 3
    if outcome == "failed":
        assert "no memory" in job["error"]["message"]


@pytest.mark.parametrize("by_tag", [False, True])
def test_a_sweep_that_logs_no_primary_metric(clean: Running, by_tag: bool) -> None:
    if not by_tag:
        script(clean, "s", seconds=0, metrics={"loss": None, "accuracy": 0.5})
    tags = {"emulator.seconds": "0", "emulator.metrics": '{"loss": null, "accuracy": 0.5}'} if by_tag else {}
    assert clean.put("jobs/s", {**grid_sweep(clean), "tags": tags})["status"] == "Completed"
    sweep, *trials = admin_jobs(clean, "s")
    assert [trial["metrics"] for trial in trials] == [{"accuracy": 0.5}] * 3
    assert not {"best_child_run_id", "score"} & set(clean.get("jobs/s")["properties"])
    assert sweep["status"] == "Completed"


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "job"),
        ({"job": "("}, "job"),
        ({"job": "j", "outcome": "exploded"}, "exploded"),
        ({"job": "j", "seconds": -1}, "emulator.seconds"),
        ({"job": "j", "seconds": True}, "seconds"),
        ({"job": "j", "seconds": "1"}, "seconds"),
        ({"job": "j", "metrics": {"auc": "high"}}, "emulator.metrics"),
        ({"job": "j", "times": 0}, "times"),
        ({"job": "j", "colour": "red"}, "colour"),
    ],
)
def test_impossible_scripts_are_refused(clean: Running, fields: dict[str, Any], word: str) -> None:
    answer = clean.admin("POST", "scripts", fields)
    assert answer.status_code == 400
    assert word in answer.json()["error"]["message"]
    assert clean.admin("GET", "scripts").json() == {"value": []}


def test_an_empty_workspace_again(clean: Running) -> None:
    script(clean, "j", outcome="stuck", seconds=0)
    submit(clean, "j")
    clean.admin("POST", "faults", {"path": "/nothing", "status": 500})
    clean.admin("PATCH", "settings", {"page_size": 3, "rate_limit": {"reads": [1, 1]}})
    state = clean.admin("DELETE", "state").json()
    assert (state["jobs"], state["scripts"], state["faults"]) == ({}, [], [])
    assert state["settings"]["page_size"] == 20
    assert state["settings"]["rate_limit"] is None
    assert clean.ml("GET", "jobs/j").status_code == 404
    assert clean.ml("GET", "environments").json()["value"] == []
    assert clean.admin("GET", "assets/environments").json() == {"value": []}
    assert clean.mlflow("experiments/search", max_results="9").json().get("experiments", []) == []
    clean.admin("PATCH", "settings", {"job_seconds": 0})
    assert submit(clean, "j") == "Completed"


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[context.Context]:
    """A context that waits for ever for jobs that take no time, in which nothing runs."""
    monkeypatch.setattr(context, "SETTLE_SECONDS", math.inf)
    tuning = Tuning(job_seconds=0)
    nothing: Any = None
    store = Store(tmp_path / "emulator.sqlite3")
    workspace = Workspace("s", "g", "w", "westeurope", "11111111-2222-3333-4444-555555555555")
    yield context.Context(
        settings=Settings(tmp_path, "simulated", (workspace,), ()),
        store=store,
        scripts=Scripts(tuning, FaultRules()),
        blobs=nothing,
        tokens=nothing,
        tuning=tuning,
        endpoint="",
        runtime=nothing,
        provisioning=nothing,
        backends=nothing,
        derive_secret=nothing,
    )
    store.close()


def test_a_job_that_is_forgotten_meanwhile_is_answered_at_once(patient: context.Context) -> None:
    job = JobRecord("w", "j", "Command", {}, "Starting")
    assert asyncio.run(asyncio.wait_for(patient.settle(job), 10)) is job


@pytest.mark.parametrize("parent", [None, "whole"])
def test_a_job_that_waits_for_its_compute_is_not_waited_for(
    patient: context.Context, parent: str | None
) -> None:
    """Nor is a pipeline with such a step."""
    outer = {"properties": {"scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1}}}
    made = computes.ComputeState("w", "c", computes.INSTANCE, {"properties": outer}, "", "")
    computes.keep(patient.store, made.after(computes.new_operation("Create", None)))
    job = JobRecord("w", "j", "Command", {"computeId": "/computes/c", "tags": {}}, "Queued", parent)
    whole = JobRecord("w", "whole", "Pipeline", {"tags": {}}, "Running")
    patient.store.add_job(whole)
    patient.store.add_job(job)
    waited_for = whole if parent else job
    assert asyncio.run(asyncio.wait_for(patient.settle(waited_for), 10)).status == waited_for.status


def test_assets_are_shown_oldest_first(clean: Running) -> None:
    for name in ("one", "two"):
        clean.environment(name)
    assert [asset["name"] for asset in clean.admin("GET", "assets/environments").json()["value"]] == [
        "one",
        "two",
    ]
    assert clean.admin("GET", "assets/components").status_code == 400
