"""Operations on a workspace, its computes and its datastores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.calls import Calls
from airflow_provider_amlrest.rest.http.call import Call, Flow, checked
from airflow_provider_amlrest.rest.http.cloud import check_url
from airflow_provider_amlrest.rest.http.errors import AzureMLError, NotFoundError
from airflow_provider_amlrest.rest.http.paging import Page
from airflow_provider_amlrest.rest.ids import path_segment
from airflow_provider_amlrest.rest.workspace.resources import (
    Compute,
    Datastore,
    DatastoreSecrets,
    Workspace,
    read_compute,
    read_datastore,
)


class WorkspaceOperations(Calls):
    """Requests for the workspace itself."""

    services: tuple[Workspace, str] | None = None
    """The workspace and the base URL of its region's services, once they are known."""

    def get_workspace(self, options: Mapping[str, Any] | None = None) -> Flow[Workspace]:
        """The workspace itself."""
        resource = yield from self._resource("GET", "", options=options)
        properties = resource.get("properties") or {}
        return Workspace(
            resource["id"],
            resource["name"],
            resource.get("location") or "",
            properties.get("discoveryUrl") or "",
            properties.get("mlFlowTrackingUri") or "",
            properties.get("workspaceId") or "",
        )

    def _services(self, options: Mapping[str, Any] | None = None) -> Flow[tuple[Workspace, str]]:
        """The workspace, and the base URL of its region's services, as it names it; requested once."""
        if self.services is None:
            workspace = yield from self.get_workspace(options)
            asked = "GET discovery"
            check_url(workspace.discovery_url)
            answer = yield Call(HttpRequest("GET", workspace.discovery_url), asked, options or {})
            api = str(checked(answer, asked).get("api") or "").rstrip("/")
            if not api:
                raise AzureMLError("The workspace does not say where its run history and MLflow are.")
            check_url(api)
            self.services = workspace, api
        return self.services

    def list_computes(self, next_link: str | None = None) -> Flow[Page]:
        """The workspace's computes, as an iterator of :class:`Compute`."""
        return (yield from self._page("computes", next_link, read_compute))

    def get_compute(self, name: str) -> Flow[Compute]:
        """One compute. Raises NotFoundError if the workspace has none with that name."""
        return read_compute((yield from self._resource("GET", f"computes/{path_segment(name)}")))

    def get_default_datastore(self) -> Flow[Datastore]:
        """The default datastore. Raises NotFoundError if the workspace has none."""
        answer = yield from self._get("datastores", {"isDefault": "true"})
        for resource in answer.get("value") or ():
            return read_datastore(self.spelling, resource)
        raise NotFoundError("GET datastores", 404, message="The workspace has no default datastore.")

    def get_datastore(self, name: str) -> Flow[Datastore]:
        """One datastore. Raises NotFoundError if the workspace has none with that name."""
        resource = yield from self._resource("GET", f"datastores/{path_segment(name)}")
        return read_datastore(self.spelling, resource)

    def list_datastore_secrets(self, name: str) -> Flow[DatastoreSecrets]:
        """A datastore's key or shared access signature. The request counts against the quota of writes."""
        secrets = yield from self._call("POST", f"datastores/{path_segment(name)}/listSecrets")
        found = DatastoreSecrets(secrets.get("key"), secrets.get("sasToken"))
        if found.account_key:
            self._on_secret(found.account_key)
        self._mask_signature(found.sas_token or "")
        return found
