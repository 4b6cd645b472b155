"""Waits for something that another thread, process or service does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 240.0
"""Seconds after which a test gives up. It says nothing about how long anything takes."""


def wait_for(find: Callable[[], T]) -> T:
    """The result of ``find`` once it is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := find()):
        assert time.monotonic() < deadline, f"It did not happen within {PATIENCE:.0f} s; last: {found!r}"
        time.sleep(0.02)
    return found
