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

_TAIL_BYTES = 2000
_TAIL_LINES = 12
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


def tail_of(log: Path) -> str:
    """The last lines of a log, short enough for an error's message."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-_TAIL_LINES:])


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
