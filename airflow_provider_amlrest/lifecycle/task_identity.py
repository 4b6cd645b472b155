"""Which work a task instance is, and the tags that say who made a job."""

from __future__ import annotations

import uuid
from datetime import UTC
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.lifecycle.naming import TaskIdentity
from airflow_provider_amlrest.lifecycle.ownership import SLOTS, Owner
from airflow_provider_amlrest.rest.reading.text_limits import MAX_PAIRS
from airflow_provider_amlrest.version import __version__

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

AIRFLOW_TAG = "airflow_deployment"
DAG_TAG = "airflow_dag_id"
TASK_ID_TAG = "airflow_task_id"
OUTLIVES_TASK_TAG = "airflow_outlives_task"
"""``false`` on a job that ends with its task. Any other value, or none: nobody may call it an orphan."""

OUTLIVES_RUN_TAG = "airflow_outlives_run"
"""``false`` on a resource that a setup has made: it ends with the runs of its DAG."""

TASK_TAG = "airflow_task_"
"""The start of a tag that all jobs of a task instance have, whatever its try and generation: by its name, the
service finds them. What follows is :attr:`TaskIdentity.lasting_digest`."""

OWN_NAME_TAG = "airflow_job"
"""The name of the job that has it: a copy, which has another name, is told by it. It takes the place of
:data:`IDENTITY_PROPERTY` on a job that nobody could give a property: that of a batch endpoint."""

TAGS = 10 + SLOTS
"""How many tags of ours a job may come to have."""

IDENTITY_PROPERTY = "airflow_identity"
"""Property of each job: the digest of the task identity that it was made for."""

SPEC_PROPERTY = "airflow_spec"
"""Property of each job: the digest of what was asked for."""

WORK_PROPERTY = "airflow_work"
"""Property of each job: which of the task instance's work it is, whatever ``retries`` is now."""

PROPERTIES = 4
"""How many there are of these, with that of masking.py."""

_tested_runs: dict[tuple[str, str, str, int, int], str] = {}


def task_identity(context: Context, airflow_name: str) -> TaskIdentity:
    """What makes this task instance's work the same work over its tries.

    :param airflow_name: the connection's ``deployment``; it keeps two Airflows in one workspace apart.
    """
    ti = context["ti"]
    generation = (ti.max_tries or 0) - (context["task"].retries or 0) + 1
    run_start = _run_start(context, generation)
    return TaskIdentity(ti.dag_id, ti.task_id, ti.run_id, _map_index(ti), generation, run_start, airflow_name)


def _run_start(context: Context, generation: int) -> str:
    """When the DAG run began: the same over all tries, and new if a run is made again under its old id.

    Airflow 2.11 to 3.3 change it only when a run that is over is cleared. A run of ``dag.test()`` begins at
    its logical date, each time; it lives in one process, which remembers it from the first try on.
    """
    dag_run: Any = context.get("dag_run")
    start = getattr(dag_run, "start_date", None)
    if start is None:
        return ""
    if start not in (getattr(dag_run, "logical_date", None), getattr(dag_run, "run_after", None)):
        return str(start.astimezone(UTC).isoformat())
    ti = context["ti"]
    key = (ti.dag_id, ti.task_id, ti.run_id, _map_index(ti), generation)
    if ti.try_number == generation or key not in _tested_runs:
        _tested_runs[key] = uuid.uuid4().hex
    return _tested_runs[key]


def _map_index(ti: Any) -> int:
    return ti.map_index if ti.map_index is not None else -1


def airflow_tags(
    context: Context, identity: TaskIdentity, owner: Owner, *, outlives_task: bool
) -> dict[str, str]:
    """Tags that say who made a job: so that its cost can be attributed, and it can be found again."""
    ti = context["ti"]
    tags = {
        DAG_TAG: ti.dag_id,
        TASK_ID_TAG: ti.task_id,
        "airflow_run_id": ti.run_id,
        "airflow_map_index": str(_map_index(ti)),
        "airflow_try_number": str(ti.try_number),
        "airflow_provider": f"airflow-provider-amlrest/{__version__}",
        OUTLIVES_TASK_TAG: "true" if outlives_task else "false",
        task_tag(identity): "true",
        **dict([owner.tag]),
        **({AIRFLOW_TAG: identity.airflow_name} if identity.airflow_name else {}),
    }
    return {key: value[: MAX_PAIRS["tags"].value] for key, value in tags.items()}


def task_tag(identity: TaskIdentity) -> str:
    """The name of the tag that all jobs of this task instance have."""
    return f"{TASK_TAG}{identity.lasting_digest}"


def maker_tags(context: Context, airflow_name: str) -> dict[str, str]:
    """Tags that say which task brings a resource to its state, and whether it is there for a DAG run only."""
    ti = context["ti"]
    tags = {
        DAG_TAG: ti.dag_id,
        TASK_ID_TAG: ti.task_id,
        **({OUTLIVES_RUN_TAG: "false"} if context["task"].is_setup else {}),
        **({AIRFLOW_TAG: airflow_name} if airflow_name else {}),
    }
    return {key: value[: MAX_PAIRS["tags"].value] for key, value in tags.items()}
