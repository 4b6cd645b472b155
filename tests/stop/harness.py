"""A real Airflow whose tasks are stopped or lose their processes, and an emulator that counts the jobs."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import requests

from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace
from tests.support.emulated import Emulated
from tests.support.upload_code import client_of
from tests.support.waiting import wait_for
from tools.local_airflow import LocalAirflow

T = TypeVar("T")

VERSION = importlib.metadata.version("apache-airflow")
MODES = ("sync", "deferred")
QUIET = 12.0
"""Seconds for which nobody may have canceled anything."""

WAITS = frozenset({"running", "deferred"})
UNDER_WAY = WAITS | {"queued", "scheduled", "restarting", "up_for_retry", "up_for_reschedule", None}

LOCAL = {
    "AIRFLOW__CORE__PARALLELISM": "8",
    # As in production. What 2.11 takes by itself on SQLite looks at no DAG run while a task runs.
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
}
IMPATIENT = {
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "8",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "3",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
    "AIRFLOW__CORE__KILLED_TASK_CLEANUP_TIME": "20",
}
PATIENT = {"AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "5"}
"""Airflow's own heartbeats: one in 5 seconds (3.x), and nobody is given up before 300."""


class Stage:
    """Airflow and the emulator; ``exits`` stops them. Its jobs run until they are let go, or canceled."""

    def __init__(self, folder: Path, exits: ExitStack, settings: Mapping[str, str], **airflow: Any) -> None:
        self.emulated = Emulated(folder, runtime="host")
        exits.callback(self.emulated.stop)
        self.workspace = EmulatedWorkspace(self.emulated, os.environ.__setitem__)
        self._go = folder / "go"
        self._go.mkdir()
        self.airflow = LocalAirflow(
            folder / "airflow",
            Path(__file__).parent / "dags",
            logs=folder / "logs",
            settings={**({} if "broker" in airflow else LOCAL), **settings, "JOBS_WAIT_IN": str(self._go)},
            **airflow,
        )
        self.airflow.connect("azureml_default", self.emulated.connection_uri())
        exits.enter_context(self.airflow)
        self.airflow.wait_for_dags([f"{kind}_{mode}" for kind in ("plain", "opted_out") for mode in MODES])

    def begin(self, dag_id: str) -> tuple[str, str]:
        """Begin a run and wait until its task waits for its job; the run, and the job's name."""
        run_id = wait_for(lambda: self._unless_busy(lambda: self.airflow.api.trigger(dag_id)))
        state = "running" if dag_id.endswith("sync") else "deferred"
        wait_for(lambda: self.state(dag_id, run_id) == state and self.jobs(run_id))
        [job] = self.jobs(run_id)
        # It looks at the job: nobody is in the middle of the submission any more.
        wait_for(lambda: self.looks(job.name) > 1)
        return run_id, str(job.name)

    def mark(self, dag_id: str, run_id: str, state: str) -> None:
        """Mark its task as ``failed`` or ``success``."""
        wait_for(lambda: self._unless_busy(lambda: [self.airflow.api.mark(dag_id, run_id, "train", state)]))

    def _unless_busy(self, ask: Callable[[], T]) -> T | None:
        """What Airflow's API answers; None while its database, SQLite, is busy."""
        try:
            return ask()
        except requests.HTTPError as error:
            if error.response.status_code != HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return None

    def state(self, dag_id: str, run_id: str) -> str | None:
        """Of the task; None also if it is no more."""
        tasks = self.airflow.api.task_instances(dag_id, run_id)
        return tasks[0].state if tasks else None

    def try_number(self, dag_id: str, run_id: str) -> int:
        [task] = self.airflow.api.task_instances(dag_id, run_id)
        return task.try_number

    def jobs(self, run_id: str) -> list[Any]:
        return [job for job in self.workspace.jobs() if job.tags.get("airflow_run_id") == run_id]

    def steps(self, name: str) -> dict[str | None, str]:
        """The statuses of a pipeline's steps."""
        with client_of(self.emulated.facts) as client:
            return {step.display_name: step.status for step in client.list_children(name)}

    def let_go(self, name: str) -> None:
        """Let a job end well."""
        (self._go / name).touch()

    def looks(self, name: str) -> int:
        """How often a job was looked at."""
        return len(self.emulated.asked("GET", f"/jobs/{re.escape(name)}$"))

    def cancels(self, name: str) -> int:
        return len(self.emulated.asked("POST", f"/jobs/{re.escape(name)}/cancel"))

    def stays_quiet(self, names: Sequence[str]) -> bool:
        """Whether nobody cancels one of the jobs for a while."""
        end = time.monotonic() + QUIET
        while time.monotonic() < end:
            if any(map(self.cancels, names)):
                return False
            time.sleep(0.5)
        return True

    def log(self, dag_id: str, run_id: str) -> str:
        """All that was logged of the task: by its tries and by triggers."""
        folder = self.airflow.logs / "tasks" / f"dag_id={dag_id}" / f"run_id={run_id}"
        return "\n".join(path.read_text(errors="replace") for path in folder.rglob("*.log"))


def write(cells: Mapping[str, Any], folder: str) -> None:
    """Keep what this Airflow has shown for the report."""
    path = Path("build") / folder / f"{VERSION}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**before, **cells}, indent=1))
