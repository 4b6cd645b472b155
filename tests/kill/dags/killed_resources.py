"""DAGs whose processes are killed while they bring something to a state, or ask a batch endpoint."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_amlrest.operators import (
    AzureMLDeployOnlineEndpointOperator,
    AzureMLInvokeBatchEndpointOperator,
    AzureMLShiftTrafficOperator,
    AzureMLStopComputeOperator,
)

NAME = "{{ params.name }}"
DATA = "azureml://datastores/workspaceblobstore/paths/in/"
WORK: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "endpoint": (
        AzureMLDeployOnlineEndpointOperator,
        {"endpoint": NAME, "deployment": {"name": "blue", "model": "azureml:petals:1"}},
    ),
    "compute": (AzureMLStopComputeOperator, {"name": NAME}),
    "rollout": (
        AzureMLShiftTrafficOperator,
        {
            "endpoint_name": NAME,
            "steps": [{"green": 50}, {"green": 100}],
            "pause": 4,
            "smoke_test": {"requests": [{}], "expected_status": 200},
        },
    ),
    "batch": (
        AzureMLInvokeBatchEndpointOperator,
        {"endpoint_name": NAME, "inputs": {"data": {"type": "uri_folder", "path": DATA}}},
    ),
}

for kind, (operator, arguments) in WORK.items():
    for mode in ("sync", "deferred"):
        dag_id = f"killed_{kind}_{mode}"
        with DAG(dag_id, schedule=None, catchup=False, max_active_runs=100, params={"name": "none"}):
            operator(
                task_id="work",
                deferrable=mode == "deferred",
                poll_interval=1,
                retries=30,
                retry_delay=timedelta(seconds=1),
                **arguments,
            )
