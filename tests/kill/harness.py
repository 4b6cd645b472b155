"""A real Airflow that loses processes, an emulator that knows how many jobs were made of it."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
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
OPERATION_SECONDS = 2.0
"""How long the emulator takes for an operation on a resource: somebody has to wait for it."""
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
        self._held_until = 0.0
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
        self.airflow.wait_for_dags(["killed_sync", "killed_deferred", "killed_pipeline", "killed_batch_sync"])
        self.set(operation_seconds=OPERATION_SECONDS)

    def begin(self, mode: str, **params: Any) -> str:
        return self.airflow.api.trigger(f"killed_{mode}", **params)

    def set(self, **settings: float) -> None:
        """Settings of the emulator."""
        self.emulated.admin("PATCH", "settings", settings)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Operations take no time."""
        self.set(operation_seconds=0, compute_seconds=0)
        try:
            yield
        finally:
            self.set(operation_seconds=OPERATION_SECONDS, compute_seconds=OPERATION_SECONDS)

    def task(self, mode: str, run_id: str) -> Any:
        [task] = self.airflow.api.task_instances(f"killed_{mode}", run_id)
        return task

    def jobs(self, run_id: str) -> list[Any]:
        return [job for job in self.workspace.jobs() if job.tags.get("airflow_run_id") == run_id]

    def hold(self, method: str, path: str, **rule: Any) -> dict[str, Any]:
        """Let the next such request be held. The emulator's log has it only afterwards."""
        self._held_until = time.time() + 2 * HOLD
        values = {"path": path, "method": method, "delay_seconds": HOLD, **rule}
        return dict(self.emulated.admin("POST", "faults", values))

    def is_held(self, rule: dict[str, Any]) -> bool:
        rules = self.emulated.admin("GET", "faults")["value"]
        return any(each["id"] == rule["id"] and each["hits"] for each in rules)

    def await_held(self, rule: dict[str, Any]) -> None:
        wait_for(lambda: self.is_held(rule))
        self._held_until = time.time() + HOLD

    def requests(self, method: str, path: str, since: int) -> list[dict[str, Any]]:
        """Those of the emulator's log, with what was held."""
        wait_for(lambda: time.time() > self._held_until)
        return self.emulated.asked(method, path, since=since)

    def kill_tasks(self) -> None:
        """kill -9 what runs tasks, not what watches over it."""
        for process in wait_for(self.airflow.task_processes):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)

    def lose(self, name: str) -> None:
        """kill -9 a service with all that it has started, and start it again."""
        self.airflow.kill(name)
        self.airflow.start_again(name)

    def await_end(self, mode: str, run_id: str) -> None:
        for _ in self.airflow.api.watch(f"killed_{mode}", run_id, RUN_TIMEOUT):
            with suppress(ServiceError):
                self.airflow.check()

    def finish(self, point: str, mode: str, run_id: str, began: float) -> Result:
        """Wait for a run's end; how it went."""
        self.await_end(mode, run_id)
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
            self.faults_of_airflow(run_id),
        )

    def faults_of_airflow(self, run_id: str) -> int:
        log = (self.airflow.logs / "scheduler.log").read_text(errors="replace")
        lines = [line for line in log.splitlines() if run_id in line]
        return sum(AIRFLOWS_OWN in line for line in lines)


def write(results: Sequence[Any], path: Path) -> None:
    """Keep results for the report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(result) for result in results], indent=1))


def lose_somebody(stage: Stage, chance: random.Random) -> str | None:
    """Mostly a task, now and then a service; None if there was nobody."""
    dice = chance.random()
    if dice < 0.15:
        name = "triggerer" if dice < 0.1 else "scheduler"
        stage.lose(name)
        return name
    tasks = stage.airflow.task_processes()
    if not tasks:
        return None
    with suppress(psutil.NoSuchProcess):
        chance.choice(tasks).send_signal(signal.SIGKILL)
        return "task"
    return None
