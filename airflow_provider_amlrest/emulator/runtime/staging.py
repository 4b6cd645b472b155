"""A job's code, inputs and outputs: from blob storage to its folder, and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.config import ARTIFACT_CONTAINER, DEFAULT_DATASTORE
from airflow_provider_amlrest.emulator.runtime import transfer
from airflow_provider_amlrest.emulator.runtime.data import (
    BlobLocation,
    DataResolver,
    WebLocation,
    datastore_uri,
)
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.registration import (
    MODEL_TYPES,
    given_uri,
    register_named_output,
    register_output,
)

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

    from airflow_provider_amlrest.emulator.runtime.context import JobContext

INPUT_MODES = ("ReadOnlyMount", "Download", "Direct")
OUTPUT_MODES = ("ReadWriteMount", "Upload", "Direct")


@dataclass
class Staging:
    """Blocking work on one job's files, to be called from a thread."""

    context: JobContext
    input_texts: dict[str, str] = field(default_factory=dict)
    """What ``${{inputs.x}}`` means: a local path, a URI or a literal value."""
    output_texts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._data = DataResolver(self.context.services, self.context.workspace)
        self._inputs: dict[str, Any] = self.context.properties.get("inputs") or {}
        self._outputs: dict[str, Any] = self.context.properties.get("outputs") or {}

    @property
    def code_folder(self) -> Path:
        return self.context.folder / "code"

    def check(self) -> None:
        """Say what the emulator does not emulate, before anything is fetched.

        :raises JobError: names the input or output.
        """
        for name, spec in self._inputs.items():
            mode = spec.get("mode") or INPUT_MODES[0]
            if spec.get("jobInputType") != "literal" and mode not in INPUT_MODES:
                raise JobError(
                    f"Input {name!r}: mode {mode} is not emulated; use one of {', '.join(INPUT_MODES)}."
                )
        for name, spec in self._outputs.items():
            mode = spec.get("mode") or OUTPUT_MODES[0]
            if mode not in OUTPUT_MODES:
                raise JobError(
                    f"Output {name!r}: mode {mode} is not emulated; use one of {', '.join(OUTPUT_MODES)}."
                )
            self._output_location(name)

    def fetch(self) -> None:
        """Bring code and inputs, and make room for the outputs.

        :raises JobError: names what could not be fetched.
        """
        self.code_folder.mkdir(parents=True, exist_ok=True)
        self._fetch_code()
        for name, spec in self._inputs.items():
            try:
                self.input_texts[name] = self._fetch_input(name, spec)
            except JobError as error:
                raise JobError(f"Input {name!r} could not be fetched: {error}", error.inner_code) from None
        for name in self._outputs:
            self.output_texts[name] = self._make_room(name)

    def deliver(self) -> None:
        """Upload what the command wrote: named outputs, and the folders ``./outputs`` and ``./logs``."""
        for name in self._outputs:
            source = Path(self.output_texts[name])
            if not self._direct(name) and source.exists():
                transfer.upload(self._service, source, self._output_location(name))
        for folder in ("outputs", "logs"):
            source = self.code_folder / folder
            if source.is_dir() and not source.is_symlink():
                location = BlobLocation(ARTIFACT_CONTAINER, f"{self._artifacts}/{folder}")
                for blob in transfer.upload(self._service, source, location):
                    if folder == "logs":
                        self.context.add_log_file(blob.removeprefix(f"{self._artifacts}/"))

    def register_outputs(self) -> None:
        """Register every output of a completed job as a data asset, and under its assetName if it has one."""
        for name in self._outputs:
            uri = self._output_uri(name)
            self._check_model(name)
            register_output(self.context, name, uri)
            register_named_output(self.context, name, uri)

    def _check_model(self, name: str) -> None:
        """The words are the service's, as users report them.

        :raises JobError: a model is to be registered, and the command has written nothing of it.
        """
        spec, location = self._outputs[name], self._output_location(name)
        if not spec.get("assetName") or spec.get("jobOutputType") not in MODEL_TYPES:
            return
        if not transfer.is_there(self._service, location):
            raise JobError(
                "Model asset creation API failed with ModelAssetPathNotFoundInStorage: "
                f"No blobs found in storage at model asset path: {location.path}/",
                "ModelAssetPathNotFoundInStorage",
            )

    # inside

    @property
    def _service(self) -> BlobServiceClient:
        return self.context.services.blobs.service

    @property
    def _artifacts(self) -> str:
        return f"ExperimentRun/dcid.{self.context.job.name}"

    def _fetch_code(self) -> None:
        reference = self.context.properties.get("codeId")
        if not reference:
            return
        code = self._data.asset(reference, "codes")
        if code is None:
            raise JobError(f"codeId {reference!r} is no code version of this workspace.")
        uri = code.properties["codeUri"]
        location = self._data.locate(uri)
        if isinstance(location, WebLocation):
            raise JobError(
                f"The code {reference} lies at {location.shown}, which is no blob of this workspace."
            )
        try:
            transfer.download_folder(self._service, location, self.code_folder)
        except JobError as error:
            raise JobError(f"The code {reference} could not be fetched: {error}", error.inner_code) from None

    def _fetch_input(self, name: str, spec: dict[str, Any]) -> str:
        kind = spec.get("jobInputType")
        if kind == "literal":
            return str(spec.get("value"))
        assets = "models" if kind in MODEL_TYPES else "data"
        if spec.get("mode") == "Direct":
            return self._data.uri(spec["uri"], assets)
        location = self._data.locate(spec["uri"], assets)
        folder = self.context.folder / "inputs" / name
        if isinstance(location, WebLocation):
            if kind != "uri_file":
                raise JobError(
                    f"{location.shown} is on the web, where only a uri_file can be read, not a {kind}."
                )
            target = folder / (PurePosixPath(location.shown).name or "file")
            transfer.download_web(location, target)
            return str(target)
        if kind == "uri_file" or (kind == "custom_model" and self._is_blob(location)):
            target = transfer.inside(folder, PurePosixPath(location.path).name)
            transfer.download_blob(self._service, location, target)
            return str(target)
        if self._is_blob(location):
            raise JobError(f"{location.container}/{location.path} is a file, not a {kind}.")
        transfer.download_folder(self._service, location, folder)
        return str(folder)

    def _is_blob(self, location: BlobLocation) -> bool:
        return bool(
            location.path and self._service.get_blob_client(location.container, location.path).exists()
        )

    def _direct(self, name: str) -> bool:
        return bool(self._outputs[name].get("mode") == "Direct")

    def _make_room(self, name: str) -> str:
        if self._direct(name):
            return self._output_uri(name)
        folder = self.context.folder / "outputs" / name
        folder.mkdir(parents=True, exist_ok=True)
        if self._outputs[name].get("jobOutputType") == "uri_file":
            return str(folder / PurePosixPath(self._output_location(name).path).name)
        return str(folder)

    def _output_location(self, name: str) -> BlobLocation:
        uri = given_uri(self.context, name)
        if uri is not None:
            location = self._data.locate(uri)
            if isinstance(location, WebLocation):
                raise JobError(f"Output {name!r}: {location.shown} is no blob of this workspace.")
            return location
        path = f"azureml/{self.context.job.name}/{name}"
        if self._outputs[name].get("jobOutputType") == "uri_file":
            path = f"{path}/{name}"
        return BlobLocation(self.context.workspace.default_container, path)

    def _output_uri(self, name: str) -> str:
        location = self._output_location(name)
        slash = "" if self._outputs[name].get("jobOutputType") == "uri_file" else "/"
        datastores = {
            self.context.workspace.default_container: DEFAULT_DATASTORE,
            ARTIFACT_CONTAINER: "workspaceartifactstore",
        }
        if location.container in datastores:
            datastore = datastores[location.container]
            return datastore_uri(self.context.workspace, datastore, f"{location.path}{slash}")
        return f"{self._service.url.rstrip('/')}/{location.container}/{location.path}{slash}"
