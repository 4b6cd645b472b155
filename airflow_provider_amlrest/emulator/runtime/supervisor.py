"""Runs one command and sees to it that nothing of it outlives its end, or the emulator's.

Started by path, so it imports nothing of the package: ``python -I supervisor.py GRACE COMMAND...``.
SIGTERM asks the command to end and kills it after GRACE seconds; the end of standard input, which the
emulator holds open, kills it at once. Exits with the command's exit code, or 128 + the signal's number.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None)


def main() -> int:
    grace, command = float(sys.argv[1]), sys.argv[2:]
    # Orphans of the command become our children, so that they too can be found and killed.
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGTERM, lambda *_: None)
    child = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
    )
    _wait(child, wake_read, grace)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    _kill_orphans()
    return code if code >= 0 else 128 - code


def _wait(child: subprocess.Popen[bytes], wake: int, grace: float) -> None:
    """Return when the command has ended or is to be killed."""
    selector = selectors.DefaultSelector()
    ended = os.pidfd_open(child.pid)
    for descriptor in (ended, wake, sys.stdin.fileno()):
        selector.register(descriptor, selectors.EVENT_READ)
    deadline: float | None = None
    while deadline is None or time.monotonic() < deadline:
        ready = selector.select(None if deadline is None else deadline - time.monotonic())
        descriptors = {key.fd for key, _ in ready}
        if ended in descriptors or sys.stdin.fileno() in descriptors:
            return
        if wake in descriptors and os.read(wake, 64) and deadline is None:
            deadline = time.monotonic() + grace
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)


def _kill_orphans() -> None:
    """Kill what the command left behind, whatever session it is in; it became ours when its parent died."""
    while children := _children():
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    # Our one thread's children; the kernel may be built without this file.
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except FileNotFoundError:
        return []


if __name__ == "__main__":
    sys.exit(main())
