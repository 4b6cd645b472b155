"""A safe rollout as a group of tasks: deploy, test, shift, delete what is no longer used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import TaskGroup

from airflow_provider_amlrest.operators.online import (
    AzureMLDeleteDeploymentOperator,
    AzureMLDeployOnlineEndpointOperator,
)
from airflow_provider_amlrest.operators.traffic import AzureMLShiftTrafficOperator

if TYPE_CHECKING:
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import BaseOperator

STEPS = (10, 50, 100)


def safe_rollout(
    *,
    endpoint_name: str,
    deployment_name: Any,
    deployment: str | PurePath | Mapping[str, Any],
    endpoint: str | PurePath | Mapping[str, Any] | None = None,
    model: Any = None,
    shares: Sequence[int] = STEPS,
    pause: float | str = 60.0,
    smoke_test: Mapping[str, Any] | str | None = None,
    smoke_check: Callable[[list[Any]], Any] | None = None,
    delete_unused: bool = True,
    group_id: str = "safe_rollout",
    **kwargs: Any,
) -> TaskGroup:
    """Tasks that bring a model into service beside the one that serves, and then instead of it.

    ``deploy`` makes the deployment, which has no requests yet; ``shift`` tests it and gives it its shares, or
    gives all back; ``delete_unused`` deletes the deployments that had requests before, and have none now. A
    deployment that a failed rollout leaves behind costs money: the same rollout again goes on with it.

    :param endpoint_name: the endpoint.
    :param deployment_name: the new deployment: a text, or what a task returns. Named after its model, such as
        ``"iris-{{ version }}"``, each version is deployed once, and a run with nothing new changes nothing.
    :param deployment: as of :class:`AzureMLDeployOnlineEndpointOperator`, without its name.
    :param endpoint: likewise; None: it is made with a key, if there is none.
    :param model: likewise.
    :param shares: percent of the requests that the new deployment gets, one after the other. The first
        deployment of an endpoint gets all at once.
    :param pause: as of :class:`AzureMLShiftTrafficOperator`.
    :param smoke_test: likewise.
    :param smoke_check: likewise.
    :param delete_unused: whether there is such a task.
    :param group_id: of the group.
    :param kwargs: for each task: ``azureml_conn_id``, ``deferrable``, ``retries``...
    """
    with TaskGroup(group_id=group_id) as group:
        deploy = AzureMLDeployOnlineEndpointOperator(
            task_id="deploy",
            endpoint=endpoint if endpoint is not None else endpoint_name,
            deployment=deployment,
            deployment_name=deployment_name,
            model=model,
            **kwargs,
        )
        # What is no text cannot be a key before it is rendered.
        name = deployment_name if isinstance(deployment_name, str) else _result_of(deploy, "name", "")
        shift = AzureMLShiftTrafficOperator(
            task_id="shift",
            endpoint_name=endpoint_name,
            steps=[{name: share} for share in shares],
            pause=pause,
            smoke_test=smoke_test,
            smoke_check=smoke_check,
            **kwargs,
        )
        deploy >> shift
        if delete_unused:
            unused = AzureMLDeleteDeploymentOperator(
                task_id="delete_unused",
                endpoint_name=endpoint_name,
                deployment_name=_result_of(shift, "unused", []),
                **kwargs,
            )
            shift >> unused
    return group


def _result_of(task: BaseOperator, member: str, default: Any) -> str:
    """A template for what a task has returned: in a mapped group, that of the same index."""
    pulled = f"ti.xcom_pull(task_ids='{task.task_id}', key='return_value', map_indexes=ti.map_index)"
    return f"{{{{ ({pulled} or {{}}).get({member!r}, {default!r}) }}}}"
