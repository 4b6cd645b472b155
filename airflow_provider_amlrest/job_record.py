"""What a task leaves behind of its job from the moment it exists, for links and pages of the Airflow UI."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_amlrest.links import AzureMLEnvironmentLink, AzureMLModelsLink, AzureMLStudioLink
from airflow_provider_amlrest.rest.ids import ResourceId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import BaseOperator, Context

    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.rest.model import Job

log = logging.getLogger(__name__)

JOB_LINKS = (AzureMLStudioLink(), AzureMLEnvironmentLink(), AzureMLModelsLink())
"""What a task that has a job links to."""

JOB_KEY = "azureml_job"
"""Key of the XCom that has the record."""


@dataclass(frozen=True)
class JobRecord:
    """Which job a task has, and by which connection it is read."""

    name: str
    type: str
    conn_id: str
    api_version: str | None
    """Instead of the connection's."""
    experiment_name: str
    studio_url: str

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """The record in an XCom's value; None if it is none, or one of another version of this provider."""
        try:
            record = cls(**value)
        except TypeError:
            return None
        texts = {**asdict(record), "api_version": record.api_version or ""}
        return record if all(isinstance(text, str) for text in texts.values()) and record.name else None


def publish(hook: AzureMLHook, job: Job, context: Context, *, push: bool) -> str:
    """Say where the job is, as soon as it is known; the URL of its page in the Studio.

    :param push: whether the task wants XComs at all.
    """
    studio_url = hook.studio_url(job)
    log.info("Azure ML job %s is %s. %s", job.name, job.status, studio_url)
    if push:
        record = JobRecord(
            name=job.name,
            type=job.type,
            conn_id=hook.azureml_conn_id,
            api_version=hook.api_version,
            experiment_name=job.experiment_name or "",
            studio_url=studio_url,
        )
        for key, value in {JOB_KEY: asdict(record), **_links(hook, job, studio_url)}.items():
            context["ti"].xcom_push(key=key, value=value)
    return studio_url


def publish_outputs(task: BaseOperator, result: Mapping[str, Any], context: Context) -> None:
    """Push each output as an XCom of its own too, ``outputs.<name>``: an XComArg has no second subscript."""
    if task.do_xcom_push and task.multiple_outputs:
        for group in ("outputs", "registered_outputs"):
            for name, value in result.get(group, {}).items():
                context["ti"].xcom_push(key=f"{group}.{name}", value=value)


def _links(hook: AzureMLHook, job: Job, studio_url: str) -> dict[str, str]:
    links = {AzureMLStudioLink.key: studio_url}
    environment = _version(job.environment)
    if environment:
        links[AzureMLEnvironmentLink.key] = hook.studio_page(f"environments/{environment}")
    if any(output.name and output.type.endswith("_model") for output in job.outputs.values()):
        links[AzureMLModelsLink.key] = hook.studio_page("model/list")
    return links


def _version(arm_id: str | None) -> str | None:
    """``NAME/version/VERSION``; None for what is no version of the workspace's own."""
    try:
        found = ResourceId.parse(arm_id or "")
    except ValueError:
        return None
    return f"{found.name}/version/{found.version}" if found.version else None
