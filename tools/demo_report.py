"""The results of ``make demo``: ``summary.json``, and the report on the screen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.airflow_api import TaskInstance

TRAINING, PIPELINE = "lightgbm_iris_training", "iris_pipeline_job"


def write_summary(
    path: Path, tasks: Mapping[str, Iterable[TaskInstance]], results: Mapping[str, Any], seconds: float
) -> None:
    """Write the facts for programs that run after the demo.

    :param tasks: DAG id -> its tasks.
    :param results: task id -> XCom: ``wait_for_training``, ``sweep`` and ``report``, and ``classify``.
    """
    command, sweep, pipeline = results["wait_for_training"], results["sweep"], results["classify"]
    best = sweep["best_trial"]
    summary = {
        "command_job": {key: command[key] for key in ("name", "status", "metrics")},
        "sweep_job": {
            **{key: sweep[key] for key in ("name", "status", "trials")},
            "best_trial": {key: best[key] for key in ("name", "params", "metric")},
            "all_trials": results["report"]["trials"],
        },
        "pipeline_job": {key: pipeline[key] for key in ("name", "status", "steps")},
        "steps": [
            {
                "dag_id": dag_id,
                "task_id": task.task_id,
                "state": task.state,
                "seconds": round(task.seconds or 0.0, 1),
            }
            for dag_id, of_dag in tasks.items()
            for task in sorted(of_dag, key=lambda task: task.started or "")
        ],
        "seconds": seconds,
    }
    path.write_text(json.dumps(summary, indent=2) + "\n")


def print_report(summary: Mapping[str, Any], results: Mapping[str, Any], data_dir: Path) -> None:
    """Print steps, metrics, trials, and where the outputs are.

    :param data_dir: the emulator's data directory.
    """
    _print_steps(summary["steps"])
    _print_command_job(summary["command_job"])
    _print_sweep_job(summary["sweep_job"], results["report"]["primary_metric"])
    _print_pipeline_job(summary["pipeline_job"])
    models = results["report"]["models"]
    print("\nOutputs")
    print(f"  model of the command job  {models['command_job']}")
    print(f"  model of the best trial   {models['best_trial']}")
    print(f"  report of the pipeline    {results['classify']['outputs']['report']}")
    print(f"  all of it is in the emulator's blob storage, kept for the next run: {data_dir}")
    print(f"\nDone in {summary['seconds']:.0f} seconds. build/demo/summary.json has the same facts.")


def _print_steps(steps: Iterable[Mapping[str, Any]]) -> None:
    print("\nSteps")
    header = ("dag", "task", "state", "seconds")
    print_table(header, [(s["dag_id"], s["task_id"], s["state"], f"{s['seconds']:.1f}") for s in steps])


def _print_command_job(job: Mapping[str, Any]) -> None:
    print(f"\nCommand job {job['name']}: {job['status']}")
    print_table(("metric", "value"), [(name, _number(value)) for name, value in job["metrics"].items()])


def _print_sweep_job(job: Mapping[str, Any], primary_metric: str) -> None:
    best = job["best_trial"]
    params = sorted(best["params"])

    def row(trial: Mapping[str, Any]) -> Sequence[str]:
        values = (trial["params"].get(name) for name in params)
        mark = "<- best" if trial["name"] == best["name"] else ""
        return (trial["name"], trial["status"], *map(_number, values), _number(trial["metric"]), mark)

    print(f"\nSweep job {job['name']}: {job['status']}, {job['trials']} trials")
    print_table(("trial", "status", *params, primary_metric, ""), [row(trial) for trial in job["all_trials"]])


def _print_pipeline_job(job: Mapping[str, Any]) -> None:
    def row(step: Mapping[str, Any]) -> Sequence[str]:
        return (
            step["name"],
            step["status"],
            _number(step["seconds"]),
            "<- reused" if step.get("reused") else "",
        )

    print(f"\nPipeline job {job['name']}: {job['status']}")
    print_table(("step", "status", "seconds", ""), [row(step) for step in job["steps"]])


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, ["-" * width for width in widths], *rows):
        print(("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip())


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
