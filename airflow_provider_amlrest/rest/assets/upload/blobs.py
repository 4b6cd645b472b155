"""Uploads local content to a blob container: in parallel, in bounded memory, and only what is missing."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import requests
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobBlock, BlobClient, BlobProperties, ContainerClient, ContentSettings
from requests.adapters import HTTPAdapter

from airflow_provider_amlrest.rest.http.cloud import check_url
from airflow_provider_amlrest.rest.http.deadline import in_time, seconds_left
from airflow_provider_amlrest.rest.http.paging import Pages
from airflow_provider_amlrest.rest.http.policies import translate_blob, transport_options

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.assets.upload.content import LocalContent, LocalFile
    from airflow_provider_amlrest.rest.http.cloud import Cloud

log = logging.getLogger(__name__)

T = TypeVar("T")

WORKERS = 16
"""Requests at a time, and so connections."""
BLOCK_SIZE = 4 << 20
"""Bytes of a request. A larger file is sent in blocks of this size."""
MAX_BLOCKS = 50_000
"""Maximum blocks of a blob, a limit of the service. Files of more than 195 GiB have larger blocks."""
WINDOW = 32 << 20
"""Maximum bytes that are read and not sent yet (plus one block)."""
WINDOW_UNIT = 256 << 10
PROGRESS_SECONDS = 10.0


def open_container(
    cloud: Cloud, url: str, name: str | None = None, credential: Any = None
) -> ContainerClient:
    """A client of a container; without a name, ``url`` is the container's URL with its signature.

    It keeps a connection for each worker and for the thread that reads, and waits less between its retries
    than the library's default (15 s).

    :raises AzureMLError: for a URL to which nothing may be sent.
    """
    check_url(url)
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=WORKERS + 1))
    options = transport_options(cloud)
    options |= {
        "transport": RequestsTransport(session=session, **options),
        "initial_backoff": 1,
        "retry_total": 5,
    }
    if name is None:
        return ContainerClient.from_container_url(url, **options)
    return ContainerClient(url, name, credential, **options)


def list_blobs(container: ContainerClient, prefix: str) -> list[BlobProperties]:
    """The blobs whose names begin so."""
    pages = container.list_blobs(name_starts_with=prefix or None, include=["metadata"]).by_page()
    found: list[BlobProperties] = []
    way = Pages(asked_for(container))
    for page in pages:
        found.extend(page)
        way.after(pages.continuation_token)  # type: ignore[attr-defined]
    return found


def asked_for(container: ContainerClient) -> str:
    """What a list asks for, for errors."""
    return f"GET blobs of {container.container_name}"


def md5_of(blob: BlobProperties) -> bytes:
    """A blob's MD5; empty if the storage has none."""
    return bytes(blob.content_settings.content_md5 or b"")


class Upload:
    """An upload of content to a folder of a container.

    It does not send again what an earlier upload has left there: a blob with the same size and MD5, or a
    block, whose id is derived from its content. It overwrites anything else with the same name. Uploads that
    run at the same time write the same bytes to the same places.

    :param deadline: seconds since the epoch by which it is done or has failed; None: no limit.
    :ivar has_sent: whether the last run has sent a blob or a block.
    """

    def __init__(self, content: LocalContent, folder: str, deadline: float | None = None) -> None:
        self.has_sent = False
        self._deadline = deadline
        self._content = content
        self._prefix = f"{folder}/" if folder else ""
        self._done: set[str] = set()
        self._is_told = False

    def run(self, container: ContainerClient) -> None:
        """Send what is missing. After a failure it may run again, with another client of the same container.

        :raises ResponseError: if the storage refuses something.
        :raises UnreachableError: if the storage does not answer, or not in time.
        :raises InvalidSpecError: if a file cannot be read.
        :raises ContentChangedError: if a file has changed since the content was listed.
        """
        self.has_sent = False
        self._container = container
        self._progress = _Progress(self._content)
        self._window = threading.Semaphore(WINDOW // WINDOW_UNIT)
        self._failure: Exception | None = None
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="upload") as pool:
            try:
                there = self._list()
                for file in self._content.files:
                    self._send(pool, file, there.get(f"{self._prefix}{file.name}"))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        if self._failure is not None:
            raise self._failure
        if self.has_sent:
            self._progress.finish()

    def _list(self) -> dict[str, tuple[int, bytes]]:
        """Size and MD5 of the existing blobs."""
        found = self._ask(lambda: list_blobs(self._container, self._prefix), asked_for(self._container))
        return {blob.name: (blob.size, md5_of(blob)) for blob in found}

    def _ask(self, action: Callable[[], T], asked: str) -> T:
        """Send a request to the storage, in time, and translate its errors."""
        try:
            return in_time(action, seconds_left(self._deadline), asked)
        except AzureError as error:
            raise translate_blob(error, asked) from None

    def _send(self, pool: ThreadPoolExecutor, file: LocalFile, there: tuple[int, bytes] | None) -> None:
        if file.name in self._done or (there is not None and self._is(there, file)):
            self._done.add(file.name)
            self._progress.add(file.size, files=1, resumed=True)
            return
        blob = self._container.get_blob_client(f"{self._prefix}{file.name}")
        if file.size <= BLOCK_SIZE:
            content = b"".join(self._content.read(file, BLOCK_SIZE))
            self._submit(pool, file, len(content), partial(_put, blob, content))
        else:
            self._send_blocks(pool, file, blob)

    def _is(self, there: tuple[int, bytes], file: LocalFile) -> bool:
        """Whether the blob is this file. If its size differs or it has no MD5, the file is not read."""
        size, md5 = there
        if size != file.size or not md5:
            return False
        digest = hashlib.md5(usedforsecurity=False)
        for block in self._content.read(file, BLOCK_SIZE):
            digest.update(block)
        return digest.digest() == md5

    def _send_blocks(self, pool: ThreadPoolExecutor, file: LocalFile, blob: BlobClient) -> None:
        size = max(BLOCK_SIZE, -(-file.size // MAX_BLOCKS))
        there = self._ask(partial(_block_ids, blob), f"GET blocks of {file.name}")
        digest = hashlib.md5(usedforsecurity=False)
        ids: list[str] = []
        tasks: list[Future[None]] = []
        for block in self._content.read(file, size):
            digest.update(block)
            # As long as the ids of azure-storage-blob, because an upload of azure-ai-ml may have left some in
            # the same place: the service refuses a block whose id is longer or shorter than another's.
            ids.append(f"{len(ids):06d}-{hashlib.sha256(block).hexdigest()[:41]}")
            if ids[-1] in there:
                self._progress.add(len(block), resumed=True)
            else:
                stage = partial(blob.stage_block, ids[-1], block)
                tasks.append(self._submit(pool, file, len(block), stage, files=0))
        # The pool takes tasks in order: all blocks are already being sent when this one waits for them.
        self._submit(pool, file, 0, partial(_commit, blob, ids, digest.digest(), tasks))

    def _submit(
        self, pool: ThreadPoolExecutor, file: LocalFile, size: int, send: Callable[[], Any], *, files: int = 1
    ) -> Future[None]:
        """Send ``size`` bytes when the window has room for them; ``files``: how many files that completes."""
        self._tell()
        units = min(1 + size // WINDOW_UNIT, WINDOW // WINDOW_UNIT)
        for _ in range(units):
            self._window.acquire()
        if self._failure is not None:
            raise self._failure
        task = pool.submit(self._attempt, file, size, send, files)
        task.add_done_callback(lambda _: self._window.release(units))
        return task

    def _tell(self) -> None:
        """Say what is uploaded, once, and not at all if everything is there."""
        if not self._is_told:
            self._is_told = True
            number = len(self._content.files)
            files = "1 file" if number == 1 else f"{number} files"
            place = f"{self._container.container_name}/{self._prefix}".rstrip("/")
            size = mebibytes(self._content.size)
            log.info("Uploading %s, %s, from %s to %s.", files, size, self._content.root, place)

    def _attempt(self, file: LocalFile, size: int, send: Callable[[], Any], files: int) -> None:
        try:
            self._ask(send, f"Upload of {file.name}")
        except Exception as error:
            self._failure = self._failure or error
            raise
        self.has_sent = True
        self._progress.add(size, files=files)
        if files:
            self._done.add(file.name)


def _put(blob: BlobClient, content: bytes) -> None:
    md5 = hashlib.md5(content, usedforsecurity=False).digest()
    blob.upload_blob(content, length=len(content), overwrite=True, content_settings=_settings(md5))


def _commit(blob: BlobClient, ids: list[str], md5: bytes, blocks: list[Future[None]]) -> None:
    for block in blocks:
        block.result()
    blob.commit_block_list([BlobBlock(block_id=id_) for id_ in ids], content_settings=_settings(md5))


def _settings(md5: bytes) -> ContentSettings:
    # Storage itself does not compute the MD5 of a blob of several blocks.
    return ContentSettings(content_md5=bytearray(md5))


def _block_ids(blob: BlobClient) -> set[str]:
    """The blocks that the storage has of a blob, committed or not."""
    try:
        committed, uncommitted = blob.get_block_list("all")
    except ResourceNotFoundError:
        return set()
    return {block.id for block in (*committed, *uncommitted)}


class _Progress:
    """The progress of an upload, logged every PROGRESS_SECONDS."""

    def __init__(self, content: LocalContent) -> None:
        self._all = f"{len(content.files)} files", mebibytes(content.size)
        self._lock = threading.Lock()
        self._files = self._bytes = self._resumed = 0
        self._logged = time.monotonic()

    def add(self, size: int, *, files: int = 0, resumed: bool = False) -> None:
        with self._lock:
            self._files += files
            self._bytes += size
            self._resumed += size if resumed else 0
            now = time.monotonic()
            if now - self._logged < PROGRESS_SECONDS:
                return
            self._logged = now
            done = self._files, mebibytes(self._bytes)
        log.info("Uploaded so far: %d of %s, %s of %s.", done[0], self._all[0], done[1], self._all[1])

    def finish(self) -> None:
        if self._resumed:
            log.info("An earlier upload had already sent %s of %s.", mebibytes(self._resumed), self._all[1])


def mebibytes(size: int) -> str:
    """A size as logs show it."""
    return f"{size / (1 << 20):.1f} MiB" if size >= 1 << 20 else f"{size} bytes"
