"""The arguments that both kinds of job have: what is rendered, what is text, how a task waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.rest import spec, values

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
    get_logs: bool
    require_metrics: tuple[str, ...]


def read_wait_options(task: Any) -> WaitOptions:
    """Read the rendered arguments of a task. Raises InvalidSpecError for one that is not what it must be."""
    return WaitOptions(
        wait_for_completion=values.boolean("wait_for_completion", task.wait_for_completion),
        deferrable=values.boolean("deferrable", task.deferrable),
        poll_interval=values.interval("poll_interval", task.poll_interval),
        timeout=values.seconds("timeout", task.timeout),
        on_timeout=spec.one_of("on_timeout", task.on_timeout, ("cancel", "leave")),
        cancel_on_kill=values.boolean("cancel_on_kill", task.cancel_on_kill),
        get_logs=values.boolean("get_logs", task.get_logs),
        require_metrics=spec.names("require_metrics", task.require_metrics),
    )
