"""Servers that tests need, from Debian's packages: found by their programs, installed if missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.services import ServiceError

# Debian starts a server as soon as it is installed, unless this program forbids it (exit code 101).
_POLICY = Path("/usr/sbin/policy-rc.d")
_FORBID = "#!/bin/sh\nexit 101\n"


def program(find: Callable[[], Path | None], package: str) -> Path:
    """The program that ``find`` finds; its package is installed first if necessary.

    :raises ServiceError: if it is missing and cannot be installed.
    """
    if found := find():
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ServiceError(
            f"{package} is missing. As root: apt-get install --no-install-recommends {package}"
        )
    with _nothing_started():
        _apt_get("update", "-qq")
        _apt_get("install", "-y", "-qq", "--no-install-recommends", package)
    if found := find():
        return found
    raise ServiceError(f"{package} is installed, but its program is not where Debian puts it.")


def _apt_get(*arguments: str) -> None:
    command = ["apt-get", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServiceError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextmanager
def _nothing_started() -> Iterator[None]:
    """Do not start installed servers within the block: tests start their own servers."""
    if _POLICY.exists():  # the machine's own rule, as in containers
        yield
        return
    _POLICY.write_text(_FORBID)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
