"""DAGs that are stopped: their jobs never end by themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_amlrest.operators import AzureMLSubmitCommandJobOperator

LATER = timedelta(seconds=20)
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "run_timeout": ({"dagrun_timeout": LATER}, {}),
    "task_timeout": ({}, {"execution_timeout": LATER}),
    "opted_out": ({}, {"cancel_on_kill": False}),
}

for kind, (of_dag, of_task) in KINDS.items():
    for mode in ("sync", "deferred"):
        with DAG(f"{kind}_{mode}", schedule=None, catchup=False, **of_dag):
            AzureMLSubmitCommandJobOperator(
                task_id="train",
                command="sleep infinity",
                environment="AzureML-anything:1",
                compute="cpu-cluster",
                deferrable=mode == "deferred",
                poll_interval=1,
                retry_delay=timedelta(seconds=1),  # 2.11 takes a clear of a running task for a retry
                tags={"emulator.outcome": "stuck"},
                **of_task,
            )
