"""What the codecs share: words of the neutral model and their spelling on the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from airflow_provider_amlrest.rest.jobs.job import Identity
from airflow_provider_amlrest.rest.jobs.sweep import EarlyTermination, Objective
from airflow_provider_amlrest.rest.times import duration
from airflow_provider_amlrest.rest.workspace.resources import Datastore

DATASTORE_URI = re.compile(r"^azureml://datastores/(?P<datastore>[^/]+)/paths/(?P<path>.+)$")

TYPES_2022_02 = {
    "uri_file": "UriFile",
    "uri_folder": "UriFolder",
    "mltable": "MLTable",
    "literal": "Literal",
    "custom_model": "CustomModel",
    "mlflow_model": "MLFlowModel",
    "triton_model": "TritonModel",
}
"""Types of data, inputs and outputs as 2022-02-01-preview alone spells them."""
TYPES_BACK = {wire: neutral for neutral, wire in TYPES_2022_02.items()}
MODES = {
    "ro_mount": "ReadOnlyMount",
    "rw_mount": "ReadWriteMount",
    "download": "Download",
    "upload": "Upload",
    "direct": "Direct",
    "eval_mount": "EvalMount",
    "eval_download": "EvalDownload",
}
MODES_BACK = {wire: neutral for neutral, wire in MODES.items()}
DISTRIBUTIONS = {"pytorch": "PyTorch", "mpi": "Mpi", "tensorflow": "TensorFlow"}
IDENTITIES = {"aml_token": "AMLToken", "managed": "Managed", "user_identity": "UserIdentity"}
POLICIES = {
    "bandit": "Bandit",
    "median_stopping": "MedianStopping",
    "truncation_selection": "TruncationSelection",
}


def without_nones(**members: Any) -> dict[str, Any]:
    """A JSON object without the members that are None or empty."""
    return {key: value for key, value in members.items() if value is not None and value != {}}


def iso_duration(seconds: float | None) -> str | None:
    """Seconds as an ISO 8601 duration of whole seconds, rounded up."""
    return None if seconds is None else f"PT{-int(-seconds // 1)}S"


def conda_text(conda: Mapping[str, Any] | None) -> str | None:
    """A conda file as YAML text."""
    # By way of JSON: a mapping of another kind, and tuples, are not YAML's.
    return None if conda is None else yaml.safe_dump(json.loads(json.dumps(conda)), sort_keys=False)


def read_conda(text: str | None) -> dict[str, Any] | None:
    """A conda file as the service gives it back: as JSON text. Others' may be YAML, or neither: None."""
    try:
        # Not all JSON means the same as YAML: 1e3, and characters beyond the basic plane.
        parsed = json.loads(text or "null")
    except ValueError:
        try:
            parsed = yaml.safe_load(text or "")
        except yaml.YAMLError:
            return None
    return parsed if isinstance(parsed, dict) else None


def identity(value: Identity | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return without_nones(
        identityType=IDENTITIES[value.type],
        clientId=value.client_id,
        objectId=value.object_id,
        resourceId=value.resource_id,
    )


def early_termination(value: EarlyTermination | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return without_nones(
        policyType=POLICIES[value.type],
        evaluationInterval=value.evaluation_interval,
        delayEvaluation=value.delay_evaluation,
        slackFactor=value.slack_factor,
        slackAmount=value.slack_amount,
        truncationPercentage=value.truncation_percentage,
    )


def objective(value: Objective) -> dict[str, Any]:
    return {"goal": value.goal.capitalize(), "primaryMetric": value.primary_metric}


def properties_of(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource's properties; a pipeline's child has none at all."""
    return resource.get("properties") or {}


def text_map(value: Mapping[str, Any] | None) -> dict[str, str]:
    """Tags or properties of a resource: the service has null for none at all, and as a value."""
    return {key: member for key, member in (value or {}).items() if member is not None}


def asset_version(resource: Mapping[str, Any]) -> tuple[str, str]:
    """(name, version) of an asset's version, out of its ARM id; no name if the id is none."""
    *_, name, _, version = ["", "", *str(resource["id"]).split("/")]
    return name, version


def read_datastore(name: str, fields: Mapping[str, Any], type_key: str) -> Datastore:
    """A datastore whose members lie flat in ``fields``; the member that holds its type has had two names."""
    return Datastore(
        name,
        fields.get(type_key) or "",
        fields.get("accountName") or "",
        fields.get("containerName") or "",
        fields.get("protocol") or "https",
        fields.get("endpoint") or "core.windows.net",
    )


def read_type(wire: str | None) -> str:
    """A type of data or of an output, whichever api-version spells it."""
    return TYPES_BACK.get(wire or "", wire or "uri_folder")


def read_job_base(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The members of :class:`Job` that all api-versions spell alike."""
    properties = properties_of(resource)
    objective = properties.get("objective") or {}
    run = properties.get("trial") or properties
    return {
        "id": resource["id"],
        "name": resource["name"],
        "type": properties.get("jobType") or "",
        "status": properties.get("status") or "Unknown",
        "display_name": properties.get("displayName"),
        "experiment_name": properties.get("experimentName"),
        "created_at": (resource.get("systemData") or {}).get("createdAt"),
        "tags": text_map(properties.get("tags")),
        "properties": text_map(properties.get("properties")),
        "command": run.get("command"),
        "environment": run.get("environmentId"),
        "code": run.get("codeId"),
        "goal": str(objective["goal"]).lower() if objective.get("goal") else None,
        "primary_metric": objective.get("primaryMetric"),
        # 2021-03-01-preview has it beside the other members.
        "limit": duration((properties.get("limits") or {}).get("timeout") or properties.get("timeout")),
    }
