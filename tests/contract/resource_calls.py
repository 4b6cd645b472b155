"""What is asked of computes, endpoints and deployments: operations for the check against the OpenAPI."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.wire import replaced
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.resources import batch, online
from airflow_provider_amlrest.rest.resources.compute import deleted, read_compute, started, stopped
from airflow_provider_amlrest.rest.resources.goal import Absent, Change
from airflow_provider_amlrest.rest.resources.registries import PUBLISH, in_registry
from airflow_provider_amlrest.rest.resources.resource import Resource
from airflow_provider_amlrest.rest.resources.scoring import Access
from airflow_provider_amlrest.rest.resources.spec import ResourceSpec
from tests.unit.jobs import arm_id

WORKSPACE = WorkspaceId("00000000-0000-0000-0000-000000000001", "group", "workspace")
SHOP = "onlineEndpoints/shop"
SCORING = "https://shop.example/score"
MODEL, ENVIRONMENT = arm_id("models", "m", "1"), arm_id("environments", "e", "1")


def spec(read: Callable[[Given], ResourceSpec], **given: Any) -> ResourceSpec:
    return read(Given(given, Path()))


SPECS = (
    spec(read_compute, name="gpu", type="amlcompute", min_instances=0, max_instances=2, tags={"a": "1"}),
    spec(read_compute, name="desk", type="computeinstance", size="Standard_DS3_v2"),
    spec(online.read_endpoint, name="shop", auth_mode="key", tags={"a": "1"}),
    spec(
        online.read_deployment,
        name="blue",
        endpoint_name="shop",
        model=MODEL,
        environment=ENVIRONMENT,
        instance_type="Standard_DS3_v2",
        instance_count=1,
        request_settings={"request_timeout_ms": 5000},
    ),
    spec(batch.read_endpoint, name="score"),
    spec(
        batch.read_deployment,
        name="default",
        endpoint_name="score",
        model=MODEL,
        compute=arm_id("computes", "cpu"),
    ),
)
PATHS = tuple(one.path for one in SPECS)
COLLECTIONS = ("computes", "onlineEndpoints", "batchEndpoints", f"{SHOP}/deployments")


def _written(body: Any) -> Any:
    written = replaced(body, lambda lookup: lookup.written)
    if written["properties"].get("authMode") == "aadToken":
        # azure-ai-ml's spelling, and so ours (test_resource_golden.py); the OpenAPI has it in capitals.
        written["properties"]["authMode"] = "AADToken"
    return written


def changes(api_version: str) -> list[Change]:
    """The requests that bring each to its state, as far as a version has it."""
    known = [one for one in SPECS if api_version >= (one.since or "2022-05-01")]
    puts = [Change("PUT", one.path, {"location": "eastus", **_written(one.body)}) for one in known]
    now = Resource("computes/desk", "Stopped", wire={"id": "/desk"})
    others = [deleted("gpu").change(now), started("desk").change(now), stopped("desk").change(now)]
    others += [Absent(path, path).change(now) for path in PATHS if "Endpoints" in path]
    promotion = in_registry(api_version, "models-of-all", ("m", "1"), ("m", "1"), "").request
    return puts + others + ([promotion] if promotion and api_version >= PUBLISH else [])


def endpoint(mode: str) -> Resource:
    return Resource(SHOP, "Succeeded", wire={"properties": {"authMode": mode, "scoringUri": SCORING}})


FAILED = f"{PUBLIC.resource_manager}/subscriptions/s/providers/p/locations/eastus/mfeOperationsStatus/od:1"
"""Where the service says that an operation is: no part of its OpenAPI."""

CALLS: dict[str, Callable[[Operations], list[Any]]] = {
    "get_resource": lambda o: [o.get_resource(path) for path in PATHS],
    "list_resources": lambda o: [o.list_resources(collection) for collection in COLLECTIONS],
    "change_resource": lambda o: [o.change_resource(change) for change in changes(o.api_version)],
    "bring": lambda o: [o.bring(Absent(SHOP, "shop"))],
    "poll": lambda o: [o.poll("j"), o.poll("computes/gpu")],
    "poll_resource": lambda o: [o.poll_resource("computes/gpu"), o.poll_resource(SHOP, FAILED)],
    "explain_failure": lambda o: [
        o.explain_failure(
            Resource(
                f"{SHOP}/deployments/blue",
                "Failed",
                wire={"properties": {"properties": {"AzureAsyncOperationUri": FAILED}}},
            )
        )
    ],
    "get_deployment_log": lambda o: [o.get_deployment_log(f"{SHOP}/deployments/blue", 50)],
    "get_access": lambda o: [o.get_access(endpoint(mode)) for mode in ("Key", "AMLToken")],
    "score": lambda o: [o.score(Access(SCORING, "key"), {"data": [1]}, "blue")],
    "invoke_batch": lambda o: [o.invoke_batch(Access(SCORING, None), {}, None, "request-1")],
}
