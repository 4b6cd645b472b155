"""Reads an MLTable of delimited text files that lie beside it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import TrialError, say

ENCODINGS = {
    "utf8": "utf-8-sig",
    "ascii": "ascii",
    "latin1": "latin-1",
    "iso88591": "latin-1",
    "utf16": "utf-16",
    "windows1252": "cp1252",
}
TYPES_ONLY = ("convert_column_types",)
"""Transformations that change no value: here, a column is one of numbers if its cells look like it."""


@dataclass
class Table:
    columns: dict[str, list[str]]
    """Name -> cells, as they are in the files."""

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def where(self, column: str) -> Table:
        """The rows with something in that column."""
        kept = [row for row, cell in enumerate(self.columns[column]) if cell.strip()]
        return Table({name: [cells[row] for row in kept] for name, cells in self.columns.items()})


def read_mltable(folder: Path) -> Table:
    """Read what the file ``MLTable`` of a folder describes.

    :raises TrialError: it is not there, or asks for what is not emulated.
    """
    import yaml

    file = folder / "MLTable"
    if not file.is_file():
        raise TrialError("its folder has no file MLTable, which says how the data is read.")
    definition = yaml.safe_load(file.read_text()) or {}
    parts = [part for path in definition.get("paths") or [] for part in files(folder, path)]
    table: Table | None = None
    for step in definition.get("transformations") or []:
        name, settings = next(iter(step.items())) if isinstance(step, dict) else (step, None)
        if name == "read_delimited":
            table = read_delimited(parts, settings or {})
        elif name in TYPES_ONLY:
            say(f"The transformation {name} of the MLTable is passed over.")
        elif table is not None and name in ("keep_columns", "drop_columns"):
            table = choose(table, settings, keep=name == "keep_columns")
        else:
            raise TrialError(f"the transformation {name} of its MLTable is not emulated.")
    if table is None:
        raise TrialError(
            "its MLTable has no transformation read_delimited, the only way to read that is emulated."
        )
    return table


def files(folder: Path, path: dict[str, Any]) -> list[Path]:
    """The files that an entry of ``paths`` means.

    :raises TrialError: there are none, or they lie somewhere else.
    """
    kind, value = next(iter(path.items()))
    if ":" in value or value.startswith("/"):
        raise TrialError(f"the path {value} of its MLTable is not beside it; only such files are read.")
    if kind == "file":
        found = [folder / value]
    else:
        pattern = value.removeprefix("./") if kind == "pattern" else f"{value.removeprefix('./')}/**/*"
        found = sorted(file for file in folder.glob(pattern.lstrip("/")) if file.name != "MLTable")
    root = folder.resolve()
    found = [file for file in found if file.is_file() and file.resolve().is_relative_to(root)]
    if not found:
        raise TrialError(f"no file {value} lies beside its MLTable.")
    return found


def read_delimited(parts: list[Path], settings: dict[str, Any]) -> Table:
    encoding = str(settings.get("encoding", "utf8")).lower().replace("-", "").replace("_", "")
    header = settings.get("header", "all_files_same_headers")
    table = Table({})
    for index, part in enumerate(parts):
        try:
            with part.open(encoding=ENCODINGS.get(encoding, encoding), newline="") as file:
                rows = [row for row in csv.reader(file, delimiter=settings.get("delimiter", ",")) if row]
        except (LookupError, UnicodeError, csv.Error) as error:
            raise TrialError(f"{part.name} cannot be read: {error}.") from None
        has_header = header != "no_header" and (index == 0 or header != "from_first_file")
        names = rows.pop(0) if has_header and rows else list(table.columns)
        if not names and rows:
            names = [f"Column{number + 1}" for number in range(len(rows[0]))]
        _append(table, names, rows, part.name)
    return table


def _append(table: Table, names: list[str], rows: list[list[str]], part: str) -> None:
    if table.columns and set(names) != set(table.columns):
        raise TrialError(f"{part} has other columns than the file before it.")
    for number, name in enumerate(names):
        cells = (row[number] if number < len(row) else "" for row in rows)
        table.columns.setdefault(name, []).extend(cells)


def choose(table: Table, names: str | list[str] | None, *, keep: bool) -> Table:
    named = [names] if isinstance(names, str) else names or []
    return Table({name: cells for name, cells in table.columns.items() if (name in named) == keep})
