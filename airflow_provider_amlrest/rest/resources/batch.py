"""Batch endpoints, and their deployments of a model or of a pipeline component."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.component_files import named_lookup
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.lookups import read_compute, read_environment
from airflow_provider_amlrest.rest.jobs.steps import component_steps
from airflow_provider_amlrest.rest.reading.documents import Document
from airflow_provider_amlrest.rest.reading.fields import (
    json_map,
    no_other_keys,
    string_map,
    text,
    word,
)
from airflow_provider_amlrest.rest.reading.values import (
    blank,
    mapping,
    optional,
    required_seconds,
    whole,
)
from airflow_provider_amlrest.rest.resources.endpoints import (
    BATCH,
    check_deployment_name,
    check_endpoint_name,
    check_scoring_script,
    read_code_configuration,
)
from airflow_provider_amlrest.rest.resources.model_lookup import read_model_reference
from airflow_provider_amlrest.rest.resources.spec import ResourceSpec, check_members, read_identity, says
from airflow_provider_amlrest.rest.versions.features import Feature
from airflow_provider_amlrest.rest.versions.spelling import Wire
from airflow_provider_amlrest.rest.versions.words import exact_duration, without_nones

SINCE = "2022-05-01"
ENDPOINT_FEATURES = (Feature(ResourceSpec, "type", "a batch endpoint", SINCE, lambda endpoint: True),)
DEPLOYMENT_FEATURES = (
    Feature(ResourceSpec, "type", "a batch deployment", SINCE, lambda deployment: True),
    Feature(
        ResourceSpec,
        "component",
        "a deployment of a pipeline component",
        "2024-04-01",
        says("properties.deploymentConfiguration"),
    ),
)
OUTPUT_ACTIONS = {"append_row": "AppendRow", "summary_only": "SummaryOnly"}
LEVELS = ("info", "warning", "debug")
ENDPOINT_KEYS = (
    *("name", "description", "tags", "properties", "auth_mode", "identity", "location", "defaults"),
)
_COMMON = ("name", "endpoint_name", "type", "description", "tags", "properties", "location", "settings")
MODEL_KEYS = (*_COMMON, "model", "code_configuration", "environment", "compute", "resources")
PIPELINE_KEYS = (*_COMMON, "component", "job_definition")
_SETTINGS = (
    *("max_concurrency_per_instance", "mini_batch_size", "output_action", "output_file_name"),
    *("retry_settings", "error_threshold", "logging_level", "environment_variables"),
)
_DEFAULTS_OF_PIPELINES = {
    "errorThreshold": -1,
    "maxConcurrencyPerInstance": 1,
    "miniBatchSize": 10,
    "outputFileName": "predictions.csv",
}
"""What azure-ai-ml 1.35.2 sends of a pipeline's deployment, where it means nothing."""


def read_endpoint(given: Given) -> ResourceSpec:
    """A batch endpoint. Raises InvalidSpecError for a member that is not what it must be."""
    check_members(given, ENDPOINT_KEYS)
    name = text("name", given["name"]) or ""
    word("auth_mode", given["auth_mode"] or "aad_token", ("aad_token",))
    defaults = mapping("defaults", given["defaults"])
    no_other_keys("defaults", defaults, ("deployment_name",))
    default = text("defaults.deployment_name", defaults.get("deployment_name"))
    body = without_nones(
        location=text("location", given["location"]),
        tags=string_map("tags", given["tags"]),
        identity=read_identity(given["identity"]),
        properties=without_nones(
            authMode="aadToken",
            description=text("description", given["description"]),
            properties=string_map("properties", given["properties"]),
            defaults={"deploymentName": default} if default else None,
        ),
    )
    of_user = ("tags", "properties.properties")
    checks = (partial(check_endpoint_name, "name", name),)
    kept = ("defaults",)
    return ResourceSpec(BATCH, name, "batch endpoint", body, ENDPOINT_FEATURES, of_user, kept, checks=checks)


def read_deployment(given: Given) -> ResourceSpec:
    """A deployment of a batch endpoint. Raises InvalidSpecError for a member that is not what it must be."""
    is_pipeline = not blank(given["component"]) or not blank(given["job_definition"])
    type_ = word("type", given["type"] or ("pipeline" if is_pipeline else "model"), ("model", "pipeline"))
    name, endpoint = (text(member, given[member]) or "" for member in ("name", "endpoint_name"))
    properties = _of_pipeline(given) if type_ == "pipeline" else _of_model(given)
    body = without_nones(
        location=text("location", given["location"]),
        tags=string_map("tags", given["tags"]),
        properties=without_nones(
            description=text("description", given["description"]),
            properties=string_map("properties", given["properties"]),
            **properties,
        ),
    )
    of_user = ("tags", "properties.properties", "properties.environmentVariables")
    checks = (
        partial(check_deployment_name, "name", name),
        partial(check_endpoint_name, "endpoint_name", endpoint),
        partial(check_scoring_script, given["code_configuration"], given.base),
        partial(_check_definition, given["job_definition"]),
    )
    collection = f"{BATCH}/{endpoint}/deployments"
    return ResourceSpec(
        collection, name, "batch deployment", body, DEPLOYMENT_FEATURES, of_user, checks=checks
    )


def _check_definition(value: Any) -> None:
    """Raises InvalidSpecError for a job's definition: only azure-ai-ml makes a component of one."""
    if not blank(value):
        raise InvalidSpecError("job_definition", f"{value!r} is not taken here: name a pipeline component.")


def _of_model(given: Given) -> Wire:
    check_members(given, MODEL_KEYS)
    if blank(given["model"]):
        raise InvalidSpecError("model", "it is missing: name the model that scores.")
    if blank(given["compute"]):
        raise InvalidSpecError("compute", "it is missing: name the cluster on which the model scores.")
    settings = mapping("settings", given["settings"])
    no_other_keys("settings", settings, _SETTINGS)
    model = read_model_reference("model", given["model"], given.base)
    return {
        "model": {"referenceType": "Id", "assetId": model},
        "codeConfiguration": read_code_configuration(given["code_configuration"], given.base),
        "environmentId": optional(read_environment, "environment", given["environment"], given.base),
        "compute": read_compute("compute", text("compute", given["compute"])),
        "resources": _resources(given["resources"]),
        **_settings(settings),
    }


def _settings(settings: Mapping[str, Any]) -> Wire:
    def number(name: str, low: int, high: int) -> int | None:
        return optional(whole, f"settings.{name}", settings.get(name), low, high)

    action = optional(word, "settings.output_action", settings.get("output_action"), OUTPUT_ACTIONS)
    retrying = "settings.retry_settings"
    retries = mapping(retrying, settings.get("retry_settings"))
    no_other_keys(retrying, retries, ("max_retries", "timeout"))
    timeout = optional(required_seconds, f"{retrying}.timeout", retries.get("timeout"))
    return without_nones(
        maxConcurrencyPerInstance=number("max_concurrency_per_instance", 1, 1000),
        miniBatchSize=number("mini_batch_size", 1, 2**31 - 1),
        errorThreshold=number("error_threshold", -1, 2**31 - 1),
        outputAction=action and OUTPUT_ACTIONS[action],
        outputFileName=text("settings.output_file_name", settings.get("output_file_name")),
        loggingLevel=optional(word, "settings.logging_level", settings.get("logging_level"), LEVELS),
        environmentVariables=string_map(
            "settings.environment_variables", settings.get("environment_variables")
        ),
        retrySettings=without_nones(
            maxRetries=optional(whole, f"{retrying}.max_retries", retries.get("max_retries"), 0, 2**31 - 1),
            timeout=timeout and exact_duration(timeout),
        ),
    )


def _of_pipeline(given: Given) -> Wire:
    check_members(given, PIPELINE_KEYS)
    component: Lookup | None = None
    if not blank(given["component"]):
        place = Document({}, given.base)
        component, _ = named_lookup("component", given["component"], place, component_steps)
    elif blank(given["job_definition"]):
        raise InvalidSpecError("component", "it is missing: name the pipeline component that runs.")
    configuration = without_nones(
        deploymentConfigurationType="PipelineComponent",
        componentId=without_nones(referenceType="Id", assetId=component),
        settings=json_map("settings", given["settings"]),
    )
    return {"deploymentConfiguration": configuration, **_DEFAULTS_OF_PIPELINES}


def _resources(value: Any) -> Wire | None:
    given = mapping("resources", value)
    no_other_keys("resources", given, ("instance_count", "instance_type"))
    return without_nones(
        instanceCount=optional(whole, "resources.instance_count", given.get("instance_count"), 1, 100_000),
        instanceType=text("resources.instance_type", given.get("instance_type")),
    )
