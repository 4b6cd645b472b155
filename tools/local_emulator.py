"""The emulator of Azure ML as a child process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tools.services import Service, clean_environment, stop, wait_until


class LocalEmulator:
    """``amlrest-emulator start`` over a data folder. A context manager: start, then stop.

    :param data_dir: the directory of its state; the next run finds what a run registers there.
    :param log: file for its output.
    :param runtime: how it runs jobs: ``venv``, ``host`` or ``simulated``.
    """

    def __init__(self, data_dir: Path, log: Path, *, runtime: str = "venv") -> None:
        self.data_dir = data_dir.resolve()
        self.runtime = runtime
        self.log = log.resolve()
        self.facts: dict[str, Any] = {}
        """Its ready file: endpoints, workspace, connection. Never print it: it contains a client secret."""
        self._services: list[Service] = []

    def start(self) -> None:
        """Start it, and return at once."""
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ready_file.unlink(missing_ok=True)
        command = [
            str(Path(sys.executable).with_name("amlrest-emulator")),
            "start",
            *("--data-dir", str(self.data_dir)),
            *("--runtime", self.runtime),
            *("--ready-file", str(self._ready_file)),
        ]
        self._services.append(Service("emulator", command, environment=clean_environment(), log=self.log))

    def wait_until_ready(self, timeout: float = 180) -> None:
        """Wait for its ready file: the first start also installs its blob storage, Azurite.

        :raises ServiceError: if it ends, or is not ready after ``timeout`` seconds.
        """
        wait_until(self._ready_file.exists, timeout, "The emulator", self._services)
        self.facts = json.loads(self._ready_file.read_text())

    def check(self) -> None:
        """:raises ServiceError: if it has ended."""
        for service in self._services:
            service.check()

    def stop(self) -> None:
        stop(self._services)
        self._services.clear()
        self._ready_file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _ready_file(self) -> Path:
        return self.data_dir / "ready.json"
