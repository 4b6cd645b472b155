"""What the commands say of a job, as far as it may be said here."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.lifecycle.masking import may_show, visible, without_request, without_texts
from airflow_provider_amlrest.lifecycle.task_identity import DAG_TAG, IDENTITY_PROPERTY
from airflow_provider_amlrest.rest.http.errors import NotFoundError
from airflow_provider_amlrest.rest.runs.run import json_metrics
from airflow_provider_amlrest.rest.times import seconds_between

if TYPE_CHECKING:
    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.runs.run import SweepTrial


def look_at(client: AzureMLClient, name: str) -> tuple[Job, bool]:
    """A job, without its request if that cannot be shown here; and whether it can."""
    job = client.get_job(name)
    whole = job
    if IDENTITY_PROPERTY not in job.properties:
        # A step or a trial does not have the properties of the job that it is a part of.
        with suppress(NotFoundError):
            root = client.get_root(name)
            whole = job if root == name else client.get_job(root)
    shown = may_show(whole)
    return (job if shown else without_request(job)), shown


def facts_of(hook: AzureMLHook, job: Job) -> dict[str, Any]:
    """A job in any list."""
    job = visible(job)
    return {
        "name": job.name,
        "id": job.id,
        "type": job.type,
        "status": job.status,
        "display_name": job.display_name,
        "experiment": job.experiment_name,
        "created_at": job.created_at,
        "dag_id": job.tags.get(DAG_TAG),
        "task_id": job.tags.get("airflow_task_id"),
        "run_id": job.tags.get("airflow_run_id"),
        "studio_url": hook.studio_url(job),
    }


def trial_facts(trial: SweepTrial, *, shown: bool) -> dict[str, Any]:
    """A sweep's trial in any list."""
    return {
        "name": trial.name,
        "status": trial.status,
        "params": dict(trial.params) if shown else without_texts(trial.params),
        "metrics": json_metrics(trial.metrics),
        "seconds": seconds_between(trial.start_time, trial.end_time),
    }
