"""Airflow's logging with a remote store that is a folder: what is uploaded lies in REMOTE_LOGS."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from airflow.config_templates.airflow_local_settings import DEFAULT_LOGGING_CONFIG
from airflow.configuration import conf

LOGGING_CONFIG = DEFAULT_LOGGING_CONFIG


class Folder:
    """What Airflow 3 asks of a remote store."""

    processors = ()

    def upload(self, path: os.PathLike[str] | str, ti: Any = None) -> None:
        local = Path(conf.get("logging", "base_log_folder"), path)
        remote = Path(os.environ["REMOTE_LOGS"], path)
        remote.parent.mkdir(parents=True, exist_ok=True)
        if local.exists():
            shutil.copyfile(local, remote)

    def read(self, relative_path: str, ti: Any) -> tuple[list[str], list[str] | None]:
        remote = Path(os.environ["REMOTE_LOGS"], relative_path)
        return [str(remote)], [remote.read_text()] if remote.is_file() else None


REMOTE_TASK_LOG = Folder()
