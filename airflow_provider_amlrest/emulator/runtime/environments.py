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
from airflow_provider_amlrest.emulator.runtime.process import run_supervised, tail_of

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
_LOCK_SECONDS = 0.2
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

BUILD_LOG = "azureml-logs/20_image_build_log.txt"
_BESIDE = "beside"
"""Below an environment: packages that are there for their libraries alone; Python does not see them."""


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
        if has_libgomp():
            return None
        places = ("lib/python*/site-packages", _BESIDE)
        found = (path for place in places for path in self.prefix.glob(f"{place}/scikit_learn.libs/libgomp*"))
        return next(found, None)

    @property
    def lacks_libgomp(self) -> bool:
        """Whether LightGBM is there and could not be imported for want of an OpenMP runtime."""
        lightgbm = next(self.prefix.glob("lib/python*/site-packages/lightgbm"), None)
        return lightgbm is not None and not has_libgomp() and self.bundled_libgomp() is None


def has_libgomp() -> bool:
    """Whether this machine has the OpenMP runtime of GCC (the system package libgomp1)."""
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
        notes = [f"Building a virtual environment with Python {sys.version.split()[0]}.", *spec.notes]
        log.write_text("\n".join(notes) + "\n")
        create, install = _build_commands(prefix)
        await self._step(create, log)
        if spec.requirements:
            requirements = prefix / "requirements.txt"
            requirements.touch(mode=0o600)  # it may name an index with a password
            requirements.write_text("\n".join(spec.requirements) + "\n")
            await self._step([*install, "-r", str(requirements)], log)
        if Interpreter(prefix).lacks_libgomp:
            beside = ["--no-deps", "--target", str(prefix / _BESIDE)]
            await self._step([*install, *beside, "scikit-learn"], log)
        with log.open("a") as file:
            file.write("The environment is built.\n")

    async def _step(self, command: list[str], log: Path) -> None:
        code = await run_supervised(
            command, environment=build_environment(), folder=self._folder, log=log, grace=0.5
        )
        if code != 0:
            raise JobError(
                f"The environment could not be built: {command[0]} exited with status code {code}. "
                f"Check log file '{BUILD_LOG}' for error details. Error: {tail_of(log)}",
                "ImageBuildFailure",
            )


def _build_commands(prefix: Path) -> tuple[list[str], list[str]]:
    """How to create an environment, and to install into it: by uv where there is one, else the slower way."""
    uv, python = shutil.which("uv"), str(prefix / "bin" / "python")
    if uv:
        # Copies, because a hard link would let a job that edits a package edit uv's cache.
        create = [uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(prefix)]
        return create, [uv, "pip", "install", "--link-mode", "copy", "--python", python]
    create = [sys.executable, "-m", "venv", str(prefix)]
    return create, [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]


def build_environment() -> dict[str, str]:
    """The emulator's own environment variables, such as pip's and uv's settings, but for private ones."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE_VARIABLES)}


def base_environment(interpreter: Interpreter, folder: Path) -> dict[str, str]:
    """A clean base of variables for what runs in a folder, with a home and room for temporary files."""
    home, temporary = folder / "home", folder / "tmp"
    for made in (home, temporary):
        made.mkdir()
    variables = {
        "PATH": f"{interpreter.bin}:{_SYSTEM_PATH}",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }
    if libgomp := interpreter.bundled_libgomp():
        libraries = folder / "lib"
        libraries.mkdir()
        (libraries / "libgomp.so.1").symlink_to(libgomp)
        variables["LD_LIBRARY_PATH"] = str(libraries)
    return variables


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    with path.open("w") as file:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            await asyncio.sleep(_LOCK_SECONDS)
        yield
