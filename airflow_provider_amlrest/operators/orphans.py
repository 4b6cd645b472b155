"""The operator that finds what nobody waits for any more, and can end it: jobs, computes, deployments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.lifecycle.orphan_jobs import Orphan, find_orphans
from airflow_provider_amlrest.lifecycle.ownership import by_task
from airflow_provider_amlrest.lifecycle.task_identity import IDENTITY_PROPERTY, OWN_NAME_TAG
from airflow_provider_amlrest.lifecycle.task_state import MISSING, ask_state, count_runs
from airflow_provider_amlrest.operators.base import AzureMLOperator, fail_without_retries
from airflow_provider_amlrest.rest.http.errors import AzureMLError, NotFoundError
from airflow_provider_amlrest.rest.reading.values import boolean, required_seconds

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.lifecycle.orphan_resources import OrphanResource
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job

MAX_XCOM = 8000
"""Maximum characters of the list in the XCom; the log has every orphan."""


class AzureMLFindOrphansOperator(AzureMLOperator):
    """Find jobs that are still active although their task is over, and resources of setups that no run needs
    any more; optionally cancel and delete them.

    A job is an orphan if this Airflow's submit operators submitted it, it ends with its task (the operator
    waits, and has ``cancel_on_kill``), it is active, and its task instance is ``success``, ``failed``,
    ``skipped``, ``upstream_failed``, ``removed`` or deleted. If the task is deferred, waits for its retry,
    has no state, or was cleared and runs again, its job is not an orphan.

    A compute, endpoint or deployment is an orphan if a task of this Airflow that is a setup has made it, and
    no run of its DAG is queued or running. What is in use is not: a compute on which jobs run, a deployment
    that gets requests, and its endpoint.

    :param azureml_conn_id: the connection. Only jobs and resources of its ``deployment`` are considered.
    :param cancel: cancel and delete them; False: only report them. What belongs to a task instance, or to a
        DAG, that this Airflow does not have (any more) is left alone unless the connection has a
        ``deployment``: another Airflow may have it.
    :param min_age: minimum age in seconds; what is younger is left alone.
    :param max_age: maximum age of a job in seconds; older jobs are not searched.

    XCom: ``{"found": 2, "canceled": 1, "orphans": [{"name", "status", "dag_id", "task_id", "run_id",
    "map_index", "task_state", "canceled"}], "deleted": 0, "resources": [{"id", "status", "dag_id", "task_id",
    "deleted"}]}``, the lists cut at 8 KB.

    :raises AzureMLError: if an orphan could not be canceled or deleted, after all others were.
    """

    template_fields = (*AzureMLOperator.template_fields, "cancel", "min_age", "max_age")

    def __init__(
        self,
        *,
        cancel: bool | str = False,
        min_age: float | timedelta | str = 3600.0,
        max_age: float | timedelta | str = 30 * 86400.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cancel = cancel
        self.min_age = min_age
        self.max_age = max_age

    def execute(self, context: Context) -> dict[str, Any]:
        """Search the jobs once."""
        with fail_without_retries():
            cancel = boolean("cancel", self.cancel)
            min_age, max_age = (
                required_seconds("min_age", self.min_age),
                required_seconds("max_age", self.max_age),
            )
            return self._look(context, cancel, min_age, max_age)

    def _look(self, context: Context, cancel: bool, min_age: float, max_age: float) -> dict[str, Any]:
        from airflow_provider_amlrest.lifecycle.orphan_resources import find_orphan_resources

        with self.hook.client() as client:
            # All before the first cancel, because the pages of the list shift while jobs end.
            orphans = list(
                find_orphans(
                    client,
                    ask_state,
                    airflow_name=self.hook.settings.deployment,
                    min_age=min_age,
                    max_age=max_age,
                )
            )
            resources = list(
                find_orphan_resources(
                    client, count_runs, airflow_name=self.hook.settings.deployment, min_age=min_age
                )
            )
            errors: list[AzureMLError] = []
            reports = [self._deal_with(client, orphan, cancel, errors) for orphan in orphans]
            deletions = [self._delete(client, orphan, cancel, errors) for orphan in resources]
            count = len(reports) + len(deletions)
            self.log.info("Found %d orphans.", count)
            if errors:
                raise AzureMLError(f"{len(errors)} of {count} orphans could not be ended. {errors[0]}")
        return _xcom(reports, deletions)

    def _deal_with(
        self, client: AzureMLClient, orphan: Orphan, cancel: bool, errors: list[AzureMLError]
    ) -> dict[str, Any]:
        canceled = False
        fate = self._may_be_ended(cancel, "the task", is_known=orphan.state != MISSING)
        if not fate:
            try:
                note = by_task(0, f"which is {orphan.state}")
                left = client.end_job(orphan.job.name, note=note, why_left=_why_copied)
            except NotFoundError:
                fate = "it was deleted meanwhile"
            except AzureMLError as error:
                errors.append(error)
                fate = f"it could not be canceled: {error}"
            else:
                canceled = left is None
                fate = "it is canceled" if canceled else f"it is left alone: {left}"
        job, task = orphan.job, orphan.task
        self.log.warning(
            "Job %s is %s, but its task %s of %s, run %s, map index %d, is %s; %s. %s",
            job.name,
            job.status,
            task.task_id,
            task.dag_id,
            task.run_id,
            task.map_index,
            orphan.state,
            fate,
            self.hook.studio_url(job),
        )
        return {
            "name": job.name,
            "status": job.status,
            "dag_id": task.dag_id,
            "task_id": task.task_id,
            "run_id": task.run_id,
            "map_index": task.map_index,
            "task_state": orphan.state,
            "canceled": canceled,
        }

    def _delete(
        self, client: AzureMLClient, orphan: OrphanResource, cancel: bool, errors: list[AzureMLError]
    ) -> dict[str, Any]:
        fate = self._may_be_ended(cancel, "the DAG", is_known=orphan.has_runs)
        is_deleted = False
        if not fate:
            try:
                client.change_resource(orphan.goal.change(orphan.resource))
            except AzureMLError as error:
                errors.append(error)
                fate = f"it could not be deleted: {error}"
            else:
                is_deleted = True
                fate = "it is being deleted"
        self.log.warning(
            "%s is there for runs of DAG %s, of which none is under way; %s.",
            orphan.goal.what,
            orphan.dag_id,
            fate,
        )
        return {
            "id": orphan.resource.id,
            "status": orphan.resource.status,
            "dag_id": orphan.dag_id,
            "task_id": orphan.task_id,
            "deleted": is_deleted,
        }

    def _may_be_ended(self, cancel: bool, who: str, *, is_known: bool) -> str:
        """Empty, or why it is left alone."""
        if not cancel:
            return "it is left alone"
        if not is_known and not self.hook.settings.deployment:
            return f"it is left alone: another Airflow may have {who}. Set the connection's deployment"
        return ""


def _why_copied(job: Job) -> str | None:
    """A person who submits a copy of a job also copies its tags, but not the properties of its submission."""
    if IDENTITY_PROPERTY in job.properties or job.tags.get(OWN_NAME_TAG) == job.name:
        return None
    return "it has the tags of a task, but was not submitted by it"


def _xcom(jobs: list[dict[str, Any]], resources: list[dict[str, Any]]) -> dict[str, Any]:
    """The result, with as many of the orphans as fit."""
    size, fits = 0, 0
    for orphan in (*jobs, *resources):
        size += len(json.dumps(orphan)) + 2
        fits += size <= MAX_XCOM
    return {
        "found": len(jobs) + len(resources),
        "canceled": sum(orphan["canceled"] for orphan in jobs),
        "deleted": sum(orphan["deleted"] for orphan in resources),
        "orphans": jobs[:fits],
        "resources": resources[: max(fits - len(jobs), 0)],
    }
