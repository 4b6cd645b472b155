"""Stop matrix, on the Airflow of this environment: a decision cancels the job, once; a restart does not."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.stop.gone import GONE, Run, taken_over
from tests.stop.harness import IMPATIENT, MODES, UNDER_WAY, WAITS, Stage, write
from tests.support.waiting import wait_for
from tools.local_airflow import AIRFLOW_3

pytestmark = pytest.mark.stop

Act = Callable[[Stage, str, str], None]


def mark(state: str) -> Act:
    return lambda stage, dag_id, run_id: stage.mark(dag_id, run_id, state)


def mark_run(stage: Stage, dag_id: str, run_id: str) -> None:
    stage.airflow.api.mark_run(dag_id, run_id, "failed")


def delete_run(stage: Stage, dag_id: str, run_id: str) -> None:
    stage.airflow.api.delete_run(dag_id, run_id)


def clear(stage: Stage, dag_id: str, run_id: str) -> None:
    if AIRFLOW_3:
        stage.airflow.api.clear(dag_id, run_id, "train")
        return
    # The REST API of 2.11 answers 200 and does not clear a task that runs: it changes it in another session.
    date = run_id.removeprefix("manual__")
    stage.airflow.command("tasks", "clear", dag_id, "-t", "train", "-s", date, "-e", date, "--yes")


def nothing(stage: Stage, dag_id: str, run_id: str) -> None:
    """Time does it."""


STOPS: dict[str, tuple[str, Act]] = {
    "mark failed": ("plain", mark("failed")),
    "mark failed, with retries left": ("retried", mark("failed")),
    "mark success": ("plain", mark("success")),
    "mark the DAG run failed": ("retried", mark_run),
    "clear": ("plain", clear),
    "DAG-run timeout": ("run_timeout", nothing),
    "execution timeout": ("task_timeout", nothing),
    "mark failed, a pipeline": ("pipeline", mark("failed")),
    "clear, a pipeline": ("pipeline", clear),
    "execution timeout, a pipeline": ("pipeline_timeout", nothing),
}
BEGUN = {"first": "Running", "second": "NotStarted"}
CANCELED = {"first": "Canceled", "second": "Canceled"}
if not AIRFLOW_3:
    STOPS["delete the DAG run"] = ("retried", delete_run)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as exits:
        yield Stage(tmp_path_factory.mktemp("stop"), exits, IMPATIENT)


@pytest.fixture(scope="module")
def cells() -> Iterator[dict[str, float]]:
    """Seconds from the stop to its cancel, for the report."""
    cells: dict[str, float] = {}
    yield cells
    write(cells, "stop")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_cancels_the_job(stage: Stage, cells: dict[str, float], stop: str, mode: str) -> None:
    kind, act = STOPS[stop]
    dag_id = f"{kind}_{mode}"
    run_id, name = stage.begin(dag_id)
    has_steps = kind.startswith("pipeline")
    if has_steps:
        wait_for(lambda: stage.steps(name) == BEGUN)
    act(stage, dag_id, run_id)
    began = time.time()
    wait_for(lambda: stage.cancels(name))
    cells[f"{stop} / {mode}"] = round(time.time() - began, 1)
    # By who is stopped, or, of a task that is cleared, by its next try.
    wait_for(lambda: re.search(f"{name} .*was asked to end", stage.log(dag_id, run_id)))
    if has_steps:
        wait_for(lambda: stage.steps(name) == CANCELED)
    if act is clear:
        wait_for(lambda: len(stage.jobs(run_id)) == 2 and stage.state(dag_id, run_id) in WAITS)
        stage.mark(dag_id, run_id, "failed")
    if stop != "delete the DAG run":
        wait_for(lambda: stage.state(dag_id, run_id) not in UNDER_WAY)
    assert stage.cancels(name) == 1
    assert len(stage.jobs(run_id)) == 1 + (act is clear)


PERSONS = {
    "amlrest": [str(Path(sys.executable).parent / "amlrest"), "cancel", "--yes"],
    "the Studio": [
        sys.executable,
        "-c",
        "import sys; from airflow_provider_amlrest.hook import AzureMLHook\n"
        "with AzureMLHook().client() as client: client.cancel_job(sys.argv[1])",
    ],
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("person", PERSONS)
def test_what_a_person_has_canceled_is_not_paid_again(stage: Stage, person: str, mode: str) -> None:
    dag_id = f"retried_{mode}"
    run_id, name = stage.begin(dag_id)
    subprocess.run([*PERSONS[person], name], env=stage.airflow.environment, check=True)
    wait_for(lambda: stage.state(dag_id, run_id) not in WAITS)
    wait_for(lambda: stage.state(dag_id, run_id) not in UNDER_WAY)
    assert (stage.state(dag_id, run_id), stage.try_number(dag_id, run_id)) == ("failed", 1)
    assert (len(stage.jobs(run_id)), stage.cancels(name)) == (1, 1)


@pytest.mark.parametrize("mode", MODES)
def test_who_opted_out_keeps_the_job(stage: Stage, mode: str) -> None:
    dag_id = f"opted_out_{mode}"
    run_id, name = stage.begin(dag_id)
    stage.mark(dag_id, run_id, "failed")
    wait_for(lambda: stage.state(dag_id, run_id) == "failed")
    assert stage.stays_quiet([name])
    stage.let_go(name)


def test_a_process_that_only_ends_leaves_a_pipeline_and_its_steps(stage: Stage) -> None:
    run = Run("pipeline_retried_sync", *stage.begin("pipeline_retried_sync"))
    wait_for(lambda: stage.steps(run.job) == BEGUN)
    GONE["task's process: SIGTERM"].act(stage, [run])
    wait_for(lambda: taken_over(stage, run))
    assert stage.stays_quiet([run.job])
    assert stage.steps(run.job) == BEGUN
    stage.mark(run.dag_id, run.run_id, "failed")
    wait_for(lambda: stage.steps(run.job) == CANCELED)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_of_the_triggerer_cancels_nothing(stage: Stage, how: signal.Signals) -> None:
    run_id, name = stage.begin("plain_deferred")
    reads = stage.looks(name)
    if how is signal.SIGTERM:
        process = psutil.Process(stage.airflow.pid("triggerer"))
        process.terminate()
        process.wait(60)
    stage.airflow.kill("triggerer")
    stage.airflow.start_again("triggerer")
    wait_for(lambda: stage.looks(name) > reads + 2)
    assert stage.stays_quiet([name])
    assert stage.state("plain_deferred", run_id) == "deferred"
    stage.mark("plain_deferred", run_id, "failed")
    wait_for(lambda: stage.cancels(name))
