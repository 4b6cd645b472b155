"""The state of a process that a test knows by its pid."""

from __future__ import annotations

import psutil


def is_alive(pid: int) -> bool:
    """Whether it runs: False if it is gone, ends during the check, or waits to be reaped."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
