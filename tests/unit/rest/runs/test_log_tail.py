"""How a log's bytes become lines, each once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_amlrest.rest.runs.log_tail import CALL_BYTES, TASK_BYTES, LogTail, user_log

LOG = "user_logs/std_log.txt"


class File:
    """A log that grows, as the service hands it out."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content

    def read(self, tail: LogTail, *, final: bool = False) -> list[str]:
        """Read once, as the operation does."""
        tail.find({LOG: "https://log"})
        first, last = tail.bytes_wanted(final=final)
        return tail.take(self.content[first : last + 1], final=final)


def test_the_users_log_of_the_first_process_is_chosen() -> None:
    system = "system_logs/lifecycler/lifecycler.log"
    assert user_log([system]) is None
    assert user_log([system, LOG]) == LOG
    assert user_log(["user_logs/std_log_1.txt", "user_logs/std_log_0.txt"]) == "user_logs/std_log_0.txt"
    assert user_log(["user_logs/std_log_process_0.txt"]) == "user_logs/std_log_process_0.txt"
    assert user_log(["azureml-logs/65_job_prep.txt", "azureml-logs/70_driver_log.txt"]) is not None


def test_a_line_is_handed_on_when_it_is_whole() -> None:
    file, tail = File(b"one\ntw"), LogTail()
    assert file.read(tail) == ["one"]
    assert file.read(tail) == []
    file.content += b"o\nthree"
    assert file.read(tail) == ["two"]
    assert file.read(tail, final=True) == ["three"]
    assert tail.offsets == {LOG: len(file.content)}


@given(st.text(alphabet="aü€😀\n", max_size=60), st.lists(st.integers(1, 20)), st.integers(0, 30))
def test_whatever_the_pieces_each_line_comes_once(text: str, sizes: list[int], resumed: int) -> None:
    content, file, tail, lines, end = text.encode(), File(), LogTail(), [], 0
    for number, size in enumerate(sizes):
        end += size
        file.content = content[:end]
        lines += file.read(tail)
        if number == resumed:
            tail = LogTail(tail.offsets)
    file.content = content
    lines += file.read(tail, final=True)
    assert lines == text.removesuffix("\n").split("\n") if text else lines == []


def test_a_progress_bar_is_shown_as_a_terminal_shows_it() -> None:
    assert File(b"10%\r50%\r100%\r\nnext\r\n").read(LogTail()) == ["100%", "next"]


def test_a_line_without_an_end_is_handed_on_when_it_is_too_long() -> None:
    file, tail = File(b"x" * (2 * CALL_BYTES)), LogTail()
    assert sum(len(line) for line in file.read(tail) + file.read(tail)) >= 2 * CALL_BYTES - 2


def test_in_all_it_is_bounded_and_says_so_once() -> None:
    file, tail, lines = File(b"0123456789\n" * 200_000), LogTail(), []
    while not tail.is_full:
        lines += file.read(tail)
    *shown, last = lines
    assert "first 1024 KiB of user_logs/std_log.txt" in last
    assert 0.99 * TASK_BYTES < sum(len(line) + 1 for line in shown) <= TASK_BYTES
    assert LogTail(tail.offsets).is_full


def test_a_log_that_begins_anew_is_shown_from_its_beginning() -> None:
    file, tail = File(b"first\nrun\n"), LogTail()
    assert file.read(tail) == ["first", "run"]
    file.content = b"again\n"
    assert tail.start_anew()
    assert file.read(tail) == ["again"]
    assert not LogTail().start_anew()
