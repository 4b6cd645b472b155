"""The moments at which somebody is killed, or an answer gets lost."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.kill.harness import Result, Stage
from tests.support.waiting import wait_for

JOB = r"/jobs/killed-[a-z]+-train-[0-9a-f]{16}$"
BOTH, SYNC = ("sync", "deferred"), ("sync",)
DEFERRED = ("deferred", "pipeline")
"""A pipeline is awaited in the triggerer, too."""
ALL = ("sync", *DEFERRED)


def submitted(stage: Stage, mode: str) -> str:
    """Begin a run, and wait until its job runs and its task waits."""
    run_id = stage.begin(mode)
    state = "running" if mode == "sync" else "deferred"
    wait_for(lambda: stage.task(mode, run_id).state == state and stage.jobs(run_id))
    return run_id


def before_the_put(stage: Stage, mode: str) -> str:
    return _while_held(stage, mode, "GET", JOB)


def during_the_put(stage: Stage, mode: str) -> str:
    return _while_held(stage, mode, "PUT", JOB)


def after_the_put(stage: Stage, mode: str) -> str:
    return _while_held(stage, mode, "PUT", JOB, when="after")


def while_polling(stage: Stage, mode: str) -> str:
    run_id = submitted(stage, mode)
    stage.kill_tasks()
    return run_id


def at_resume(stage: Stage, mode: str) -> str:
    """In execute_complete, which reads the metrics."""
    return _while_held(stage, mode, "GET", r"/mlflow/.*/runs/get")


def triggerer_while_deferred(stage: Stage, mode: str) -> str:
    run_id = submitted(stage, mode)
    stage.lose("triggerer")
    return run_id


def triggerer_as_the_job_ends(stage: Stage, mode: str) -> str:
    run_id = submitted(stage, mode)
    wait_for(lambda: stage.jobs(run_id)[0].status == "Completed")
    stage.lose("triggerer")
    return run_id


def scheduler_while_waiting(stage: Stage, mode: str) -> str:
    run_id = submitted(stage, mode)
    stage.lose("scheduler")
    return run_id


def answer_of_the_put_lost(stage: Stage, mode: str) -> str:
    stage.hold("PUT", JOB, when="after", drop=True, delay_seconds=0)
    return stage.begin(mode)


def put_accepted_and_throttled(stage: Stage, mode: str) -> str:
    stage.hold("PUT", JOB, when="after", status=429, headers={"Retry-After": "1"}, delay_seconds=0)
    return stage.begin(mode)


POINTS: dict[str, tuple[Callable[[Stage, str], str], tuple[str, ...]]] = {
    "worker, before the PUT": (before_the_put, BOTH),
    "worker, during the PUT": (during_the_put, ALL),
    "worker, after the PUT, before its answer": (after_the_put, ALL),
    "worker, while it waits": (while_polling, SYNC),
    "worker, at resume": (at_resume, BOTH),
    "triggerer, while the task is deferred": (triggerer_while_deferred, DEFERRED),
    "triggerer, as the job ends": (triggerer_as_the_job_ends, DEFERRED),
    "scheduler and its workers, while the job runs": (scheduler_while_waiting, BOTH),
    "nobody; the answer of the PUT is lost": (answer_of_the_put_lost, ALL),
    "nobody; the PUT is accepted, and answered 429": (put_accepted_and_throttled, BOTH),
}


def play(stage: Stage, point: str, mode: str) -> Result:
    """Let it happen; how the run went."""
    began = time.time()
    act, _ = POINTS[point]
    return stage.finish(point, mode, act(stage, mode), began)


def _while_held(stage: Stage, mode: str, method: str, path: str, **rule: str) -> str:
    """Kill the task while the emulator holds a request of its."""
    held = stage.hold(method, path, **rule)
    run_id = stage.begin(mode)
    stage.await_held(held)
    stage.kill_tasks()
    return run_id
