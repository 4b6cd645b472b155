"""DAGs that are stopped, or lose their processes: their jobs end when the test creates a file."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_amlrest.operators import AzureMLSubmitCommandJobOperator

LATER = timedelta(seconds=20)
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "retried": ({}, {"retries": 2}),
    # Airflow's own delay is 5 minutes. Tries that begin while its API server is away are lost.
    "retried_late": ({}, {"retries": 2, "retry_delay": timedelta(seconds=150)}),
    "run_timeout": ({"dagrun_timeout": LATER}, {}),
    "task_timeout": ({}, {"execution_timeout": LATER}),
    "opted_out": ({}, {"cancel_on_kill": False}),
}

for kind, (of_dag, of_task) in KINDS.items():
    for mode in ("sync", "deferred"):
        with DAG(f"{kind}_{mode}", schedule=None, catchup=False, **of_dag):
            AzureMLSubmitCommandJobOperator(
                task_id="train",
                command=f"until [ -e {os.environ['JOBS_WAIT_IN']}/$AZUREML_RUN_ID ]; do sleep 0.2; done",
                environment="AzureML-anything:1",
                deferrable=mode == "deferred",
                poll_interval=1,
                # 2.11 takes a clear of a running task for a retry.
                **{"retry_delay": timedelta(seconds=1), **of_task},
            )
