"""What tasks leave of the online endpoint that they work on."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.exceptions import AirflowException
from airflow.providers.common.compat.sdk import mask_secret

from airflow_provider_amlrest.lifecycle.bringing import ResourceError
from airflow_provider_amlrest.lifecycle.endpoint_record import ENDPOINT_KEY, EndpointRecord
from airflow_provider_amlrest.operators import (
    AzureMLDeployOnlineEndpointOperator,
    AzureMLInvokeOnlineEndpointOperator,
    AzureMLShiftTrafficOperator,
)
from airflow_provider_amlrest.rest import AzureMLClient
from tests.support.emulated import Emulated
from tests.support.endpoints import make_model
from tests.support.tasks import Try

TEST = {"at": 5.0, "error": "", "passed": [{"deployment": "green", "requests": 2, "seconds": 0.1}]}
ODD_TEST = {"at": "now", "error": "", "passed": []}


@pytest.mark.parametrize(
    "odd", [None, "shop", 7, [], {}, {"name": 7}, {"name": "../x"}, {"name": "***"}, {"name": "a b"}]
)
def test_a_record_that_is_none(odd: Any) -> None:
    assert EndpointRecord.read(odd) is None


@pytest.mark.parametrize(
    "odd",
    [
        *(7, "passed", [], ODD_TEST, {**TEST, "error": None}, {**TEST, "passed": {}}, {**TEST, "at": True}),
        {**TEST, "at": float("nan")},
    ],
)
def test_a_test_that_is_none(odd: Any) -> None:
    assert EndpointRecord.read({"name": "shop", "test": odd}) == EndpointRecord("shop")


def test_of_a_test_only_what_is_valid_is_read() -> None:
    rows = [*TEST["passed"], 7, {"deployment": 7}, {"deployment": "x", "requests": "2", "seconds": 1}]
    record = EndpointRecord.read({"name": "shop", "test": {**TEST, "passed": rows}})
    assert record is not None
    assert record.test is not None
    assert [one.deployment for one in record.test.passed] == ["green"]


@pytest.fixture(params=[False, True], ids=["sync", "deferred"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def left(attempt: Try) -> tuple[EndpointRecord | None, str]:
    """The record of a task, and its link."""
    return EndpointRecord.read(attempt.xcoms.get(ENDPOINT_KEY)), attempt.xcoms.get("azureml_studio_link", "")


def shift(shop: str, **arguments: Any) -> Try:
    arguments = {"steps": [{"green": 100}], "pause": 0, "smoke_test": {"requests": [1, 2]}, **arguments}
    return Try(
        AzureMLShiftTrafficOperator(task_id="shift", endpoint_name=shop, poll_interval=0.1, **arguments)
    )


def test_a_rollout_leaves_its_last_smoke_test(shop: str, deferrable: bool) -> None:
    attempt = shift(shop, deferrable=deferrable)
    attempt.execute()
    record, url = left(attempt)
    assert f"/endpoints/realtime/{shop}/detail?wsid=" in url
    assert record is not None
    assert record.name == shop
    assert record.test is not None
    assert (record.test.error, [(one.deployment, one.requests) for one in record.test.passed]) == (
        "",
        [("green", 2)],
    )


def test_a_smoke_test_that_fails_is_told_and_a_secret_in_it_masked(shop: str, deferrable: bool) -> None:
    mask_secret("s3cret-answer")

    def check(answers: list[Any]) -> None:
        raise ValueError("s3cret-answer")

    attempt = shift(shop, deferrable=deferrable, smoke_check=check)
    with pytest.raises(AirflowException):
        attempt.execute()
    record, _ = left(attempt)
    assert record is not None
    assert record.test is not None
    assert "the check of deployment green failed: ValueError('***')" in record.test.error
    assert record.test.passed == ()


def test_of_two_deployments_the_one_that_passed_is_told_as_well(shop: str) -> None:
    def check(answers: list[Any]) -> bool:
        return bool(answers[0]["deployment"] == "blue")

    attempt = shift(shop, steps=[{"blue": 50, "green": 50}], smoke_check=check)
    with pytest.raises(AirflowException):
        attempt.execute()
    record, _ = left(attempt)
    assert record is not None
    assert record.test is not None
    assert [one.deployment for one in record.test.passed] == ["blue"]
    assert "refused" in record.test.error


def test_without_a_test_there_is_none_and_without_xcoms_nothing(shop: str) -> None:
    attempt = shift(shop, smoke_test=None)
    attempt.execute()
    assert left(attempt)[0] == EndpointRecord(shop)
    attempt = shift(shop, steps=[{"blue": 100}], do_xcom_push=False)
    attempt.execute()
    assert attempt.xcoms == {}


def test_who_invokes_or_deploys_says_where(shop: str, client: AzureMLClient) -> None:
    invoked = Try(AzureMLInvokeOnlineEndpointOperator(task_id="invoke", endpoint_name=shop, request={"x": 1}))
    invoked.execute()
    deployment = {"name": "red", "model": make_model(client)}
    deployed = Try(
        AzureMLDeployOnlineEndpointOperator(
            task_id="deploy",
            endpoint={"name": shop, "auth_mode": "key"},
            deployment=deployment,
            deferrable=True,
        )
    )
    deployed.execute()
    for attempt in (invoked, deployed):
        record, url = left(attempt)
        assert record == EndpointRecord(shop)
        assert f"/{shop}/detail?" in url
        assert "primaryKey" not in str(attempt.xcoms)


def test_a_deployment_that_fails_says_where_too(shop: str, client: AzureMLClient, emulator: Emulated) -> None:
    emulator.admin("POST", "provisioning", {"resource": "bad", "outcome": "failed", "times": 1})
    deployment = {"name": "bad", "model": make_model(client)}
    attempt = Try(AzureMLDeployOnlineEndpointOperator(task_id="deploy", endpoint=shop, deployment=deployment))
    with pytest.raises(ResourceError):
        attempt.execute()
    assert left(attempt)[0] == EndpointRecord(shop)
