"""Files of runs, and those that MLflow's plugin uploads for a model: lists, and URLs to read and write them.

Run history and the artifacts' service answer alike. Its origin ``ExperimentRun`` has the runs, a datastore's
name the files of that datastore; every other origin is a folder beside the runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import MlError, pretty
from airflow_provider_amlrest.emulator.arm.shapes import ListOf, Place, filled, lowered
from airflow_provider_amlrest.emulator.config import ARTIFACT_CONTAINER
from airflow_provider_amlrest.emulator.data_plane.call import DataCall
from airflow_provider_amlrest.emulator.store import JobRecord, utc_now

BODY = Place(())
RUNS = "ExperimentRun"
RUN_FOLDER = "dcid."
REUSED_RUN = "azureml.reusedrunid"


def wrote(job: JobRecord) -> str:
    """Whose artifacts a run shows: its own or, recorded, those of the run that it reuses."""
    return job.run_properties.get(REUSED_RUN, job.name)


@dataclass(frozen=True)
class Folder:
    """A container, as the artifacts' service calls it: a folder of blobs."""

    origin: str
    name: str
    container: str
    """The blobs' own."""
    prefix: str

    def describe(self, path: str) -> dict[str, Any]:
        return {"origin": self.origin, "container": self.name, "path": path}


def folder_of_run(call: DataCall, run: str) -> Folder:
    """The artifacts of a run that the caller may see. Raises like ``call.run``."""
    name = f"{RUN_FOLDER}{wrote(call.run(run))}"
    return Folder(RUNS, name, ARTIFACT_CONTAINER, f"{RUNS}/{name}/")


def folder_of(call: DataCall, origin: str, container: str) -> Folder:
    if origin == RUNS:
        return folder_of_run(call, container.removeprefix(RUN_FOLDER))
    if datastore := call.workspace.datastores.get(origin):
        return Folder(origin, container, datastore, f"{container}/")
    return Folder(origin, container, ARTIFACT_CONTAINER, f"{origin}/{container}/")


Operation = Callable[[DataCall, Folder], Awaitable[Response]]


def of_run(operation: Operation) -> Callable[..., Awaitable[Response]]:
    """The operation on the artifacts of a run."""
    return lambda call, name: operation(call, folder_of_run(call, name))


def of_folder(operation: Operation) -> Callable[..., Awaitable[Response]]:
    """The operation on a container of the artifacts' service."""
    return lambda call, origin, container: operation(call, folder_of(call, origin, container))


# operations


async def listed(call: DataCall, folder: Folder) -> Response:
    """All files, or those below ``path``."""
    paths = await _paths(call, folder, call.query.get("path") or "")
    return pretty({"value": [_artifact(folder, path) for path in paths]})


async def content(call: DataCall, folder: Folder) -> Response:
    """Where one file lies, as a URL with a signature."""
    path = call.query.get("path") or ""
    if not path or path not in await _paths(call, folder, path):
        raise MlError(404, f"Artifact {path!r} of {folder.name} was not found.", ("NotFound",))
    return pretty(_information(call, folder, path))


async def contents(call: DataCall, folder: Folder) -> Response:
    paths = await _paths(call, folder, call.query.get("path") or "")
    return pretty({"value": [_information(call, folder, path) for path in paths]})


async def create(call: DataCall, folder: Folder) -> Response:
    """Names for files, and URLs to write them. Nothing is there until something is written."""
    await call.context.need_blobs("uploading artifacts")
    paths = [
        _safe(filled(lowered(item, BODY / "paths").get("path") or "", BODY / "paths"))
        for item in ListOf(_as_it_is)(lowered(call.body, BODY).get("paths") or [], BODY / "paths")
    ]
    return pretty(
        {
            "artifacts": {path: _artifact(folder, path) for path in paths},
            "artifactContentInformation": {
                path: _information(call, folder, path, permission="racw") for path in paths
            },
            "errors": {},
        }
    )


# inside


def _as_it_is(value: Any, place: Place) -> Any:
    return value


def _safe(path: str) -> str:
    if path.startswith("/") or ".." in PurePosixPath(path).parts:
        raise MlError(400, f"Artifact path {path!r} leads out of its container.", ("BadArgument",))
    return path


async def _paths(call: DataCall, folder: Folder, below: str) -> list[str]:
    """The files at and below a path."""
    blobs = call.context.blobs

    def names() -> list[str]:
        container = blobs.service.get_container_client(folder.container)
        found = container.list_blob_names(name_starts_with=folder.prefix + _safe(below).rstrip("/"))
        return [name.removeprefix(folder.prefix) for name in found]

    if not blobs.running:
        return []
    wanted = below.rstrip("/")
    paths = await asyncio.to_thread(names)
    return [path for path in paths if not wanted or path == wanted or path.startswith(f"{wanted}/")]


def _artifact(folder: Folder, path: str) -> dict[str, Any]:
    return {
        "artifactId": f"{folder.origin}/{folder.name}/{path}",
        **folder.describe(path),
        "etag": None,
        "createdTime": utc_now(),
        "dataPath": None,
        "tags": {},
    }


def _information(call: DataCall, folder: Folder, path: str, *, permission: str = "r") -> dict[str, Any]:
    hours = call.context.tuning.sas_lifetime_seconds / 3600
    url = call.context.blobs.blob_sas(folder.container, folder.prefix + path, permission, hours)
    return {"contentUri": url, **folder.describe(path), "tags": None}
