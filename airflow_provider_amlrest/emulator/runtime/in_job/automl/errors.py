"""How a run fails that cannot go on."""

from __future__ import annotations

import sys


class TrialError(Exception):
    """What the last line of the log says."""


def say(text: str) -> None:
    """Write a line into the run's log."""
    sys.stdout.write(f"{text}\n")
