"""Pipelines without processes: what their tags and scripts make of them and their nodes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.pipelines import bound, children, component, node, of, pipeline_job, statuses
from tests.emulator.running import Running


@pytest.fixture
def quick(tuned: Running) -> Iterator[Running]:
    """Jobs take no time; scripts are gone after the test."""
    tuned.admin("PATCH", "settings", {"job_seconds": 0})
    yield tuned
    tuned.admin("DELETE", "scripts")


def two_nodes(emulator: Running) -> dict[str, Any]:
    """Those of another test must not be reused."""
    make = component(emulator, "make", f": {time.time()}", outputs={"data": "uri_folder"})
    use = component(emulator, "use", inputs={"data": "uri_folder"}, outputs={"model": "uri_folder"})
    return {
        "prepare": node(make),
        "fit": node(use, {"data": of("prepare", "data")}, outputs={"model": bound("m")}),
    }


def submit(emulator: Running, name: str, **changes: Any) -> str:
    outputs = {"m": {"jobOutputType": "uri_folder"}}
    jobs = changes.pop("jobs", None) or two_nodes(emulator)
    body = pipeline_job(emulator, jobs, outputs=outputs, **changes)
    return str(emulator.put(f"jobs/{name}", body)["status"])


def test_a_pipeline_that_takes_no_time_has_ended_when_it_is_answered(quick: Running) -> None:
    assert submit(quick, "at-once") == "Completed"
    assert statuses(quick, "at-once") == {"prepare": "Completed", "fit": "Completed"}


def test_a_script_for_one_node(quick: Running) -> None:
    quick.admin("POST", "scripts", {"job": "fit", "outcome": "failed", "error": "no gradient", "times": 1})
    jobs = two_nodes(quick)
    assert submit(quick, "one-node", jobs=jobs) == "Failed"
    assert statuses(quick, "one-node") == {"prepare": "Completed", "fit": "Failed"}
    assert children(quick, "one-node")["fit"]["error"]["error"]["message"] == "no gradient"
    # What went well is reused; what failed runs again.
    assert submit(quick, "one-node-again", jobs=jobs) == "Completed"
    steps = children(quick, "one-node-again")
    assert "azureml.isreused" in steps["prepare"]["properties"]
    assert "azureml.isreused" not in steps["fit"]["properties"]


def test_a_script_for_the_pipeline_goes_for_all_nodes(quick: Running) -> None:
    quick.admin("POST", "scripts", {"job": "all-nodes", "outcome": "failed", "error": "no quota"})
    assert submit(quick, "all-nodes") == "Failed"
    assert statuses(quick, "all-nodes") == {"prepare": "Failed", "fit": "Canceled"}
    quick.admin("POST", "scripts", {"job": "by-the-service", "outcome": "canceled"})
    assert submit(quick, "by-the-service") == "Canceled"


def test_an_experiment_does_not_name_nodes(quick: Running) -> None:
    quick.admin("POST", "scripts", {"job": "shared", "outcome": "failed", "times": 1})
    assert submit(quick, "first-of-two", experimentName="shared") == "Failed"
    assert submit(quick, "second-of-two", experimentName="shared") == "Completed"


def test_a_node_that_is_stuck_or_takes_time_does_not_hold_the_answer(quick: Running) -> None:
    quick.admin("POST", "scripts", {"job": "fit", "outcome": "stuck", "times": 1})
    began = time.monotonic()
    assert submit(quick, "stuck-node") == "Running"
    assert time.monotonic() - began < 5
    assert statuses(quick, "stuck-node")["fit"] in ("NotStarted", "Queued")
    quick.ml("POST", "jobs/stuck-node/cancel")
    assert quick.wait_for("stuck-node", "Canceled") == "Canceled"
    assert statuses(quick, "stuck-node") == {"prepare": "Completed", "fit": "Canceled"}
    quick.admin("POST", "scripts", {"job": "fit", "seconds": 600, "times": 1})
    began = time.monotonic()
    assert submit(quick, "slow-node") == "Running"
    assert time.monotonic() - began < 5
    quick.ml("POST", "jobs/slow-node/cancel")
    quick.wait_for("slow-node", "Canceled")


def test_the_statuses_on_the_way(quick: Running) -> None:
    quick.admin("POST", "scripts", {"job": "on-the-way", "seconds": 0.3})
    assert submit(quick, "on-the-way") in ("NotStarted", "Preparing", "Running")
    seen: list[dict[str, str]] = []
    while quick.get("jobs/on-the-way")["status"] != "Completed":
        now = statuses(quick, "on-the-way")
        if now and (not seen or now != seen[-1]):
            seen.append(now)
    assert {"prepare": "Running", "fit": "NotStarted"} in seen
    assert {"prepare": "Completed", "fit": "Running"} in seen
