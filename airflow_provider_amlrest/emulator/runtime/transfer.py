"""Copies between blob storage, the web and local folders."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import requests
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from airflow_provider_amlrest.emulator.runtime.errors import JobError

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, ContainerClient

    from airflow_provider_amlrest.emulator.runtime.data import BlobLocation, WebLocation

_PARALLEL = 8
_CHUNK = 1 << 20
_WEB_TIMEOUT = 60
"""Seconds without a byte after which a download from the web is given up."""


def download_blob(service: BlobServiceClient, location: BlobLocation, target: Path) -> None:
    """Copy one blob to a file.

    :raises JobError: there is no such blob.
    """
    _download(service.get_container_client(location.container), location.path, target)


def download_folder(service: BlobServiceClient, location: BlobLocation, target: Path) -> None:
    """Copy all blobs below a prefix into a folder.

    :raises JobError: there is none.
    """
    container = service.get_container_client(location.container)
    prefix = f"{location.path}/" if location.path else ""
    try:
        names = [n for n in container.list_blob_names(name_starts_with=prefix) if not n.endswith("/")]
    except ResourceNotFoundError:
        names = []
    if not names:
        raise JobError(f"There is no blob below {location.container}/{prefix}.", "NotFoundError")
    with ThreadPoolExecutor(_PARALLEL) as pool:
        jobs = [pool.submit(_download, container, n, inside(target, n[len(prefix) :])) for n in names]
    for job in jobs:
        job.result()


def is_there(service: BlobServiceClient, location: BlobLocation) -> bool:
    """Whether there is such a blob, or one below such a prefix."""
    container = service.get_container_client(location.container)
    prefix = f"{location.path}/" if location.path else ""
    try:
        if prefix and container.get_blob_client(location.path).exists():
            return True
        return next(iter(container.list_blob_names(name_starts_with=prefix)), None) is not None
    except ResourceNotFoundError:
        return False


def copy(service: BlobServiceClient, location: BlobLocation, container: str) -> None:
    """Copy a blob, or all below a prefix, to another container under the same names."""
    source, target = service.get_container_client(location.container), service.get_container_client(container)
    with contextlib.suppress(ResourceExistsError):
        target.create_container()
    below = f"{location.path}/" if location.path else ""
    for name in source.list_blob_names(name_starts_with=location.path):
        if name == location.path or name.startswith(below):
            target.upload_blob(name, source.download_blob(name).readall(), overwrite=True)


def download_web(location: WebLocation, target: Path) -> None:
    """Copy one file of the web.

    :raises JobError: says what the server answered, or that it did not.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with requests.get(location.url, stream=True, timeout=_WEB_TIMEOUT) as response:
            if not response.url.startswith("https://") and not location.url.startswith("http://"):
                raise JobError(f"GET {location.shown} was redirected away from https.")
            if response.status_code >= 400:
                raise JobError(f"GET {location.shown} was answered {response.status_code} {response.reason}.")
            with target.open("wb") as file:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
    except requests.RequestException as error:
        # Its text would hold the URL's query.
        raise JobError(f"GET {location.shown} failed: {type(error).__name__}.") from None


def upload(service: BlobServiceClient, source: Path, location: BlobLocation) -> list[str]:
    """Copy a file, or all files of a folder, to blobs; links are not followed out of the folder.

    :return: the names of the blobs.
    """
    container = service.get_container_client(location.container)
    with contextlib.suppress(ResourceExistsError):
        container.create_container()
    if source.is_file():
        files = {location.path: source}
    else:
        root = source.resolve()
        files = {
            str(PurePosixPath(location.path, path.relative_to(source).as_posix())): path
            for path in sorted(source.rglob("*"))
            if path.is_file() and path.resolve().is_relative_to(root)
        }
    with ThreadPoolExecutor(_PARALLEL) as pool:
        jobs = [pool.submit(_upload, container, name, path) for name, path in files.items()]
    for job in jobs:
        job.result()
    return list(files)


def inside(folder: Path, relative: str) -> Path:
    """A path below a folder.

    :raises JobError: the relative path leads out of the folder.
    """
    parts = PurePosixPath(relative).parts
    if not parts or ".." in parts or relative.startswith("/"):
        raise JobError(f"The blob name {relative!r} leads out of its folder.")
    return folder.joinpath(*parts)


def _download(container: ContainerClient, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("wb") as file:
            container.download_blob(name).readinto(file)
    except ResourceNotFoundError:
        target.unlink(missing_ok=True)
        raise JobError(f"There is no blob {container.container_name}/{name}.", "NotFoundError") from None
    except AzureError as error:
        raise JobError(
            f"Reading the blob {container.container_name}/{name} failed: {type(error).__name__}."
        ) from None


def _upload(container: ContainerClient, name: str, path: Path) -> None:
    with path.open("rb") as file:
        container.upload_blob(name, file, overwrite=True)
