"""Jinja in a file: Airflow renders it, and a command line, which has no DAG run, cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.documents import Document

_TEMPLATE = re.compile(r"(?<!\$)\{\{.*?(?:\}\}|$)|\{%.*?(?:%\}|$)|\{#.*?(?:#\}|$)", re.MULTILINE)
"""What Airflow would render. ``${{...}}`` and ``$[[...]]`` are Azure ML's."""
_OURS = "Azure ML's own expressions are ${{...}} and $[[...]]."


def templates(text: str, document: Document, values: Mapping[str, Any]) -> list[InvalidSpecError]:
    """An error for each value of a file that still has a template.

    :param text: of the file.
    :param document: the file.
    :param values: of the file, with those that have been replaced.
    """
    written = {value for _, value in _texts(document.values, "")}
    return [
        InvalidSpecError(
            f"{document.name}, line {_line(text, document.lines.get(member, 1), found[0])}, {member}",
            f"{found[0]!r} is a template, which Airflow renders and amlrest does not. Replace the value, by "
            f"--set {member}=..., or have an operator run the file. {_OURS}",
        )
        for member, value in _texts(values, "")
        if value in written and (found := _TEMPLATE.search(value))
    ]


def explained(error: InvalidSpecError, text: str) -> InvalidSpecError:
    """The error of a file that is no YAML: perhaps it would be if Airflow had rendered it."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("#") and (found := _TEMPLATE.search(line)):
            return InvalidSpecError(
                error.field,
                f"{error.problem} Line {number} has a template, {found[0]!r}, which Airflow renders and "
                "amlrest does not. Write it in quotes and replace it by --set, or have an operator run the "
                f"file. {_OURS}",
            )
    return error


def _texts(value: Any, member: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield member, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            where = f"{member}.{key}" if member else str(key)
            yield where, str(key)
            yield from _texts(inner, where)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{member}[{index}]")


def _line(text: str, first: int, found: str) -> int:
    """The line of what was found in a value that begins in, or below, another line."""
    for number, line in enumerate(text.splitlines(), 1):
        if number >= first and found in line:
            return number
    return first
