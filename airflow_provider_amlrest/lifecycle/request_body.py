"""The request that submits a job, shown among the rendered templates of its task.

It is made while the task runs, after Airflow has stored the rendered templates: they are stored once more, by
Airflow 3 when the task defers or ends, by 2.11 at once. A task that resumes has it from an XCom. Secrets that
Airflow knows are masked in both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_amlrest.lifecycle.masking import masked

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class SubmitTask(Protocol):
    """What a task has that shows its request."""

    request_body: str | None
    do_xcom_push: bool
    overwrite_rtif_after_execution: bool


REQUEST_KEY = "azureml_request"
"""Key of the XCom that has it."""


def show(task: SubmitTask, properties: Mapping[str, Any], context: Context) -> None:
    """Show the body of the PUT that is about to be sent."""
    body = json.dumps(masked({"properties": properties}), indent=2)
    if task.do_xcom_push:
        context["ti"].xcom_push(key=REQUEST_KEY, value=body)
    _store(task, body, context)


def show_none(task: SubmitTask, context: Context) -> None:
    """Say that this try has sent no request, if so: Airflow 3.3 logs an error where an XCom is not found."""
    if task.request_body is None and task.do_xcom_push:
        context["ti"].xcom_push(key=REQUEST_KEY, value="")


def show_again(task: SubmitTask, context: Context) -> None:
    """Show what was shown before the task deferred."""
    if not task.do_xcom_push:
        return
    ti = context["ti"]
    body = ti.xcom_pull(task_ids=ti.task_id, key=REQUEST_KEY, map_indexes=ti.map_index)
    if body:
        _store(task, body, context)


def _store(task: SubmitTask, body: str, context: Context) -> None:
    task.request_body = body
    task.overwrite_rtif_after_execution = True
    ti: Any = context["ti"]
    if hasattr(ti, "get_rendered_template_fields"):
        # Airflow 2.11, where tasks see the database.
        from airflow.models.renderedtifields import RenderedTaskInstanceFields

        RenderedTaskInstanceFields.write(RenderedTaskInstanceFields(ti=ti, render_templates=False))
