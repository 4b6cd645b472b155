"""A real Airflow on this machine: the services as processes, everything on loopback.

It is the Airflow version of the Python environment that runs this code: 3.x (API server, scheduler, DAG
processor, triggerer) or 2.11 (web server, scheduler, triggerer). Its database is SQLite unless one is given.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tools.airflow_api import AirflowAPI
from tools.services import Service, ServiceError, clean_environment, free_port, stop, wait_until

AIRFLOW_3 = int(importlib.metadata.version("apache-airflow").split(".")[0]) >= 3

_BIN = Path(sys.executable).parent
# Titles of the processes that run a task's code: 3.x, then 2.11.
_TASK = re.compile(r"airflow (worker -- [0-9a-f]{8}-|task runner: )")
_PUBLIC_ADMIN = 'AUTH_ROLE_PUBLIC = "Admin"\n'


class LocalAirflow:
    """Airflow's services over a folder of DAG files. A context manager: start, then stop.

    A service's name is its command's (``scheduler``, ``triggerer``, ``worker``, ``api-server``), numbered
    if there are several (``worker-1``, ``worker-2``).

    :param home: folder for the database, the configuration and, in ``logs``, the logs.
    :param dags_folder: the DAG files.
    :param logs: folder for the logs, if not ``home/logs``.
    :param port: port of the API server; a free one if not given.
    :param path: path under which it is served, such as ``/air``; Airflow 3.
    :param login: name and password of an admin, if not everybody is one; Airflow 3.
    :param database: URL of its database for SQLAlchemy; SQLite in ``home`` if not given.
    :param broker: URL of its broker for Celery; with it, tasks run under CeleryExecutor in the workers, else
        under LocalExecutor (Airflow 2 on SQLite: SequentialExecutor).
    :param schedulers: number of schedulers to start.
    :param triggerers: number of triggerers to start (deferred tasks need one).
    :param workers: number of Celery workers to start, for two tasks each.
    :param settings: more environment variables of the services, such as ``AIRFLOW__CORE__PARALLELISM``.
    """

    def __init__(
        self,
        home: Path,
        dags_folder: Path,
        *,
        logs: Path | None = None,
        port: int | None = None,
        path: str = "",
        login: tuple[str, str] | None = None,
        database: str | None = None,
        broker: str | None = None,
        schedulers: int = 1,
        triggerers: int = 1,
        workers: int = 0,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home.resolve()
        self.logs = (logs or self.home / "logs").resolve()
        self.port = port or free_port()
        self._path = path
        self.api = AirflowAPI(self.url, stable="api/v2" if AIRFLOW_3 else "api/v1", login=login)
        self._counts = {"scheduler": schedulers, "triggerer": triggerers, "worker": workers}
        self._commands: dict[str, list[str]] = {}
        self._services: dict[str, Service] = {}
        self._aside: list[Service] = []
        self.environment = {
            **clean_environment(),
            **self._settings(dags_folder.resolve()),
            **_backends(database, broker),
            # Airflow 2's SequentialExecutor looks for `airflow` there.
            "PATH": os.pathsep.join([str(_BIN), os.environ.get("PATH", os.defpath)]),
            **(settings or {}),
        }

    @property
    def url(self) -> str:
        """Its URL for a browser."""
        return f"http://127.0.0.1:{self.port}{self._path}"

    def _settings(self, dags_folder: Path) -> dict[str, str]:
        settings = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs / "tasks"),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        if not AIRFLOW_3:
            return {
                **settings,
                "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
                # Everybody on loopback is an admin: see webserver_config.py below.
                "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.default",
                "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "5",
                "AIRFLOW__WEBSERVER__BASE_URL": self.url,
            }
        return {
            **settings,
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
            # Airflow 3.3.2 may fail a task that is deferred for less than this many seconds (default 5).
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        }

    def connect(self, conn_id: str, uri: str) -> None:
        """Give the services a connection, in their environment; call it before :meth:`start`."""
        self.environment[f"AIRFLOW_CONN_{conn_id.upper()}"] = uri

    def migrate(self) -> Service:
        """Start to create the database; wait for the returned service before :meth:`start`."""
        self.home.mkdir(parents=True, exist_ok=True)
        if not AIRFLOW_3:
            (self.home / "webserver_config.py").write_text(_PUBLIC_ADMIN)
        return self._start("db-migrate", "db", "migrate")

    def start(self) -> None:
        """Start the services, and return at once."""
        server, host = ("api-server", "--host") if AIRFLOW_3 else ("webserver", "--hostname")
        self._start(server, server, host, "127.0.0.1", "--port", str(self.port), "--workers", "1")
        if AIRFLOW_3:
            self._start("dag-processor", "dag-processor")
        for kind, count in self._counts.items():
            for name in _names(kind, count):
                self._start(name, *_command(kind, name))

    def kill(self, name: str) -> None:
        """End a service and everything that it started with SIGKILL, as the loss of its machine would.

        With a scheduler, the tasks of LocalExecutor end too; with a worker, its own tasks.
        """
        self._services.pop(name).kill()

    def put_aside(self, name: str) -> Service:
        """Hand a service over, to be suspended or asked to end; :meth:`stop` ends what is left of it."""
        self._aside.append(self._services.pop(name))
        return self._aside[-1]

    def start_again(self, name: str) -> None:
        """Start a service that was killed or put aside, under the same name, and return at once."""
        self._start(name, *self._commands[name])

    def pid(self, name: str) -> int:
        """Process id of a running service, not of the processes that it has started."""
        return self._services[name].pid

    def task_processes(self, *names: str) -> list[psutil.Process]:
        """The processes that run the code of tasks; not those that watch over them.

        :param names: services that have started them; all if not given, also those that were put aside.
        """
        services = [self._services[name] for name in names] or [*self._services.values(), *self._aside]
        descendants = [process for service in services for process in service.descendants()]
        return [process for process in descendants if _TASK.match(_title(process))]

    def wait_until_healthy(self, timeout: float = 90) -> None:
        """:raises ServiceError: if a service ends, or one is not healthy after ``timeout`` seconds."""
        wait_until(self.api.healthy, timeout, "Airflow", self._running())

    def wait_for_dags(self, dag_ids: Iterable[str], timeout: float = 60) -> None:
        """Wait until Airflow has parsed the DAGs.

        :raises ServiceError: with Airflow's words if a DAG file cannot be imported.
        """
        wanted = set(dag_ids)

        def parsed() -> bool:
            if wanted <= self.api.dag_ids():
                return True
            for file, error in self.api.import_errors().items():
                raise ServiceError(f"Airflow cannot import {file}:\n{error}")
            return False

        wait_until(parsed, timeout, f"DAG {', '.join(sorted(wanted))}", self._running())

    def run_dag(self, dag_id: str, timeout: float = 300) -> tuple[str, str]:
        """Run a DAG to its end, and return the run's id and state.

        :raises ServiceError: if a service ends meanwhile.
        :raises TimeoutError: if the run has not ended after ``timeout`` seconds.
        """
        self.wait_for_dags([dag_id])
        run_id = self.api.trigger(dag_id)
        for _ in self.api.watch(dag_id, run_id, timeout):
            self.check()
        return run_id, self.api.run_state(dag_id, run_id)

    def command(self, *arguments: str) -> None:
        """Run an Airflow command, and wait for its end.

        :raises ServiceError: if it fails.
        """
        name = f"command-{arguments[0]}"
        log = self.logs / f"{name}.log"
        command = [str(_BIN / "airflow"), *arguments]
        Service(name, command, environment=self.environment, log=log).wait(60)

    def check(self) -> None:
        """:raises ServiceError: if one of the services has ended."""
        for service in self._running():
            service.check()

    def stop(self) -> None:
        """Stop everything that was started here."""
        for service in self._aside:
            service.kill()
        stop(list(self._services.values()))
        self._aside.clear()
        self._services.clear()

    def __enter__(self) -> Self:
        """Create the database, start the services and wait until all are healthy."""
        try:
            self.migrate().wait(120)
            self.start()
            self.wait_until_healthy()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _running(self) -> list[Service]:
        return [service for service in self._services.values() if service.name != "db-migrate"]

    def _start(self, name: str, *arguments: str) -> Service:
        self._commands[name] = list(arguments)
        command = [str(_BIN / "airflow"), *arguments]
        service = Service(name, command, environment=self.environment, log=self.logs / f"{name}.log")
        self._services[name] = service
        return service


def _backends(database: str | None, broker: str | None) -> dict[str, str]:
    """Where Airflow stores its state and runs its tasks, if a server was given for that."""
    settings = {}
    if database:
        settings["AIRFLOW__CORE__EXECUTOR"] = "LocalExecutor"
        settings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database
    if broker:
        settings["AIRFLOW__CORE__EXECUTOR"] = "CeleryExecutor"
        settings["AIRFLOW__CELERY__BROKER_URL"] = broker
        settings["AIRFLOW__CELERY__WORKER_CONCURRENCY"] = "2"
    return settings


def _names(kind: str, count: int) -> list[str]:
    return [kind] if count == 1 else [f"{kind}-{number}" for number in range(1, count + 1)]


def _command(kind: str, name: str) -> list[str]:
    # Their log servers would listen on all interfaces; the API server reads the same files.
    if kind == "worker":
        return ["celery", "worker", "--skip-serve-logs", "--celery-hostname", f"{name}@localhost"]
    return [kind, "--skip-serve-logs"]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended, or is about to
        return ""
