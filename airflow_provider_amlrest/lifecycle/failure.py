"""Why a job of a task failed, in one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_amlrest.lifecycle.steps import failed_step
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.jobs import has_steps

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job


def failure_text(client: AzureMLClient, job: Job) -> str:
    """Why a job failed; of a job with steps, why the first step that failed did."""
    step = failed_step(client, job) if has_steps(job.type) else None
    if step is not None:
        return f"its step {step.display_name or step.name!r} failed: {client.examine_run(step).text}"
    try:
        run = client.get_run(job.name)
    except AzureMLError as error:
        return f"(the reason could not be read: {error})"
    return client.examine_run(run).text
