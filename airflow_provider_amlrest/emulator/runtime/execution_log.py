"""The log of a pipeline, which says what became of its steps."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from airflow_provider_amlrest.emulator.runtime.context import JobContext

NAME = "logs/azureml/executionlogs.txt"
"""As recorded, with the words of most lines; the line that submits a run is a guess."""


class ExecutionLog(Protocol):
    def write(self, line: str) -> None: ...


class _Nowhere:
    def write(self, line: str) -> None:
        """A pipeline without processes needs no blob storage."""


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, line: str) -> None:
        with self._path.open("a") as file:
            file.write(f"[{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z] {line}\n")


@asynccontextmanager
async def execution_log(context: JobContext, *, simulated: bool) -> AsyncIterator[ExecutionLog]:
    if simulated:
        yield _Nowhere()
        return
    # It loads azure-storage-blob, which states on a clock do not need.
    from airflow_provider_amlrest.emulator.runtime.log_upload import shown_log

    path = context.folder / "executionlogs.txt"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with shown_log(context, path, NAME):
        yield _File(path)
