"""A real Airflow that loses processes, an emulator that knows how many jobs were made of it."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace
from tests.support.emulated import Emulated
from tests.support.waiting import wait_for
from tools.local_airflow import LocalAirflow
from tools.services import ServiceError

RUN_TIMEOUT = 400.0
JOB_SECONDS = "6"
HOLD = 8.0
"""Seconds for which the emulator holds a request, so that somebody can be killed meanwhile."""

# Airflow notices within seconds what is lost. Its defaults are minutes.
IMPATIENT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "3",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
    "AIRFLOW__CORE__PARALLELISM": "6",
}

AIRFLOWS_OWN = "finished with state success, but the task instance's state attribute is queued"
"""What the scheduler says when it fails a resumed task by a mistake of its own (apache/airflow#66374)."""


@dataclass
class Result:
    """How one run went."""

    point: str
    mode: str
    database: str
    tries: int
    jobs: int
    cancels: int
    state: str
    seconds: float
    airflows_own: int = 0

    @property
    def is_right(self) -> bool:
        return self.state == "success" and self.jobs == 1 and self.cancels == 0


class Stage:
    """Airflow and the emulator for many runs; ``exits`` stops them."""

    def __init__(
        self, folder: Path, exits: ExitStack, database: str | None = None, seconds: float = 6
    ) -> None:
        self.database = "PostgreSQL" if database else "SQLite"
        self.emulated = Emulated(folder)
        exits.callback(self.emulated.stop)
        self.workspace = EmulatedWorkspace(self.emulated, os.environ.__setitem__)
        self.airflow = LocalAirflow(
            folder / "airflow",
            Path(__file__).parent / "dags",
            logs=folder / "logs",
            database=database,
            settings={**IMPATIENT, "JOB_SECONDS": JOB_SECONDS},
        )
        self.airflow.connect("azureml_default", self.emulated.connection_uri())
        exits.enter_context(self.airflow)
        self.airflow.wait_for_dags(["killed_sync", "killed_deferred", "killed_pipeline"])

    def begin(self, mode: str) -> str:
        return self.airflow.api.trigger(f"killed_{mode}")

    def task(self, mode: str, run_id: str) -> Any:
        [task] = self.airflow.api.task_instances(f"killed_{mode}", run_id)
        return task

    def jobs(self, run_id: str) -> list[Any]:
        return [job for job in self.workspace.jobs() if job.tags.get("airflow_run_id") == run_id]

    def hold(self, method: str, path: str, **rule: Any) -> dict[str, Any]:
        """Let the next such request be held."""
        values = {"path": path, "method": method, "delay_seconds": HOLD, **rule}
        return dict(self.emulated.admin("POST", "faults", values))

    def is_held(self, rule: dict[str, Any]) -> bool:
        rules = self.emulated.admin("GET", "faults")["value"]
        return any(each["id"] == rule["id"] and each["hits"] for each in rules)

    def kill_tasks(self) -> None:
        """kill -9 what runs tasks, not what watches over it."""
        for process in wait_for(self.airflow.task_processes):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)

    def lose(self, name: str) -> None:
        """kill -9 a service with all that it has started, and start it again."""
        self.airflow.kill(name)
        self.airflow.start_again(name)

    def finish(self, point: str, mode: str, run_id: str, began: float) -> Result:
        """Wait for a run's end; how it went."""
        dag_id = f"killed_{mode}"
        for _ in self.airflow.api.watch(dag_id, run_id, RUN_TIMEOUT):
            with suppress(ServiceError):
                self.airflow.check()
        task, jobs = self.task(mode, run_id), self.jobs(run_id)
        names = "|".join(re.escape(job.name) for job in jobs) or "none"
        return Result(
            point,
            mode,
            self.database,
            task.try_number,
            len(jobs),
            len(self.emulated.asked("POST", f"/jobs/({names})/cancel")),
            str(task.state),
            round(time.time() - began, 1),
            self._faults_of_airflow(run_id),
        )

    def _faults_of_airflow(self, run_id: str) -> int:
        log = (self.airflow.logs / "scheduler.log").read_text(errors="replace")
        lines = [line for line in log.splitlines() if run_id in line]
        return sum(AIRFLOWS_OWN in line for line in lines)


def write(results: list[Result], path: Path) -> None:
    """Keep results for the report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(result) for result in results], indent=1))
