"""What is asked of computes, endpoints and deployments: operations for the check against the OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.wire import replaced
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.resources import batch, online
from airflow_provider_amlrest.rest.resources.compute import deleted, read_compute, started, stopped
from airflow_provider_amlrest.rest.resources.goal import Absent, Change, Present
from airflow_provider_amlrest.rest.resources.registries import PUBLISH, in_registry
from airflow_provider_amlrest.rest.resources.resource import Resource, gone
from airflow_provider_amlrest.rest.resources.scoring import Access
from airflow_provider_amlrest.rest.resources.spec import ResourceSpec
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.unit.jobs import arm_id

WORKSPACE = WorkspaceId("00000000-0000-0000-0000-000000000001", "group", "workspace")
SHOP = "onlineEndpoints/shop"
SCORING = "https://shop.example/score"
MODEL, ENVIRONMENT = arm_id("models", "m", "1"), arm_id("environments", "e", "1")


KINDS: dict[str, tuple[Callable[[Given], ResourceSpec], dict[str, Any]]] = {
    "cluster": (
        read_compute,
        {
            "name": "gpu",
            "type": "amlcompute",
            "description": "for training",
            "tags": {"a": "1"},
            "location": "westeurope",
            "identity": {"type": "user_assigned", "user_assigned_identities": [{"resource_id": "/id/one"}]},
            "size": "Standard_NC6",
            "tier": "low_priority",
            "min_instances": 1,
            "max_instances": 3,
            "idle_time_before_scale_down": 600,
            "ssh_public_access_enabled": True,
            "ssh_settings": {
                "admin_username": "me",
                "admin_password": "mine",
                "ssh_key_value": "ssh-rsa A",
            },
            "network_settings": {"subnet": "/subscriptions/s/virtualNetworks/v/subnets/n"},
            "enable_node_public_ip": False,
        },
    ),
    "instance": (
        read_compute,
        {
            "name": "desk",
            "type": "computeinstance",
            "description": "to write",
            "size": "Standard_E4s_v3",
            "ssh_public_access_enabled": True,
            "ssh_settings": {"ssh_key_value": "ssh-rsa B"},
            "network_settings": {"subnet": "/subscriptions/s/virtualNetworks/v/subnets/n"},
            "enable_node_public_ip": False,
            "schedules": {
                "compute_start_stop": [
                    {
                        "action": "stop",
                        "state": "disabled",
                        "trigger": {
                            "type": "cron",
                            "expression": "0 18 * * *",
                            "start_time": "2026-01-01T00:00:00",
                            "time_zone": "W. Europe Standard Time",
                        },
                    }
                ]
            },
            "idle_time_before_shutdown_minutes": 30,
            "create_on_behalf_of": {"user_object_id": "user", "user_tenant_id": "tenant"},
            "enable_sso": False,
        },
    ),
    "pool": (read_compute, {"name": "pool", "type": "synapsespark", "resource_id": "/subscriptions/s/pool"}),
    "machine": (
        read_compute,
        {
            "name": "vm1",
            "type": "virtualmachine",
            "resource_id": "/subscriptions/s/vm",
            "ssh_settings": {"admin_username": "me", "admin_password": "mine", "ssh_port": 2222},
        },
    ),
    "online endpoint": (
        online.read_endpoint,
        {
            "name": "shop",
            "auth_mode": "aml_token",
            "description": "of the shop",
            "tags": {"a": "1"},
            "properties": {"b": "2"},
            "location": "westeurope",
            "identity": "none",
            "traffic": {"blue": 90, "green": 10},
            "mirror_traffic": {"green": 5},
            "public_network_access": "disabled",
        },
    ),
    "online deployment": (
        online.read_deployment,
        {
            "name": "blue",
            "endpoint_name": "shop",
            "description": "of iris",
            "tags": {"a": "1"},
            "properties": {"b": "2"},
            "location": "westeurope",
            "model": MODEL,
            "code_configuration": {"code": arm_id("codes", "c", "1"), "scoring_script": "score.py"},
            "environment": ENVIRONMENT,
            "environment_variables": {"LEVEL": "7"},
            "app_insights_enabled": True,
            "instance_type": "Standard_F2s_v2",
            "instance_count": 2,
            "request_settings": {
                "request_timeout_ms": 5500,
                "max_queue_wait_ms": 250,
                "max_concurrent_requests_per_instance": 4,
            },
            "liveness_probe": {
                "initial_delay": 11,
                "period": 12,
                "timeout": 13,
                "success_threshold": 14,
                "failure_threshold": 15,
            },
            "readiness_probe": {"initial_delay": 16},
            "scale_settings": {
                "type": "target_utilization",
                "min_instances": 17,
                "max_instances": 18,
                "polling_interval": 19,
                "target_utilization_percentage": 70,
            },
            "egress_public_network_access": "disabled",
            "data_collector": {
                "collections": {
                    "model_inputs": {"enabled": "true", "client_id": "me", "data": arm_id("data", "d", "1")},
                    "model_outputs": {"enabled": "false"},
                },
                "rolling_rate": "hour",
                "sampling_rate": 0.5,
                "request_logging": {"capture_headers": ["x-id"]},
            },
            "model_mount_path": "/var/models",
        },
    ),
    "batch endpoint": (
        batch.read_endpoint,
        {
            "name": "score",
            "auth_mode": "aad_token",
            "description": "of the night",
            "tags": {"a": "1"},
            "properties": {"b": "2"},
            "location": "westeurope",
            "identity": "system_assigned",
            "defaults": {"deployment_name": "default"},
        },
    ),
    "batch deployment": (
        batch.read_deployment,
        {
            "name": "default",
            "endpoint_name": "score",
            "type": "model",
            "description": "of iris",
            "tags": {"a": "1"},
            "properties": {"b": "2"},
            "location": "westeurope",
            "model": MODEL,
            "code_configuration": {"code": arm_id("codes", "c", "1"), "scoring_script": "score.py"},
            "environment": ENVIRONMENT,
            "compute": arm_id("computes", "cpu"),
            "resources": {"instance_count": 2, "instance_type": "Standard_NC6"},
            "settings": {
                "max_concurrency_per_instance": 3,
                "mini_batch_size": 21,
                "output_action": "summary_only",
                "output_file_name": "found.csv",
                "retry_settings": {"max_retries": 4, "timeout": 90},
                "error_threshold": 6,
                "logging_level": "warning",
                "environment_variables": {"LEVEL": "8"},
            },
        },
    ),
    "pipeline deployment": (
        batch.read_deployment,
        {
            "name": "steps",
            "endpoint_name": "score",
            "description": "of steps",
            "tags": {"a": "1"},
            "properties": {"b": "2"},
            "location": "westeurope",
            "component": arm_id("components", "c", "1"),
            "settings": {"default_compute": "cpu", "continue_on_step_failure": False},
        },
    ),
}
"""A resource of each kind: its reader, and all that can be said of it."""

SPELT_OTHERWISE = {
    **dict.fromkeys(("publicNetworkAccess", "egressPublicNetworkAccess"), str.capitalize),
    **dict.fromkeys(("action", "dataCollectionMode", "loggingLevel", "rollingRate"), str.capitalize),
    "authMode": lambda mode: "AADToken" if mode == "aadToken" else mode,
}
"""Words that azure-ai-ml spells in another case than Microsoft's definitions, and so do we."""


def spec(read: Callable[[Given], ResourceSpec], given: Mapping[str, Any]) -> ResourceSpec:
    return read(Given(dict(given), Path()))


def sayable(api_version: str, kind: str) -> dict[str, Any] | None:
    """All that a version can be told of a resource; None if it has none of this kind.

    What it refuses is left out, as the refusal says to do.
    """
    read, given = KINDS[kind]
    spelling = spelling_of(api_version, WORKSPACE)
    fields = [problem.field for problem in spec(read, given).problems(spelling)]
    if "type" in fields or (kind, fields) == ("pipeline deployment", ["component"]):
        return None
    return {name: value for name, value in given.items() if name not in fields}


def as_defined(body: Any) -> Any:
    """A body as Microsoft's definitions spell it, with what was given for what is to be looked up."""
    return _spelt("", replaced(body, lambda lookup: lookup.written))


def _spelt(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        if name == "settings":
            # azure-ai-ml sends booleans to a pipeline's deployment, where the definitions have texts.
            return {key: str(member) for key, member in value.items()}
        return {key: _spelt(key, member) for key, member in value.items()}
    if isinstance(value, list):
        return [_spelt(name, member) for member in value]
    return SPELT_OTHERWISE[name](value) if name in SPELT_OTHERWISE else value


def put_body(spec: ResourceSpec) -> dict[str, Any]:
    """The body of the PUT that makes a resource, as it is on the wire."""
    change = Present(spec.path, spec.what, spec.body, spec.of_user, {"airflow_dag_id": "d"}, spec.kept)
    body = change.change(gone(spec.path)).body
    wire: dict[str, Any] = json.loads(json.dumps({"location": "eastus", **as_defined(body)}))
    return wire


PATHS = tuple(dict.fromkeys(spec(*one).path for one in KINDS.values()))
COLLECTIONS = ("computes", "onlineEndpoints", "batchEndpoints", f"{SHOP}/deployments")


def changes(api_version: str) -> list[Change]:
    """The requests that bring each to its state, as far as a version has it."""
    told = ((read, sayable(api_version, kind)) for kind, (read, _) in KINDS.items())
    known = [spec(read, given) for read, given in told if given is not None]
    puts = [Change("PUT", one.path, put_body(one)) for one in known]
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
