"""How results are shown: as tables, or as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 240
"""Columns if there is no terminal to ask."""

# A name or a log may contain control sequences for a terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def safe(text: object) -> str:
    """Text of the service, without control characters."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", "" if text is None else str(text))


def as_json(out: TextIO, value: Any) -> None:
    """One JSON document."""
    print(json.dumps(value, indent=2, ensure_ascii=False), file=out)


def table(out: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows below a header."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(cell if isinstance(cell, Text) else Text(safe(cell)) for cell in row))
    _print(out, shown)


def pairs(out: TextIO, values: Mapping[str, object]) -> None:
    """Names and values, without those that are empty."""
    shown = Table(box=None, pad_edge=False, show_header=False)
    shown.add_column(style="bold", no_wrap=True)
    shown.add_column(overflow="fold")
    for name, value in values.items():
        if value not in (None, "", {}):
            shown.add_row(Text(name), value if isinstance(value, Text) else Text(safe(value)))
    _print(out, shown)


def _print(out: TextIO, shown: Table) -> None:
    """Print a table without trailing blanks, with which rich fills lines up to the column's width."""
    printer = console(out)
    if out.isatty():
        printer.print(shown)
        return
    with printer.capture() as captured:
        printer.print(shown)
    out.write(re.sub(r" +$", "", captured.get(), flags=re.MULTILINE))


def console(out: TextIO) -> Console:
    """Rich's console on a stream."""
    return Console(file=out, width=None if out.isatty() else PIPE_WIDTH, highlight=False)


STYLES = {"active": "cyan", "succeeded": "green", "failed": "red", "canceled": "yellow"}


def status(word: str, outcome: str) -> Text:
    """A job's status, in the colour of its outcome."""
    return Text(safe(word), style=STYLES.get(outcome, ""))


def moment(time: str | None) -> str:
    """An ISO time of the service, in UTC and in Airflow's format."""
    try:
        return datetime.fromisoformat(time or "").astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except ValueError:
        return ""


def duration(seconds: float | None) -> str:
    """Seconds in words."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
