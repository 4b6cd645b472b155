"""Finds orphans: jobs that are still active in Azure ML although their task is over in Airflow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_amlrest.lifecycle.task_identity import (
    AIRFLOW_TAG,
    DAG_TAG,
    OUTLIVES_TASK_TAG,
    TASK_ID_TAG,
)
from airflow_provider_amlrest.lifecycle.task_state import MISSING, OVER, TaskKey
from airflow_provider_amlrest.rest.jobs.status import CANCEL_REQUESTED, Outcome

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Orphan:
    """An active job whose task is over."""

    job: Job
    task: TaskKey
    state: str
    """The state of the task, or :data:`MISSING`."""


AskState = Callable[[TaskKey], str | None]
"""Returns the state of a task instance; None if it has no state yet, or was cleared."""


def find_orphans(
    client: AzureMLClient, ask_state: AskState, *, airflow_name: str, min_age: float, max_age: float
) -> Iterator[Orphan]:
    """Go through the jobs in the workspace that Airflow has submitted, newest first.

    Jobs are read before states: a task that is over by then cannot come back for its job.

    :param airflow_name: the connection's ``deployment``; only jobs of this deployment are considered.
    :param min_age: seconds; younger jobs are left out.
    :param max_age: seconds; the search ends at the first older job.
    """
    now = datetime.now(UTC)
    for job in client.list_jobs(tag=DAG_TAG):
        created = datetime.fromisoformat(job.created_at) if job.created_at else now
        if created < now - timedelta(seconds=max_age):
            return
        if created > now - timedelta(seconds=min_age) or not _ends_with_its_task(job, airflow_name):
            continue
        task = made_for(job)
        if task is None:
            log.warning("The tags of job %s do not say which task it belongs to; it is left alone.", job.name)
        state = ask_state(task) if task else None
        if task and state is not None and (state in OVER or state == MISSING):
            yield Orphan(job, task, state)


def _ends_with_its_task(job: Job, airflow_name: str) -> bool:
    return (
        job.outcome is Outcome.ACTIVE
        and job.status != CANCEL_REQUESTED
        and job.tags.get(OUTLIVES_TASK_TAG) == "false"
        and job.tags.get(AIRFLOW_TAG, "") == airflow_name
    )


def made_for(job: Job) -> TaskKey | None:
    """The task instance that the job's tags name; None if there are none, or somebody has changed them."""
    tags = job.tags
    try:
        return TaskKey(
            tags[DAG_TAG], tags[TASK_ID_TAG], tags["airflow_run_id"], int(tags["airflow_map_index"])
        )
    except (KeyError, ValueError):
        return None
