"""A deployment that has failed: why, by its container's log, and what becomes of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_amlrest.lifecycle.bringing import ResourceError
from airflow_provider_amlrest.lifecycle.masking import masked
from airflow_provider_amlrest.rest.http.errors import AzureMLError, without_keys
from airflow_provider_amlrest.rest.resources.goal import Change

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.resources.goal import Goal

log = logging.getLogger(__name__)


def explained(client: AzureMLClient, goal: Goal, error: ResourceError, lines: int) -> ResourceError:
    """The error, with the end of the container's log."""
    try:
        said = client.get_deployment_log(goal.path, lines).rstrip()
    except AzureMLError as problem:
        log.warning("The log of %s could not be read: %s", goal.what, problem)
        return error
    if not said:
        return error
    return ResourceError(f"{error}\nThe last lines of its log:\n{masked(without_keys(said))}")


def give_up(client: AzureMLClient, goal: Goal, error: ResourceError) -> ResourceError:
    """Delete what has failed, so that it costs nothing; the error, with what became of that."""
    try:
        client.change_resource(Change("DELETE", goal.path))
    except AzureMLError as problem:
        return ResourceError(f"{error}\nIt could not be deleted, and may cost money: {problem}")
    return ResourceError(f"{error}\nIt is being deleted, as on_failure says.")
