"""What Airflow itself knows about tasks with jobs and endpoints.

Users who may write XComs of a DAG cannot change it.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.models.renderedtifields import RenderedTaskInstanceFields as Rendered
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import select, tuple_

from airflow_provider_amlrest.lifecycle.task_state import TaskKey
from airflow_provider_amlrest.plugin.live import EndpointRef, JobRef
from airflow_provider_amlrest.rest.resources.endpoints import ENDPOINT_NAME

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

FIELDS = ("azureml_conn_id", "api_version", "job_name", "endpoint_name", "endpoint")
ENDPOINT_FIELDS = (
    {"azureml_conn_id", "endpoint", "on_failure"},
    {"azureml_conn_id", "endpoint_name", "steps"},
    {"azureml_conn_id", "endpoint_name", "request_timeout"},
)
"""Template fields of the operators that work on online endpoints: deploy, shift traffic, invoke."""
MAX_DAGS = 200
"""Maximum versions of DAGs whose tasks are cached."""
ASKED_AT_ONCE = 500
"""Task instances in one query to the database."""

_JINJA = re.compile(r"\{[{%#]")

Facts = Mapping[str, Any]
"""A task in a DAG: those of its FIELDS that need no rendering, and whether it ``makes`` what it works on."""


class DagTasks(NamedTuple):
    """The tasks of a DAG that belong to this provider, by their ids."""

    jobs: Mapping[str, Facts]
    endpoints: Mapping[str, Facts]


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


@dataclass(frozen=True)
class EndpointTask:
    """A task instance of this provider that works on an online endpoint: its connection, and which one."""

    conn_id: str
    api_version: str | None
    endpoint_name: str | None
    """None: a file of the task names it. Then the tags of what the task has deployed must name the task."""

    def endpoint(self, name: str) -> EndpointRef:
        """The endpoint with this name."""
        return EndpointRef(self.conn_id, self.api_version, name)


class JobTasks:
    """Finds these tasks in Airflow's database: in serialized DAGs and in rendered templates."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Any, str], DagTasks] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, session: Session, tasks: Mapping[TaskKey, Any]) -> dict[TaskKey, JobTask]:
        """Those that belong to this provider and have jobs.

        A connection that is a template is known as long as Airflow keeps the rendered template: by default
        for the last 30 runs of a task.

        :param tasks: each with the id of the version of its DAG; None: the newest.
        """
        versions = {(key.dag_id, version) for key, version in tasks.items()}
        facts = {one: self.of_dag(session, *one).jobs for one in versions}
        ours = {
            key: facts[key.dag_id, version][key.task_id]
            for key, version in tasks.items()
            if key.task_id in facts[key.dag_id, version]
        }
        rendered = _rendered(session, list(ours))
        found = {key: _job_task(static, rendered.get(key, {})) for key, static in ours.items()}
        return {key: task for key, task in found.items() if task is not None}

    def find_endpoint(self, session: Session, key: TaskKey, version: Any) -> EndpointTask | None:
        """What is known of a task that works on an online endpoint; None for any other task.

        :param version: the id of the version of its DAG; None: the newest.
        """
        static = self.of_dag(session, key.dag_id, version).endpoints.get(key.task_id)
        return None if static is None else _endpoint_task(static, _rendered(session, [key]).get(key, {}))

    def of_dag(self, session: Session, dag_id: str, version: Any = None) -> DagTasks:
        """The tasks of a DAG that belong to this provider."""
        model = SerializedDagModel
        query = select(model.dag_version_id, model.dag_hash).where(model.dag_id == dag_id)
        if version is not None:
            query = query.where(model.dag_version_id == version)
        row = session.execute(query.order_by(model.created_at.desc()).limit(1)).first()
        if row is None:
            return DagTasks({}, {})
        version, content = row
        with self._lock:
            if (version, content) not in self._known:
                serialized = session.scalars(select(model).where(model.dag_version_id == version)).one()
                self._known[version, content] = _ours(serialized.dag)
            self._known.move_to_end((version, content))
            if len(self._known) > MAX_DAGS:
                self._known.popitem(last=False)
            return self._known[version, content]


def _ours(dag: Any) -> DagTasks:
    jobs = {task.task_id: _static(task, "request_body") for task in dag.tasks if _has_job(task)}
    endpoints = {task.task_id: _static(task, "endpoint") for task in dag.tasks if _has_endpoint(task)}
    return DagTasks(jobs, endpoints)


def _has_job(task: Any) -> bool:
    # Subclasses have these fields, too. Links do not help: where Airflow clears a task, it reads DAGs
    # without them, for all threads of its process.
    return {"azureml_conn_id", "job_name"} <= set(task.template_fields)


def _has_endpoint(task: Any) -> bool:
    fields = set(task.template_fields)
    return any(fields >= kind for kind in ENDPOINT_FIELDS)


def _static(task: Any, maker: str) -> Facts:
    # For a mapped task, these are the values that all instances share.
    partial = getattr(task, "partial_kwargs", None)
    texts = {name: getattr(task, name, None) if partial is None else partial.get(name) for name in FIELDS}
    known = {name: text for name, text in texts.items() if isinstance(text, str) and not _JINJA.search(text)}
    return {**known, "makes": maker in task.template_fields}


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
    conn_id, api_version, job_name, *_ = _fields(static, rendered)
    if not conn_id or not (job_name or static["makes"]):
        return None
    # Native rendering turns some into numbers.
    awaits = None if static["makes"] else str(job_name)
    return JobTask(str(conn_id), None if api_version is None else str(api_version), awaits)


def _endpoint_task(static: Facts, rendered: Mapping[str, Any]) -> EndpointTask | None:
    conn_id, api_version, _, name, endpoint = _fields(static, rendered)
    known = _endpoint_name(endpoint if static["makes"] else name)
    if not conn_id or not (known or static["makes"]):
        return None
    return EndpointTask(str(conn_id), None if api_version is None else str(api_version), known)


def _fields(static: Facts, rendered: Mapping[str, Any]) -> list[Any]:
    return [rendered.get(name) or static.get(name) for name in FIELDS]


def _endpoint_name(given: Any) -> str | None:
    """The name in an argument, which may also be a mapping with the name, a path or YAML."""
    name = given.get("name") if isinstance(given, Mapping) else given
    text = name.strip() if isinstance(name, str) else ""
    return text if ENDPOINT_NAME.fullmatch(text) else None
