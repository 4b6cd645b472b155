"""Endpoints and deployments that are deleted while something else is under way on them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest.operators import (
    AzureMLDeleteDeploymentOperator,
    AzureMLDeleteEndpointOperator,
    AzureMLDeployOnlineEndpointOperator,
)
from airflow_provider_amlrest.rest import AzureMLClient
from tests.support.emulated import Emulated
from tests.support.endpoints import INSTANCE_TYPE, MODEL
from tests.support.tasks import Try


def run(operator: Any, **arguments: Any) -> Any:
    return Try(operator(task_id="t", poll_interval=0.05, **arguments)).execute()


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_what_is_stuck_while_it_is_created_is_deleted_at_once(
    shop: str, client: AzureMLClient, emulator: Emulated, deferrable: bool, whole: bool
) -> None:
    stuck = {"instance_type": INSTANCE_TYPE, "model": f"{MODEL}:1", "tags": {"emulator.outcome": "stuck"}}
    run(
        AzureMLDeployOnlineEndpointOperator,
        endpoint=shop,
        deployment=stuck,
        deployment_name="red",
        wait_for_completion=False,
    )
    red = f"onlineEndpoints/{shop}/deployments/red"
    assert client.get_resource(red).status == "Creating"
    mark = emulator.mark()
    common = {"endpoint_name": shop, "deferrable": deferrable, "timeout": 60}
    if whole:
        result = run(AzureMLDeleteEndpointOperator, **common)
    else:
        result = run(AzureMLDeleteDeploymentOperator, deployment_name="red", **common)
    assert (result["outcome"], client.get_resource(red).exists) == ("deleted", False)
    assert client.get_resource(f"onlineEndpoints/{shop}").exists is not whole
    assert len(emulator.asked("DELETE", since=mark)) == 1
