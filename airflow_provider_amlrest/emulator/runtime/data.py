"""Where data lies: references and URIs of Azure ML, and the blobs they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from airflow_provider_amlrest.emulator.config import ARTIFACT_DATASTORE, DEFAULT_DATASTORE, Workspace
from airflow_provider_amlrest.emulator.registries import RegistryReference, find_asset, parse_reference
from airflow_provider_amlrest.emulator.runtime.errors import JobError

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.services import Services
    from airflow_provider_amlrest.emulator.store import AssetRecord

_ASSET = re.compile(
    r"(?i)^(?:azureml:)?/?.*/(?P<kind>codes|data|environments|models)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)$"
)
_SHORT_ASSET = re.compile(r"^azureml:(?P<name>[^/:@]+)(?::(?P<version>[^/:]+)|@latest)$")
# The service itself writes the output "default" without /paths.
_DATASTORE = re.compile(r"(?i)^azureml://(?:.*/)?datastores/(?P<name>[^/]+)/(?:paths/)?(?P<path>.*)$")
_LONG = re.compile(
    r"(?i)^azureml://subscriptions/([^/]+)/resourcegroups/([^/]+)/(?:providers/[^/]+/)?workspaces/([^/]+)/"
)
"""How a URI names the workspace whose datastore it is."""
_JOB_OUTPUT = re.compile(
    r"(?i)^azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths(?:/(?P<path>.*))?)?$"
)
_RUNS = (
    re.compile(r"(?i)^runs:/(?P<run>[^/]+)(?:/(?P<path>.*))?$"),
    re.compile(r"(?i)^azureml://(?:.*/)?experiments/[^/]+/runs/(?P<run>[^/]+)/artifacts(?:/(?P<path>.*))?$"),
)
"""How MLflow and its plugin name what a run has left."""
_ARTIFACT = re.compile(r"(?i)^azureml://artifacts/(?P<origin>[^/]+)/(?P<path>.+)$")
"""How the plugin names what it has uploaded, or downloads."""
_OF_THE_RUN = ("artifacts", "default")
"""Outputs of a job that are its artifacts."""
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
    """Finds assets and data of one workspace, and those of registries."""

    services: Services
    workspace: Workspace

    def asset(self, reference: str, kind: str) -> AssetRecord | None:
        """The version of an asset that an ARM id, ``azureml:name:version``, ``azureml:name@latest`` or
        ``azureml://registries/...`` means.

        :raises JobError: a reference to an asset that the workspace, or the registry, does not have.
        :return: None if the text is not such a reference, or one to an environment of a registry that this
            emulator does not have.
        """
        if (shared := parse_reference(reference)) is not None:
            return self._shared(shared, reference) if shared.kind == kind else None
        match = _ASSET.match(reference)
        if match and match["kind"].lower() != kind:
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

    def _shared(self, shared: RegistryReference, reference: str) -> AssetRecord | None:
        settings = self.services.settings
        found = find_asset(settings, self.services.store, shared)
        if found is not None:
            return found
        if settings.registry(shared.registry) is not None:
            message = f"{reference} is not in the registry. Register it there, or correct the reference."
            raise JobError(message, "NotFoundError")
        if shared.kind == "environments":
            return None
        raise JobError(f"{reference}: {settings.has_no(shared.registry)}", "NotFoundError")

    def is_model(self, reference: str) -> bool:
        """Whether a reference is the ARM id of a model."""
        match = _ASSET.match(reference)
        return match is not None and match["kind"].lower() == "models"

    def uri(self, reference: str, kind: str = "data") -> str:
        """Follow references to data, models and outputs of jobs to the URI that they mean.

        :param kind: what ``azureml:name:version`` is a version of: data or models.
        """
        for _ in range(_MAX_HOPS):
            output = _JOB_OUTPUT.match(reference)
            if output:
                base = self._output(output["job"], output["output"])
                return f"{base.rstrip('/')}/{output['path']}" if output["path"] else base
            if artifact := self._artifact(reference):
                return artifact
            match = parse_reference(reference) or _ASSET.match(reference)
            if match:
                named = match.kind if isinstance(match, RegistryReference) else match["kind"].lower()
                kind = "models" if named == "models" else "data"
            asset = self.asset(reference, kind)
            if asset is None:
                return reference
            reference = asset.properties["modelUri" if kind == "models" else "dataUri"]
        raise JobError(f"The data asset behind {reference} refers to other data assets without an end.")

    def _artifact(self, reference: str) -> str | None:
        """Where lies what a run has left, or what MLflow has uploaded for a model."""
        if uploaded := _ARTIFACT.match(reference):
            origin, path = uploaded.groups()
            if origin in self.workspace.datastores:
                return datastore_uri(self.workspace, origin, path)
            return datastore_uri(self.workspace, ARTIFACT_DATASTORE, f"{origin}/{path}")
        for pattern in _RUNS:
            if match := pattern.match(reference):
                return self._of_run(match["run"], match["path"] or "")
        return None

    def _of_run(self, run: str, path: str = "") -> str:
        record = self.services.store.job(self.workspace.name, run)
        wrote = record.run_properties.get("azureml.reusedrunid", run) if record else run
        place = f"ExperimentRun/dcid.{wrote}/{path}".rstrip("/")
        return datastore_uri(self.workspace, ARTIFACT_DATASTORE, place)

    def _output(self, job: str, output: str) -> str:
        """Where an output of a job lies; that of a pipeline was written by one of its nodes."""
        if output in _OF_THE_RUN:
            return self._of_run(job)
        record = self.services.store.job(self.workspace.name, job)
        passed = record.passed_outputs.get(output) if record else None
        if passed:
            return passed["uri"]
        if self.services.settings.runtime == "simulated" and record:
            return datastore_uri(self.workspace, DEFAULT_DATASTORE, f"azureml/{job}/{output}/")
        return self.uri(f"azureml:{output_asset_name(job, output)}:1")

    def locate(self, reference: str, kind: str = "data") -> BlobLocation | WebLocation:
        """Where data lies.

        :param kind: as of :meth:`uri`.
        :raises JobError: the text is not a URI that the emulator can read.
        """
        uri = self.uri(reference, kind)
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
        containers = self._owner(uri).datastores
        if datastore not in containers:
            raise JobError(
                f"{uri}: there is no datastore {datastore!r}; this emulator has {', '.join(containers)}."
            )
        return containers[datastore]

    def _owner(self, uri: str) -> Workspace:
        """The workspace whose datastore a URI names; this one, if it names none.

        :raises JobError: this emulator does not have it.
        """
        match = _LONG.match(uri)
        if match is None:
            return self.workspace
        found = self.services.settings.scope("workspaces", *match.groups())
        if isinstance(found, Workspace):
            return found
        raise JobError(f"{uri}: this emulator has no workspace {match[3]!r}.")

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
