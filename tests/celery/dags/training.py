"""A training DAG that waits in every way: in a worker, in a triggerer, by a sensor, for a sweep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_amlrest.operators import (
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitSweepJobOperator,
)
from airflow_provider_amlrest.sensors import AzureMLJobSensor

# Long enough for services to be killed while it runs; see the emulator's runtime `simulated`.
SECONDS = {"emulator.seconds": "60", "emulator.metrics": '{"score": 0.5}'}
JOB: dict[str, Any] = {
    "environment": "AzureML-anything:1",
    "compute": "cpu-cluster",
    "tags": SECONDS,
    "poll_interval": 1,
}

with DAG(
    "training",
    schedule=None,
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=1)},
):
    AzureMLSubmitCommandJobOperator(task_id="train", command="python train.py", deferrable=False, **JOB)
    AzureMLSubmitCommandJobOperator(
        task_id="train_deferred", command="python train.py", deferrable=True, **JOB
    )
    AzureMLSubmitSweepJobOperator(
        task_id="sweep",
        command="python train.py ${{search_space.x}}",
        search_space={"x": {"type": "choice", "values": [1, 3, 2]}},
        sampling_algorithm="grid",
        objective={"goal": "maximize", "primary_metric": "sum"},
        limits={"max_total_trials": 3, "max_concurrent_trials": 3},
        deferrable=True,
        **JOB,
    )
    start = AzureMLSubmitCommandJobOperator(
        task_id="start", command="python train.py", wait_for_completion=False, **JOB
    )
    AzureMLJobSensor(task_id="wait", job_name=start.output["name"], poke_interval=1, deferrable=True)
