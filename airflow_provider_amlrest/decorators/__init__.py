"""``@task.azureml``: a function of a DAG that runs as a job. Importing it loads nothing of azure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import task_decorator_factory

from airflow_provider_amlrest.decorators.operator import AzureMLFunctionOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import TaskDecorator

__all__ = ["AzureMLFunctionOperator", "azureml_task"]


def azureml_task(
    python_callable: Callable[..., Any] | None = None, multiple_outputs: bool | None = None, **kwargs: Any
) -> TaskDecorator:
    """Make a task of a function, which runs as a job in Azure ML. Airflow calls it ``@task.azureml``.

    :param python_callable: the function.
    :param multiple_outputs: push each member of a mapping that the function returns as an XCom of its own.
        None: if the function says that it returns a mapping.
    :param kwargs: of :class:`AzureMLFunctionOperator`.
    """
    return task_decorator_factory(
        python_callable=python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=AzureMLFunctionOperator,
        **kwargs,
    )
