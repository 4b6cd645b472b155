"""Deployments of batch endpoints: defaults as recorded, references, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.batch import deployment_body, make_endpoint, put
from tests.emulator.online import operation, wait_until
from tests.emulator.pipelines import component
from tests.emulator.running import Running

FIRST = "batchEndpoints/night/deployments/first"


@pytest.fixture
def night(quick: Running) -> Running:
    make_endpoint(quick, "night")
    return quick


def pipeline(emulator: Running, reference: str, **settings: str) -> dict[str, Any]:
    configuration = {
        "deploymentConfigurationType": "PipelineComponent",
        "componentId": {"referenceType": "Id", "assetId": reference},
        "settings": settings,
    }
    return {"location": "eastus", "properties": {"deploymentConfiguration": configuration}}


def test_a_deployment_is_answered_with_its_defaults(night: Running) -> None:
    put(night, FIRST, deployment_body(night))
    answered = night.get(FIRST, version="2022-05-01")
    recorded = {
        "errorThreshold": -1,
        "retrySettings": {"maxRetries": 3, "timeout": "PT30S"},
        "miniBatchSize": 10,
        "loggingLevel": "Info",
        "maxConcurrencyPerInstance": 1,
        "outputAction": "AppendRow",
        "outputFileName": "predictions.csv",
        "resources": {"instanceCount": 1, "instanceType": None, "properties": None},
        "provisioningState": "Succeeded",
    }
    assert {name: answered[name] for name in recorded} == recorded
    assert "deploymentConfiguration" not in answered
    listed = night.ml("GET", "batchEndpoints/night/deployments").json()["value"]
    assert [found["name"] for found in listed] == ["first"]


def test_description_and_tags_by_patch(night: Running) -> None:
    put(night, FIRST, deployment_body(night))
    body = {"tags": {"a": "1"}, "properties": {"description": "d"}}
    assert night.ml("PATCH", FIRST, body).status_code == 202
    wait_until(night, FIRST, "Succeeded")
    assert night.get(FIRST)["description"] == "d"
    assert night.ml("GET", FIRST).json()["tags"] == {"a": "1"}


def test_the_default_is_not_deleted(quick: Running) -> None:
    make_endpoint(quick, "night", "first", "second")
    assert quick.ml("DELETE", FIRST).status_code == 400
    second = FIRST.replace("first", "second")
    assert operation(quick, quick.ml("DELETE", second))["status"] == "Succeeded"
    assert quick.ml("DELETE", second).status_code == 204


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"model": None}, 400, "needs a model"),
    ({"model": {"referenceType": "Id", "assetId": "azureml:none:1"}}, 404, "none:1"),
    ({"model": {"referenceType": "DataPath", "path": "x"}}, 501, "DataPath"),
    ({"compute": None}, 400, "a compute"),
    ({"compute": "/computes/none"}, 400, "Compute Not Found"),
    ({"environmentId": None}, 400, "an environment"),
    ({"environmentId": "azureml:none:1"}, 404, "none"),
    ({"miniBatchSize": 0}, 400, "miniBatchSize"),
    ({"outputAction": "Print"}, 400, "outputAction"),
]


@pytest.mark.parametrize(("changes", "status", "problem"), REFUSED)
def test_deployments_that_there_cannot_be(
    night: Running, changes: dict[str, Any], status: int, problem: str
) -> None:
    refused = night.ml("PUT", FIRST, deployment_body(night, **changes))
    assert refused.status_code == status
    assert problem in refused.text


def test_pipelines_that_there_cannot_be(night: Running) -> None:
    refused = night.ml("PUT", FIRST, pipeline(night, component(night, "plain")))
    assert refused.status_code == 400
    assert "of the type command" in refused.text
    none = night.ml("PUT", FIRST, pipeline(night, "azureml:none:1"))
    assert none.status_code == 404
