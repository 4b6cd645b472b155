"""Jobs and sweeps on a clock."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.runtime.context import JobContext
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.store import JobRecord
from tests.support.waiting import wait_for

from .harness import WORKSPACE, Harness


def tags(**values: str) -> dict[str, str]:
    return {f"emulator.{name}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        ("completed", "Completed", None),
        ("failed", "Failed", "UserError"),
        ("canceled", "Canceled", None),
        ("preempted", "Completed", None),
        ("lost", "Failed", "ServiceError"),
        ("surprise", "Failed", "UserError"),
    ],
)
def test_outcomes(simulated: Harness, outcome: str, status: str, code: str | None) -> None:
    simulated.submit("j", tags=tags(outcome=outcome, seconds="0.05", metrics='{"auc": 0.5}', error="as told"))
    job = simulated.wait("j")
    assert job.status == status
    assert (job.error or {}).get("code") == code
    if outcome == "failed":
        assert job.error is not None
        assert job.error["message"] == "as told"
    if outcome != "surprise":
        assert simulated.store.latest_metrics(WORKSPACE.name, "j")["auc"].value == 0.5


def test_outputs_with_a_name_are_registered_though_nothing_is_there(simulated: Harness) -> None:
    outputs = {
        "scores": {"jobOutputType": "uri_file", "assetName": "scores", "uri": "https://h/${{name}}/s.csv"},
        "model": {"jobOutputType": "mlflow_model", "assetName": "iris"},
        "other": {"jobOutputType": "uri_folder"},
    }
    for name in ("a", "b", "fails"):
        outcome = "failed" if name == "fails" else "completed"
        simulated.submit(name, tags=tags(outcome=outcome, seconds="0"), outputs=outputs)
        simulated.wait(name)
    found = {
        kind: [(a.name, a.version, a.properties[uri]) for a in simulated.store.assets(WORKSPACE.name, kind)]
        for kind, uri in (("data", "dataUri"), ("models", "modelUri"))
    }
    assert found["data"] == [("scores", "2", "https://h/b/s.csv"), ("scores", "1", "https://h/a/s.csv")]
    assert [(name, version) for name, version, _ in found["models"]] == [("iris", "2"), ("iris", "1")]
    assert found["models"][0][2].endswith("/datastores/workspaceblobstore/paths/azureml/b/model/")


@pytest.mark.parametrize("outcome", ["preempted", "lost"])
def test_lost_node_shows_as_not_responding(
    simulated: Harness, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    seen, move = [], simulated.store.transition

    def watched(workspace: str, name: str, to: str, **changes: Any) -> bool:
        seen.append(to)
        return move(workspace, name, to, **changes)

    monkeypatch.setattr(simulated.store, "transition", watched)
    simulated.submit("j", tags=tags(outcome=outcome, seconds="0"))
    simulated.wait("j")
    assert "NotResponding" in seen


def test_stuck_job_stays_queued_until_cancelled(simulated: Harness) -> None:
    simulated.submit("j", tags=tags(outcome="stuck"))
    assert simulated.wait("j", "Queued").status == "Queued"
    simulated.cancel("j")
    assert simulated.wait("j").status == "Canceled"


def test_a_queued_job_says_how_its_compute_is(simulated: Harness) -> None:
    nodes = next(c.nodes for c in simulated.services.settings.computes if c.name == "cpu")
    for name, outcome, busy in (("waits", "stuck", nodes), ("goes", "completed", 0)):
        simulated.submit(name, tags=tags(outcome=outcome, seconds="0"))
        job = simulated.wait(name, "Queued") if outcome == "stuck" else simulated.wait(name)
        assert json.loads(job.run_tags["_aml_system_ComputeTargetStatus"]) == {
            "AllocationState": "steady",
            "PreparingNodeCount": 0,
            "RunningNodeCount": busy,
            "CurrentNodeCount": nodes,
        }
    simulated.submit("serverless", tags=tags(seconds="0"), computeId=None)
    assert simulated.wait("serverless").run_tags == {}


def test_timeout_cancels(simulated: Harness) -> None:
    simulated.submit("j", tags=tags(seconds="60"), limits={"jobLimitsType": "Command", "timeout": "PT0.1S"})
    job = simulated.wait("j")
    assert job.status == "Canceled"
    assert job.error is not None
    assert "limits.timeout" in job.error["message"]


@pytest.mark.parametrize(("tag", "text"), [("seconds", "long"), ("seconds", "-1"), ("metrics", "[1]")])
def test_tag_that_cannot_be_read(simulated: Harness, tag: str, text: str) -> None:
    simulated.submit("j", tags=tags(**{tag: text}))
    job = simulated.wait("j")
    assert job.status == "Failed"
    assert job.error is not None
    assert f"emulator.{tag} is '{text}'" in job.error["message"]


def test_two_thousand_jobs_end_as_chosen(simulated: Harness) -> None:
    outcomes = ["completed", "failed", "canceled", "preempted"]
    for i in range(2000):
        simulated.submit(f"j{i}", tags=tags(outcome=outcomes[i % 4], seconds="0.1"))
    wait_for(lambda: not simulated.store.active_jobs())
    counted = Counter(simulated.job(f"j{i}").status for i in range(2000))
    assert counted == {"Completed": 1000, "Failed": 500, "Canceled": 500}


def test_restart_goes_on(simulated: Harness) -> None:
    simulated.submit("j", tags=tags(seconds="600"))
    simulated.wait("j", "Running")
    simulated.stop()
    assert simulated.job("j").status == "Running"
    shorter = {**simulated.job("j").properties, "tags": tags(seconds="0")}
    simulated.store.update_job(WORKSPACE.name, "j", properties=shorter)
    simulated.start()
    assert simulated.wait("j").status == "Completed"


def test_sweep_knows_its_best_trial(simulated: Harness) -> None:
    simulated.submit_sweep(
        "s",
        tags=tags(seconds="0.05"),
        searchSpace={"lr": ["uniform", [0.0, 1.0]], "kind": ["choice", [["a", "b"]]]},
        limits={"jobLimitsType": "Sweep", "maxTotalTrials": 12, "maxConcurrentTrials": 3},
    )
    sweep = simulated.wait("s")
    assert (sweep.status, sweep.error) == ("Completed", None)
    trials = simulated.store.children(WORKSPACE.name, "s")
    assert [t.name for t in trials] == [f"s_{i}" for i in range(12)]
    points = [json.loads(sweep.run_tags[f"_aml_system_s_{i}"]) for i in range(12)]
    assert [json.loads(t.run_tags["hyperparameters"]) for t in trials] == points
    best = min(range(12), key=lambda i: points[i]["lr"])
    assert sweep.run_properties["best_child_run_id"] == f"s_{best}"
    assert float(sweep.run_properties["score"]) == points[best]["lr"]
    assert trials[0].properties["command"] == f"echo {points[0]['lr']}"
    assert trials[0].properties["environmentVariables"]["AZUREML_SWEEP_kind"] == points[0]["kind"]
    assert sweep.run_tags["_aml_system_all_jobs_generated"] == "true"
    assert sweep.run_tags["_aml_system_primary_metric_config"] == '{"name":"loss","goal":"minimize"}'


def test_grid_sweep_ends_with_its_space(simulated: Harness) -> None:
    simulated.submit_sweep(
        "s",
        tags=tags(seconds="0"),
        objective={"primaryMetric": "loss", "goal": "Maximize"},
        samplingAlgorithm={"samplingAlgorithmType": "Grid"},
        searchSpace={"lr": ["choice", [[1, 2, 3]]], "n": ["choice", [[10, 20]]]},
        limits={"jobLimitsType": "Sweep", "maxTotalTrials": 100},
    )
    sweep = simulated.wait("s")
    assert sweep.status == "Completed"
    assert len(simulated.store.children(WORKSPACE.name, "s")) == 6
    assert sweep.run_properties["best_child_run_id"] == "s_5"
    assert float(sweep.run_properties["score"]) == 23


def test_bayesian_sweep_learns(simulated: Harness) -> None:
    simulated.submit_sweep(
        "s",
        tags=tags(seconds="0"),
        samplingAlgorithm={"samplingAlgorithmType": "Bayesian"},
        limits={"jobLimitsType": "Sweep", "maxTotalTrials": 40, "maxConcurrentTrials": 1},
        searchSpace={
            "lr": ["uniform", [0.0, 1.0]],
            "n": ["quniform", [0, 10, 1]],
            "k": ["choice", [["a", "b"]]],
        },
    )
    sweep = simulated.wait("s")
    assert sweep.status == "Completed"
    scores = [
        simulated.store.latest_metrics(WORKSPACE.name, t.name)["loss"].value
        for t in simulated.store.children(WORKSPACE.name, "s")
    ]
    assert sum(scores[20:]) < sum(scores[:20])


def test_sweep_whose_trials_all_fail_fails(simulated: Harness) -> None:
    simulated.submit_sweep("s", tags=tags(seconds="0", outcome="failed"))
    sweep = simulated.wait("s")
    assert sweep.status == "Failed"
    assert sweep.error is not None
    assert "None of the sweep's 4 trials completed" in sweep.error["message"]


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"searchSpace": {"lr": ["uniformly", [0, 1]]}}, "searchSpace.lr uses the distribution 'uniformly'"),
        ({"samplingAlgorithm": {"samplingAlgorithmType": "Grid"}}, "Grid sampling takes only choice"),
        (
            {"trial": {"command": "echo ${{search_space.x}}", "environmentId": "azureml:env:1"}},
            "search_space.x",
        ),
    ],
)
def test_sweep_that_cannot_run_fails_with_words(simulated: Harness, properties: dict, words: str) -> None:
    simulated.submit_sweep("s", **properties)
    sweep = simulated.wait("s")
    assert sweep.status == "Failed"
    assert sweep.error is not None
    assert words in sweep.error["message"]


def test_cancel_of_a_sweep_cancels_its_trials(simulated: Harness) -> None:
    simulated.submit_sweep("s", tags=tags(seconds="60"))
    wait_for(lambda: len(simulated.store.children(WORKSPACE.name, "s")) == 2)
    simulated.cancel("s")
    assert simulated.wait("s").status == "Canceled"
    trials = simulated.store.children(WORKSPACE.name, "s")
    assert [t.status for t in trials] == ["Canceled", "Canceled"]


def test_cancel_of_one_trial_leaves_the_sweep(simulated: Harness) -> None:
    simulated.submit_sweep("s", tags=tags(seconds="0.3"))
    wait_for(lambda: simulated.store.job(WORKSPACE.name, "s_0"))
    simulated.cancel("s_0")
    assert simulated.wait("s").status == "Completed"
    statuses = [t.status for t in simulated.store.children(WORKSPACE.name, "s")]
    assert statuses == ["Canceled", "Completed", "Completed", "Completed"]


def test_cancel_of_a_sweep_before_a_restart(simulated: Harness) -> None:
    simulated.submit_sweep("s", tags=tags(seconds="60"))
    wait_for(lambda: len(simulated.store.children(WORKSPACE.name, "s")) == 2)
    simulated.stop()
    simulated.cancel("s")
    simulated.start()
    assert simulated.wait("s").status == "Canceled"
    assert [t.status for t in simulated.store.children(WORKSPACE.name, "s")] == ["Canceled", "Canceled"]


def test_cancel_at_once(simulated: Harness) -> None:
    """A job may be cancelled before the runtime has looked at it, or before its first step."""
    for i in range(50):
        simulated.submit(f"j{i}", tags=tags(seconds="60"))
        simulated.cancel(f"j{i}")
    wait_for(lambda: not simulated.store.active_jobs())
    assert {simulated.job(f"j{i}").status for i in range(50)} == {"Canceled"}


def test_cancel_before_the_first_step(simulated: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cancel comes after the runtime has read the new jobs, and before it has read what to cancel."""
    new_jobs = simulated.store.new_jobs

    def then_cancel(after: int) -> list[tuple[int, JobRecord]]:
        found = new_jobs(after)
        for _, job in found:
            simulated.store.transition(job.workspace, job.name, "CancelRequested", cancel_requested=True)
        return found

    monkeypatch.setattr(simulated.store, "new_jobs", then_cancel)
    simulated.submit("j", tags=tags(seconds="60"))
    assert simulated.wait("j").status == "Canceled"


def test_requested_cancel_wins(simulated: Harness) -> None:
    simulated.stop()
    simulated.submit("j")
    simulated.cancel("j")
    context = JobContext(simulated.services, WORKSPACE, simulated.job("j"))
    with pytest.raises(asyncio.CancelledError):
        context.move("Running")
    context.end("Failed", JobError("too late"))
    assert (simulated.job("j").status, simulated.job("j").error) == ("Canceled", None)
    context.end("Completed")
    assert simulated.job("j").status == "Canceled"


def test_timeout_of_a_sweep_cancels_it(simulated: Harness) -> None:
    limits = {"jobLimitsType": "Sweep", "maxTotalTrials": 1000, "maxConcurrentTrials": 2, "timeout": "PT3S"}
    simulated.submit_sweep("s", tags=tags(seconds="0.1"), limits=limits)
    sweep = simulated.wait("s")
    assert sweep.status == "Canceled"
    trials = simulated.store.children(WORKSPACE.name, "s")
    assert 2 < len(trials) < 1000
    assert not any(t.active for t in trials)
    assert "best_child_run_id" in sweep.run_properties


def test_trial_timeout_cancels_the_trial(simulated: Harness) -> None:
    limits = {"jobLimitsType": "Sweep", "maxTotalTrials": 2, "trialTimeout": "PT0.1S"}
    simulated.submit_sweep("s", tags=tags(seconds="60"), limits=limits)
    assert simulated.wait("s").status == "Failed"
    assert [t.status for t in simulated.store.children(WORKSPACE.name, "s")] == ["Canceled", "Canceled"]


def test_restart_goes_on_with_a_sweep(simulated: Harness) -> None:
    limits = {"jobLimitsType": "Sweep", "maxTotalTrials": 10, "maxConcurrentTrials": 2}
    simulated.submit_sweep("s", tags=tags(seconds="0.3"), limits=limits)
    wait_for(lambda: simulated.store.job(WORKSPACE.name, "s_2"))
    simulated.stop()
    before = simulated.store.children(WORKSPACE.name, "s")
    ended = {t.name: t.ended_at for t in before if not t.active}
    assert ended
    simulated.start()
    sweep = simulated.wait("s")
    assert sweep.status == "Completed"
    trials = simulated.store.children(WORKSPACE.name, "s")
    assert [t.status for t in trials] == ["Completed"] * 10
    assert {t.name: t.ended_at for t in trials if t.name in ended} == ended
    points = [json.loads(t.run_tags["hyperparameters"]) for t in trials[: len(before)]]
    assert points == [json.loads(t.run_tags["hyperparameters"]) for t in before]
