"""A Redis server on loopback that keeps nothing, gone when the program ends."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.debian import program
from tools.services import Service, clean_environment, free_port, stop, wait_until


def _redis_server() -> Path | None:
    found = shutil.which("redis-server")
    return Path(found) if found else None


class Redis:
    """A context manager: start, then stop.

    :param log: file for the server's output.
    """

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self._log = log
        self._services: list[Service] = []

    @property
    def url(self) -> str:
        """The URL of its first database for Celery."""
        return f"redis://127.0.0.1:{self.port}/0"

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def start(self) -> None:
        """:raises ServiceError: if Redis is missing and cannot be installed, or does not start."""
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no"}
        command = [str(program(_redis_server, "redis-server"))]
        command += [argument for name, value in options.items() for argument in (f"--{name}", value)]
        server = Service("redis", command, environment=clean_environment(), log=self._log)
        self._services.append(server)
        wait_until(self._answers, 60, "Redis", self._services)

    def stop(self) -> None:
        stop(self._services)
        self._services.clear()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
