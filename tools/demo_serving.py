"""``make demo-serving``: three runs of the example DAG ``train_gate_deploy``, and a table of what happened.

A first model goes into service, a better one takes its place, and one that is trained on mislabeled data, but
has the best metrics of all, is rolled back.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import requests

from tools.airflow_api import AirflowAPI
from tools.demo import Clock, DemoError, explain_failure
from tools.demo_report import print_table
from tools.local_stack import ROOT, LocalStack
from tools.services import ServiceError, interruptible

BUILD = ROOT / "build" / "demo-serving"
DAG = "train_gate_deploy"
RUN_TIMEOUT = 10 * 60.0


class Story(NamedTuple):
    """A run, and what is to become of it. ``leads``: whether its model gets all requests."""

    title: str
    params: Mapping[str, Any]
    state: str
    leads: bool


STORIES = (
    Story("a first model", {"iterations": 10}, "success", leads=True),
    Story("a better one", {"iterations": 20}, "success", leads=True),
    Story(
        "the best metrics, of wrong data",
        {"data": "lightgbm_iris/iris_mislabeled.csv"},
        "failed",
        leads=False,
    ),
)


def tell(stack: LocalStack, story: Story, say: Callable[[str], None]) -> dict[str, Any]:
    """Run the DAG, one line for each change of a task's state; what its tasks returned, by task.

    :raises DemoError: if the run does not end as it should.
    """
    api = stack.airflow.api
    run_id = api.trigger(DAG, **story.params)
    say(f"Started {DAG}: {story.title}")
    shown: dict[str, str | None] = {}
    tasks = []
    for tasks in api.watch(DAG, run_id, RUN_TIMEOUT):
        stack.check()
        for task in tasks:
            if task.state not in (shown.get(task.task_id), None, "scheduled", "queued"):
                shown[task.task_id] = task.state
                say(f"{task.task_id}: {task.state}")
    if api.run_state(DAG, run_id) != story.state:
        raise DemoError(explain_failure(stack.airflow, DAG, run_id, tasks))
    return {task.task_id: _result(api, run_id, task.task_id) for task in tasks}


def _result(api: AirflowAPI, run_id: str, task_id: str) -> Any:
    try:
        return api.xcom(DAG, run_id, task_id)
    except requests.HTTPError:
        return None


def row(story: Story, results: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a run.

    :raises DemoError: if it is not what it should be.
    """
    compared, shifted = results["compare"], results["rollout.shift"]
    asked = results["ask"] or {}
    found = {
        "run": story.title,
        "model": "{name}:{version}".format(**results["register"]),
        "log_loss": round(next(m["candidate"] for m in compared["metrics"] if m["name"] == "log_loss"), 4),
        "accepted": compared["accepted"],
        "requests": shifted["shares"] if shifted else "rolled back",
        "answered by": asked.get("deployment"),
        "answer": asked.get("answer"),
    }
    if not compared["accepted"] or bool(shifted) != story.leads:
        raise DemoError(f"This was not to be: {json.dumps(found)}")
    return found


def run(stack: LocalStack, story: Story, clock: Clock) -> dict[str, Any]:
    """Run the DAG; what became of it, and how long it took."""
    began = clock.seconds
    found = row(story, tell(stack, story, clock.say))
    return {**found, "seconds": round(clock.seconds - began, 1)}


def main() -> int:
    clock = Clock()
    # Each time from the beginning: there is no model yet.
    shutil.rmtree(BUILD / "emulator", ignore_errors=True)
    try:
        with interruptible(), LocalStack(BUILD, clock.say) as stack:
            stack.airflow.wait_for_dags({DAG})
            rows = [run(stack, story, clock) for story in STORIES]
            clock.say("Stopping Airflow and the emulator")
    except (DemoError, ServiceError, TimeoutError) as error:
        print(f"\n{error}\n\nThe demo failed. All logs: {BUILD / 'logs'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything has stopped.", file=sys.stderr)
        return 130
    (BUILD / "summary.json").write_text(json.dumps({"runs": rows, "seconds": clock.seconds}, indent=2) + "\n")
    print()
    columns = ("run", "model", "log_loss", "accepted", "requests", "answered by", "seconds")
    print_table(columns, [[_shown(found[column]) for column in columns] for found in rows])
    print(f"\nA prediction of the model in service: {json.dumps(rows[1]['answer'])}")
    print(f"{clock.seconds:.0f} s in all. Airflow's and the emulator's logs: {BUILD / 'logs'}")
    return 0


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {share} %" for name, share in value.items())
    return "" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main())
