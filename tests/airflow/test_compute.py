"""Operators of computes, with an emulator whose computes take their time: who waits, and what is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.lifecycle.bringing import ResourceError, ResourceTimeoutError
from airflow_provider_amlrest.operators import (
    AzureMLCreateComputeOperator,
    AzureMLDeleteComputeOperator,
    AzureMLStartComputeOperator,
    AzureMLStopComputeOperator,
    AzureMLSubmitCommandJobOperator,
)
from tests.support.emulated import Emulated
from tests.support.tasks import Try

Run = Callable[..., dict[str, Any]]
OPERATORS = {
    "create": AzureMLCreateComputeOperator,
    "delete": AzureMLDeleteComputeOperator,
    "start": AzureMLStartComputeOperator,
    "stop": AzureMLStopComputeOperator,
}
LONG_ENOUGH = 3.0
"""Seconds of an operation that the next task finds under way, on a busy machine too."""
CLUSTER = {"size": "Standard_DS3_v2", "max_instances": 2, "tier": "low_priority", "tags": {"team": "a"}}
OPERATION_NOT_FOUND = {
    "error": {
        "code": "NotFound",
        "message": "The specified resource was not found.",
        "details": [{"code": "OperationNotFound", "message": "There is no operation with id 1"}],
    }
}


@pytest.fixture
def clean(emulator: Emulated) -> Iterator[Emulated]:
    """The emulator without other computes than its own; operations take a moment."""
    emulator.admin("DELETE", "state")
    emulator.admin("PATCH", "settings", {"compute_seconds": 0.15})
    yield emulator
    emulator.admin("DELETE", "state")


@pytest.fixture
def run(clean: Emulated, connection: str, mode: str) -> Run:
    """Run an operator by its verb."""

    def run(verb: str, name: str, **arguments: Any) -> dict[str, Any]:
        defaults = {
            "task_id": verb,
            "poll_interval": 0.05,
            "deferrable": mode == "deferred",
            "timeout": 60,
        }
        task = OPERATORS[verb](**{**defaults, "name": name, **arguments})  # type: ignore[abstract]
        return dict(Try(task).execute())

    return run


def computes(emulated: Emulated) -> dict[str, str]:
    """Name -> state, of those that were not there from the start."""
    found = emulated.admin("GET", "computes")["value"]
    return {one["name"]: one["state"] for one in found if one["name"] not in ("cpu-cluster", "gpu-cluster")}


def sent(emulated: Emulated, since: int) -> list[tuple[str, int]]:
    """What was sent to change a compute, and how it was answered."""
    found = emulated.asked("PUT|POST|DELETE", "/computes/", since=since)
    return [(entry["method"], entry["status"]) for entry in found]


def test_a_cluster_that_exists_while_it_is_needed(clean: Emulated, run: Run) -> None:
    mark = clean.mark()
    made = run("create", "nightly", **CLUSTER)
    assert (made["name"], made["status"], made["outcome"]) == ("nightly", "Succeeded", "created")
    assert made["id"].endswith("/computes/nightly")
    assert sent(clean, mark) == [("PUT", 201)]
    # The same again: nothing is sent.
    mark = clean.mark()
    assert run("create", "nightly", **CLUSTER) == {**made, "outcome": "unchanged"}
    assert sent(clean, mark) == []
    scaled = run("create", "nightly", **{**CLUSTER, "max_instances": 5, "idle_time_before_scale_down": 300})
    assert (scaled["outcome"], scaled["status"]) == ("updated", "Succeeded")
    [found] = [one for one in clean.admin("GET", "computes")["value"] if one["name"] == "nightly"]
    assert found["properties"]["scaleSettings"] == {
        "minNodeCount": 0,
        "maxNodeCount": 5,
        "nodeIdleTimeBeforeScaleDown": "PT5M",
    }
    assert found["tags"]["team"] == "a"
    gone = run("delete", "nightly")
    assert (gone["name"], gone["outcome"]) == ("nightly", "deleted")
    assert computes(clean) == {}
    mark = clean.mark()
    assert run("delete", "nightly")["outcome"] == "unchanged"
    assert sent(clean, mark) == []


def test_an_instance_that_sleeps(clean: Emulated, run: Run) -> None:
    made = run("create", "workbench", type="computeinstance", size="Standard_DS3_v2")
    assert (made["status"], made["outcome"]) == ("Running", "created")
    for verb, outcome, state in (("stop", "stopped", "Stopped"), ("start", "started", "Running")):
        result = run(verb, "workbench")
        assert (result["status"], result["outcome"]) == (state, outcome)
        mark = clean.mark()
        assert run(verb, "workbench")["outcome"] == "unchanged"
        assert sent(clean, mark) == []
    assert computes(clean) == {"workbench": "Running"}
    assert (
        run("create", "workbench", type="computeinstance", size="Standard_DS3_v2")["outcome"] == "unchanged"
    )


def test_what_somebody_else_has_begun_is_followed(clean: Emulated, run: Run) -> None:
    assert run("create", "shared", wait_for_completion=False, **CLUSTER)["outcome"] == "created"
    mark = clean.mark()
    assert run("create", "shared", **CLUSTER)["status"] == "Succeeded"
    assert sent(clean, mark) == []


def test_an_answer_that_is_lost(clean: Emulated, run: Run) -> None:
    """The request took effect: another one of it would be a conflict."""
    with clean.fault("/computes/lost$", method="PUT", when="after", drop=True):
        assert run("create", "lost", **CLUSTER)["status"] == "Succeeded"
    assert computes(clean) == {"lost": "Succeeded"}


def test_an_operation_that_is_not_found(clean: Emulated, run: Run) -> None:
    """As the service says at times of one that runs: the compute itself is looked at."""
    with clean.fault("/computeOperationsStatus/", times=None, status=404, body=OPERATION_NOT_FOUND):
        assert run("create", "hidden", **CLUSTER)["status"] == "Succeeded"


def test_an_answer_of_202_with_a_body(clean: Emulated, run: Run) -> None:
    with clean.fault("/computes/wordy$", method="DELETE", when="after", status=202, body="null"):
        run("create", "wordy", **CLUSTER)
        assert run("delete", "wordy")["outcome"] == "deleted"
    assert computes(clean) == {}


def test_a_creation_that_fails(clean: Emulated, run: Run) -> None:
    tags = {"emulator.outcome": "failed", "emulator.error": "no cores are left"}
    with pytest.raises(ResourceError, match="compute full is Failed: no cores are left"):
        run("create", "full", **{**CLUSTER, "tags": tags})
    # What failed is made again.
    assert run("create", "full", **CLUSTER)["status"] == "Succeeded"


def test_a_creation_that_does_not_end(clean: Emulated, run: Run) -> None:
    with pytest.raises(ResourceTimeoutError):
        run("create", "endless", timeout=2, **{**CLUSTER, "tags": {"emulator.outcome": "stuck"}})
    assert computes(clean) == {"endless": "Creating"}


def test_a_teardown_deletes_what_is_still_being_created(clean: Emulated, run: Run, said: Any) -> None:
    stuck = {**CLUSTER, "tags": {"emulator.outcome": "stuck"}}
    run("create", "endless", wait_for_completion=False, **stuck)
    mark = clean.mark()
    assert run("delete", "endless")["outcome"] == "deleted"
    assert sent(clean, mark) == [("DELETE", 202)]
    assert computes(clean) == {}
    assert "compute endless is Creating: it is to be deleted all the same" in said()


def test_a_deletion_that_is_refused_meanwhile_comes_in_its_turn(clean: Emulated, run: Run, said: Any) -> None:
    with clean.setting("compute_seconds", LONG_ENOUGH):
        run("create", "soon", wait_for_completion=False, **CLUSTER)
    mark = clean.mark()
    conflict = {"error": {"code": "Conflict", "message": "It is Creating."}}
    with clean.fault("/computes/soon$", method="DELETE", status=409, body=conflict, times=1):
        assert run("delete", "soon")["outcome"] == "deleted"
    assert sent(clean, mark) == [("DELETE", 409), ("DELETE", 202)]
    assert "compute soon is Creating, and cannot be deleted before that is over" in said()


def test_a_stop_of_what_is_being_started(clean: Emulated, run: Run) -> None:
    """The emulator refuses it until then; that the service does is not known."""
    workbench = {"type": "computeinstance", "size": "Standard_DS3_v2"}
    with clean.setting("compute_seconds", LONG_ENOUGH):
        run("create", "workbench", wait_for_completion=False, **workbench)
    mark = clean.mark()
    stopped = run("stop", "workbench")
    assert (stopped["outcome"], stopped["status"]) == ("stopped", "Stopped")
    assert sent(clean, mark) == [("POST", 409), ("POST", 202)]


def test_what_cannot_be(clean: Emulated, run: Run) -> None:
    run("create", "fixed", **CLUSTER)
    mark = clean.mark()
    with pytest.raises(AirflowFailException, match="vmSize"):
        run("create", "fixed", **{**CLUSTER, "size": "Standard_D2_v2"})
    with pytest.raises(AirflowFailException, match="with computeType AmlCompute is not supported"):
        run("stop", "fixed")
    with pytest.raises(AirflowFailException, match="no compute none"):
        run("start", "none")
    assert [status for _, status in sent(clean, mark)] == [400, 400]


def test_a_job_on_a_cluster_that_was_made_for_it(clean: Emulated, run: Run) -> None:
    run("create", "for-one", **CLUSTER)
    job = AzureMLSubmitCommandJobOperator(
        task_id="train",
        command="true",
        environment="AzureML-any:1",
        compute="for-one",
        poll_interval=0.05,
        deferrable=False,
    )
    clean.admin("PATCH", "settings", {"job_seconds": 0})
    assert Try(job).execute()["status"] == "Completed"
    assert run("delete", "for-one")["outcome"] == "deleted"
