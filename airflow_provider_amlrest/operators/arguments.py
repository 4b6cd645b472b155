"""The arguments of operators that submit jobs, as Airflow renders them: each can be filled by a template.

Those of one kind of job stand beside its operator.
"""

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

COMMON = (
    Argument("compute", is_text=True),
    Argument("inputs", renderer="json"),
    Argument("outputs", renderer="json"),
    Argument("experiment_name", is_text=True),
    Argument("display_name", is_text=True),
    Argument("description", is_text=True),
    Argument("identity", renderer="json"),
    Argument("notification_setting", renderer="json"),
    Argument("tags", renderer="json"),
    Argument("properties", renderer="json"),
)
"""What describes a job of every kind."""


def names(arguments: Iterable[Argument]) -> tuple[str, ...]:
    """Those that Airflow renders: all."""
    return tuple(argument.name for argument in arguments)


def texts(arguments: Iterable[Argument]) -> tuple[str, ...]:
    """Those that stay texts."""
    return tuple(argument.name for argument in arguments if argument.is_text)


def renderers(arguments: Iterable[Argument]) -> dict[str, str]:
    """How those that have a way of their own are shown."""
    return {argument.name: argument.renderer for argument in arguments if argument.renderer}
