"""DAGs that are stopped, or lose their processes: their jobs end when the test creates a file."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_amlrest.operators import (
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitPipelineJobOperator,
)

LATER = timedelta(seconds=20)
WAITS = f"until [ -e {os.environ['JOBS_WAIT_IN']}/$AZUREML_RUN_ID ]; do sleep 0.2; done"
STEP = {"command": WAITS, "environment": "azureml:AzureML-anything:1", "compute": "cpu-cluster"}
PIPELINE = {
    "jobs": {
        "first": {**STEP, "outputs": {"model": {"type": "uri_folder"}}},
        "second": {**STEP, "inputs": {"model": "${{parent.jobs.first.outputs.model}}"}},
    },
}
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "retried": ({}, {"retries": 2}),
    # Airflow's own delay is 5 minutes. Tries that begin while its API server is away are lost.
    "retried_late": ({}, {"retries": 2, "retry_delay": timedelta(seconds=150)}),
    "run_timeout": ({"dagrun_timeout": LATER}, {}),
    "task_timeout": ({}, {"execution_timeout": LATER}),
    "opted_out": ({}, {"cancel_on_kill": False}),
    "pipeline": ({}, {}),
    "pipeline_retried": ({}, {"retries": 2}),
    "pipeline_timeout": ({}, {"execution_timeout": LATER}),
}

for kind, (of_dag, of_task) in KINDS.items():
    for mode in ("sync", "deferred"):
        with DAG(f"{kind}_{mode}", schedule=None, catchup=False, **of_dag):
            operator, job = (
                (AzureMLSubmitPipelineJobOperator, PIPELINE)
                if kind.startswith("pipeline")
                else (
                    AzureMLSubmitCommandJobOperator,
                    {"command": WAITS, "environment": "AzureML-anything:1"},
                )
            )
            operator(
                task_id="train",
                deferrable=mode == "deferred",
                poll_interval=1,
                # 2.11 takes a clear of a running task for a retry.
                **{**job, "retry_delay": timedelta(seconds=1), **of_task},
            )
