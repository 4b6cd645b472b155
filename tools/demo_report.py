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
    print("\nSteps")
    print_table(
        ("dag", "task", "state", "seconds"),
        [
            (step["dag_id"], step["task_id"], step["state"], f"{step['seconds']:.1f}")
            for step in summary["steps"]
        ],
    )

    command, report = summary["command_job"], results["report"]
    print(f"\nCommand job {command['name']}: {command['status']}")
    print_table(("metric", "value"), [(name, _number(value)) for name, value in command["metrics"].items()])

    sweep = summary["sweep_job"]
    best = sweep["best_trial"]
    print(f"\nSweep job {sweep['name']}: {sweep['status']}, {sweep['trials']} trials")
    params = sorted(best["params"])
    print_table(
        ("trial", "status", *params, report["primary_metric"], ""),
        [
            (
                trial["name"],
                trial["status"],
                *(_number(trial["params"].get(name)) for name in params),
                _number(trial["metric"]),
                "<- best" if trial["name"] == best["name"] else "",
            )
            for trial in report["trials"]
        ],
    )

    pipeline = summary["pipeline_job"]
    print(f"\nPipeline job {pipeline['name']}: {pipeline['status']}")
    print_table(
        ("step", "status", "seconds", ""),
        [
            (
                step["name"],
                step["status"],
                _number(step["seconds"]),
                "<- reused" if step.get("reused") else "",
            )
            for step in pipeline["steps"]
        ],
    )

    print("\nOutputs")
    print(f"  model of the command job  {report['models']['command_job']}")
    print(f"  model of the best trial   {report['models']['best_trial']}")
    print(f"  report of the pipeline    {results['classify']['outputs']['report']}")
    print(f"  all of it is in the emulator's blob storage, kept for the next run: {data_dir}")
    print(f"\nDone in {summary['seconds']:.0f} seconds. build/demo/summary.json has the same facts.")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, ["-" * width for width in widths], *rows):
        print(("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip())


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
