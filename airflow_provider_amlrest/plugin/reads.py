"""Reads that all pages of a process share, and that are not repeated more often than pages need."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from airflow_provider_amlrest.rest.http.errors import AzureMLError

T = TypeVar("T")
log = logging.getLogger(__name__)

PART_SECONDS = 5.0
"""Minimum seconds between two reads of a log, of metrics and the like."""
PATIENCE = 20.0
"""Seconds that a page waits for an answer of Azure ML."""
READ_PATIENCE = 120.0
"""Seconds for a read, including all its requests."""


class CachedRead(Generic[T]):
    """Something about a job that is read at most every PART_SECONDS, and never again once it is final.

    If a read takes longer than a page waits, it continues, and the page gets its result with a later request.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self.value: T | None = None
        self.error: str | None = None
        """Why the last read failed; the value is then the previous one."""
        self._read = read
        self._read_at = float("-inf")
        self._final = False
        self._reading: asyncio.Task[None] | None = None

    async def get(self, *, settled: bool) -> T | None:
        """The value, read again if it is time; None if it could not be read yet.

        :param settled: whether the value will not change any more.
        """
        if self._reading is None and not self._final and time.monotonic() - self._read_at >= PART_SECONDS:
            self._reading = asyncio.create_task(self._read_once(settled=settled))
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=PATIENCE)
        return self.value

    async def needed(self, *, settled: bool) -> T:
        """The same, where nothing can be shown without it.

        :raises AzureMLError: in one sentence, if it could not be read yet.
        """
        value = await self.get(settled=settled)
        if value is None:
            raise AzureMLError(self.error or "Azure ML has not answered yet; this page tries again.")
        return value

    async def close(self) -> None:
        """End a read that is running."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _read_once(self, *, settled: bool) -> None:
        try:
            async with asyncio.timeout(READ_PATIENCE):
                self.value = await self._read()
            self.error, self._final = None, settled
        except TimeoutError:
            self.error = f"Azure ML has not answered within {READ_PATIENCE:.0f} s."
        except AzureMLError as error:
            self.error = str(error)
        except Exception:
            log.exception("Part of an Azure ML job could not be read.")
            self.error = "It could not be read; the API server's log says why."
        finally:
            self._read_at = time.monotonic()
            self._reading = None
