"""Models of registries: where a registry is, and a version of a model that is to be in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.http.call import Call, Flow, checked
from airflow_provider_amlrest.rest.http.cloud import check_url, is_same_origin
from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError
from airflow_provider_amlrest.rest.ids import PROVIDER, path_segment
from airflow_provider_amlrest.rest.resources.goal import Change, Goal
from airflow_provider_amlrest.rest.resources.resource import Resource
from airflow_provider_amlrest.rest.versions.words import properties_of
from airflow_provider_amlrest.rest.workspace.operations import WorkspaceOperations

COLLECTION = "registries"
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{2,32}")
"""Microsoft's own pattern (2024-04-01)."""

HOST_VERSION = "2021-10-01-dataplanepreview"
"""The api-version of the registries' own host. Resource Manager does not say where a version comes from."""
PUBLISH = "2024-04-01"
"""The first api-version that publishes a model to a registry by Resource Manager."""

PUBLISHING = "Publishing"
"""The state of a version that was sent to a registry, and that is not there yet."""


@dataclass(frozen=True)
class InRegistry(Goal):
    """A version of a model is in a registry, and comes from the workspace.

    :param origin: the version that it comes from, in the words of :func:`origin`; empty: any.
    :param request: what publishes it; None: it was sent before.
    """

    origin: str = ""
    request: Change | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        return ()

    def is_reached(self, now: Resource) -> bool:
        return now.exists and not now.is_broken and not self._comes_from_elsewhere(now)

    def why(self, now: Resource) -> list[str]:
        return [] if now.exists else ["it does not exist"]

    def change(self, now: Resource) -> Change:
        if now.exists:
            whose = "has failed" if now.is_broken else f"comes from {_origin_of(now)}"
            raise InvalidSpecError(
                "destination_version",
                f"{self.what} exists, and {whose}. A registry replaces no version: name another one.",
            )
        assert self.request is not None  # noqa: S101
        return self.request

    def done(self, now: Resource) -> str:
        return "promoted"

    def _comes_from_elsewhere(self, now: Resource) -> bool:
        # That Resource Manager's publish notes the origin, too, is not proven: who says nothing is believed.
        there = _origin_of(now)
        return bool(there and self.origin) and _plain(there) != _plain(self.origin)


def path_of(registry: str, name: str, version: str) -> str:
    """A version of a model in a registry, as the path of a resource."""
    return "/".join((COLLECTION, registry, "models", name, "versions", version))


def origin(location: str, guid: str, name: str, version: str) -> str:
    """A version of a model in a workspace, in the words of registries (recorded)."""
    return f"azureml://locations/{location}/workspaces/{guid}/models/{name}/versions/{version}"


def in_registry(
    api_version: str, registry: str, destination: tuple[str, str], source: tuple[str, str], origin: str
) -> InRegistry:
    """The goal that a version of a workspace's model is in a registry.

    :param destination: name and version there.
    :param source: name and version in the workspace.
    """
    name, version = destination
    if api_version >= PUBLISH:
        path = f"models/{path_segment(source[0])}/versions/{path_segment(source[1])}/publish"
        body: dict[str, Any] = {"registryName": registry}
    else:
        path, body = f"{COLLECTION}/{registry}/import", {"referenceType": "Id", "sourceAssetId": origin}
    body |= {"destinationName": name, "destinationVersion": version}
    request = Change("POST", path, body if api_version >= PUBLISH else {"properties": body})
    what = f"version {version} of the model {name} in the registry {registry}"
    return InRegistry(path_of(registry, name, version), what, origin, request)


def _origin_of(now: Resource) -> str:
    return str(properties_of(now.wire).get("originAssetId") or "")


def _plain(origin: str) -> str:
    # The region may be another one than the workspace's.
    return origin.lower().partition("/workspaces/")[2]


class RegistryOperations(WorkspaceOperations):
    """Requests to workspaces, and to the registries' own hosts."""

    hosts: Mapping[str, str] = {}
    """Registry -> its base URL, once it is known."""

    def _at(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        options: Mapping[str, Any] | None = None,
    ) -> Flow[Call]:
        """A request for what is below the workspace, or for what is below a registry."""
        collection, _, rest = path.partition("/")
        if collection != COLLECTION:
            return self._request(method, path, query=query, body=body, options=options)
        registry, _, rest = rest.partition("/")
        base = yield from self._host(registry, options)
        url = f"{base}/{'/'.join(map(path_segment, rest.split('/')))}"
        params = {"api-version": HOST_VERSION, **(query or {})}
        return Call(HttpRequest(method, url, params=params, json=body), f"{method} {path}", options or {})

    def _host(self, registry: str, options: Mapping[str, Any] | None) -> Flow[str]:
        if registry not in self.hosts:
            api = (yield from self._services(options))[1]
            asked = f"GET the registry {registry}"
            url = f"{api}/registrymanagement/v1.0/registries/{path_segment(registry)}/discovery"
            answer = yield Call(HttpRequest("GET", url), asked, options or {})
            found = checked(answer, asked)
            base = str(found.get("primaryRegionResourceProviderUri") or "").rstrip("/")
            place = [str(found.get(name) or "") for name in ("subscriptionId", "resourceGroup")]
            if not base or not all(place):
                raise AzureMLError(f"It is not known where the registry {registry} is.")
            check_url(base)
            subscription, group, name = map(path_segment, (*place, registry))
            self.hosts = {
                **self.hosts,
                registry: f"{base}/mferp/managementfrontend/subscriptions/{subscription}/resourceGroups/"
                f"{group}/providers/{PROVIDER}/registries/{name}",
            }
        return self.hosts[registry]

    def _is_ours(self, link: str) -> bool:
        """Whether a link leads to where tokens go anyway."""
        regional = [] if self.services is None else [self.services[1]]
        return any(
            is_same_origin(link, base)
            for base in (self.cloud.resource_manager, *regional, *self.hosts.values())
        )
