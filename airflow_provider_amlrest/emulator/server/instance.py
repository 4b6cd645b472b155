"""One emulator per data directory: its lock, and how others find it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any


class StartError(RuntimeError):
    """The emulator cannot start; the message says what to do."""


class Instance:
    """The one emulator of a data directory: holds its lock and shows others its pid."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "emulator.lock"
        self._file: Any = None

    def __enter__(self) -> Instance:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.parent.chmod(0o700)
        self._file = self._path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            running = self.read()
            self._file.close()
            raise StartError(
                f"An emulator already runs on {self._path.parent} (pid {running.get('pid')}). Stop it with "
                f"'amlrest-emulator stop --data-dir {self._path.parent}', or use another --data-dir."
            ) from None
        self.write({"pid": os.getpid()})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.write({})
        self._file.close()

    def write(self, state: dict[str, Any]) -> None:
        self._file.seek(0)
        self._file.truncate()
        json.dump(state, self._file)
        self._file.flush()

    def read(self) -> dict[str, Any]:
        """What the running emulator says of itself."""
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(self._path.read_text()))
        return {}

    def running(self) -> dict[str, Any] | None:
        """The state of the emulator that holds the lock; None: nobody does. A stale pid is never believed."""
        if not self._path.exists():
            return None
        with self._path.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return self.read()
        return None
