"""One job on its way through the statuses."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.store import NOT_CANCELLING, utc_now

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.config import Workspace
    from airflow_provider_amlrest.emulator.runtime.errors import JobError
    from airflow_provider_amlrest.emulator.runtime.services import Services
    from airflow_provider_amlrest.emulator.store import JobRecord, Store

_NEEDS_NO_QUOTES = re.compile(r"[\w./-]+")


@cache
def runs_folder(data_dir: Path) -> Path:
    """Where jobs run. Its path gets into commands unquoted, as on the service, so it must need no quotes.

    :raises PermissionError: if somebody else owns the folder for links in the temporary folder.
    """
    folder = data_dir.resolve() / "runs"
    if _NEEDS_NO_QUOTES.fullmatch(str(folder)):
        return folder
    links = Path(tempfile.gettempdir()) / f"amlrest-emulator-{os.getuid()}"
    links.mkdir(mode=0o700, exist_ok=True)
    if links.is_symlink() or links.stat().st_uid != os.getuid():
        raise PermissionError(f"{links} belongs to somebody else.")
    folder.mkdir(mode=0o700, exist_ok=True)
    link = links / hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    if not link.is_symlink():
        link.symlink_to(folder)
    return link


@dataclass(frozen=True)
class JobContext:
    """What a runner needs to run one job, and to say how it goes."""

    services: Services
    workspace: Workspace
    job: JobRecord

    @property
    def store(self) -> Store:
        return self.services.store

    @property
    def properties(self) -> dict[str, Any]:
        return self.job.properties

    @property
    def tags(self) -> dict[str, str]:
        """The user's tags."""
        return self.properties.get("tags") or {}

    @property
    def folder(self) -> Path:
        """The job's own folder on this machine."""
        return runs_folder(self.services.settings.data_dir) / self.workspace.name / self.job.name

    def of(self, job: JobRecord) -> JobContext:
        """The same for another job of the workspace."""
        return replace(self, job=job)

    def move(self, status: str, **changes: Any) -> None:
        """Enter a status on the way.

        :raises asyncio.CancelledError: the job is to be cancelled, or has been deleted.
        """
        if not self.store.transition(
            self.job.workspace, self.job.name, status, only_from=NOT_CANCELLING, **changes
        ):
            raise asyncio.CancelledError

    def end(self, status: str, error: JobError | None = None, **changes: Any) -> None:
        """Enter a terminal status: Canceled, whatever became of the job, if its cancel was requested."""
        key, now = (self.job.workspace, self.job.name), utc_now()
        changes["error"] = error.run_error() if error else None
        if not self.store.transition(*key, status, only_from=NOT_CANCELLING, ended_at=now, **changes):
            self.store.transition(*key, "Canceled", ended_at=now)

    def add_log_file(self, path: str) -> None:
        """Show a log below ``ExperimentRun/dcid.<name>/`` in run history."""
        with self.store.transaction():
            job = self.store.job(self.job.workspace, self.job.name)
            if job is not None and path not in job.log_files:
                self.store.update_job(job.workspace, job.name, log_files=(*job.log_files, path))
