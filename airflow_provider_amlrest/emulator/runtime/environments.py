"""Environments of the runtime ``venv``: virtual environments, built once per content and kept."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import os
import shutil
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.process import run_supervised

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_amlrest.emulator.runtime.conda import EnvironmentSpec

_PRIVATE_VARIABLES = (
    "AIRFLOW",
    "AMLREST_",
    "AZURE_",
    "AZURITE_",
    "MLFLOW_",
    "PYTHON",
    "VIRTUAL_ENV",
    "CONDA",
)
_LOG_LINES = 12
_LOCK_SECONDS = 0.2


@dataclass(frozen=True)
class Interpreter:
    """A Python that jobs run with."""

    prefix: Path

    @property
    def bin(self) -> Path:
        return self.prefix / "bin"

    def bundled_libgomp(self) -> Path | None:
        """The OpenMP runtime that scikit-learn's wheel brings, for machines that lack the system's own.

        LightGBM's wheel links to libgomp.so.1 and does not bring it.
        """
        if _has_libgomp():
            return None
        return next(self.prefix.glob("lib/python*/site-packages/scikit_learn.libs/libgomp*.so*"), None)


def _has_libgomp() -> bool:
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        return False
    return True


class EnvironmentCache:
    """Builds environments and keeps them in a folder that several emulators may share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._builds: dict[str, asyncio.Task[Interpreter]] = {}

    def built(self, spec: EnvironmentSpec) -> Interpreter | None:
        """The environment, if it is there."""
        return Interpreter(self._prefix(spec)) if self._mark(spec).exists() else None

    def log_file(self, spec: EnvironmentSpec) -> Path:
        """The log of the environment's last build."""
        return self._folder / f"{spec.key}.log"

    async def build(self, spec: EnvironmentSpec) -> Interpreter:
        """Build an environment, or wait for the build of it that is under way.

        A caller that is cancelled leaves the build to the others, and to the cache.

        :raises JobError: it cannot be built; the message has the last lines of the build log.
        """
        build = self._builds.get(spec.key)
        if build is None:
            build = self._builds[spec.key] = asyncio.create_task(self._build(spec))
            build.add_done_callback(lambda done: self._forget(spec.key, done))
        return await asyncio.shield(build)

    async def stop(self) -> None:
        """End the builds that are under way."""
        for build in self._builds.values():
            build.cancel()
        await asyncio.gather(*self._builds.values(), return_exceptions=True)

    def _forget(self, key: str, build: asyncio.Task[Interpreter]) -> None:
        self._builds.pop(key, None)
        if not build.cancelled():
            build.exception()  # those who waited have seen it; if nobody did, the log has it

    def _prefix(self, spec: EnvironmentSpec) -> Path:
        return self._folder / spec.key

    def _mark(self, spec: EnvironmentSpec) -> Path:
        return self._prefix(spec) / "complete"

    async def _build(self, spec: EnvironmentSpec) -> Interpreter:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        prefix = self._prefix(spec)
        async with _locked(self._folder / f"{spec.key}.lock"):
            if not self._mark(spec).exists():  # another emulator may have built it meanwhile
                shutil.rmtree(prefix, ignore_errors=True)
                try:
                    await self._install(spec, prefix)
                except BaseException:
                    shutil.rmtree(prefix, ignore_errors=True)
                    raise
                self._mark(spec).touch()
        return Interpreter(prefix)

    async def _install(self, spec: EnvironmentSpec, prefix: Path) -> None:
        log = self.log_file(spec)
        lines = [
            f"Building a virtual environment with Python {sys.version.split()[0]}.",
            *(f"Note: {note}" for note in spec.notes),
            *(f"Requirement: {requirement}" for requirement in spec.requirements),
        ]
        log.write_text("\n".join(lines) + "\n")
        requirements = self._folder / f"{spec.key}.txt"
        requirements.write_text("\n".join(spec.requirements) + "\n")
        for command in _build_commands(prefix, requirements if spec.requirements else None):
            code = await run_supervised(
                command, environment=build_environment(), folder=self._folder, log=log, grace=0.5
            )
            if code != 0:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
                raise JobError(
                    f"The environment could not be built: {Path(command[0]).name} exited with status code "
                    f"{code}. Check log file 'azureml-logs/20_image_build_log.txt' for error details. "
                    f"Error: {tail}",
                    "ImageBuildFailure",
                )
        with log.open("a") as file:
            file.write("The environment is built.\n")


def _build_commands(prefix: Path, requirements: Path | None) -> list[list[str]]:
    """uv where there is one (it is many times faster), else the standard tools."""
    uv, python = shutil.which("uv"), str(prefix / "bin" / "python")
    if uv:
        # Copies, because a hard link would let a job that edits a package edit uv's cache.
        commands = [[uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(prefix)]]
        install = [uv, "pip", "install", "--link-mode", "copy", "--python", python]
    else:
        commands = [[sys.executable, "-m", "venv", str(prefix)]]
        install = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    if requirements:
        commands.append([*install, "-r", str(requirements)])
    return commands


def build_environment() -> dict[str, str]:
    """The emulator's own environment variables, such as pip's and uv's settings, but for private ones."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE_VARIABLES)}


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    with path.open("w") as file:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            await asyncio.sleep(_LOCK_SECONDS)
        yield
