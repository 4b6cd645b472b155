"""Child processes that never outlive the program that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import psutil

# A user's own settings of these would affect what runs here.
_FOREIGN_SETTINGS = ("AIRFLOW_", "_AIRFLOW_", "AZURE_", "AZUREML_", "MLFLOW_", "PYTHON", "VIRTUAL_ENV")

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ServiceError(RuntimeError):
    """A process ended, or was not ready in time. The text names its log file."""


def clean_environment() -> dict[str, str]:
    """The caller's environment without settings of Python, Airflow, Azure, MLflow; no proxy for loopback."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN_SETTINGS)}
    for key in ("NO_PROXY", "no_proxy"):
        environment[key] = ",".join(filter(None, [os.environ.get(key), "127.0.0.1", "localhost"]))
    return {**environment, "PYTHONUNBUFFERED": "1"}


def free_port(preferred: int = 0) -> int:
    """A free TCP port on loopback: the preferred one if nobody listens there."""
    for port in (preferred, 0):
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                server.bind(("127.0.0.1", port))
                return int(server.getsockname()[1])
    raise OSError("No free TCP port on 127.0.0.1")


def wait_until(
    ready: Callable[[], bool], timeout: float, what: str, services: Sequence[Service] = ()
) -> None:
    """Call ``ready`` until it returns True.

    :raises ServiceError: after ``timeout`` seconds, or as soon as one of the services has ended.
    """
    deadline = time.monotonic() + timeout
    while not ready():
        for service in services:
            service.check()
        if time.monotonic() > deadline:
            logs = ", ".join(str(service.log) for service in services)
            raise ServiceError(f"{what} not ready after {timeout:.0f} seconds. Logs: {logs or 'none'}")
        time.sleep(0.2)


def _end_with_parent() -> None:
    """Let the kernel send SIGTERM when the parent is gone, even if it was killed with -9."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Service:
    """A process in its own session, out of reach of the terminal's Ctrl-C; its output goes to a file.

    :param log: the file; its content is kept.
    :param cwd: the working directory, if not the log's folder.
    :param user: the user that it runs as, if not the current one; the user's first group has the same name.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._over = False
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(argv),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=cwd or log.parent,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                preexec_fn=_end_with_parent,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def check(self) -> None:
        """:raises ServiceError: if the process has ended."""
        code = self._process.poll()
        if code is not None:
            self._kill_group()
            raise ServiceError(f"{self.name} ended with exit code {code}.\n{tail(self.log)}\nLog: {self.log}")

    def wait(self, timeout: float) -> None:
        """Wait for a command to succeed.

        :raises ServiceError: if it failed, or has not ended after ``timeout`` seconds.
        """
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ServiceError(f"{self.name} runs for more than {timeout:.0f} s. Log: {self.log}") from None
        if code != 0:
            self.check()

    def descendants(self) -> list[psutil.Process]:
        """The processes that it has started, and those that they have started; none once it has ended."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def terminate(self) -> list[psutil.Process]:
        """Ask it to end, and return its descendants, some of which may be in sessions of their own."""
        if self._process.poll() is not None:
            return []
        descendants = self.descendants()
        self._process.terminate()
        return descendants

    def kill_after(self, deadline: float) -> None:
        """Kill what is left of it and of its process group at the deadline (of ``time.monotonic``)."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        self._kill_group()
        self._process.wait()

    def kill(self) -> None:
        """End it and everything that it started with SIGKILL, as the loss of its machine would."""
        self._process.send_signal(signal.SIGSTOP)  # it must not start anything else
        descendants = self.descendants()
        self._kill_group()
        _kill(descendants)
        self._process.wait()

    def _kill_group(self) -> None:
        # Once only: later the number may belong to a stranger.
        if not self._over:
            self._over = True
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()  # psutil looks at the start time: never a stranger that got the same pid


def stop(services: Sequence[Service], grace: float = 15) -> None:
    """End the services at once, last started first, and everything that they started.

    :param grace: seconds that they have to end by themselves.
    """
    with _undisturbed():
        deadline = time.monotonic() + grace
        descendants = [process for service in reversed(services) for process in service.terminate()]
        for service in reversed(services):
            service.kill_after(deadline)
        _kill(descendants)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack, as Ctrl-C does, so that every ``finally`` runs."""

    def unwind(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, unwind) for number in (signal.SIGTERM, signal.SIGHUP)}
    # A shell starts background jobs with it ignored, and Python leaves it so.
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore signals while services are being stopped: a second Ctrl-C must not leave anything behind."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a text file."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
