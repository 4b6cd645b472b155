"""Figures in prose are those of the code: ``ten minutes<!--lifecycle.patience.SUBMIT_OUTAGE-->``.

The comment after a figure, which no reader sees, names the constant that it is taken from: module, name and,
where that is a mapping, key. A time without one is a mistake on the pages that make promises.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
PROMISES = (
    *("batch-scoring.md", "compute.md", "errors.md", "idempotency.md"),
    *("operators.md", "serving.md", "waiting.md"),
)

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
FIGURES = {word: number for number, word in enumerate(WORDS, 1)} | {"a": 1, "an": 1, "the": 1}
UNITS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "KB": 1000,
    "KiB": 1024,
    "MB": 1000**2,
    "MiB": 1024**2,
}
_MARK = re.compile(r"(?P<words>\S+\s+\S+)<!--(?P<name>[\w.]+)-->")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_TIME = re.compile(
    rf"\b(\d[\d.,]*|{'|'.join((*WORDS, 'twenty', 'thirty'))}|an?)\s+(second|minute|hour|day)s?\b(?!<!--)"
)
NO_CONSTANT = (
    # The default of poll_interval is compared with the table of parameters.
    r"every 30 seconds",
    # Not a limit, but what may happen; and a rate.
    r"suspended for an hour",
    r"a second",
)


def marks() -> Iterator[Any]:
    for page in PAGES:
        for match in _MARK.finditer(page.read_text()):
            yield pytest.param(match["words"], match["name"], id=f"{page.stem}:{match['name']}")


def said(words: str) -> float:
    """The number that the words end with, in seconds or bytes, or of whatever there are so many."""
    first, last = (word.strip("*~(`") for word in words.split())
    figure, unit = (last, "") if _number(last) is not None else (first, last)
    number = _number(figure)
    assert number is not None, f"{words!r} ends with no figure."
    return number * UNITS.get(unit, UNITS.get(unit.removesuffix("s"), 1))


def _number(word: str) -> float | None:
    digits = word.replace(",", "")
    return float(digits) if re.fullmatch(r"\d+(\.\d+)?", digits) else FIGURES.get(word.lower())


def constant(name: str) -> Any:
    """What the code says: ``rest.status.PATIENCE.Paused`` is that key of that module's mapping."""
    value: Any = importlib.import_module("airflow_provider_amlrest")
    for part in name.split("."):
        if isinstance(value, Mapping):
            value = value[part]
        elif hasattr(value, part):
            value = getattr(value, part)
        else:
            value = importlib.import_module(f"{value.__name__}.{part}")
    return value


@pytest.mark.parametrize(("words", "name"), [*marks()])
def test_a_figure_is_that_of_the_code(words: str, name: str) -> None:
    assert said(words) == constant(name), f"{words!r} is not {name}, which is {constant(name)!r}."


def test_figures_are_marked() -> None:
    assert len([*marks()]) > 25


@pytest.mark.parametrize("page", PROMISES)
def test_times_that_are_promised_are_marked(page: str) -> None:
    prose = _CODE.sub("", (ROOT / "docs" / page).read_text())
    for exception in NO_CONSTANT:
        prose = re.sub(exception, "", prose)
    assert [match[0] for match in _TIME.finditer(prose)] == []


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("for ten minutes", 600),
        ("a day", 86400),
        ("1.5 MiB", 1.5 * 1024**2),
        ("of 10,000", 10_000),
        ("**100 names", 100),
    ],
)
def test_how_figures_are_read(words: str, number: float) -> None:
    assert said(" ".join(words.split()[-2:])) == number
