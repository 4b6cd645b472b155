"""A run's log as it grows: what is new of it since it was read last, by bytes. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

CHUNK = 64 * 1024
"""Bytes of a log that are read at a time."""

MAX_SHOWN = 1024 * 1024
"""Bytes of a log that are handed on in all."""

_OVER = -1
_USER_LOGS = (
    re.compile(r"user_logs/std_log(_process)?(_0+)?\.txt"),
    re.compile(r"azureml-logs/70_driver_log(_0+)?\.txt"),
)


def user_log(names: Iterable[str]) -> str | None:
    """The log of the user's script among a run's files; of a distributed job that of its first process."""
    for pattern in _USER_LOGS:
        for name in sorted(names):
            if pattern.fullmatch(name):
                return name
    return None


class LogTail:
    """How far a run's log was handed on. ``client.read_log`` goes on from there.

    :param offsets: positions as :attr:`offsets` gave them; none: from the beginning.
    """

    def __init__(self, offsets: Mapping[str, int] | None = None) -> None:
        self.offsets = dict(offsets or {})
        """By file: the position after the last line that was handed on. Plain JSON."""
        self.urls: Mapping[str, str] = {}
        """Where the files are, as the service said last. They hold signatures."""

    def is_over(self, name: str) -> bool:
        """Whether nothing more of this file is handed on."""
        return self.offsets.get(name) == _OVER

    def position(self, name: str) -> int:
        """From where on the file is to be read."""
        return self.offsets.get(name, 0)

    def take(self, name: str, data: bytes, *, final: bool) -> list[str]:
        """The lines of what was read at :meth:`position`. One that has no end yet stays, unless ``final``."""
        end = data.rfind(b"\n") + 1
        if (final and len(data) < CHUNK) or (not end and len(data) >= CHUNK):
            end = len(data)
        position = self.position(name) + end
        lines = [_as_shown(line) for line in data[:end].removesuffix(b"\n").split(b"\n")] if end else []
        self.offsets[name] = position
        if position >= MAX_SHOWN:
            self.offsets[name] = _OVER
            lines.append(
                f"(The log is longer than {MAX_SHOWN // 1024} KiB: the rest of {name} is in the Studio.)"
            )
        return lines

    def shrunk(self, name: str, size: int) -> bool:
        """Whether the file is shorter than what was read of it: the job began anew, and so does the log."""
        if size < self.position(name):
            self.offsets[name] = 0
            return True
        return False


def _as_shown(line: bytes) -> str:
    """A line as a terminal shows it: of a progress bar what was written last."""
    return line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
