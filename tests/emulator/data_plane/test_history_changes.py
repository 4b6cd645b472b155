"""What may change on a job that exists, and who changed it: tags by both views, cancel with its reasons."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.emulator.running import SLOW, Running, sweep_job
from tests.support.waiting import wait_for

STATES = {
    "running": {"emulator.seconds": "600"},
    "ended": {"emulator.seconds": "0"},
    "canceled": {"emulator.outcome": "canceled", "emulator.seconds": "0"},
}
RUN_PATHS = ("runs/{name}", "experiments/changes/runs/{name}", "experimentids/{experiment}/runs/{name}")


def body_of(emulator: Running, kind: str, tags: dict[str, str]) -> dict[str, Any]:
    make = emulator.command_job if kind == "Command" else lambda **changes: sweep_job(emulator, **changes)
    return make(experimentName="changes", tags=tags)


def tags_of(emulator: Running, name: str) -> list[dict[str, str]]:
    """The user's tags as each view shows them."""
    mlflow = emulator.mlflow("runs/get", run_id=name).json()["run"]["data"]["tags"]
    (listed,) = (
        job["properties"]["tags"]
        for job in emulator.ml("GET", "jobs", _tag=f"own={name}").json()["value"]
        if job["name"] == name
    )
    views = [
        emulator.get(f"jobs/{name}")["tags"],
        listed,
        emulator.history("GET", f"runs/{name}").json()["tags"],
        emulator.history("GET", f"runs/{name}/details").json()["tags"],
        {tag["key"]: tag["value"] for tag in mlflow},
    ]
    return [
        {key: value for key, value in view.items() if not key.startswith(("_aml", "mlflow.", "emulator."))}
        for view in views
    ]


@pytest.mark.parametrize("kind", ["Command", "Sweep"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("by", ["PUT", *RUN_PATHS])
def test_tags_are_merged_whatever_the_job_does(emulator: Running, by: str, state: str, kind: str) -> None:
    name = f"tagged-{kind}-{state}-{re.sub(r'[^a-z]+', '-', by.lower()).strip('-')}"
    body = body_of(emulator, kind, {**STATES[state], "own": name, "kept": "1", "changed": "1"})
    emulator.put(f"jobs/{name}", body)
    before = emulator.wait_for(name, "Running", "Completed", "Canceled")
    changes = {"changed": "2", "new": "3"}
    if by == "PUT":
        answered = emulator.put(f"jobs/{name}", {**body, "tags": changes}, 200)
        assert answered["status"] == before
    else:
        experiment = emulator.history("GET", f"runs/{name}").json()["experimentId"]
        answer = emulator.history("PATCH", by.format(name=name, experiment=experiment), {"tags": changes})
        assert answer.status_code == 200, answer.text
        answered = answer.json()
        assert (answered["runId"], answered["status"]) == (name, before)
    wanted = {"own": name, "kept": "1", **changes}
    assert wanted.items() <= answered["tags"].items()
    assert tags_of(emulator, name) == [wanted] * 5
    emulator.ml("POST", f"jobs/{name}/cancel")


def test_a_run_is_edited_in_all_that_may_change(emulator: Running) -> None:
    body = body_of(emulator, "Command", {"own": "edited", "emulator.seconds": "0"})
    emulator.put("jobs/edited", {**body, "description": "as sent", "properties": {"p": "1"}})
    changes = {"description": "new", "displayName": "nicer", "properties": {"q": "2"}}
    run = emulator.history("PATCH", "runs/edited", changes).json()
    job = emulator.get("jobs/edited")
    for view in (run, job):
        assert (view["description"], view["displayName"]) == ("new", "nicer")
        assert {"p": "1", "q": "2"}.items() <= view["properties"].items()
    refused = emulator.history("PATCH", "runs/edited", {"properties": {"p": "2"}, "tags": {"t": "1"}})
    assert refused.status_code == 400
    assert "properties" in refused.json()["error"]["message"]
    assert emulator.get("jobs/edited")["properties"]["p"] == "1"
    assert "t" not in emulator.get("jobs/edited")["tags"]


def test_tags_are_removed_by_run_history_alone(emulator: Running) -> None:
    body = body_of(emulator, "Command", {"own": "untagged", "a": "1", "b": "1", "c": "1"})
    emulator.put("jobs/untagged", body)
    run = emulator.history(
        "PATCH", "experiments/changes/runs/untagged/tags", {"tagsToModify": {"b": "2"}, "tagsToDelete": ["a"]}
    ).json()
    assert run["tags"]["b"] == "2"
    assert tags_of(emulator, "untagged") == [{"own": "untagged", "b": "2", "c": "1"}] * 5
    run = emulator.history("DELETE", "runs/untagged/tags", {"tags": ["c", "nope"]}).json()
    assert "c" not in run["tags"]
    assert tags_of(emulator, "untagged") == [{"own": "untagged", "b": "2"}] * 5


def test_a_tag_that_mlflow_sets_is_the_same_tag(emulator: Running) -> None:
    emulator.put(
        "jobs/mlflow-tagged", body_of(emulator, "Command", {"own": "mlflow-tagged", "a": "1", "b": "1"})
    )
    for key, value in (("a", "2"), ("c", "1")):
        emulator.mlflow(
            "runs/set-tag", {"run_id": "mlflow-tagged", "key": key, "value": value}
        ).raise_for_status()
    assert tags_of(emulator, "mlflow-tagged") == [{"own": "mlflow-tagged", "a": "2", "b": "1", "c": "1"}] * 5
    emulator.history("PATCH", "runs/mlflow-tagged", {"tags": {"c": "2"}})
    emulator.mlflow("runs/delete-tag", {"run_id": "mlflow-tagged", "key": "b"}).raise_for_status()
    assert tags_of(emulator, "mlflow-tagged") == [{"own": "mlflow-tagged", "a": "2", "c": "2"}] * 5


def test_who_changed_a_job_last(emulator: Running) -> None:
    emulator.put("jobs/mine", body_of(emulator, "Command", {"own": "mine", **SLOW}))
    run = emulator.history("GET", "runs/mine").json()
    assert run["lastModifiedBy"] == run["createdBy"]
    changed = emulator.history("PATCH", "runs/mine", {"tags": {"t": "1"}}).json()
    assert changed["lastModifiedUtc"] > run["lastModifiedUtc"]
    assert changed["lastModifiedBy"] == run["createdBy"]


# cancel


def canceled_run(emulator: Running, name: str) -> dict[str, Any]:
    wait_for(lambda: emulator.get(f"jobs/{name}")["status"] == "Canceled")
    return dict(emulator.history("GET", f"runs/{name}").json())


def test_a_cancel_says_who_and_when(emulator: Running) -> None:
    emulator.put("jobs/ended-by-arm", emulator.command_job(tags=SLOW))
    before = emulator.history("GET", "runs/ended-by-arm").json()
    emulator.ml("POST", "jobs/ended-by-arm/cancel")
    run = canceled_run(emulator, "ended-by-arm")
    assert run["lastModifiedBy"] == before["createdBy"]
    assert run["lastModifiedUtc"] > before["lastModifiedUtc"]
    assert (run["cancelationReason"], run["error"]) == (None, None)


@pytest.mark.parametrize("path", RUN_PATHS)
def test_run_history_cancels_with_a_reason(emulator: Running, path: str) -> None:
    name = f"reasoned-{RUN_PATHS.index(path)}"
    emulator.put(f"jobs/{name}", emulator.command_job(tags=SLOW, experimentName="changes"))
    experiment = emulator.history("GET", f"runs/{name}").json()["experimentId"]
    cancel = path.format(name=name, experiment=experiment) + "/cancel"
    answer = emulator.history("POST", cancel, CancelationReason="it costs too much")
    assert (answer.status_code, answer.json()["runId"]) == (200, name)
    assert canceled_run(emulator, name)["cancelationReason"] == "it costs too much"
    later = emulator.history("POST", cancel, CancelationReason="no, for another reason")
    assert later.json()["cancelationReason"] == "it costs too much"


def test_a_canceled_sweep_says_that_it_was_asked_to_end(emulator: Running) -> None:
    emulator.put("jobs/asked", sweep_job(emulator, tags=SLOW))
    wait_for(lambda: len(emulator.history("GET", "runs/asked/children").json()["value"]) == 2)
    assert emulator.get("jobs/asked")["tags"]["_aml_system_cancellation_requested"] == "false"
    emulator.ml("POST", "jobs/asked/cancel")
    canceled_run(emulator, "asked")
    assert emulator.get("jobs/asked")["tags"]["_aml_system_cancellation_requested"] == "true"
    trials = emulator.history("GET", "runs/asked/children").json()["value"]
    assert [trial["status"] for trial in trials] == ["Canceled"] * 2


@pytest.mark.parametrize("kind", ["Command", "Sweep"])
@pytest.mark.parametrize(
    ("outcome", "somebody_else", "error"),
    [
        ("canceled", False, None),
        ("canceled_by_person", True, None),
        ("canceled_by_preemption", False, "PreemptionError"),
    ],
)
def test_a_script_says_who_cancels(
    emulator: Running, outcome: str, somebody_else: bool, error: str | None, kind: str
) -> None:
    name = f"{outcome}-{kind}"
    tags = {"emulator.outcome": outcome, "emulator.seconds": "0"}
    emulator.put(f"jobs/{name}", body_of(emulator, kind, tags))
    run = canceled_run(emulator, name)
    own, last = run["createdBy"]["userObjectId"], run["lastModifiedBy"]["userObjectId"]
    assert (last != own) is somebody_else
    assert run["lastModifiedBy"]["userName"]
    if error is None:
        assert run["error"] is None
    else:
        assert error in run["error"]["error"]["message"]


def test_a_preempted_job_that_is_not_run_again_fails_as_reported(emulator: Running) -> None:
    tags = {"emulator.outcome": "evicted", "emulator.seconds": "0"}
    emulator.put("jobs/evicted", emulator.command_job(tags=tags))
    wait_for(lambda: emulator.get("jobs/evicted")["status"] == "Failed")
    error = emulator.history("GET", "runs/evicted").json()["error"]["error"]
    assert error["code"] == "UserError"
    assert "PreemptionError: Nodes of this job got pre-empted." in error["message"]


def test_the_time_limit_cancels_in_nobodys_name(emulator: Running) -> None:
    limits = {"jobLimitsType": "Command", "timeout": "PT1S"}
    emulator.put("jobs/overdue", emulator.command_job(tags=SLOW, limits=limits))
    run = canceled_run(emulator, "overdue")
    assert run["lastModifiedBy"] == run["createdBy"]
    assert "limits.timeout" in run["error"]["error"]["message"]
