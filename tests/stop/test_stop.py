"""Stop matrix, on the Airflow of this environment: a stop cancels the job, a restart does not."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace
from tests.support.emulated import Emulated
from tests.support.waiting import wait_for
from tools.local_airflow import AIRFLOW_3, LocalAirflow

pytestmark = pytest.mark.stop

VERSION = importlib.metadata.version("apache-airflow")
RESULTS = Path("build/stop") / f"{VERSION}.json"
QUIET = 12.0
"""Seconds for which nobody may have canceled anything."""

IMPATIENT = {
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "3",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__CORE__KILLED_TASK_CLEANUP_TIME": "20",
    # As in production. What 2.11 takes by itself on SQLite looks at no DAG run while a task runs.
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
}


class Stage:
    """Airflow and the emulator; ``exits`` stops them."""

    def __init__(self, folder: Path, exits: ExitStack) -> None:
        self.emulated = Emulated(folder)
        exits.callback(self.emulated.stop)
        self.workspace = EmulatedWorkspace(self.emulated, os.environ.__setitem__)
        self.airflow = LocalAirflow(
            folder / "airflow", Path(__file__).parent / "dags", logs=folder / "logs", settings=IMPATIENT
        )
        self.airflow.connect("azureml_default", self.emulated.connection_uri())
        exits.enter_context(self.airflow)
        self.airflow.wait_for_dags([f"{kind}_{mode}" for kind in ("plain", "opted_out") for mode in MODES])

    def begin(self, dag_id: str) -> tuple[str, str]:
        """Begin a run and wait until its task waits for its job; the run, and the job's name."""
        run_id = self.airflow.api.trigger(dag_id)
        state = "running" if dag_id.endswith("sync") else "deferred"
        wait_for(lambda: self.state(dag_id, run_id) == state and self.jobs(run_id))
        [job] = self.jobs(run_id)
        # It looks at the job: nobody is in the middle of the submission any more.
        wait_for(lambda: len(self.emulated.asked("GET", f"/jobs/{re.escape(job.name)}$")) > 1)
        return run_id, str(job.name)

    def state(self, dag_id: str, run_id: str) -> str | None:
        [task] = self.airflow.api.task_instances(dag_id, run_id)
        return task.state

    def jobs(self, run_id: str) -> list[Any]:
        return [job for job in self.workspace.jobs() if job.tags.get("airflow_run_id") == run_id]

    def cancels(self, name: str) -> int:
        return len(self.emulated.asked("POST", f"/jobs/{re.escape(name)}/cancel"))

    def log(self, dag_id: str, run_id: str) -> str:
        """All that was logged of the task: by its tries and by triggers."""
        folder = self.airflow.logs / "tasks" / f"dag_id={dag_id}" / f"run_id={run_id}"
        return "\n".join(path.read_text(errors="replace") for path in folder.rglob("*.log"))


MODES = ("sync", "deferred")
Act = Callable[[Stage, str, str], None]


def mark(state: str) -> Act:
    return lambda stage, dag_id, run_id: stage.airflow.api.mark(dag_id, run_id, "train", state)


def clear(stage: Stage, dag_id: str, run_id: str) -> None:
    if AIRFLOW_3:
        stage.airflow.api.clear(dag_id, run_id, "train")
        return
    # The REST API of 2.11 answers 200 and does not clear a task that runs: it changes it in another session.
    date = run_id.removeprefix("manual__")
    stage.airflow.command("tasks", "clear", dag_id, "-t", "train", "-s", date, "-e", date, "--yes")


def terminate(stage: Stage, dag_id: str, run_id: str) -> None:
    for process in wait_for(stage.airflow.task_processes):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)


def nothing(stage: Stage, dag_id: str, run_id: str) -> None:
    """Time does it."""


STOPS: dict[str, tuple[str, Act, tuple[str, ...]]] = {
    "the worker gets SIGTERM": ("plain", terminate, ("sync",)),
    "mark failed": ("plain", mark("failed"), MODES),
    "mark success": ("plain", mark("success"), MODES),
    "clear": ("plain", clear, MODES),
    "DAG-run timeout": ("run_timeout", nothing, MODES),
    "execution timeout": ("task_timeout", nothing, MODES),
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as exits:
        yield Stage(tmp_path_factory.mktemp("stop"), exits)


@pytest.fixture(scope="module")
def cells() -> Iterator[dict[str, float]]:
    """Seconds from the stop to its cancel, for the report."""
    cells: dict[str, float] = {}
    yield cells
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(cells, indent=1))


@pytest.mark.parametrize(
    ("stop", "mode"), [(stop, mode) for stop, (_, _, modes) in STOPS.items() for mode in modes]
)
def test_a_stop_cancels_the_job(stage: Stage, cells: dict[str, float], stop: str, mode: str) -> None:
    kind, act, _ = STOPS[stop]
    dag_id = f"{kind}_{mode}"
    run_id, name = stage.begin(dag_id)
    act(stage, dag_id, run_id)
    began = time.time()
    wait_for(lambda: stage.cancels(name))
    cells[f"{stop} / {mode}"] = round(time.time() - began, 1)
    # By who is stopped, or, of a task that is cleared, by its next try.
    wait_for(lambda: re.search(f"{name} .*was asked to end", stage.log(dag_id, run_id)))
    if stop == "clear":
        wait_for(
            lambda: len(stage.jobs(run_id)) == 2 and stage.state(dag_id, run_id) in ("running", "deferred")
        )
        stage.airflow.api.mark(dag_id, run_id, "train", "failed")
    wait_for(lambda: stage.state(dag_id, run_id) not in ("running", "deferred", "queued", None))


@pytest.mark.parametrize("mode", MODES)
def test_who_opted_out_keeps_the_job(stage: Stage, mode: str) -> None:
    dag_id = f"opted_out_{mode}"
    run_id, name = stage.begin(dag_id)
    stage.airflow.api.mark(dag_id, run_id, "train", "failed")
    wait_for(lambda: stage.state(dag_id, run_id) == "failed")
    assert stays_quiet(stage, name)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_of_the_triggerer_cancels_nothing(stage: Stage, how: signal.Signals) -> None:
    run_id, name = stage.begin("plain_deferred")
    reads = len(stage.emulated.asked("GET", f"/jobs/{re.escape(name)}$"))
    if how is signal.SIGTERM:
        process = psutil.Process(stage.airflow.pid("triggerer"))
        process.terminate()
        process.wait(60)
    stage.airflow.kill("triggerer")
    stage.airflow.start_again("triggerer")
    wait_for(lambda: len(stage.emulated.asked("GET", f"/jobs/{re.escape(name)}$")) > reads + 2)
    assert stays_quiet(stage, name)
    assert stage.state("plain_deferred", run_id) == "deferred"
    stage.airflow.api.mark("plain_deferred", run_id, "train", "failed")
    wait_for(lambda: stage.cancels(name))


def stays_quiet(stage: Stage, name: str) -> bool:
    """Whether nobody cancels the job for a while."""
    end = time.monotonic() + QUIET
    while time.monotonic() < end:
        if stage.cancels(name):
            return False
        time.sleep(0.5)
    return True
