"""What templates have made of the arguments of tasks that submit jobs is read here, and only here.

It is imported when a task runs: parsing a DAG needs none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.lifecycle.naming import MAX_CHOSEN_LENGTH
from airflow_provider_amlrest.lifecycle.task_identity import PROPERTIES, TAGS
from airflow_provider_amlrest.rest.jobs import kind_of
from airflow_provider_amlrest.rest.jobs.given import Given, Ours
from airflow_provider_amlrest.rest.reading import values
from airflow_provider_amlrest.rest.reading.fields import check_name, one_of, text, text_list

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.jobs.spec import JobSpec

OURS = Ours(TAGS, PROPERTIES)


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
        poll_interval=values.required_seconds("poll_interval", task.poll_interval),
        timeout=values.optional_seconds("timeout", task.timeout),
        on_timeout=one_of("on_timeout", task.on_timeout, ("cancel", "leave")),
        cancel_on_kill=values.boolean("cancel_on_kill", task.cancel_on_kill),
        resubmit_canceled=values.boolean("resubmit_canceled", task.resubmit_canceled),
        get_logs=values.boolean("get_logs", task.get_logs),
        require_metrics=text_list("require_metrics", task.require_metrics),
    )


def read_job_name(value: Any) -> str | None:
    """A name of the user's own. Raises InvalidSpecError for what is none."""
    name = text("job_name", value)
    return None if name is None else check_name("job_name", name, MAX_CHOSEN_LENGTH)


def read_job(task: Any, base: Path) -> JobSpec:
    """The job that a task's arguments describe, as far as it can be read without asking the service."""
    given = {name: getattr(task, name) for name in task.template_fields}
    kind = kind_of(task.job_type)
    assert kind is not None, "an operator's kind is known here"  # noqa: S101
    job: JobSpec = kind.read(Given(given, base, OURS))
    return job
