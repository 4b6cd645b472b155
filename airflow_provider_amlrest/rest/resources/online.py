"""Online endpoints and their managed deployments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.lookups import read_environment
from airflow_provider_amlrest.rest.reading.fields import (
    no_other_keys,
    string_map,
    text,
    text_list,
    word,
)
from airflow_provider_amlrest.rest.reading.values import (
    blank,
    boolean,
    mapping,
    number,
    optional,
    required_seconds,
    whole,
)
from airflow_provider_amlrest.rest.resources.endpoints import (
    ONLINE,
    check_deployment_name,
    check_endpoint_name,
    check_scoring_script,
    read_code_configuration,
)
from airflow_provider_amlrest.rest.resources.model_lookup import read_model_reference
from airflow_provider_amlrest.rest.resources.names import read_vm_size
from airflow_provider_amlrest.rest.resources.spec import (
    ResourceSpec,
    check_members,
    read_identity,
    says,
)
from airflow_provider_amlrest.rest.resources.traffic import LAST_ROLLOUT, ROLLOUT
from airflow_provider_amlrest.rest.versions.features import Feature
from airflow_provider_amlrest.rest.versions.spelling import Wire
from airflow_provider_amlrest.rest.versions.words import exact_duration, without_nones

SINCE = "2022-05-01"
ENDPOINT_FEATURES = (
    Feature(ResourceSpec, "type", "an online endpoint", SINCE, lambda endpoint: True),
    Feature(
        ResourceSpec,
        "public_network_access",
        "who reaches an endpoint",
        "2022-10-01",
        says("properties.publicNetworkAccess"),
    ),
    Feature(
        ResourceSpec, "mirror_traffic", "mirrored traffic", "2023-04-01", says("properties.mirrorTraffic")
    ),
)
DEPLOYMENT_FEATURES = (
    Feature(ResourceSpec, "type", "an online deployment", SINCE, lambda deployment: True),
    Feature(
        ResourceSpec,
        "egress_public_network_access",
        "what a deployment reaches",
        "2022-10-01",
        says("properties.egressPublicNetworkAccess"),
    ),
    Feature(
        ResourceSpec, "data_collector", "a data collector", "2024-04-01", says("properties.dataCollector")
    ),
)
AUTH_MODES = {"key": "Key", "aml_token": "AMLToken", "aad_token": "AADToken"}
DEFAULT_INSTANCE = "Standard_DS3_v2"

ENDPOINT_KEYS = (
    *("name", "description", "tags", "properties", "auth_mode", "traffic", "mirror_traffic", "identity"),
    *("public_network_access", "location"),
)
DEPLOYMENT_KEYS = (
    *("name", "endpoint_name", "type", "description", "tags", "properties", "location", "model"),
    *("code_configuration", "environment", "environment_variables", "app_insights_enabled", "instance_type"),
    *("instance_count", "request_settings", "liveness_probe", "readiness_probe", "scale_settings"),
    *("egress_public_network_access", "data_collector", "model_mount_path"),
)


def read_endpoint(given: Given) -> ResourceSpec:
    """An endpoint. Raises InvalidSpecError for a member that is not what it must be."""
    check_members(given, ENDPOINT_KEYS)
    name = text("name", given["name"]) or ""
    access = "public_network_access"
    body = without_nones(
        location=text("location", given["location"]),
        tags=string_map("tags", given["tags"]),
        identity=read_identity(given["identity"] or "system_assigned"),
        properties=without_nones(
            authMode=AUTH_MODES[word("auth_mode", given["auth_mode"] or "key", AUTH_MODES)],
            description=text("description", given["description"]),
            properties=string_map("properties", given["properties"]),
            traffic=read_weights("traffic", given["traffic"]),
            mirrorTraffic=_mirror(given["mirror_traffic"]),
            publicNetworkAccess=optional(_access, access, given[access]),
        ),
    )
    of_user = ("tags", "properties.properties", "properties.traffic", "properties.mirrorTraffic")
    kept = ("traffic", "mirrorTraffic")
    checks = (partial(check_endpoint_name, "name", name),)
    notes = (ROLLOUT, LAST_ROLLOUT)
    return ResourceSpec(
        ONLINE, name, "online endpoint", body, ENDPOINT_FEATURES, of_user, kept, notes, checks
    )


def read_deployment(given: Given) -> ResourceSpec:
    """A managed deployment. Raises InvalidSpecError for a member that is not what it must be."""
    check_members(given, DEPLOYMENT_KEYS)
    if str(given["type"] or "managed").lower() != "managed":
        raise InvalidSpecError(
            "type", f"{given['type']!r} is not managed; no other deployments are taken here."
        )
    name, endpoint = (text(member, given[member]) or "" for member in ("name", "endpoint_name"))
    if blank(given["model"]) and blank(given["code_configuration"]) and blank(given["environment"]):
        raise InvalidSpecError(
            "model", "it is missing, and so is code_configuration: nothing would be served."
        )
    egress = "egress_public_network_access"
    body = without_nones(
        location=text("location", given["location"]),
        tags=string_map("tags", given["tags"]),
        sku={"name": "Default", "capacity": _instances(given["instance_count"])},
        properties=without_nones(
            endpointComputeType="Managed",
            description=text("description", given["description"]),
            properties=string_map("properties", given["properties"]),
            model=optional(read_model_reference, "model", given["model"], given.base),
            codeConfiguration=read_code_configuration(given["code_configuration"], given.base),
            environmentId=optional(read_environment, "environment", given["environment"], given.base),
            appInsightsEnabled=_flag("app_insights_enabled", given["app_insights_enabled"]),
            instanceType=read_vm_size("instance_type", given["instance_type"], DEFAULT_INSTANCE),
            requestSettings=_group("request_settings", given["request_settings"], _REQUESTS),
            livenessProbe=_group("liveness_probe", given["liveness_probe"], _PROBE),
            readinessProbe=_group("readiness_probe", given["readiness_probe"], _PROBE),
            scaleSettings=_scale(given["scale_settings"]),
            egressPublicNetworkAccess=optional(_access, egress, given[egress]),
            dataCollector=_collector(given["data_collector"]),
            modelMountPath=text("model_mount_path", given["model_mount_path"]),
        ),
    )
    # A variable that is no longer given is to go.
    body["properties"]["environmentVariables"] = string_map(
        "environment_variables", given["environment_variables"]
    )
    of_user = ("tags", "properties.properties", "properties.environmentVariables")
    checks = (
        partial(check_deployment_name, "name", name),
        partial(check_endpoint_name, "endpoint_name", endpoint),
        partial(check_scoring_script, given["code_configuration"], given.base),
    )
    collection = f"{ONLINE}/{endpoint}/deployments"
    return ResourceSpec(
        collection, name, "online deployment", body, DEPLOYMENT_FEATURES, of_user, checks=checks
    )


def read_weights(field: str, value: Any) -> dict[str, int]:
    """Percent of the requests that each deployment gets: ``{"blue": 90, "green": 10}``; together 0 or 100."""
    weights = {
        str(name): whole(f"{field}.{name}", share, 0, 100) for name, share in mapping(field, value).items()
    }
    total = sum(weights.values())
    if total not in (0, 100):
        raise InvalidSpecError(field, f"{weights!r} are {total} percent together; they must be 0 or 100.")
    return weights


def _mirror(value: Any) -> dict[str, int]:
    field = "mirror_traffic"
    return {
        str(name): whole(f"{field}.{name}", share, 0, 50) for name, share in mapping(field, value).items()
    }


def _access(field: str, value: Any) -> str:
    return word(field, value, ("enabled", "disabled"))


def _flag(field: str, value: Any) -> bool:
    return False if blank(value) else boolean(field, value)


def _instances(value: Any) -> int:
    return 1 if blank(value) else _count("instance_count", value)


Reader = Callable[[str, Any], Any]


def _milliseconds(field: str, value: Any) -> str:
    return exact_duration(whole(field, value, 0, 2**31 - 1) / 1000)


def _seconds(field: str, value: Any) -> str:
    return exact_duration(required_seconds(field, value))


def _count(field: str, value: Any) -> int:
    return whole(field, value, 1, 100_000)


_REQUESTS: Mapping[str, tuple[str, Reader]] = {
    "request_timeout_ms": ("requestTimeout", _milliseconds),
    "max_queue_wait_ms": ("maxQueueWait", _milliseconds),
    "max_concurrent_requests_per_instance": ("maxConcurrentRequestsPerInstance", _count),
}
_PROBE: Mapping[str, tuple[str, Reader]] = {
    "initial_delay": ("initialDelay", _seconds),
    "period": ("period", _seconds),
    "timeout": ("timeout", _seconds),
    "success_threshold": ("successThreshold", _count),
    "failure_threshold": ("failureThreshold", _count),
}
_SCALE: Mapping[str, tuple[str, Reader]] = {
    "min_instances": ("minInstances", _count),
    "max_instances": ("maxInstances", _count),
    "polling_interval": ("pollingInterval", _seconds),
    "target_utilization_percentage": ("targetUtilizationPercentage", _count),
}


def _group(field: str, value: Any, members: Mapping[str, tuple[str, Reader]]) -> Wire | None:
    given = mapping(field, value)
    no_other_keys(field, given, members)
    read = ((*members[name], name, member) for name, member in given.items() if not blank(member))
    return {wire: reader(f"{field}.{name}", member) for wire, reader, name, member in read} or None


def _scale(value: Any) -> Wire | None:
    field = "scale_settings"
    given = dict(mapping(field, value))
    if not given:
        return None
    types = {"default": "Default", "target_utilization": "TargetUtilization"}
    type_ = types[word(f"{field}.type", given.pop("type", given.pop("scale_type", "default")), types)]
    return {"scaleType": type_, **(_group(field, given, _SCALE) or {})}


_COLLECTION = ("enabled", "data", "client_id")
_ROLLING_RATES = ("minute", "hour", "day")
_COLLECTOR = ("collections", "rolling_rate", "request_logging", "sampling_rate")


def _collector(value: Any) -> Wire | None:
    field = "data_collector"
    given = mapping(field, value)
    no_other_keys(field, given, _COLLECTOR)
    if not given:
        return None
    logging = mapping(f"{field}.request_logging", given.get("request_logging"))
    no_other_keys(f"{field}.request_logging", logging, ("capture_headers",))
    share = optional(_share, f"{field}.sampling_rate", given.get("sampling_rate"))
    headers = optional(text_list, f"{field}.request_logging.capture_headers", logging.get("capture_headers"))
    collections = mapping(f"{field}.collections", given.get("collections"))
    if not collections:
        raise InvalidSpecError(f"{field}.collections", "they are missing: what is to be collected.")
    return without_nones(
        collections={
            str(name): _collection(f"{field}.collections.{name}", one, share)
            for name, one in collections.items()
        },
        rollingRate=optional(word, f"{field}.rolling_rate", given.get("rolling_rate"), _ROLLING_RATES),
        requestLogging={"captureHeaders": list(headers)} if headers else None,
    )


def _collection(field: str, value: Any, share: float | None) -> Wire:
    one = mapping(field, value)
    no_other_keys(field, one, _COLLECTION)
    is_on = boolean(f"{field}.enabled", one.get("enabled", True))
    return without_nones(
        dataCollectionMode="enabled" if is_on else "disabled",
        dataId=optional(_data_id, f"{field}.data", one.get("data")),
        clientId=text(f"{field}.client_id", one.get("client_id")),
        samplingRate=share,
    )


def _data_id(field: str, value: Any) -> str:
    id_ = str(value.get("data_id") if isinstance(value, Mapping) else value).removeprefix("azureml:")
    if not id_.startswith("/subscriptions/"):
        raise InvalidSpecError(
            field, f"{value!r} must be the ARM id of data that is registered, /subscriptions/.../versions/1."
        )
    return id_


def _share(field: str, value: Any) -> float:
    share = number(field, value)
    if not 0 <= share <= 1:
        raise InvalidSpecError(field, f"{value!r} must be a number from 0 to 1.")
    return share
