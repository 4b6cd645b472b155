"""A PostgreSQL server on loopback, with an empty database for Airflow, gone when the program ends."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.debian import program
from tools.services import Service, ServiceError, clean_environment, free_port, stop, wait_until

_USER = "airflow"
_DATABASE = "postgres"  # initdb makes it


def _postgres() -> Path | None:
    return max(Path("/usr/lib/postgresql").glob("*/bin/postgres"), default=None)


class Postgres:
    """A context manager: create and start, then stop and remove.

    PostgreSQL refuses to run as root. If this code runs as root, it starts PostgreSQL as Debian's user
    ``postgres``, in a folder of that user.

    :param log: file for the server's output.
    """

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self._log = log
        self._user = "postgres" if os.geteuid() == 0 else None
        self._password = secrets.token_urlsafe(16)
        self._folder: Path | None = None
        self._services: list[Service] = []

    @property
    def url(self) -> str:
        """The URL of the database for SQLAlchemy."""
        return f"postgresql+psycopg2://{_USER}:{self._password}@127.0.0.1:{self.port}/{_DATABASE}"

    def start(self) -> None:
        """:raises ServiceError: if PostgreSQL is missing and cannot be installed, or does not start."""
        binaries = program(_postgres, "postgresql").parent
        # Not in the test's folder, which only its owner may enter. A socket's path must also be short.
        folder = self._folder = Path(tempfile.mkdtemp(prefix="amlrest-postgres-"))
        if self._user:
            shutil.chown(folder, self._user, self._user)
        data = folder / "data"
        self._make(binaries / "initdb", data)
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(folder),
            "max_connections": "200",
            "fsync": "off",  # the data does not have to survive the machine
        }
        command = [str(binaries / "postgres"), "-D", str(data)]
        command += [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        server = Service(
            "postgres",
            command,
            environment=clean_environment(),
            log=self._log,
            cwd=folder,
            user=self._user,
        )
        self._services.append(server)
        ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_until(
            lambda: subprocess.run(ready, check=False).returncode == 0, 60, "PostgreSQL", self._services
        )

    def _make(self, initdb: Path, data: Path) -> None:
        password = data.with_name("password")
        password.write_text(self._password)
        if self._user:
            shutil.chown(password, self._user)
        made = subprocess.run(
            [
                *(str(initdb), f"--pgdata={data}", "--no-sync", "--encoding=UTF8"),
                *("--auth=scram-sha-256", f"--username={_USER}", f"--pwfile={password}"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=data.parent,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
        )
        if made.returncode != 0:
            raise ServiceError(f"initdb failed: {made.stdout}{made.stderr}")

    def stop(self) -> None:
        for server in self._services:
            with suppress(ProcessLookupError):
                os.kill(server.pid, signal.SIGINT)  # at once; at SIGTERM it would wait for its clients
        stop(self._services)
        self._services.clear()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

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
