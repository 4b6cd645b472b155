"""The emulator and Airflow with the example DAGs, started and stopped together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.local_airflow import LocalAirflow
from tools.local_emulator import LocalEmulator

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""


class LocalStack:
    """Airflow starts with an empty database, the emulator with the state of the previous run.

    A context manager: start both and wait until they are ready, then stop both.

    :param folder: where both store their files; the logs are in its ``logs``.
    :param say: called with lines of progress.
    :param port: Airflow's port; a free one if not given.
    :param triggerers: number of Airflow's triggerers.
    """

    def __init__(
        self, folder: Path, say: Callable[[str], None], *, port: int | None = None, triggerers: int = 0
    ) -> None:
        self.logs = folder / "logs"
        for old in (folder / "airflow", self.logs):
            shutil.rmtree(old, ignore_errors=True)
        self._say = say
        self._exits = ExitStack()
        self.emulator = LocalEmulator(folder / "emulator", self.logs / "emulator.log")
        self.airflow = LocalAirflow(
            folder / "airflow", ROOT / "example_dags", logs=self.logs, port=port, triggerers=triggerers
        )

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            exits.callback(self.emulator.stop)
            exits.callback(self.airflow.stop)
            self._start()
            self._exits = exits.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    def _start(self) -> None:
        self._say(f"Starting the emulator of Azure ML, and Airflow's database. Logs: {self.logs}")
        self.emulator.start()
        migration = self.airflow.migrate()
        self.emulator.wait_until_ready()
        migration.wait(timeout=120)
        self.airflow.connect("azureml_default", self.emulator.facts["airflow_connection_uri"])
        self._say(f"Starting Airflow: {self.airflow.url}")
        self.airflow.start()
        self.airflow.wait_until_healthy()

    def check(self) -> None:
        """:raises ServiceError: if one of the processes has ended."""
        self.emulator.check()
        self.airflow.check()
