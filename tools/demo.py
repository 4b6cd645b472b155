"""``make demo``: run the training DAG under a real Airflow against the emulator, and report what happened."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from tools.airflow_api import TaskInstance
from tools.demo_report import print_report, write_summary
from tools.local_airflow import LocalAirflow
from tools.local_stack import ROOT, LocalStack
from tools.services import ServiceError, interruptible

BUILD = ROOT / "build" / "demo"
DAG_ID = "lightgbm_iris_training"
RUN_TIMEOUT = 15 * 60.0


class DemoError(RuntimeError):
    """The DAG run did not succeed."""


class Clock:
    """Prints lines with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._start, 1)

    def say(self, text: str) -> None:
        print(f"{self.seconds:7.1f} s  {text}", flush=True)


def run_dag(stack: LocalStack, say: Callable[[str], None]) -> tuple[str, list[TaskInstance]]:
    """Run the training DAG to its end, one line for each change of a task's state.

    :raises DemoError: if the run fails; the text contains the last lines of the failed task's log.
    """
    api = stack.airflow.api
    stack.airflow.wait_for_dags([DAG_ID])
    run_id = api.trigger(DAG_ID)
    say(f"Started {DAG_ID}, run {run_id}")
    shown: dict[str, str | None] = {}
    tasks: list[TaskInstance] = []
    for tasks in api.watch(DAG_ID, run_id, RUN_TIMEOUT):
        stack.check()
        for task in tasks:
            if task.state not in (shown.get(task.task_id), None, "scheduled", "queued"):
                shown[task.task_id] = task.state
                say(f"{task.task_id}: {task.state}")
    if api.run_state(DAG_ID, run_id) != "success":
        raise DemoError(_explain_failure(stack.airflow, run_id, tasks))
    return run_id, tasks


def _explain_failure(airflow: LocalAirflow, run_id: str, tasks: list[TaskInstance]) -> str:
    lines = []
    for task in tasks:
        if task.state == "failed":
            log = airflow.api.task_log(DAG_ID, run_id, task)
            lines += [
                f"The task {task.task_id} failed. The end of its log:",
                *(f"    {line}" for line in log[-25:]),
            ]
    return "\n".join(
        lines or [f"The run {run_id} failed: " + ", ".join(f"{t.task_id} {t.state}" for t in tasks)]
    )


def read_results(airflow: LocalAirflow, run_id: str) -> dict[str, Any]:
    """The XComs of the tasks: the command job, the sweep, and the report on its trials."""
    return {
        task_id: airflow.api.xcom(DAG_ID, run_id, task_id)
        for task_id in ("wait_for_training", "sweep", "report")
    }


def main() -> int:
    clock = Clock()
    summary = BUILD / "summary.json"
    summary.unlink(missing_ok=True)
    try:
        with interruptible(), LocalStack(BUILD, clock.say) as stack:
            run_id, tasks = run_dag(stack, clock.say)
            results = read_results(stack.airflow, run_id)
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
