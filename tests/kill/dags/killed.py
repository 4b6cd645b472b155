"""DAGs whose processes are killed: the same training, awaited in a worker and in the triggerer."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_amlrest.operators import AzureMLSubmitCommandJobOperator

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
