"""What Airflow itself knows about tasks with jobs: users who may write XComs of a DAG cannot change it."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.models.renderedtifields import RenderedTaskInstanceFields as Rendered
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import select, tuple_

from airflow_provider_amlrest.lifecycle.task_state import TaskKey
from airflow_provider_amlrest.plugin.live import JobRef

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

FIELDS = ("azureml_conn_id", "api_version", "job_name")
MAX_DAGS = 200
"""Maximum versions of DAGs whose tasks are cached."""
ASKED_AT_ONCE = 500
"""Task instances in one query to the database."""

_JINJA = re.compile(r"\{[{%#]")

Facts = Mapping[str, Any]
"""A task in a DAG: those of its FIELDS that need no rendering, and whether it ``makes`` its job."""


@dataclass(frozen=True)
class JobTask:
    """A task instance of this provider: the connection of its job, and which jobs it may have."""

    conn_id: str
    api_version: str | None
    awaits: str | None
    """The name of the job that a sensor waits for; None: the task submits its own job."""

    def job(self, name: str) -> JobRef:
        """The job with this name."""
        return JobRef(self.conn_id, self.api_version, name)


class JobTasks:
    """Finds these tasks in Airflow's database: in serialized DAGs and in rendered templates."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Any, str], Mapping[str, Facts]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, session: Session, tasks: Mapping[TaskKey, Any]) -> dict[TaskKey, JobTask]:
        """Those that belong to this provider.

        A connection that is a template is known as long as Airflow keeps the rendered template: by default
        for the last 30 runs of a task.

        :param tasks: each with the id of the version of its DAG; None: the newest.
        """
        versions = {(key.dag_id, version) for key, version in tasks.items()}
        facts = {one: self.facts(session, *one) for one in versions}
        ours = {
            key: facts[key.dag_id, version][key.task_id]
            for key, version in tasks.items()
            if key.task_id in facts[key.dag_id, version]
        }
        rendered = _rendered(session, list(ours))
        found = {key: _job_task(static, rendered.get(key, {})) for key, static in ours.items()}
        return {key: task for key, task in found.items() if task is not None}

    def facts(self, session: Session, dag_id: str, version: Any = None) -> Mapping[str, Facts]:
        """The tasks of a DAG that belong to this provider."""
        model = SerializedDagModel
        query = select(model.dag_version_id, model.dag_hash).where(model.dag_id == dag_id)
        if version is not None:
            query = query.where(model.dag_version_id == version)
        row = session.execute(query.order_by(model.created_at.desc()).limit(1)).first()
        if row is None:
            return {}
        version, content = row
        with self._lock:
            if (version, content) not in self._known:
                serialized = session.scalars(select(model).where(model.dag_version_id == version)).one()
                self._known[version, content] = _ours(serialized.dag)
            self._known.move_to_end((version, content))
            if len(self._known) > MAX_DAGS:
                self._known.popitem(last=False)
            return self._known[version, content]


def _ours(dag: Any) -> dict[str, Facts]:
    return {task.task_id: _static(task) for task in dag.tasks if _is_ours(task)}


def _is_ours(task: Any) -> bool:
    # Subclasses have these fields, too. Links do not help: where Airflow clears a task, it reads DAGs
    # without them, for all threads of its process.
    return {"azureml_conn_id", "job_name"} <= set(task.template_fields)


def _static(task: Any) -> Facts:
    # For a mapped task, these are the values that all instances share.
    partial = getattr(task, "partial_kwargs", None)
    texts = {name: getattr(task, name, None) if partial is None else partial.get(name) for name in FIELDS}
    known = {name: text for name, text in texts.items() if isinstance(text, str) and not _JINJA.search(text)}
    return {**known, "makes": "request_body" in task.template_fields}


def _rendered(session: Session, keys: Sequence[TaskKey]) -> dict[TaskKey, Mapping[str, Any]]:
    columns = (Rendered.dag_id, Rendered.task_id, Rendered.run_id, Rendered.map_index)
    found = {}
    for start in range(0, len(keys), ASKED_AT_ONCE):
        wanted = [
            (key.dag_id, key.task_id, key.run_id, key.map_index)
            for key in keys[start : start + ASKED_AT_ONCE]
        ]
        query = select(*columns, Rendered.rendered_fields).where(tuple_(*columns).in_(wanted))
        for dag_id, task_id, run_id, map_index, fields in session.execute(query):
            found[TaskKey(dag_id, task_id, run_id, map_index)] = fields
    return found


def _job_task(static: Facts, rendered: Mapping[str, Any]) -> JobTask | None:
    conn_id, api_version, job_name = (rendered.get(name) or static.get(name) for name in FIELDS)
    if not conn_id or not (job_name or static["makes"]):
        return None
    # Native rendering turns some into numbers.
    awaits = None if static["makes"] else str(job_name)
    return JobTask(str(conn_id), None if api_version is None else str(api_version), awaits)
