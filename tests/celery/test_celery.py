"""PostgreSQL, Redis, two Celery workers and two triggerers: one of each is lost while jobs run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace
from tests.support.emulated import Emulated
from tests.support.waiting import wait_for
from tools.airflow_api import TaskInstance
from tools.local_airflow import LocalAirflow
from tools.postgres import Postgres
from tools.redis import Redis

pytestmark = pytest.mark.celery

DAG_ID = "training"
SUBMITTING = ["start", "sweep", "train", "train_deferred"]
DEFERRED = {"sweep", "train_deferred", "wait"}
RUN_TIMEOUT = 400.0

# Airflow notices within half a minute what is lost. Its defaults are minutes.
IMPATIENT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    # Three triggers, so that each triggerer has one.
    "AIRFLOW__TRIGGERER__CAPACITY": "2",
}


class Stack:
    """The servers, Airflow and the emulator; ``exits`` stops them."""

    def __init__(self, folder: Path, exits: ExitStack) -> None:
        emulated = Emulated(folder)
        exits.callback(emulated.stop)
        self.workspace = EmulatedWorkspace(emulated, os.environ.__setitem__)
        logs = folder / "logs"
        postgres = exits.enter_context(Postgres(logs / "postgres.log"))
        redis = exits.enter_context(Redis(logs / "redis.log"))
        self.airflow = LocalAirflow(
            folder / "airflow",
            Path(__file__).parent / "dags",
            logs=logs,
            database=postgres.url,
            broker=redis.url,
            workers=2,
            triggerers=2,
            settings=IMPATIENT,
        )
        self.airflow.connect("azureml_default", emulated.connection_uri())
        exits.enter_context(self.airflow)
        self.airflow.wait_for_dags([DAG_ID])

    def all_wait(self, run_id: str) -> bool:
        """Whether all jobs run, ``train`` waits in a worker, and each triggerer has some of the others."""
        self.airflow.check()
        tasks = self.airflow.api.task_instances(DAG_ID, run_id)
        triggerers = {task.triggerer_id for task in tasks if task.state == "deferred"} - {None}
        states = {task.task_id: task.state for task in tasks}
        return (
            len(triggerers) == 2
            and states == {"start": "success", "train": "running", **dict.fromkeys(DEFERRED, "deferred")}
            and {job.status for job in self.workspace.jobs()} == {"Running"}
        )

    def busy_workers(self) -> list[str]:
        return [name for name in ("worker-1", "worker-2") if self.airflow.task_processes(name)]

    def is_tried_again(self, run_id: str, task_id: str) -> bool:
        [task] = [task for task in self.airflow.api.task_instances(DAG_ID, run_id) if task.task_id == task_id]
        return task.try_number == 2 and task.state in ("running", "success")

    def finish(self, run_id: str) -> dict[str, TaskInstance]:
        """Wait for the run's end, and that all is green; the tasks by id."""
        api = self.airflow.api
        tasks = list(api.watch(DAG_ID, run_id, RUN_TIMEOUT))[-1]
        for task in tasks:
            log = "\n".join(api.task_log(DAG_ID, run_id, task)[-40:])
            assert task.state == "success", f"{task}\n{log}"
        assert api.run_state(DAG_ID, run_id) == "success"
        return {task.task_id: task for task in tasks}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with ExitStack() as exits:
        yield Stack(tmp_path, exits)


def test_a_worker_a_triggerer_and_the_scheduler_are_lost_and_each_job_is_made_once(stack: Stack) -> None:
    airflow, workspace = stack.airflow, stack.workspace
    run_id = airflow.api.trigger(DAG_ID)
    wait_for(lambda: stack.all_wait(run_id))
    wait_for(lambda: len(stack.busy_workers()) == 1)  # processes of tasks that have deferred may go slowly
    [busy] = stack.busy_workers()
    airflow.kill(busy)
    airflow.kill("triggerer-1")
    assert {job.status for job in workspace.jobs()} == {"Running"}
    wait_for(lambda: stack.is_tried_again(run_id, "train"))
    airflow.kill("scheduler")
    airflow.start_again("scheduler")
    # The other one may be full.
    airflow.start_again("triggerer-1")
    tasks = stack.finish(run_id)

    log = "\n".join(airflow.api.task_log(DAG_ID, run_id, tasks["train"]))
    assert "is taken over, not submitted again" in log
    assert sorted(str(job.task_id) for job in workspace.jobs()) == SUBMITTING
    assert {job.status for job in workspace.jobs()} == {"Completed"}
    assert workspace.requests("POST", "/cancel") == []
    for task_id in ("train", "train_deferred", "wait"):
        result = airflow.api.xcom(DAG_ID, run_id, task_id)
        assert (result["status"], result["metrics"]) == ("Completed", {"score": 0.5})
    swept = airflow.api.xcom(DAG_ID, run_id, "sweep")
    assert (swept["trials"], swept["best_trial"]["params"]) == (3, {"x": 3})
