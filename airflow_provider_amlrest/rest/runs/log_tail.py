"""Which part of a job's log was returned so far. Pure: the requests are in :mod:`operations`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping

CALL_BYTES = 64 * 1024
"""Maximum bytes that one read returns, unless it is the final one."""

TASK_BYTES = 1024 * 1024
"""Maximum bytes in total. Airflow's log is not a store for a log that grows for weeks."""

EARLIER = "earlier"
"""Key of the bytes that were returned before the file started again."""

_USER_LOGS = (
    re.compile(r"user_logs/std_log\D*0*(_ps)?\.txt"),
    # Jobs on the previous runtime of Azure ML.
    re.compile(r"azureml-logs/70_driver_log(_0)?\.txt"),
)


def user_log(files: Iterable[str]) -> str | None:
    """The log of the user's command among a run's files; for a distributed job, the log of rank 0."""
    names = sorted(files)
    for pattern in _USER_LOGS:
        for name in names:
            if pattern.fullmatch(name):
                return name
    return None


class LogTail:
    """How much of a job's log was returned: each line once, in whatever pieces it arrives.

    :param offsets: the ``offsets`` of an earlier tail of the same job, to continue where it stopped.

    ``offsets`` is plain JSON: a file's name -> how many of its bytes were returned. It contains no URLs or
    signatures. A line is returned when it is complete, or longer than CALL_BYTES, or at the final read.
    """

    def __init__(self, offsets: Mapping[str, int] | None = None) -> None:
        self.offsets: dict[str, int] = dict(offsets or {})
        self.file = ""
        self.url = ""
        """With a signature, which expires after some hours. Never print or store it."""

    @property
    def is_full(self) -> bool:
        """Whether the maximum was returned, and the line that says where the rest is."""
        return self._room < 0

    def bytes_wanted(self, *, final: bool) -> tuple[int, int]:
        """First and last byte to request.

        The first one is already known, to distinguish a file without new bytes from one that has shrunk. The
        very last one is beyond the limit, and shows whether there is more.
        """
        start = self._offset
        size = self._room + 1 if final else min(CALL_BYTES, self._room + 1)
        return max(0, start - 1), start + size - 1

    def find(self, log_files: Mapping[str, str]) -> bool:
        """Choose the log among a run's files; False if it does not exist yet."""
        known = next((name for name in self.offsets if name in log_files), None)
        self.file = known or user_log(log_files) or ""
        self.url = log_files.get(self.file, "")
        return bool(self.url)

    def start_anew(self) -> bool:
        """The file is shorter than what was read: the job was restarted. False if nothing was read."""
        read = self.offsets.pop(self.file, 0)
        if read:
            self.offsets[EARLIER] = self.offsets.get(EARLIER, 0) + read
        return bool(read)

    def take(self, content: bytes, *, final: bool) -> list[str]:
        """The lines to return, from those of the wanted bytes that the file has."""
        content = content[1:] if self._offset else content
        there_is_more = len(content) > self._room
        content = content[: self._room]
        size = content.rfind(b"\n") + 1
        if final and not there_is_more:
            size = len(content)
        elif not size and (there_is_more or len(content) >= CALL_BYTES):
            size = _whole_characters(content)
        lines = _lines(content[:size])
        self.offsets[self.file] = self._offset + size
        if there_is_more:
            self.offsets[self.file] += self._room + 1
            lines.append(
                f"(Airflow shows the first {TASK_BYTES // 1024} KiB of {self.file}. The rest is in Azure ML "
                "Studio, under 'Outputs + logs' of the job.)"
            )
        return lines

    @property
    def _offset(self) -> int:
        return self.offsets.get(self.file, 0)

    @property
    def _room(self) -> int:
        return TASK_BYTES - sum(self.offsets.values())


def _whole_characters(content: bytes) -> int:
    """The length of the content without an incomplete last character."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(content)
    return len(content) - len(decoder.getstate()[0])


def _lines(content: bytes) -> list[str]:
    lines = content.decode("utf-8", "replace").split("\n")
    if not lines[-1]:
        lines.pop()
    # For a progress bar that overwrites itself: what a terminal shows at the end.
    return [line.rstrip("\r").rpartition("\r")[2] for line in lines]
