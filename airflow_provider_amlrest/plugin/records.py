"""Reads tasks and their jobs from Airflow's own database. Does not send requests to Azure ML."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from airflow_provider_amlrest.lifecycle.endpoint_record import ENDPOINT_KEY, EndpointRecord
from airflow_provider_amlrest.lifecycle.gate import COMPARISON_KEY
from airflow_provider_amlrest.lifecycle.record import JOB_KEY, RESULT_KEY, JobRecord
from airflow_provider_amlrest.lifecycle.task_state import TaskKey

if TYPE_CHECKING:
    from sqlalchemy.orm import Session
    from sqlalchemy.sql import Select

    from airflow_provider_amlrest.plugin.live import JobRef
    from airflow_provider_amlrest.plugin.tasks import JobTask

RETURN_KEY = "return_value"
MAX_SCANNED = 2000
"""The newest rows, in which jobs of an experiment are searched."""


@dataclass(frozen=True)
class TaskJob:
    """A task instance, as its newest try left it, and its job."""

    key: TaskKey
    state: str | None
    try_number: int
    started: datetime | None
    ended: datetime | None
    record: JobRecord | None
    """None: the task has no job, or none yet."""
    published: datetime | None
    """When the job was first known."""
    result: dict[str, Any]
    """The task's result, once its job has completed; else empty."""
    dag_version: Any = None
    """Id of the version of the DAG that the task ran; None: not known."""
    known: JobTask | None = None
    """What Airflow itself knows about it; None: not looked up, or not a task of this provider."""

    @property
    def counts(self) -> bool:
        """Whether the record may be true: Airflow knows the task, and for a sensor also the job's name."""
        if self.record is None or self.known is None:
            return False
        return self.known.awaits in (None, self.record.name)

    @property
    def job(self) -> JobRef:
        """Its job, and how to read it. Only for a task that :attr:`counts`."""
        assert self.record is not None, "it counts"  # noqa: S101
        assert self.known is not None, "it counts"  # noqa: S101
        return self.known.job(self.record.name)

    @property
    def makes_job(self) -> bool:
        """Whether the job is its own, unlike a sensor's."""
        return self.known is not None and self.known.awaits is None

    def is_proven(self, made_for: TaskKey | None) -> bool:
        """Whether the job's tags name this task, or the task is a sensor."""
        return not self.makes_job or made_for == self.key

    @property
    def seconds(self) -> float | None:
        """From the start of the newest try to its end."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started).total_seconds()


def find_task(session: Session, key: TaskKey) -> TaskJob | None:
    """One task instance; None if it does not exist."""
    rows = session.execute(
        _tasks(with_job=False).where(
            TaskInstance.dag_id == key.dag_id,
            TaskInstance.run_id == key.run_id,
            TaskInstance.task_id == key.task_id,
            TaskInstance.map_index == key.map_index,
        )
    )
    return next(_read(rows), None)


def find_comparison(session: Session, key: TaskKey) -> dict[str, Any] | None:
    """The models that a task has compared; None if it is no gate, or has not decided yet."""
    found = _xcom(session, key, COMPARISON_KEY)
    return found if isinstance(found, dict) else None


def find_endpoint(session: Session, key: TaskKey) -> EndpointRecord | None:
    """The endpoint that a task says that it works on; None if it has said none."""
    return EndpointRecord.read(_xcom(session, key, ENDPOINT_KEY))


def _xcom(session: Session, key: TaskKey, name: str) -> Any:
    return session.scalar(
        select(XComModel.value).where(
            XComModel.dag_id == key.dag_id,
            XComModel.run_id == key.run_id,
            XComModel.task_id == key.task_id,
            XComModel.map_index == key.map_index,
            XComModel.key == name,
        )
    )


def tasks_of_run(session: Session, dag_id: str, run_id: str) -> list[TaskJob]:
    """All task instances of a DAG run that have jobs, in the order in which the jobs were submitted."""
    query = _tasks().where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    tasks = [task for task in _read(session.execute(query)) if task.record]
    return sorted(tasks, key=lambda task: str(task.published))


def recent_tasks(
    session: Session,
    dag_ids: Collection[str],
    *,
    dag_id: str = "",
    state: str = "",
    experiment_name: str = "",
    limit: int,
) -> list[TaskJob]:
    """The newest tasks that have jobs; an empty text means all.

    :param dag_ids: the DAGs that the user may read; no others are returned.
    :param state: the state of the task.
    """
    allowed = {dag_id} & set(dag_ids) if dag_id else dag_ids
    query = _tasks().where(TaskInstance.dag_id.in_(allowed)).order_by(XComModel.timestamp.desc())
    if state:
        query = query.where(TaskInstance.state == state)
    # The experiment is inside a value, in which some databases cannot search.
    rows = session.execute(query.limit(MAX_SCANNED if experiment_name else limit))
    found = [task for task in _read(rows) if _is_of(task, experiment_name)]
    return found[:limit]


def _is_of(task: TaskJob, experiment_name: str) -> bool:
    record = task.record
    return record is not None and experiment_name in ("", record.experiment_name)


def task_history(session: Session, dag_id: str, task_id: str, *, limit: int) -> list[TaskJob]:
    """A task over its last DAG runs, oldest first."""
    query = (
        _tasks()
        .where(TaskInstance.dag_id == dag_id, TaskInstance.task_id == task_id)
        .order_by(XComModel.timestamp.desc())
        .limit(limit)
    )
    return [task for task in _read(session.execute(query)) if task.record][::-1]


def _tasks(*, with_job: bool = True) -> Select[Any]:
    """Task instances with the XComs of their job and of their result."""
    result, returned = aliased(XComModel), aliased(XComModel)
    query = select(
        TaskInstance.dag_id,
        TaskInstance.task_id,
        TaskInstance.run_id,
        TaskInstance.map_index,
        TaskInstance.state,
        TaskInstance.try_number,
        TaskInstance.start_date,
        TaskInstance.end_date,
        XComModel.value,
        XComModel.timestamp,
        result.value,
        returned.value,
        TaskInstance.dag_version_id,
    )
    query = query.join(XComModel, _of_task(XComModel, JOB_KEY), isouter=not with_job)
    query = query.join(result, _of_task(result, RESULT_KEY), isouter=True)
    # Tasks of an earlier version of this provider have pushed only this.
    return query.join(returned, _of_task(returned, RETURN_KEY), isouter=True)


def _of_task(xcom: Any, key: str) -> Any:
    return and_(
        xcom.dag_id == TaskInstance.dag_id,
        xcom.task_id == TaskInstance.task_id,
        xcom.run_id == TaskInstance.run_id,
        xcom.map_index == TaskInstance.map_index,
        xcom.key == key,
    )


def _read(rows: Any) -> Iterator[TaskJob]:
    for row in rows:
        (
            dag_id,
            task_id,
            run_id,
            map_index,
            state,
            number,
            started,
            ended,
            job,
            published,
            *results,
            version,
        ) = row
        yield TaskJob(
            TaskKey(dag_id, task_id, run_id, map_index),
            None if state is None else str(getattr(state, "value", state)),
            number,
            started,
            ended,
            JobRecord.read(job),
            published,
            next((result for result in results if isinstance(result, dict)), {}),
            version,
        )
