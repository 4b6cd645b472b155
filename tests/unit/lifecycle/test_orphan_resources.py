"""Which resources are orphans: those that a setup has made and no run of its DAG needs."""

from __future__ import annotations

from typing import Any, cast

import pytest

from airflow_provider_amlrest.lifecycle.orphan_resources import find_orphan_resources
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.http.errors import PermissionDeniedError
from airflow_provider_amlrest.rest.resources.resource import Resource, read_resource

OLD = "2026-01-01T00:00:00.1234567+00:00"
OF_A_SETUP = {"airflow_dag_id": "train", "airflow_task_id": "up", "airflow_outlives_run": "false"}


def resource(path: str, tags: dict[str, str], **members: Any) -> Resource:
    properties = {"provisioningState": "Succeeded", "createdOn": OLD, **members}
    return read_resource(path, {"id": f"/{path}", "tags": tags, "properties": properties})


class Service:
    """A workspace that has these resources."""

    def __init__(self, *resources: Resource, forbidden: tuple[str, ...] = ()) -> None:
        self.resources, self.forbidden = resources, forbidden

    def list_resources(self, collection: str) -> list[Resource]:
        if collection in self.forbidden:
            raise PermissionDeniedError(f"GET {collection}", 403)
        return [one for one in self.resources if one.name.rpartition("/")[0] == collection]


def found(*resources: Resource, active: int = 0, runs: int = 1, name: str = "", **service: Any) -> list[str]:
    def count(dag_id: str, states: tuple[str, ...]) -> int:
        assert dag_id == "train"
        return active if states else runs

    client = cast(AzureMLClient, Service(*resources, **service))
    orphans = list(find_orphan_resources(client, count, airflow_name=name, min_age=60.0))
    assert all(orphan.has_runs == (runs > 0) and orphan.task_id == "up" for orphan in orphans)
    assert all(orphan.goal.path == orphan.resource.name for orphan in orphans)
    return [orphan.resource.name for orphan in orphans]


def test_a_compute_of_a_setup_whose_runs_are_over() -> None:
    assert found(resource("computes/gpu", OF_A_SETUP)) == ["computes/gpu"]
    assert found(resource("computes/gpu", OF_A_SETUP), runs=0) == ["computes/gpu"]


@pytest.mark.parametrize(
    "compute",
    [
        resource("computes/gpu", {}),
        resource("computes/gpu", {"airflow_dag_id": "train"}),
        resource("computes/gpu", OF_A_SETUP | {"airflow_outlives_run": "true"}),
        resource("computes/gpu", OF_A_SETUP | {"airflow_deployment": "other"}),
        resource("computes/gpu", OF_A_SETUP, provisioningState="Deleting"),
        resource("computes/gpu", OF_A_SETUP, createdOn="2099-01-01T00:00:00+00:00"),
        resource("computes/gpu", OF_A_SETUP, createdOn=None),
    ],
)
def test_all_others_are_none(compute: Resource) -> None:
    assert found(compute) == []


def test_while_a_run_is_under_way_nothing_is() -> None:
    assert found(resource("computes/gpu", OF_A_SETUP), active=1) == []


def test_the_connections_deployment_counts() -> None:
    compute = resource("computes/gpu", OF_A_SETUP | {"airflow_deployment": "ours"})
    assert found(compute, name="ours") == ["computes/gpu"]
    assert found(compute) == []


def test_a_deployment_that_gets_requests_is_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    shop = "onlineEndpoints/shop"
    deployments = [resource(f"{shop}/deployments/{name}", OF_A_SETUP) for name in ("blue", "green")]
    endpoint = resource(shop, {}, traffic={"blue": 100, "green": 0})
    assert found(endpoint, *deployments) == [f"{shop}/deployments/green"]
    assert "deployments/blue any more, but it is left alone: 'blue' gets 100 percent" in caplog.text


def test_an_endpoint_that_gets_requests_is_none() -> None:
    shop = "onlineEndpoints/shop"
    deployments = [resource(f"{shop}/deployments/{name}", OF_A_SETUP) for name in ("blue", "green")]
    endpoint = resource(shop, OF_A_SETUP, traffic={"blue": 100})
    assert found(endpoint, *deployments) == [f"{shop}/deployments/green"]


@pytest.mark.parametrize(
    "inner",
    [
        {"nodeStateCounts": {"runningNodeCount": 1}},
        {"nodeStateCounts": {"preparingNodeCount": 1}},
        {"targetNodeCount": 2, "currentNodeCount": 1},
        {"state": "JobRunning"},
    ],
)
def test_a_compute_on_which_jobs_run_is_none(inner: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    kind = "ComputeInstance" if "state" in inner else "AmlCompute"
    assert found(resource("computes/gpu", OF_A_SETUP, computeType=kind, properties=inner)) == []
    assert "No run needs computes/gpu any more, but it is left alone: jobs run on it" in caplog.text


def test_a_compute_whose_nodes_are_idle_is_one() -> None:
    idle = {"nodeStateCounts": {"idleNodeCount": 2, "runningNodeCount": 0}, "currentNodeCount": 2}
    assert found(resource("computes/gpu", OF_A_SETUP, properties=idle)) == ["computes/gpu"]


def test_the_deployments_of_an_endpoint_end_with_it() -> None:
    score = "batchEndpoints/score"
    deployment = resource(f"{score}/deployments/default", OF_A_SETUP)
    assert found(resource(score, OF_A_SETUP), deployment) == [score]
    endpoint = resource(score, {}, defaults={"deploymentName": "default"})
    assert found(endpoint, deployment) == []


def test_what_must_not_be_listed_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    compute = resource("computes/gpu", OF_A_SETUP)
    assert found(compute, forbidden=("onlineEndpoints",)) == ["computes/gpu"]
    assert "onlineEndpoints of the workspace cannot be listed" in caplog.text
