"""The arguments that both kinds of job have: what is rendered, what is text, what is read of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.lifecycle.naming import MAX_CHOSEN_LENGTH
from airflow_provider_amlrest.lifecycle.submission import PROPERTIES
from airflow_provider_amlrest.lifecycle.task_identity import TAGS
from airflow_provider_amlrest.operators.base import text
from airflow_provider_amlrest.rest.jobs.command import parse_distribution, parse_resources
from airflow_provider_amlrest.rest.jobs.job import (
    parse_identity,
    parse_job_tier,
    parse_outputs,
    parse_services,
)
from airflow_provider_amlrest.rest.reading import values
from airflow_provider_amlrest.rest.reading.fields import check_name, names, one_of, string_map
from airflow_provider_amlrest.rest.reading.text_limits import check_experiment, check_pairs, check_text

COMMON_FIELDS = (
    "job_name",
    "command",
    "environment",
    "code",
    "compute",
    "inputs",
    "outputs",
    "experiment_name",
    "display_name",
    "description",
    "environment_variables",
    "instance_type",
    "shm_size",
    "instance_count",
    "docker_args",
    "job_resources",
    "distribution",
    "limits",
    "identity",
    "services",
    "queue_settings",
    "tags",
    "properties",
    "wait_for_completion",
    "deferrable",
    "poll_interval",
    "timeout",
    "on_timeout",
    "cancel_on_kill",
    "resubmit_canceled",
    "get_logs",
    "require_metrics",
    "request_body",
)
TEXT_FIELDS = (
    "job_name",
    "command",
    "compute",
    "experiment_name",
    "display_name",
    "description",
    "instance_type",
    "shm_size",
    "on_timeout",
)
COMMON_RENDERERS = {
    "command": "bash",
    "environment": "json",
    "code": "json",
    "inputs": "json",
    "outputs": "json",
    "environment_variables": "json",
    "docker_args": "json",
    "job_resources": "json",
    "distribution": "json",
    "limits": "json",
    "identity": "json",
    "services": "json",
    "queue_settings": "json",
    "tags": "json",
    "properties": "json",
    "request_body": "json",
}


@dataclass(frozen=True)
class WaitOptions:
    """How a task waits for its job; what templates have made of the arguments is read here, and only here."""

    wait_for_completion: bool
    deferrable: bool
    poll_interval: float
    timeout: float | None
    on_timeout: str
    cancel_on_kill: bool
    resubmit_canceled: bool
    get_logs: bool
    require_metrics: tuple[str, ...]


def read_wait_options(task: Any) -> WaitOptions:
    """Read the rendered arguments of a task. Raises InvalidSpecError for one that is not what it must be."""
    return WaitOptions(
        wait_for_completion=values.boolean("wait_for_completion", task.wait_for_completion),
        deferrable=values.boolean("deferrable", task.deferrable),
        poll_interval=values.interval("poll_interval", task.poll_interval),
        timeout=values.seconds("timeout", task.timeout),
        on_timeout=one_of("on_timeout", task.on_timeout, ("cancel", "leave")),
        cancel_on_kill=values.boolean("cancel_on_kill", task.cancel_on_kill),
        resubmit_canceled=values.boolean("resubmit_canceled", task.resubmit_canceled),
        get_logs=values.boolean("get_logs", task.get_logs),
        require_metrics=names("require_metrics", task.require_metrics),
    )


def read_common(task: Any) -> dict[str, Any]:
    """The members that both kinds of job have, as far as they need no asking."""
    if task.job_name is not None:
        check_name("job_name", text("job_name", task.job_name), MAX_CHOSEN_LENGTH)
    return {
        "outputs": parse_outputs("outputs", task.outputs),
        "experiment_name": check_experiment("experiment_name", text("experiment_name", task.experiment_name)),
        "display_name": check_text("display_name", text("display_name", task.display_name)),
        "description": check_text("description", text("description", task.description)),
        "tags": check_pairs("tags", string_map("tags", task.tags), TAGS),
        "properties": check_pairs("properties", string_map("properties", task.properties), PROPERTIES),
        "identity": parse_identity("identity", task.identity),
        "services": parse_services("services", task.services),
        "job_tier": parse_job_tier("queue_settings", task.queue_settings),
    }


def read_run(task: Any) -> dict[str, Any]:
    """The members that a command job and a sweep's trial have; the environment is looked up later."""
    return {
        "command": task.command,
        "environment": "",
        "environment_variables": string_map("environment_variables", task.environment_variables),
        "distribution": parse_distribution("distribution", task.distribution),
        "resources": parse_resources(
            task.instance_count, task.instance_type, task.shm_size, task.docker_args, task.job_resources
        ),
    }
