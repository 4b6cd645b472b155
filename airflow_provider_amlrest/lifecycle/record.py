"""What a task records about its job as soon as it exists, for links and pages of the Airflow UI."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from airflow_provider_amlrest.lifecycle.masking import masked
from airflow_provider_amlrest.links import (
    AzureMLEnvironmentLink,
    AzureMLModelsLink,
    AzureMLStudioLink,
    push,
)
from airflow_provider_amlrest.rest.ids import ResourceId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.rest.jobs.job import Job

log = logging.getLogger(__name__)

JOB_LINKS = (AzureMLStudioLink(), AzureMLEnvironmentLink(), AzureMLModelsLink())
"""The links of a task that has a job."""

JOB_KEY = "azureml_job"
"""Key of the XCom with the record."""

RESULT_KEY = "azureml_result"
"""Key of the XCom with the job's last status and main metrics, for the lists and histories on pages; of a
pipeline that failed, also what became of its steps."""


@dataclass(frozen=True)
class Request:
    """The request as Airflow shows it: with its secrets masked."""

    display_name: str = ""
    command: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job) -> Self:
        """The request of a job, in a process that knows the job's secrets."""
        from airflow_provider_amlrest.rest.jobs.job import LiteralInput

        inputs = {
            name: value.value if isinstance(value, LiteralInput) else value.uri
            for name, value in job.inputs.items()
        }
        # The service keeps its own notes in the tags, for a sweep one for each trial.
        tags = {name: text for name, text in job.tags.items() if not name.startswith("_aml_system_")}
        said = cls(job.display_name or "", job.command or "", tags, inputs, job.output_uris())
        return cls(**masked(asdict(said)))

    @classmethod
    def read(cls, value: Any) -> Self:
        """The request in an XCom's value, whoever wrote it; empty where the value is not valid."""
        given = value if isinstance(value, dict) else {}
        texts = _texts(given)
        groups = [_texts(given.get(name)) for name in ("tags", "inputs", "outputs")]
        return cls(texts.get("display_name", ""), texts.get("command", ""), *groups)


@dataclass(frozen=True)
class JobRecord:
    """Which job a task has. It has no connection, because Airflow knows that better."""

    name: str
    type: str
    experiment_name: str
    request: Request = Request()

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """The record in an XCom's value, also from an earlier version of this provider; None if not valid."""
        given = value if isinstance(value, dict) else {}
        texts = _texts(given)
        if not texts.get("name"):
            return None
        return cls(
            name=texts["name"],
            type=texts.get("type", ""),
            experiment_name=texts.get("experiment_name", ""),
            request=Request.read(given.get("request")),
        )


class LinkedTask(Protocol):
    """A task whose job is published."""

    do_xcom_push: bool
    multiple_outputs: bool

    @property
    def hook(self) -> AzureMLHook: ...

    def push_links(self, ti: Any, links: Mapping[str, str]) -> None: ...


def publish(task: LinkedTask, job: Job, context: Context, *, shown: bool = True) -> str:
    """Log the job, and push its record and links. Returns the URL of its page in the Studio.

    :param shown: whether this process can mask the job's secrets.
    """
    studio_url = task.hook.studio_url(job)
    log.info("Azure ML job %s is %s. %s", job.name, job.status, studio_url)
    if task.do_xcom_push:
        record = JobRecord(job.name, job.type, "")
        if shown:
            experiment_name = str(masked(job.experiment_name or ""))
            record = JobRecord(job.name, job.type, experiment_name, Request.of(job))
        push(context["ti"], JOB_KEY, asdict(record))
        task.push_links(context["ti"], _links(task.hook, job, studio_url))
    return studio_url


def publish_result(
    task: LinkedTask, result: Mapping[str, Any], context: Context, *, each_output: bool | None = None
) -> None:
    """Push how the job has ended, and each output under its own key, ``outputs.<name>``.

    Pages cannot read results that a custom XCom backend stores, and an XComArg has no second subscript.

    :param each_output: whether outputs have keys; None: as the task's ``multiple_outputs`` says.
    """
    if not task.do_xcom_push:
        return
    best = result.get("best_trial") or {}
    summary = {"status": result["status"], "metrics": best.get("metrics") or result["metrics"]}
    push(context["ti"], RESULT_KEY, summary)
    if task.multiple_outputs if each_output is None else each_output:
        for group in ("outputs", "registered_outputs"):
            for name, value in result.get(group, {}).items():
                context["ti"].xcom_push(key=f"{group}.{name}", value=value)


def publish_failure(task: LinkedTask, job: Job, steps: Mapping[str, Any], ti: Any) -> None:
    """Push how a job with steps has failed, so that lists of jobs need not read them.

    :param steps: what :func:`steps.count_of_steps` says.
    """
    if task.do_xcom_push:
        push(ti, RESULT_KEY, {"status": job.status, "metrics": {}, "steps": masked(dict(steps))})


def _texts(value: Any) -> dict[str, str]:
    items = value.items() if isinstance(value, dict) else ()
    return {name: text for name, text in items if isinstance(text, str)}


def _links(hook: AzureMLHook, job: Job, studio_url: str) -> dict[str, str]:
    links = {AzureMLStudioLink.key: studio_url}
    environment = _version(job.environment)
    if environment:
        links[AzureMLEnvironmentLink.key] = hook.studio_page(f"environments/{environment}")
    if any(output.name and output.type.endswith("_model") for output in job.outputs.values()):
        links[AzureMLModelsLink.key] = hook.studio_page("model/list")
    return links


def _version(arm_id: str | None) -> str | None:
    """``NAME/version/VERSION``; None if it is not a version in the workspace."""
    try:
        found = ResourceId.parse(arm_id or "")
    except ValueError:
        return None
    return f"{found.name}/version/{found.version}" if found.version else None
