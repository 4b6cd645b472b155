"""Which jobs and resources are orphans, over real HTTP; the states of jobs' tasks are the test's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.lifecycle.task_state import MISSING, TaskKey
from airflow_provider_amlrest.operators import (
    AzureMLCreateComputeOperator,
    AzureMLFindOrphansOperator,
    orphans,
)
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.resources.goal import Change
from tests.airflow.test_job_operators import status_soon
from tests.support.dag_files import imported
from tests.support.emulated import Emulated
from tests.support.endpoints import make_model
from tests.support.tasks import Try, submit
from tests.support.waiting import wait_for

EXAMPLES = Path(__file__).resolve().parents[2] / "example_dags"
DAGS = Path(__file__).parent / "orphan_dags"
OTHER_COMPUTE = {
    "computeType": "AmlCompute",
    "properties": {
        "vmSize": "STANDARD_DS3_V2",
        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "PT2M"},
    },
}

STUCK = {"emulator.outcome": "stuck"}


@pytest.fixture
def mode() -> str:
    """How the tasks wait is of no matter here."""
    return "sync"


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """State by run id, as Airflow would tell it."""
    states: dict[str, str | None] = {}

    def ask(task: TaskKey) -> str | None:
        return states[task.run_id]

    monkeypatch.setattr(orphans, "ask_state", ask)
    return states


@pytest.fixture
def left(command_task: Any, client: Any, states: Any) -> Iterator[Any]:
    """Leave a job of a run in this state; its name."""
    names = []

    def leave(run_id: str, state: str | None, **arguments: Any) -> str:
        states[run_id] = state
        task = command_task(tags=STUCK, **arguments)
        attempt = Try(task, run_id=run_id)
        task.render_template_fields(attempt.context)
        names.append(submit(task, attempt))
        return names[-1]

    yield leave
    for name in names:
        client.cancel_job(name)


def find(**arguments: Any) -> Any:
    return Try(AzureMLFindOrphansOperator(**{"task_id": "find", "min_age": 0.001, **arguments})).execute()


def found(**arguments: Any) -> list[str]:
    return [orphan["name"] for orphan in find(**arguments)["orphans"]]


@pytest.mark.parametrize("state", ["success", "failed", "skipped", "upstream_failed", "removed", MISSING])
def test_the_job_of_a_task_that_is_over_is_reported_and_goes_on(left: Any, client: Any, state: str) -> None:
    name = left("r", state)
    result = find()
    assert (result["found"], result["canceled"]) == (1, 0)
    (orphan,) = result["orphans"]
    assert orphan["name"] == name
    assert orphan["run_id"] == "r"
    assert orphan["task_state"] == state
    assert client.get_job(name).outcome == "active"


@pytest.mark.parametrize(
    "state",
    ["running", "deferred", "queued", "scheduled", "up_for_retry", "up_for_reschedule", "restarting", None],
)
def test_the_job_of_a_live_task_is_none(left: Any, state: str | None) -> None:
    left("r", state)
    assert found() == []


def test_an_orphan_is_canceled_if_that_is_wanted(left: Any, client: Any) -> None:
    name, live = left("over", "failed"), left("live", "running")
    assert find(cancel=True)["canceled"] == 1
    assert status_soon(client, name) == "Canceled"
    assert client.get_job(live).outcome == "active"
    assert found() == []


def test_a_persons_copy_of_a_job_is_left_alone(left: Any, client: Any) -> None:
    """It has the tags of the job that was copied, and not the properties."""
    tags = dict(client.get_job(left("over", "failed")).tags)
    copy = CommandJob(command="true", environment="azureml:AzureML-any:1", compute="cpu-cluster", tags=tags)
    client.create_job("a-persons-copy", copy)
    try:
        told = {orphan["name"]: orphan["canceled"] for orphan in find(cancel=True)["orphans"]}
        assert (told.pop("a-persons-copy"), list(told.values())) == (False, [True])
        assert client.get_job("a-persons-copy").outcome == "active"
    finally:
        client.cancel_job("a-persons-copy")


@pytest.mark.parametrize("argument", ["wait_for_completion", "cancel_on_kill"])
def test_a_job_that_may_outlive_its_task_is_none(left: Any, argument: str) -> None:
    left("r", "success", **{argument: False})
    assert found() == []


def test_a_young_job_and_an_old_one_are_left_alone(left: Any) -> None:
    left("r", "failed")
    assert found(min_age=3600) == []
    assert found(max_age=0.001) == []


def test_a_job_that_has_ended_is_none(left: Any, client: Any) -> None:
    name = left("r", "failed")
    client.cancel_job(name)
    assert status_soon(client, name) == "Canceled"
    assert found() == []


def test_a_job_of_an_unknown_task_may_be_another_airflows(left: Any, client: Any, said: Any) -> None:
    name = left("r", MISSING)
    assert find(cancel=True)["canceled"] == 0
    assert "another Airflow may have the task" in said()
    assert client.get_job(name).outcome == "active"


def test_only_this_deployments_jobs_are_looked_at(
    left: Any, client: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    left("theirs", MISSING)
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri(deployment="staging"))
    ours = left("ours", MISSING)
    assert found(cancel=True) == [ours]
    assert status_soon(client, ours) == "Canceled"


def test_a_failed_cancel_fails_the_task_after_the_others(left: Any, emulator: Any, client: Any) -> None:
    names = [left("a", "failed"), left("b", "failed")]
    with (
        emulator.fault(f"/{names[0]}/cancel", status=403, times=None),
        pytest.raises(AzureMLError, match="1 of 2 orphans could not be ended"),
    ):
        find(cancel=True)
    assert status_soon(client, names[1]) == "Canceled"


@pytest.mark.usefixtures("connection")
def test_an_age_is_a_number() -> None:
    with pytest.raises(AirflowFailException, match="min_age"):
        find(min_age="1h")


LEFT = {
    "computes/left-idle",
    "onlineEndpoints/left-temp",
    "onlineEndpoints/left-shop/deployments/green",
    "batchEndpoints/left-night",
}
"""What the setups of the DAG ``left_behind`` have made, and nobody needs any more."""
NEVER = {
    "computes/left-busy",  # a job runs on it
    "computes/left-kept",  # no setup has made it
    "computes/left-other",  # nor has Airflow
    "onlineEndpoints/left-shop",
    "onlineEndpoints/left-shop/deployments/blue",
    "onlineEndpoints/left-shop/deployments/red",  # a setup has made it, and it gets requests
}


@pytest.fixture
def clean(emulator: Emulated) -> Iterator[Emulated]:
    """The emulator with nothing in it, which is quick."""
    emulator.admin("DELETE", "state")
    with emulator.setting("operation_seconds", 0.05), emulator.setting("compute_seconds", 0.05):
        yield emulator
    emulator.admin("DELETE", "state")


def test_a_resource_of_a_dag_without_runs_may_be_another_airflows(
    clean: Emulated, client: Any, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    monkeypatch.setattr(orphans, "count_runs", lambda dag_id, states: 0)

    def make(name: str) -> None:
        task = AzureMLCreateComputeOperator(task_id="up", name=name, poll_interval=0.05).as_setup()
        Try(task).execute()

    make("theirs")
    result = find(cancel=True)
    assert (len(result["resources"]), result["deleted"]) == (1, 0)
    assert "another Airflow may have the DAG. Set the connection's deployment" in said()
    named = clean.connection_uri(deployment="staging")
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", named)
    make("ours")
    assert [one["id"].rpartition("/")[2] for one in find(cancel=True)["resources"]] == ["ours"]
    wait_for(lambda: not client.get_resource("computes/ours").exists)
    assert client.get_resource("computes/theirs").exists


def run_dag(dag: Any, task_id: str) -> Any:
    """Run a DAG; what one of its tasks has returned."""
    tested = dag.test()
    states = {ti.task_id: str(getattr(ti.state, "value", ti.state)) for ti in tested.get_task_instances()}
    assert set(states.values()) == {"success"}, states
    [ti] = [ti for ti in tested.get_task_instances() if ti.task_id == task_id]
    return ti.xcom_pull(task_ids=task_id)


def clean_up(*, cancel: bool) -> Any:
    """What the example DAG finds, and deletes."""
    with imported(EXAMPLES, "azureml_cleanup") as module:
        module.CANCEL = cancel
        module.made = module.azureml_cleanup()
        module.made.get_task("find_orphans").min_age = 0.001
        return run_dag(module.made, "find_orphans")


def paths(result: Any) -> set[str]:
    return {orphan["id"].partition("/workspaces/emulator/")[2] for orphan in result["resources"]}


def test_what_setups_have_left_behind_is_deleted_and_nothing_else(clean: Emulated, client: Any) -> None:
    make_model(client)
    client.change_resource(
        Change("PUT", "computes/left-other", {"location": "x", "properties": OTHER_COMPUTE})
    )
    with imported(DAGS, "left_behind") as module:
        # While the run is under way, nothing of it is an orphan.
        assert paths(run_dag(module.left_behind(), "find")) == set()
    everything = LEFT | NEVER
    assert all(client.get_resource(path).exists for path in everything)

    mark = clean.mark()
    reported = clean_up(cancel=False)
    assert (paths(reported), reported["deleted"]) == (LEFT, 0)
    assert clean.writes(since=mark) == []
    assert paths(clean_up(cancel=True)) == LEFT
    wait_for(lambda: not any(client.get_resource(path).exists for path in LEFT))
    assert all(client.get_resource(path).exists for path in NEVER)
    assert paths(clean_up(cancel=True)) == set()
