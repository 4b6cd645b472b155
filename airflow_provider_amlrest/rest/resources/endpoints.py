"""What online and batch endpoints have in common."""

from __future__ import annotations

from typing import Any, NamedTuple

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.fields import one_of, text
from airflow_provider_amlrest.rest.resources.online import check_endpoint_name
from airflow_provider_amlrest.rest.resources.resource import Resource
from airflow_provider_amlrest.rest.versions.words import properties_of

COLLECTIONS = {"online": "onlineEndpoints", "batch": "batchEndpoints"}


class EndpointPlace(NamedTuple):
    """Where an endpoint is. ``kind``: online or batch."""

    kind: str
    name: str

    @property
    def path(self) -> str:
        return f"{COLLECTIONS[self.kind]}/{self.name}"

    @property
    def what(self) -> str:
        return f"{self.kind} endpoint {self.name}"


def read_endpoint_place(name: Any, type_: Any) -> EndpointPlace:
    """An endpoint by its name. Raises InvalidSpecError."""
    kind = one_of("endpoint_type", text("endpoint_type", type_), COLLECTIONS)
    return EndpointPlace(kind, check_endpoint_name("endpoint_name", name))


def check_is_idle(endpoint: Resource, deployment: str) -> None:
    """Raises InvalidSpecError if a deployment gets requests, or those that name no deployment."""
    properties = properties_of(endpoint.wire)
    share = (properties.get("traffic") or {}).get(deployment) or 0
    if share:
        raise InvalidSpecError(
            "deployment_name",
            f"{deployment!r} gets {share} percent of the requests: give them to another one first, with "
            "AzureMLShiftTrafficOperator.",
        )
    if (properties.get("defaults") or {}).get("deploymentName") == deployment:
        raise InvalidSpecError(
            "deployment_name",
            f"{deployment!r} is the endpoint's default: make another one that first.",
        )
