"""What online and batch endpoints have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.lookups import read_code
from airflow_provider_amlrest.rest.reading.fields import SOMETHING, no_other_keys, one_of, path_text, text
from airflow_provider_amlrest.rest.reading.values import blank, mapping
from airflow_provider_amlrest.rest.resources.goal import Absent, Change, Goal, Present
from airflow_provider_amlrest.rest.resources.names import check_resource_name
from airflow_provider_amlrest.rest.resources.resource import Resource
from airflow_provider_amlrest.rest.versions.spelling import Wire
from airflow_provider_amlrest.rest.versions.words import object_in, properties_of, without_nones

ONLINE, BATCH = "onlineEndpoints", "batchEndpoints"
COLLECTIONS = {"online": ONLINE, "batch": BATCH}
ENDPOINT_NAME = re.compile(r"[a-zA-Z](?:[a-zA-Z0-9-]{1,30}[a-zA-Z0-9])")
"""Of endpoints and deployments. Microsoft's documentation of limits: 3 to 32 characters."""
_NAME = "3 to 32 letters, digits and '-', beginning with a letter and ending with a letter or digit"


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


def endpoint_deleted(place: EndpointPlace) -> Absent:
    """There is no such endpoint, and none of its deployments."""
    return Absent(place.path, place.what)


def deployment_deleted(place: EndpointPlace, name: str) -> Absent:
    """The endpoint has no such deployment."""
    return Absent(f"{place.path}/deployments/{name}", f"{place.kind} deployment {name}")


def read_endpoint_place(name: Any, type_: Any) -> EndpointPlace:
    """An endpoint by its name. Raises InvalidSpecError."""
    kind = one_of("endpoint_type", text("endpoint_type", type_), COLLECTIONS)
    return EndpointPlace(kind, check_endpoint_name("endpoint_name", name))


def check_is_idle(endpoint: Resource, deployment: str) -> None:
    """Raises InvalidSpecError if a deployment gets requests, copies of some, or those that name none."""
    properties = properties_of(endpoint.wire)
    share = object_in(properties, "traffic").get(deployment) or 0
    if share:
        raise InvalidSpecError(
            "deployment_name",
            f"{deployment!r} gets {share} percent of the requests: give them to another one first, with "
            "AzureMLShiftTrafficOperator.",
        )
    copied = object_in(properties, "mirrorTraffic").get(deployment) or 0
    if copied:
        raise InvalidSpecError(
            "deployment_name",
            f"{deployment!r} gets a copy of {copied} percent of the requests: take it out of the endpoint's "
            "mirror_traffic first.",
        )
    if default_of(endpoint) == deployment:
        raise InvalidSpecError(
            "deployment_name",
            f"{deployment!r} is the endpoint's default: make another one that first.",
        )


def default_of(endpoint: Resource) -> str | None:
    """The deployment of a batch endpoint that gets the requests that name none."""
    name: str | None = object_in(properties_of(endpoint.wire), "defaults").get("deploymentName")
    return name


def check_endpoint_name(field: str, value: Any) -> str:
    """The name, if Azure ML accepts it. Whether it is free in the region, only the service knows.

    Raises InvalidSpecError.
    """
    return check_resource_name(field, value, "endpoint", ENDPOINT_NAME, _NAME)


def check_deployment_name(field: str, value: Any) -> str:
    """The name, if Azure ML accepts it. Raises InvalidSpecError otherwise."""
    return check_resource_name(field, value, "deployment", ENDPOINT_NAME, _NAME)


def read_deployment_name(value: Any) -> str | None:
    """The deployment that is asked, None for none. Raises InvalidSpecError for what is not a name."""
    name = text("deployment_name", value)
    return check_deployment_name("deployment_name", name) if name else None


def read_code_configuration(value: Any, base: Path) -> Wire | None:
    """``{"code": folder, "scoring_script": "score.py"}``."""
    field = "code_configuration"
    if blank(value):
        return None
    given = mapping(field, value)
    no_other_keys(field, given, ("code", "scoring_script"))
    code = read_code(f"{field}.code", given.get("code"), base)
    script = path_text(f"{field}.scoring_script", given.get("scoring_script"))
    if not SOMETHING.search(script):
        raise InvalidSpecError(
            f"{field}.scoring_script", "it is missing: the file of the code with init and run."
        )
    return without_nones(codeId=code, scoringScript=script)


def check_scoring_script(value: Any, base: Path) -> None:
    """Raises InvalidSpecError if local code has no such script."""
    given = mapping("code_configuration", value)
    script, folder = str(given.get("scoring_script")), base / Path(str(given.get("code"))).expanduser()
    if folder.is_dir() and not (folder / script).is_file():
        problem = f"{script!r} is not a file in {str(folder)!r}."
        raise InvalidSpecError("code_configuration.scoring_script", problem)


_OF_THE_SERVICE = ("AzureAsyncOperationUri", "azureml.onlineendpointid", "BatchEndpointCreationApiVersion")
_WRITABLE = (
    *("authMode", "description", "traffic", "mirrorTraffic", "publicNetworkAccess", "compute", "defaults"),
)


def own_properties(endpoint: Resource) -> dict[str, Any]:
    """The properties of its properties, without those that the service adds."""
    own = object_in(properties_of(endpoint.wire), "properties")
    return {name: value for name, value in own.items() if name not in _OF_THE_SERVICE}


def writable(endpoint: Resource, **properties: Any) -> Wire:
    """The body of a PUT that leaves all as it is but these properties: a PUT says all."""
    wire, identity = endpoint.wire, object_in(endpoint.wire, "identity")
    users: Wire = {name: {} for name in object_in(identity, "userAssignedIdentities")}
    now = {name: properties_of(wire).get(name) for name in _WRITABLE}
    return without_nones(
        location=wire.get("location"),
        tags=wire.get("tags"),
        kind=wire.get("kind"),
        identity=without_nones(type=identity.get("type"), userAssignedIdentities=users),
        properties={**without_nones(**now), "properties": own_properties(endpoint), **properties},
    )


@dataclass(frozen=True)
class Existing(Present):
    """It exists, as it may be; it is made as the body says. One that has failed is sent again as it is."""

    def why(self, now: Resource) -> list[str]:
        return [] if now.exists and not now.is_broken else super().why(now)[:1]

    def change(self, now: Resource) -> Change:
        return Change("PUT", self.path, writable(now)) if now.exists else super().change(now)


@dataclass(frozen=True)
class DefaultDeployment(Goal):
    """Requests to a batch endpoint that name no deployment go to this one."""

    deployment: str = ""

    def is_reached(self, now: Resource) -> bool:
        return default_of(now) == self.deployment

    def why(self, now: Resource) -> list[str]:
        return [f"its default is not {self.deployment}"]

    def change(self, now: Resource) -> Change:
        return Change("PUT", self.path, writable(now, defaults={"deploymentName": self.deployment}))

    def done(self, now: Resource) -> str:
        return "updated"
