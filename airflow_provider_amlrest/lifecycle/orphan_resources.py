"""Finds computes, endpoints and deployments that a setup has made, and no run of its DAG needs any more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_amlrest.lifecycle.task_identity import (
    AIRFLOW_TAG,
    DAG_TAG,
    OUTLIVES_RUN_TAG,
    TASK_ID_TAG,
)
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, PermissionDeniedError
from airflow_provider_amlrest.rest.resources.compute import deleted, is_in_use
from airflow_provider_amlrest.rest.resources.endpoints import (
    COLLECTIONS,
    EndpointPlace,
    check_is_idle,
    deployment_deleted,
    endpoint_deleted,
)
from airflow_provider_amlrest.rest.resources.traffic import shares_of
from airflow_provider_amlrest.rest.versions.words import properties_of

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.resources.goal import Absent
    from airflow_provider_amlrest.rest.resources.resource import Resource

log = logging.getLogger(__name__)

CountRuns = Callable[[str, tuple[str, ...]], int]
"""Returns how many runs a DAG has in these states; without any: how many it has."""
UNDER_WAY = ("queued", "running")


@dataclass(frozen=True)
class OrphanResource:
    """A resource that was to be gone with the run that it was made for.

    ``has_runs``: whether Airflow has any run of the DAG. ``goal``: that it is gone.
    """

    resource: Resource
    dag_id: str
    task_id: str
    has_runs: bool
    goal: Absent


def find_orphan_resources(
    client: AzureMLClient, count_runs: CountRuns, *, airflow_name: str, min_age: float
) -> Iterator[OrphanResource]:
    """Go through the resources in the workspace that a task made as a setup.

    Resources are read before runs. What is in use is no orphan: a compute on which jobs run, a deployment
    that gets requests, and its endpoint. The deployments of an endpoint that is one end with it.

    :param airflow_name: the connection's ``deployment``; only resources of this deployment are considered.
    :param min_age: seconds; younger resources are left out.
    """
    latest = datetime.now(UTC) - timedelta(seconds=min_age)

    def is_one(resource: Resource) -> bool:
        tags = resource.wire.get("tags") or {}
        return (
            resource.status != "Deleting"
            and tags.get(OUTLIVES_RUN_TAG) == "false"
            and tags.get(AIRFLOW_TAG, "") == airflow_name
            and DAG_TAG in tags
            and _created(resource) <= latest
            and count_runs(tags[DAG_TAG], UNDER_WAY) == 0
        )

    def orphan(resource: Resource, goal: Absent) -> OrphanResource:
        tags = resource.wire["tags"]
        dag_id = tags[DAG_TAG]
        return OrphanResource(resource, dag_id, tags.get(TASK_ID_TAG, ""), count_runs(dag_id, ()) > 0, goal)

    for compute in _listed(client, "computes"):
        if is_one(compute) and not _is_left(compute, "jobs run on it" if is_in_use(compute) else ""):
            yield orphan(compute, deleted(_last(compute.name)))
    for kind, collection in COLLECTIONS.items():
        for endpoint in _listed(client, collection):
            place = EndpointPlace(kind, _last(endpoint.name))
            if is_one(endpoint) and not _is_left(endpoint, "it gets requests" if shares_of(endpoint) else ""):
                yield orphan(endpoint, endpoint_deleted(place))
                continue
            for deployment in _listed(client, f"{place.path}/deployments"):
                name = _last(deployment.name)
                if is_one(deployment) and not _is_left(deployment, _why_used(endpoint, name)):
                    yield orphan(deployment, deployment_deleted(place, name))


def _listed(client: AzureMLClient, collection: str) -> list[Resource]:
    try:
        return list(client.list_resources(collection))
    except PermissionDeniedError as error:
        log.warning("The %s of the workspace cannot be listed, and are not searched: %s", collection, error)
        return []


def _is_left(resource: Resource, why: str) -> bool:
    """Whether it is left alone, although no run needs it. ``why``: empty if there is no reason to."""
    if why:
        log.info("No run needs %s any more, but it is left alone: %s", resource.name, why)
    return bool(why)


def _why_used(endpoint: Resource, deployment: str) -> str:
    try:
        check_is_idle(endpoint, deployment)
    except InvalidSpecError as error:
        return error.problem
    return ""


def _created(resource: Resource) -> datetime:
    """When it was made; now, if the service does not say so: such a one is too young."""
    said = (resource.wire.get("systemData") or {}).get("createdAt") or properties_of(resource.wire).get(
        "createdOn"
    )
    return datetime.fromisoformat(said) if said else datetime.now(UTC)


def _last(path: str) -> str:
    return path.rpartition("/")[2]
