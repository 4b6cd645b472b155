"""Where data lies: references and URIs of Azure ML, and the blobs they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from airflow_provider_amlrest.emulator.config import ARTIFACT_CONTAINER
from airflow_provider_amlrest.emulator.runtime.errors import JobError

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.config import Workspace
    from airflow_provider_amlrest.emulator.runtime.services import Services
    from airflow_provider_amlrest.emulator.store import AssetRecord

_ASSET = re.compile(
    r"(?i)^(?:azureml:)?/?.*/(?P<kind>codes|data|environments|models)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)$"
)
_SHORT_ASSET = re.compile(r"^azureml:(?P<name>[^/:@]+)(?::(?P<version>[^/:]+)|@latest)$")
# The service itself writes the output "default" without /paths.
_DATASTORE = re.compile(r"(?i)^azureml://(?:.*/)?datastores/(?P<name>[^/]+)/(?:paths/)?(?P<path>.*)$")
_JOB_OUTPUT = re.compile(
    r"(?i)^azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths(?:/(?P<path>.*))?)?$"
)
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_MAX_HOPS = 5


@dataclass(frozen=True)
class BlobLocation:
    """A blob, or the prefix of a folder of blobs (without the slash at its end)."""

    container: str
    path: str


@dataclass(frozen=True)
class WebLocation:
    """A file somewhere else on the web."""

    url: str

    @property
    def shown(self) -> str:
        """The URL without its query, which may hold a secret."""
        return self.url.split("?")[0]


def output_asset_name(job: str, output: str) -> str:
    """The data asset that the service registers for every output of a job, in version 1."""
    return f"azureml_{job}_output_data_{output}"


def datastore_uri(workspace: Workspace, datastore: str, path: str) -> str:
    """The long form of a path on a datastore, as data versions show it."""
    return (
        f"azureml://subscriptions/{workspace.subscription_id}/resourcegroups/{workspace.resource_group}"
        f"/workspaces/{workspace.name}/datastores/{datastore}/paths/{path}"
    )


@dataclass(frozen=True)
class DataResolver:
    """Finds assets and data of one workspace."""

    services: Services
    workspace: Workspace

    def asset(self, reference: str, kind: str) -> AssetRecord | None:
        """The version of an asset that an ARM id, ``azureml:name:version`` or ``azureml:name@latest`` means.

        :raises JobError: a reference to an asset that the workspace does not have.
        :return: None if the text is not such a reference.
        """
        match = _ASSET.match(reference)
        if match and (match["kind"].lower() != kind or "/registries/" in reference.lower()):
            return None
        match = match or _SHORT_ASSET.match(reference)
        if match is None:
            return None
        name, version = match["name"], match["version"]
        if version is None:
            found = next(iter(self.services.store.assets(self.workspace.name, kind, name)), None)
        else:
            found = self.services.store.asset(self.workspace.name, kind, name, version)
        if found is None:
            raise JobError(
                f"{reference} is not registered in workspace {self.workspace.name}. "
                "Register it, or correct the reference.",
                "NotFoundError",
            )
        return found

    def is_model(self, reference: str) -> bool:
        """Whether a reference is the ARM id of a model."""
        match = _ASSET.match(reference)
        return match is not None and match["kind"].lower() == "models"

    def uri(self, reference: str) -> str:
        """Follow references to data, models and outputs of jobs to the URI that they mean."""
        for _ in range(_MAX_HOPS):
            output = _JOB_OUTPUT.match(reference)
            if output:
                base = self._output(output["job"], output["output"])
                return f"{base.rstrip('/')}/{output['path']}" if output["path"] else base
            match = _ASSET.match(reference)
            kind = "models" if match and match["kind"].lower() == "models" else "data"
            asset = self.asset(reference, kind)
            if asset is None:
                return reference
            reference = asset.properties["modelUri" if kind == "models" else "dataUri"]
        raise JobError(f"The data asset behind {reference} refers to other data assets without an end.")

    def _output(self, job: str, output: str) -> str:
        """Where an output of a job lies; that of a pipeline was written by one of its nodes."""
        record = self.services.store.job(self.workspace.name, job)
        passed = record.passed_outputs.get(output) if record else None
        return passed["uri"] if passed else self.uri(f"azureml:{output_asset_name(job, output)}:1")

    def locate(self, reference: str) -> BlobLocation | WebLocation:
        """Where data lies.

        :raises JobError: the text is not a URI that the emulator can read.
        """
        uri = self.uri(reference)
        datastore = _DATASTORE.match(uri)
        if datastore:
            return BlobLocation(self._container(datastore["name"], uri), datastore["path"].rstrip("/"))
        parts = urlsplit(uri)
        if parts.scheme in {"wasbs", "abfss"}:
            if (parts.hostname or "").split(".")[0] != self.services.blobs.account:
                raise JobError(
                    f"{uri.split('?')[0]} is on a storage account that this emulator does not have."
                )
            return BlobLocation(parts.username or "", unquote(parts.path).strip("/"))
        if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            return self._own_blob(uri) or WebLocation(uri)
        raise JobError(
            f"{uri.split('?')[0]!r} is no URI of data. Known: azureml://datastores/<datastore>/paths/<path>, "
            "https://, wasbs://, abfss://, azureml:<name>:<version> and ARM ids of data versions."
        )

    def _container(self, datastore: str, uri: str) -> str:
        containers = {
            "workspaceblobstore": self.workspace.default_container,
            "workspaceartifactstore": ARTIFACT_CONTAINER,
        }
        if datastore not in containers:
            raise JobError(
                f"{uri}: there is no datastore {datastore!r}; this emulator has {', '.join(containers)}."
            )
        return containers[datastore]

    def _own_blob(self, url: str) -> BlobLocation | None:
        """The blob of our own account that a URL means; the port may be that of an earlier start."""
        parts = urlsplit(url)
        path = unquote(parts.path).strip("/")
        host = parts.hostname or ""
        if host in _LOOPBACK:
            account, _, path = path.partition("/")
            if account != self.services.blobs.account:
                return None
        elif not host.startswith(f"{self.services.blobs.account}.blob."):
            return None
        container, _, path = path.partition("/")
        return BlobLocation(container, path)
