"""Which jobs are orphans: still active in Azure ML, while the task that they belong to is over in Airflow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.status import CANCEL_REQUESTED, Outcome
from airflow_provider_amlrest.task_identity import DAG_TAG, DEPLOYMENT_TAG, OUTLIVES_TASK_TAG

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.model import Job

log = logging.getLogger(__name__)

MISSING = "missing"
"""Instead of a state: Airflow has no such task instance, or none any more."""

OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
"""States in which nobody waits for the job. A task instance without a state is not over: the scheduler takes
the state from tasks whose worker it has lost, and their next try finds the job."""


@dataclass(frozen=True)
class TaskKey:
    """The task instance that a job was made for, as the job's tags say."""

    dag_id: str
    task_id: str
    run_id: str
    map_index: int


@dataclass(frozen=True)
class Orphan:
    """An active job whose task is over."""

    job: Job
    task: TaskKey
    state: str
    """The state of the task, or :data:`MISSING`."""


AskState = Callable[[TaskKey], str | None]
"""What is the state of a task instance? None: it has none yet, or not again."""


def find_orphans(
    client: AzureMLClient, ask_state: AskState, *, deployment: str, min_age: float, max_age: float
) -> Iterator[Orphan]:
    """Go through the workspace's jobs that Airflow has submitted, newest first.

    The jobs are read before the states: a task that is over by then cannot come back for its job.

    :param deployment: of the connection; only its own jobs are looked at.
    :param min_age: seconds; younger jobs are left out.
    :param max_age: seconds; at the first older job the search ends.
    """
    now = datetime.now(UTC)
    for job in client.list_jobs(tag=DAG_TAG):
        created = datetime.fromisoformat(job.created_at) if job.created_at else now
        if created < now - timedelta(seconds=max_age):
            return
        if created > now - timedelta(seconds=min_age) or not _ends_with_its_task(job, deployment):
            continue
        task = made_for(job)
        if task is None:
            log.warning("The tags of job %s do not say which task it belongs to; it is left alone.", job.name)
        state = ask_state(task) if task else None
        if task and state is not None and (state in OVER or state == MISSING):
            yield Orphan(job, task, state)


def state_asker(context: Context) -> AskState:
    """How this Airflow is asked: by the task's own API since 3.0, where tasks see no database."""
    ti: Any = context["ti"]
    return _by_api(ti) if hasattr(ti, "get_task_states") else _from_database


def _ends_with_its_task(job: Job, deployment: str) -> bool:
    return (
        job.outcome is Outcome.ACTIVE
        and job.status != CANCEL_REQUESTED
        and job.tags.get(OUTLIVES_TASK_TAG) == "false"
        and job.tags.get(DEPLOYMENT_TAG, "") == deployment
    )


def made_for(job: Job) -> TaskKey | None:
    """The task instance that the job's tags name; None if there are none, or somebody has changed them."""
    tags = job.tags
    try:
        return TaskKey(
            tags[DAG_TAG], tags["airflow_task_id"], tags["airflow_run_id"], int(tags["airflow_map_index"])
        )
    except (KeyError, ValueError):
        return None


def _by_api(ti: Any) -> AskState:
    def ask(task: TaskKey) -> str | None:
        states = ti.get_task_states(dag_id=task.dag_id, task_ids=[task.task_id], run_ids=[task.run_id])
        mapped = task.map_index >= 0
        key = f"{task.task_id}_{task.map_index}" if mapped else task.task_id
        return _word(states.get(task.run_id, {}).get(key, MISSING))

    return ask


def _from_database(task: TaskKey) -> str | None:
    """Airflow 2.11."""
    from airflow.models import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        row = (
            session.query(TaskInstance.state)
            .filter_by(dag_id=task.dag_id, task_id=task.task_id, run_id=task.run_id, map_index=task.map_index)
            .one_or_none()
        )
    return _word(row.state if row else MISSING)


def _word(state: Any) -> str | None:
    """Enums and texts are given alike."""
    return None if state is None else str(getattr(state, "value", state))
