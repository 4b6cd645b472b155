"""The tables of docs/reliability.md, of what the runs left in build/: ``python -m tests.kill.report``.

A cell of which there is no new result stays as it is: not every machine runs every database and Airflow.
What is no more, such as a point or a version, is to be deleted by hand.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

PAGE = Path("docs/reliability.md")
KILLS, STOPS, GONE = Path("build/kill"), Path("build/stop"), Path("build/gone")
RESOURCES = Path("build/kill-resources")
BEGIN, END = "<!-- {} begins -->", "<!-- {} ends -->"
NOTHING = "-"

Rows = list[list[str]]
"""A table: the first row is the head, and the first cell of a row says what the row is of."""


def main() -> None:
    text = PAGE.read_text()
    tables = {
        "kill": kill_rows(),
        "kill-resources": resource_rows(),
        "stop": stop_rows(),
        "gone": gone_rows(),
    }
    for name, rows in tables.items():
        text = _with_table(text, name, partial(merged, rows))
    if (file := RESOURCES / "random.json").exists():
        at_random = json.loads(file.read_text())
        text = _with_table(text, "random-resources", lambda before: random_resource_rows(**at_random))
    if runs := [result for result in _kills() if result["point"] == "random"]:
        text = _with_table(text, "random", lambda before: random_rows(runs))
    PAGE.write_text(text)


def _with_table(text: str, name: str, change: Callable[[Rows], Rows]) -> str:
    """The page with a changed table."""
    begin, end = BEGIN.format(name), END.format(name)
    before, _, rest = text.partition(begin)
    table, _, after = rest.partition(end)
    head, _, *body = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.strip().splitlines())
    return f"{before}{begin}\n{_table(change([head, *body]))}\n{end}{after}"


def merged(new: Rows, before: Rows) -> Rows:
    """A table with new results in it, and in the order of the new one if that has everything."""
    cells = {
        (row[0], column): cell
        for head, *body in (before, new)
        for row in body
        for column, cell in zip(head[1:], row[1:], strict=True)
        if cell != NOTHING
    }
    columns = [c for c in _in_order(before[0][1:], new[0][1:]) if any(column == c for _, column in cells)]
    lines = _in_order([row[0] for row in before[1:]], [row[0] for row in new[1:]])
    return [
        [new[0][0], *columns],
        *([line, *(cells.get((line, column), NOTHING) for column in columns)] for line in lines),
    ]


def _in_order(before: list[str], new: list[str]) -> list[str]:
    return new if set(before) <= set(new) else list(dict.fromkeys([*before, *new]))


def kill_rows() -> Rows:
    return _by_point([result for result in _kills() if result["point"] != "random"], _jobs)


def resource_rows() -> Rows:
    return _by_point(_read(RESOURCES), _brought)


def _by_point(results: list[dict[str, Any]], show: Callable[[dict[str, Any]], str]) -> Rows:
    """Newest result of each point, mode and database."""
    newest = {(r["point"], r["mode"], r["database"]): r for r in results}
    points = list(dict.fromkeys(point for point, _, _ in newest))
    columns = [(mode, base) for base in ("SQLite", "PostgreSQL") for mode in ("sync", "deferred", "pipeline")]
    rows = [["killed", *(f"{mode}, {base}" for mode, base in columns)]]
    for point in points:
        cells = (newest.get((point, *column)) for column in columns)
        rows.append([point, *(NOTHING if cell is None else show(cell) for cell in cells)])
    return rows


def _jobs(result: dict[str, Any]) -> str:
    jobs = "1 job" if result["jobs"] == 1 else f"**{result['jobs']} jobs**"
    return f"{jobs}, {result['state']} at try {result['tries']}"


def _brought(result: dict[str, Any]) -> str:
    sent, taken, problems = result["sent"], result["taken"], "; ".join(result["problems"])
    requests = f"{taken} of {sent}" if sent != taken else str(taken)
    text = f"{requests} taken, {result['found']}, {result['state']} at try {result['tries']}"
    return f"{text}: **{problems}**" if problems else text


def random_resource_rows(killed: dict[str, int], runs: list[dict[str, Any]]) -> Rows:
    """A row for each kind of work, and one for all that were killed."""
    rows = [["at work", "runs", "tries", "requests sent", "taken", "as asked", "failed, and said why"]]
    for kind in dict.fromkeys(sorted(run["kind"] for run in runs)):
        of_kind = [run for run in runs if run["kind"] == kind]
        good = [run for run in of_kind if not run["problems"]]
        states = Counter(run["state"] for run in good)
        numbers = [
            len(of_kind),
            *(sum(run[member] for run in of_kind) for member in ("tries", "sent", "taken")),
            *(states["success"], states["failed"]),
        ]
        rows.append([kind, *map(str, numbers)])
    who = ", ".join(f"{name} {count} times" for name, count in Counter(killed).most_common())
    return [*rows, [f"killed: {who}", *[""] * (len(rows[0]) - 1)]]


def random_rows(runs: list[dict[str, Any]]) -> Rows:
    return [
        ["runs", "tries", "with one job", "green", "canceled", "tries lost by Airflow's own fault"],
        [
            str(len(runs)),
            str(sum(r["tries"] for r in runs)),
            str(sum(r["jobs"] == 1 for r in runs)),
            str(Counter(r["state"] for r in runs)["success"]),
            str(sum(r["cancels"] for r in runs)),
            str(sum(r["airflows_own"] for r in runs)),
        ],
    ]


def stop_rows() -> Rows:
    return _by_version("stop", STOPS, lambda seconds: f"canceled after {seconds:g} s")


def gone_rows() -> Rows:
    return _by_version("who / mode / retries", GONE, str)


def _by_version(head: str, folder: Path, show: Callable[[Any], str]) -> Rows:
    """A line for each thing that was shown, a column for each Airflow."""
    versions = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
    lines = dict.fromkeys(line for cells in versions.values() for line in cells)
    rows = [[head, *(f"Airflow {version}" for version in versions)]]
    for line in lines:
        cells = (cells.get(line) for cells in versions.values())
        rows.append([line, *(NOTHING if cell is None else show(cell) for cell in cells)])
    return rows


def _kills() -> list[dict[str, Any]]:
    return _read(KILLS)


def _read(folder: Path) -> list[dict[str, Any]]:
    """What the runs have left, oldest first: a file of each."""
    files = sorted(folder.glob("[0-9]*.json"))
    return [result for file in files for result in json.loads(file.read_text())]


def _table(rows: Rows) -> str:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


if __name__ == "__main__":
    main()
