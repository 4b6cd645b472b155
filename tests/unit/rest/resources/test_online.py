"""Online deployments as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.resources.online import read_deployment
from tests.unit.jobs import arm_id

DATA = arm_id("data", "inputs", "1")


def properties(**arguments: Any) -> dict[str, Any]:
    given = {"name": "blue", "endpoint_name": "shop", "model": arm_id("models", "m", "1"), **arguments}
    wire: dict[str, Any] = read_deployment(Given(given, Path())).body["properties"]
    return wire


def test_what_is_collected() -> None:
    """The share of the requests stands in each collection, where Microsoft's schemas have it."""
    collections = {
        "model_inputs": {"enabled": "true", "data": {"data_id": f"azureml:{DATA}"}, "client_id": "me"},
        "model_outputs": {"enabled": False},
    }
    found = properties(
        data_collector={
            "collections": collections,
            "sampling_rate": "0.5",
            "rolling_rate": "Hour",
            "request_logging": {"capture_headers": ["x-id"]},
        }
    )
    assert found["dataCollector"] == {
        "collections": {
            "model_inputs": {
                "dataCollectionMode": "enabled",
                "dataId": DATA,
                "clientId": "me",
                "samplingRate": 0.5,
            },
            "model_outputs": {"dataCollectionMode": "disabled", "samplingRate": 0.5},
        },
        "rollingRate": "hour",
        "requestLogging": {"captureHeaders": ["x-id"]},
    }


@pytest.mark.parametrize(
    ("collector", "problem"),
    [
        ({"sampling_rate": 1}, "data_collector.collections: they are missing"),
        ({"collections": {"x": {}}, "rate": 1}, "data_collector: unknown key 'rate'"),
        ({"collections": {"x": {"enable": True}}}, "unknown key 'enable'; did you mean 'enabled'"),
        ({"collections": {"x": {"data": "inputs"}}}, "data: 'inputs' must be the ARM id of data"),
        ({"collections": {"x": {}}, "sampling_rate": 2}, "sampling_rate: 2 must be a number from 0 to 1"),
        ({"collections": {"x": {}}, "rolling_rate": "week"}, "rolling_rate: 'week' is not one of"),
    ],
)
def test_what_cannot_be_collected(collector: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidSpecError) as error:
        properties(data_collector=collector)
    assert problem in str(error.value)


def test_times_are_exact_and_never_in_powers_of_ten() -> None:
    requests = {"request_timeout_ms": 1234567, "max_queue_wait_ms": 500}
    found = properties(request_settings=requests, liveness_probe={"period": 2_000_000, "timeout": 0.5})
    assert found["requestSettings"] == {"requestTimeout": "PT1234.567S", "maxQueueWait": "PT0.5S"}
    assert found["livenessProbe"] == {"period": "PT2000000S", "timeout": "PT0.5S"}
