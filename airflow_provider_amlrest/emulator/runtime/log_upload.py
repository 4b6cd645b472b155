"""A log file that appears as an append blob while it grows."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError

from airflow_provider_amlrest.emulator.config import ARTIFACT_CONTAINER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from azure.storage.blob import BlobClient

    from airflow_provider_amlrest.emulator.runtime.context import JobContext

log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
_BLOCK = 4 * 1024 * 1024
_ATTEMPTS = 3


@asynccontextmanager
async def shown_log(context: JobContext, path: Path, name: str) -> AsyncIterator[None]:
    """Show the file at ``path`` as the run's log ``name``; copy what is written to it in the meantime."""
    blobs = context.services.blobs
    await asyncio.to_thread(_touch, path)
    blob = blobs.service.get_blob_client(ARTIFACT_CONTAINER, f"ExperimentRun/dcid.{context.job.name}/{name}")
    copy = _GrowingCopy(path, blob)
    await asyncio.to_thread(blobs.ensure_container, ARTIFACT_CONTAINER)
    await asyncio.to_thread(blob.create_append_blob)
    context.add_log_file(name)
    follower = asyncio.create_task(copy.follow())
    try:
        yield
    finally:
        follower.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await follower
        await asyncio.to_thread(copy.flush)


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


class _GrowingCopy:
    def __init__(self, path: Path, blob: BlobClient) -> None:
        self._path = path
        self._blob = blob
        self._copied = 0
        self._lock = threading.Lock()

    async def follow(self) -> None:
        started = time.monotonic()
        while True:
            # Slower as the job grows old: a blob takes 50,000 appends, and a job may run for 30 days.
            await asyncio.sleep(max(FLUSH_SECONDS, (time.monotonic() - started) / 5000))
            await asyncio.to_thread(self.flush)

    def flush(self) -> None:
        """Append what is new; try again if the storage fails."""
        # The last flush may come while the follower's is under way in its thread.
        with self._lock:
            for _ in range(_ATTEMPTS):
                try:
                    self._append()
                except AzureError as error:
                    log.warning("Copying %s to its blob failed: %s", self._path.name, type(error).__name__)
                    with contextlib.suppress(AzureError):  # it may have succeeded without an answer
                        self._copied = self._blob.get_blob_properties().size
                else:
                    return

    def _append(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._copied)
            while block := file.read(_BLOCK):
                self._blob.append_block(block, appendpos_condition=self._copied)
                self._copied += len(block)
