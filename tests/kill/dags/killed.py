"""DAGs whose processes are killed: the same training in a worker and in the triggerer, and a pipeline."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_amlrest.operators import (
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitPipelineJobOperator,
)

for mode in ("sync", "deferred"):
    with DAG(f"killed_{mode}", schedule=None, catchup=False, max_active_runs=100):
        AzureMLSubmitCommandJobOperator(
            task_id="train",
            command="python train.py",
            environment="AzureML-anything:1",
            compute="cpu-cluster",
            deferrable=mode == "deferred",
            poll_interval=1,
            tags={
                "emulator.seconds": os.environ["JOB_SECONDS"],
                "emulator.metrics": '{"score": 0.5}',
            },
            retries=30,
            retry_delay=timedelta(seconds=1),
        )

STEP = {"command": "python train.py", "environment": "azureml:AzureML-anything:1", "compute": "cpu-cluster"}

with DAG("killed_pipeline", schedule=None, catchup=False, max_active_runs=100):
    AzureMLSubmitPipelineJobOperator(
        task_id="train",
        jobs={
            "first": {**STEP, "outputs": {"model": {"type": "uri_folder"}}},
            "second": {**STEP, "inputs": {"model": "${{parent.jobs.first.outputs.model}}"}},
        },
        settings={"force_rerun": True},
        deferrable=True,
        poll_interval=1,
        tags={"emulator.seconds": str(float(os.environ["JOB_SECONDS"]) / 2)},
        retries=30,
        retry_delay=timedelta(seconds=1),
    )
