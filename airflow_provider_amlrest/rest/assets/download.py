"""Downloads a model's files to a local folder: all of them or none, and only what is missing."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError

from airflow_provider_amlrest.rest.assets.ensure import content_version
from airflow_provider_amlrest.rest.assets.storage import CREDENTIALS, by_first_open, open_datastore
from airflow_provider_amlrest.rest.assets.upload.blobs import (
    WORKERS,
    asked_for,
    list_blobs,
    md5_of,
    mebibytes,
)
from airflow_provider_amlrest.rest.assets.uris import (
    ARTIFACTS,
    artifact_uri,
    place_in_datastore,
    split_job_output,
)
from airflow_provider_amlrest.rest.http.deadline import in_time, seconds_left
from airflow_provider_amlrest.rest.http.errors import AzureMLError, DownloadRefusedError, InvalidSpecError
from airflow_provider_amlrest.rest.http.policies import translate_blob

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

    from airflow_provider_amlrest.rest.assets.model import Model
    from airflow_provider_amlrest.rest.client import AzureMLClient

log = logging.getLogger(__name__)

_CHUNK = 1 << 20


class IncompleteDownloadError(AzureMLError):
    """What arrived is not what the storage has, or cannot be written. The next try continues."""


@dataclass(frozen=True)
class _File:
    blob: str
    name: str
    """Below the folder, with forward slashes."""
    size: int
    md5: bytes
    """Empty if the storage has none."""

    def is_at(self, path: Path) -> bool:
        """Whether a local file is this one."""
        if path.is_symlink() or not path.is_file() or path.stat().st_size != self.size:
            return False
        if not self.md5:
            return True
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, _md5).digest() == self.md5


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)


def download_model(client: AzureMLClient, model: Model, target: Path, *, overwrite: bool = False) -> bool:
    """Put a model's files into a folder, which is there when all of them are.

    They arrive in a hidden folder beside it, where a later try finds those that are complete.

    :param overwrite: replace a folder that holds something else.
    :return: whether anything had to be fetched; False: the folder has exactly these files.
    :raises InvalidSpecError: if the folder holds something else, or the files are in no datastore of the
        workspace.
    :raises DownloadRefusedError: if every way into the storage is closed.
    :raises IncompleteDownloadError: if a file arrived incomplete, or cannot be written.
    """
    datastore_name, path = _place(client, model.uri)
    datastore = client.get_datastore(datastore_name)

    def fetch(credential_name: str) -> bool:
        with open_datastore(client, datastore, CREDENTIALS[credential_name]) as container:
            return _Download(client, container, model, path, target).run(overwrite=overwrite)

    ways = {name: partial(fetch, name) for name in CREDENTIALS}
    return by_first_open(ways, model.uri, DownloadRefusedError)


def _place(client: AzureMLClient, uri: str) -> tuple[str, str]:
    """Datastore and path of a model's files. The service leaves some URIs as they were sent."""
    if of_a_job := split_job_output(uri):
        run, output, path = of_a_job
        if output == ARTIFACTS:
            uri = artifact_uri(run, path)
        else:
            # The service registers each output so.
            uri = f"{client.get_data(f'azureml_{run}_output_data_{output}', '1').uri.rstrip('/')}/{path}"
    elif uri.startswith("runs:/"):
        run, _, path = uri.removeprefix("runs:/").partition("/")
        uri = artifact_uri(run, path)
    place = place_in_datastore(uri, client.operations.workspace)
    if place is None:
        raise InvalidSpecError(
            "model", f"its files are at {uri!r}, which is in no datastore of the connection's workspace."
        )
    return place


class _Download:
    def __init__(
        self, client: AzureMLClient, container: ContainerClient, model: Model, path: str, target: Path
    ) -> None:
        self._client = client
        self._container = container
        self._model = model
        self._path = path.rstrip("/")
        self._target = target
        self._part = target.parent / f".{target.name}.{content_version(model.id, model.uri)}.part"

    def run(self, *, overwrite: bool) -> bool:
        files = self._list()
        with _writing(self._target):
            if self._target.is_dir() and _is_exactly(self._target, files):
                return False
            there = self._target.exists() and (not self._target.is_dir() or any(self._target.iterdir()))
        if there and not overwrite:
            raise InvalidSpecError(
                "path", f"{str(self._target)!r} holds something else. Give another one, or overwrite=True."
            )
        size = sum(file.size for file in files)
        log.info("Downloading %d files, %s, to %s.", len(files), mebibytes(size), self._target)
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="download") as pool:
            tasks = [pool.submit(self._fetch, file) for file in files]
            try:
                for task in tasks:
                    task.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        with _writing(self._target):
            _remove_others(self._part, files)
            _take_the_place(self._part, self._target)
        return True

    def _list(self) -> list[_File]:
        asked = asked_for(self._container)
        try:
            seconds = seconds_left(self._client.deadline)
            blobs = in_time(lambda: list_blobs(self._container, self._path), seconds, asked)
        except AzureError as error:
            raise translate_blob(error, asked) from None
        folder = f"{self._path}/" if self._path else ""
        files = []
        for blob in blobs:
            if (blob.metadata or {}).get("hdi_isfolder") == "true":
                continue  # A folder of a Data Lake.
            if blob.name == self._path:
                name = blob.name.rpartition("/")[2]
            elif blob.name.startswith(folder):
                name = blob.name.removeprefix(folder)
            else:
                continue  # Another model whose name begins like this one's.
            files.append(_File(blob.name, _inside(name), blob.size, md5_of(blob)))
        if not files:
            raise InvalidSpecError("model", f"there are no files at {self._model.uri!r}.")
        return files

    def _fetch(self, file: _File) -> None:
        path = self._part / file.name
        with _writing(path):
            if file.is_at(path):
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            partial_ = path.with_name(f".{path.name}.{os.getpid()}.partial")
            digest = _md5()
            try:
                seconds = seconds_left(self._client.deadline)
                in_time(lambda: self._receive(file, partial_, digest), seconds, f"Download of {file.name}")
            except AzureError as error:
                raise translate_blob(error, f"Download of {file.name}") from None
            if partial_.stat().st_size != file.size or (file.md5 and digest.digest() != file.md5):
                raise IncompleteDownloadError(f"{file.name} has changed meanwhile; a retry reads it again.")
            partial_.replace(path)

    def _receive(self, file: _File, path: Path, digest: hashlib._Hash) -> None:
        blob = self._container.get_blob_client(file.blob)
        with path.open("wb") as stream:
            for chunk in blob.download_blob(max_concurrency=1).chunks():
                stream.write(chunk)
                digest.update(chunk)


def _inside(name: str) -> str:
    """A blob's name below the folder, if it is a path that stays in there."""
    parts = name.split("/")
    if "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise AzureMLError(f"The model has a file {name!r}, which would not be in the folder: refused.")
    return name


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where, reason = str(error.filename or path), error.strerror or error
        raise IncompleteDownloadError(f"{where!r} cannot be written: {reason}.") from None


def _is_exactly(folder: Path, files: list[_File]) -> bool:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return found == {file.name for file in files} and all(file.is_at(folder / file.name) for file in files)


def _remove_others(folder: Path, files: list[_File]) -> None:
    """Files that an earlier try has left incomplete."""
    names = {file.name for file in files}
    for path in folder.rglob("*"):
        if not path.is_dir() and path.relative_to(folder).as_posix() not in names:
            path.unlink()


def _take_the_place(part: Path, target: Path) -> None:
    old = target.parent / f".{target.name}.{os.getpid()}.old"
    if target.is_dir() or target.exists():
        target.replace(old)
    part.replace(target)
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old)
    else:
        old.unlink(missing_ok=True)
