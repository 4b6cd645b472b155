"""The ``_aml_system_*`` tags and the properties that the service puts on a sweep."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds

SWEEP_PROPERTIES = {
    "runTemplate": "HyperDrive",
    "azureml.runsource": "hyperdrive",
    "platform": "AML",
    "resume_from": "null",
}

_POLICY_FIELDS = {
    "evaluationInterval": "evaluation_interval",
    "delayEvaluation": "delay_evaluation",
    "slackFactor": "slack_factor",
    "slackAmount": "slack_amount",
    "truncationPercentage": "truncation_percentage",
}


def sweep_tags(properties: dict[str, Any]) -> dict[str, str]:
    """Tags that describe a sweep at its start; those of its trials come with the trials."""
    limits, objective = properties.get("limits") or {}, properties["objective"]
    seconds = timeout_seconds(limits.get("timeout"), "limits.timeout")
    tags = {
        "max_concurrent_jobs": str(limits.get("maxConcurrentTrials") or limits.get("maxTotalTrials") or 1000),
        "max_total_jobs": str(limits.get("maxTotalTrials") or 1000),
        "max_duration_minutes": "10080" if seconds is None else f"{seconds / 60:g}",
        "policy_config": _text(_policy(properties.get("earlyTermination"))),
        "generator_config": _text(_generator(properties)),
        "primary_metric_config": _text(
            {"name": objective["primaryMetric"], "goal": objective["goal"].lower()}
        ),
        "resume_child_runs": "null",
        "all_jobs_generated": "false",
        "cancellation_requested": "false",
    }
    return {f"_aml_system_{name}": text for name, text in tags.items()}


def _policy(settings: dict[str, Any] | None) -> dict[str, Any]:
    if not settings:
        return {"name": "Default", "properties": {}}
    known = {wire: settings[name] for name, wire in _POLICY_FIELDS.items() if settings.get(name) is not None}
    return {"name": settings["policyType"], "properties": known}


def _generator(properties: dict[str, Any]) -> dict[str, Any]:
    algorithm = dict(properties["samplingAlgorithm"])
    name = str(algorithm.pop("samplingAlgorithmType")).upper()
    return {"name": name, "parameter_space": properties["searchSpace"], "properties": algorithm}


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
