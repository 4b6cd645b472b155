"""Setups without a teardown: what they make is left behind. Beside it, what nobody may delete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import dag

from airflow_provider_amlrest.operators import (
    AzureMLCreateComputeOperator,
    AzureMLDeployBatchEndpointOperator,
    AzureMLDeployOnlineEndpointOperator,
    AzureMLFindOrphansOperator,
    AzureMLShiftTrafficOperator,
    AzureMLSubmitCommandJobOperator,
)

MODEL = "azureml:petals:1"
COMMON: dict[str, Any] = {"poll_interval": 0.05}


@dag(schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), default_args=COMMON)
def left_behind() -> None:
    idle, busy, kept = (
        AzureMLCreateComputeOperator(task_id=name, name=f"left-{name}", max_instances=1)
        for name in ("idle", "busy", "kept")
    )
    job = AzureMLSubmitCommandJobOperator(
        task_id="job",
        command="true",
        environment="azureml:AzureML-any:1",
        compute="left-busy",
        tags={"emulator.seconds": "600"},
        wait_for_completion=False,
    )
    temp, blue, red, green = (
        AzureMLDeployOnlineEndpointOperator(
            task_id=deployment,
            endpoint=endpoint,
            deployment_name=deployment,
            deployment={"model": MODEL, "instance_type": "Standard_DS3_v2"},
        )
        for endpoint, deployment in (
            ("left-temp", "temp"),
            ("left-shop", "blue"),
            ("left-shop", "red"),
            ("left-shop", "green"),
        )
    )
    shift = AzureMLShiftTrafficOperator(
        task_id="shift", endpoint_name="left-shop", steps=[{"blue": 50, "red": 50}], pause=0
    )
    night = AzureMLDeployBatchEndpointOperator(
        task_id="night",
        endpoint="left-night",
        deployment_name="first",
        deployment={"model": MODEL, "compute": "cpu-cluster", "environment": "azureml:AzureML-any:1"},
    )
    for setup in (idle, busy, temp, red, green, night):
        setup.as_setup()
    find = AzureMLFindOrphansOperator(task_id="find", cancel=True, min_age=0.001)
    busy >> job >> find
    blue >> red >> shift >> green >> find
    [idle, kept, temp, night] >> find


left_behind()
