"""Who goes away while tasks wait for their jobs, and what is to become of the jobs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import psutil

from tests.stop.harness import MODES, UNDER_WAY, VERSION, WAITS, Stage
from tests.support.waiting import wait_for
from tools.local_airflow import AIRFLOW_3

SYNC, DEFERRED = ("sync",), ("deferred",)
SUPERVISOR_HEEDS = not VERSION.startswith("3.1")
"""3.1's supervisor has no handler of SIGTERM, and under LocalExecutor one that ignores it."""


class Run(NamedTuple):
    """A task that waits for its job."""

    dag_id: str
    run_id: str
    job: str

    @property
    def is_sync(self) -> bool:
        return self.dag_id.endswith("_sync")

    @property
    def has_retries(self) -> bool:
        return self.dag_id.startswith("retried")

    def __str__(self) -> str:
        return f"{'sync' if self.is_sync else 'deferred'} / {'retries' if self.has_retries else 'none left'}"


Act = Callable[[Stage, Sequence[Run]], None]


def suspended(stage: Stage, runs: Sequence[Run]) -> None:
    """The tasks and who watches over them, until Airflow has given them up; then they wake."""
    tasks = wait_for(lambda: _all_tasks(stage, runs))
    processes = [task.parent() for task in tasks] + tasks
    for process in processes:
        process.suspend()
    for run in runs:
        if run.has_retries:
            wait_for(lambda run=run: taken_over(stage, run))
        else:
            wait_for(lambda run=run: stage.state(run.dag_id, run.run_id) == "failed")
    for process in reversed(processes):
        process.resume()


def triggerer_suspended(stage: Stage, runs: Sequence[Run]) -> None:
    """Until another one has taken its triggers over; then it wakes."""
    service = stage.airflow.put_aside("triggerer")
    processes = [psutil.Process(service.pid), *service.descendants()]
    for process in processes:
        process.suspend()
    reads = {run: stage.looks(run.job) for run in runs}
    stage.airflow.start_again("triggerer")
    for run in runs:
        wait_for(lambda run=run: stage.looks(run.job) > reads[run] + 2)
    for process in processes:
        process.resume()


def scheduler(stage: Stage, runs: Sequence[Run]) -> None:
    """SIGTERM, and the next one starts, as in a rolling deployment. The old one waits for its tasks."""
    stage.airflow.put_aside("scheduler").terminate()
    stage.airflow.start_again("scheduler")
    for run in runs:
        if run.is_sync:
            wait_for(lambda run=run: taken_over(stage, run))


def terminate(pick: Callable[[psutil.Process], psutil.Process]) -> Act:
    def act(stage: Stage, runs: Sequence[Run]) -> None:
        for process in wait_for(lambda: _all_tasks(stage, runs)):
            with suppress(psutil.NoSuchProcess):
                pick(process).terminate()

    return act


def api_server(seconds: float) -> Act:
    def act(stage: Stage, runs: Sequence[Run]) -> None:
        stage.airflow.kill("api-server")
        time.sleep(seconds)
        stage.airflow.start_again("api-server")
        wait_for(stage.airflow.api.healthy)
        for run in runs:
            wait_for(lambda run=run: stage.state(run.dag_id, run.run_id) not in UNDER_WAY - WAITS)

    return act


def taken_over(stage: Stage, run: Run) -> bool:
    """Whether a later try waits for the job."""
    tried = stage.try_number(run.dag_id, run.run_id) > 1
    return tried and f"{run.job} exists already" in stage.log(run.dag_id, run.run_id)


def _all_tasks(stage: Stage, runs: Sequence[Run]) -> list[psutil.Process]:
    tasks = stage.airflow.task_processes()
    return tasks if len(tasks) == len(runs) else []


class Gone(NamedTuple):
    """Somebody who goes away."""

    act: Act
    modes: tuple[str, ...]
    nobody_comes: bool
    """Whether nobody comes for the job of a task in a worker that has no retries left: it is canceled."""
    is_told: bool
    """Whether such a task is told to go, so that it can say why it leaves the job."""
    retried: str = "retried"
    """The kind of DAG whose tasks have retries left."""


GONE: dict[str, Gone] = {
    "task and its supervisor suspended, then awake": Gone(suspended, SYNC, True, AIRFLOW_3),
    "triggerer suspended, then awake": Gone(triggerer_suspended, DEFERRED, False, False),
    "scheduler: SIGTERM, then the next one": Gone(scheduler, MODES, False, AIRFLOW_3),
    "task's process: SIGTERM": Gone(terminate(lambda task: task), SYNC, True, True),
    "task's supervisor: SIGTERM": Gone(
        terminate(lambda task: task.parent()), SYNC, SUPERVISOR_HEEDS, SUPERVISOR_HEEDS
    ),
}
AWAY: dict[str, Gone] = {
    f"API server away for {seconds} s": Gone(api_server(seconds), MODES, True, True, "retried_late")
    for seconds in (60, 180)
}


def check(stage: Stage, cells: dict[str, str], who: str, gone: Gone) -> None:
    """Let somebody go away: jobs are left for the next try, and canceled if there is none."""
    dag_ids = [f"{kind}_{mode}" for mode in gone.modes for kind in (gone.retried, "plain")]
    runs = [Run(dag_id, *stage.begin(dag_id)) for dag_id in dag_ids]
    gone.act(stage, runs)
    canceled = {run for run in runs if gone.nobody_comes and run.is_sync and not run.has_retries}
    for run in canceled:
        wait_for(lambda run=run: stage.cancels(run.job))
    stage.stays_quiet([run.job for run in runs if run not in canceled])
    results = {run: _end(stage, run) for run in runs}
    for run, (jobs, cancels, state) in results.items():
        cells[f"{who} / {run}"] = f"{jobs} job{'s' * (jobs != 1)}, {cancels} canceled, {state}"
    assert results == {run: (1, 1, "failed") if run in canceled else (1, 0, "success") for run in runs}
    for run in runs:
        if run in canceled or (gone.is_told and run.is_sync):
            fate = "was asked to end, as" if run in canceled else "is left:"
            log = stage.log(run.dag_id, run.run_id)
            assert re.search(f"{run.job} {fate} .+", log), f"{run}\n{log}"


def _end(stage: Stage, run: Run) -> tuple[int, int, str | None]:
    """Let the task's jobs end; how many there were, how many of them were canceled, and its state."""

    def is_over() -> bool:
        for job in stage.jobs(run.run_id):
            stage.let_go(job.name)
        return stage.state(run.dag_id, run.run_id) not in UNDER_WAY

    wait_for(is_over)
    jobs = [job.name for job in stage.jobs(run.run_id)]
    return len(jobs), sum(stage.cancels(job) for job in jobs), stage.state(run.dag_id, run.run_id)
