"""Processes that end when they are told to, and when the emulator ends in whatever way."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Mapping, Sequence

TERM_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""

_SUPERVISOR = Path(__file__).with_name("supervisor.py")


async def run_supervised(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    grace: float = TERM_GRACE,
) -> int:
    """Run a command with its output appended to a file; return its exit code (128 + N for signal N).

    When the caller is cancelled, the command and all its descendants are ended first.
    """
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(_SUPERVISOR), str(grace), *command),
            stdin=PIPE,
            stdout=output,
            stderr=STDOUT,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
    try:
        return await process.wait()
    finally:
        await asyncio.shield(_end(process, grace))


async def _end(process: Process, grace: float) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), grace + 1)
    if process.stdin is not None:
        process.stdin.close()  # the supervisor kills at once
    await process.wait()
