"""The arguments of operators that submit jobs, in one table: each can be filled by a template."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Argument(NamedTuple):
    """An argument, as Airflow renders it."""

    name: str
    renderer: str | None = None
    """How the page of rendered templates shows it."""
    is_text: bool = False
    """Whether it stays a text where templates are rendered to Python's own types."""


WAIT = (
    Argument("job_name", is_text=True),
    Argument("wait_for_completion"),
    Argument("deferrable"),
    Argument("poll_interval"),
    Argument("timeout"),
    Argument("on_timeout", is_text=True),
    Argument("cancel_on_kill"),
    Argument("resubmit_canceled"),
    Argument("get_logs"),
    Argument("require_metrics"),
    Argument("request_body", renderer="json"),
)
"""How a task names its job and waits for it."""

RUN = (
    Argument("command", renderer="bash", is_text=True),
    Argument("environment", renderer="json"),
    Argument("code", renderer="json"),
    Argument("compute", is_text=True),
    Argument("inputs", renderer="json"),
    Argument("outputs", renderer="json"),
    Argument("experiment_name", is_text=True),
    Argument("display_name", is_text=True),
    Argument("description", is_text=True),
    Argument("environment_variables", renderer="json"),
    Argument("instance_type", is_text=True),
    Argument("shm_size", is_text=True),
    Argument("instance_count"),
    Argument("docker_args", renderer="json"),
    Argument("job_resources", renderer="json"),
    Argument("distribution", renderer="json"),
    Argument("limits", renderer="json"),
    Argument("identity", renderer="json"),
    Argument("services", renderer="json"),
    Argument("queue_settings", renderer="json"),
    Argument("notification_setting", renderer="json"),
    Argument("tags", renderer="json"),
    Argument("properties", renderer="json"),
)
"""What describes a command job, and a sweep's trial."""

COMMAND = (*WAIT, *RUN)
PIPELINE = (
    Argument("jobs", renderer="json"),
    Argument("settings", renderer="json"),
    *(
        argument
        for argument in RUN
        if argument.name
        in (
            *("inputs", "outputs", "compute", "experiment_name", "display_name", "description"),
            *("identity", "notification_setting", "tags", "properties"),
        )
    ),
)
"""What describes a pipeline job."""

SWEEP = (
    *COMMAND,
    Argument("search_space", renderer="json"),
    Argument("objective", renderer="json"),
    Argument("sampling_algorithm"),
    Argument("early_termination", renderer="json"),
)


def names(arguments: Iterable[Argument]) -> tuple[str, ...]:
    """Those that Airflow renders: all."""
    return tuple(argument.name for argument in arguments)


def texts(arguments: Iterable[Argument]) -> tuple[str, ...]:
    """Those that stay texts."""
    return tuple(argument.name for argument in arguments if argument.is_text)


def renderers(arguments: Iterable[Argument]) -> dict[str, str]:
    """How those that have a way of their own are shown."""
    return {argument.name: argument.renderer for argument in arguments if argument.renderer}
