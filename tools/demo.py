"""``make demo``: run two example DAGs under a real Airflow against the emulator, and report what happened."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

from tools.airflow_api import TaskInstance
from tools.demo_report import PIPELINE, TRAINING, print_report, write_summary
from tools.local_airflow import LocalAirflow
from tools.local_stack import ROOT, LocalStack
from tools.services import ServiceError, interruptible

BUILD = ROOT / "build" / "demo"
RESULTS = {TRAINING: ("wait_for_training", "sweep", "report"), PIPELINE: ("classify",)}
"""The DAGs that run, side by side, and the tasks whose XComs are reported."""
RUN_TIMEOUT = 15 * 60.0


class DemoError(RuntimeError):
    """A DAG run did not succeed."""


class Clock:
    """Prints lines with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._start, 1)

    def say(self, text: str) -> None:
        print(f"{self.seconds:7.1f} s  {text}", flush=True)


def run_dags(
    stack: LocalStack, say: Callable[[str], None]
) -> tuple[dict[str, str], dict[str, list[TaskInstance]]]:
    """Run the DAGs to their ends, one line for each change of a task's state.

    :return: the ids of the runs, and their tasks, by DAG id.
    :raises DemoError: if a run fails; the text contains the last lines of the failed task's log.
    """
    api = stack.airflow.api
    stack.airflow.wait_for_dags(RESULTS)
    runs = {dag_id: api.trigger(dag_id) for dag_id in RESULTS}
    say(f"Started {' and '.join(runs)}")
    watches = [api.watch(dag_id, run_id, RUN_TIMEOUT) for dag_id, run_id in runs.items()]
    tasks: dict[str, list[TaskInstance]] = {dag_id: [] for dag_id in runs}
    shown: dict[tuple[str, str], str | None] = {}
    for looks in zip_longest(*watches):
        stack.check()
        for dag_id, look in zip(runs, looks, strict=True):
            tasks[dag_id] = look or tasks[dag_id]  # None: the run has ended before the other
            for task in tasks[dag_id]:
                if task.state not in (shown.get((dag_id, task.task_id)), None, "scheduled", "queued"):
                    shown[dag_id, task.task_id] = task.state
                    say(f"{dag_id}.{task.task_id}: {task.state}")
    for dag_id, run_id in runs.items():
        if api.run_state(dag_id, run_id) != "success":
            raise DemoError(explain_failure(stack.airflow, dag_id, run_id, tasks[dag_id]))
    return runs, tasks


def explain_failure(airflow: LocalAirflow, dag_id: str, run_id: str, tasks: list[TaskInstance]) -> str:
    lines = []
    for task in tasks:
        if task.state == "failed":
            log = airflow.api.task_log(dag_id, run_id, task)
            lines += [
                f"The task {dag_id}.{task.task_id} failed. The end of its log:",
                *(f"    {line}" for line in log[-25:]),
            ]
    states = ", ".join(f"{task.task_id} {task.state}" for task in tasks)
    return "\n".join(lines or [f"The run {run_id} of {dag_id} failed: {states}"])


def read_results(airflow: LocalAirflow, runs: Mapping[str, str]) -> dict[str, Any]:
    """The XComs of the tasks: the command job, the sweep, the report on its trials, and the pipeline."""
    return {
        task_id: airflow.api.xcom(dag_id, runs[dag_id], task_id)
        for dag_id, task_ids in RESULTS.items()
        for task_id in task_ids
    }


def main() -> int:
    clock = Clock()
    summary = BUILD / "summary.json"
    summary.unlink(missing_ok=True)
    try:
        with interruptible(), LocalStack(BUILD, clock.say) as stack:
            runs, tasks = run_dags(stack, clock.say)
            results = read_results(stack.airflow, runs)
            clock.say("Stopping Airflow and the emulator")
    except (DemoError, ServiceError, TimeoutError) as error:
        print(f"\n{error}\n\nThe demo failed. All logs: {BUILD / 'logs'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything has stopped.", file=sys.stderr)
        return 130
    write_summary(summary, tasks, results, clock.seconds)
    print_report(json.loads(summary.read_text()), results, data_dir=stack.emulator.data_dir)
    return 0


if __name__ == "__main__":
    sys.exit(main())
