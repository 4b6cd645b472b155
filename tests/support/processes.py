"""What became of a process that a test knows by its pid."""

from __future__ import annotations

import psutil


def is_alive(pid: int) -> bool:
    """Whether it runs: not when it is gone, goes while we look, or waits to be reaped."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
