"""The tables of docs/reliability.md, of what the runs left in build/: ``python -m tests.kill.report``.

A table of which there are no results stays as it is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGE = Path("docs/reliability.md")
KILLS, STOPS, GONE = Path("build/kill"), Path("build/stop"), Path("build/gone")
BEGIN, END = "<!-- {} begins -->", "<!-- {} ends -->"


def main() -> None:
    text = PAGE.read_text()
    tables = {
        "kill": (KILLS, kill_table),
        "random": (KILLS, random_table),
        "stop": (STOPS, stop_table),
        "gone": (GONE, gone_table),
    }
    for name, (folder, table) in tables.items():
        if not folder.exists():
            continue
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{table()}\n{end}{rest.partition(end)[2]}"
    PAGE.write_text(text)


def kill_table() -> str:
    """Newest result of each point, mode and database."""
    newest = {(r["point"], r["mode"], r["database"]): r for r in _kills() if r["point"] != "random"}
    points = list(dict.fromkeys(point for point, _, _ in newest))
    columns = [(mode, base) for base in ("SQLite", "PostgreSQL") for mode in ("sync", "deferred", "pipeline")]
    rows = [["killed", *(f"{mode}, {base}" for mode, base in columns)]]
    rows += [[point, *(_cell(newest.get((point, *column))) for column in columns)] for point in points]
    return _table(rows)


def _cell(result: dict[str, Any] | None) -> str:
    if result is None:
        return "-"
    jobs = "1 job" if result["jobs"] == 1 else f"**{result['jobs']} jobs**"
    return f"{jobs}, {result['state']} at try {result['tries']}"


def random_table() -> str:
    runs = [r for r in _kills() if r["point"] == "random"]
    rows = [["runs", "tries", "with one job", "green", "canceled", "tries lost by Airflow's own fault"]]
    rows.append(
        [
            str(len(runs)),
            str(sum(r["tries"] for r in runs)),
            str(sum(r["jobs"] == 1 for r in runs)),
            str(Counter(r["state"] for r in runs)["success"]),
            str(sum(r["cancels"] for r in runs)),
            str(sum(r["airflows_own"] for r in runs)),
        ]
    )
    return _table(rows)


def stop_table() -> str:
    return _by_version("stop", STOPS, lambda seconds: f"canceled after {seconds:g} s")


def gone_table() -> str:
    return _by_version("who / mode / retries", GONE, str)


def _by_version(head: str, folder: Path, show: Callable[[Any], str]) -> str:
    """A line for each thing that was shown, a column for each Airflow."""
    versions = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
    lines = dict.fromkeys(line for cells in versions.values() for line in cells)
    rows = [[head, *(f"Airflow {version}" for version in versions)]]
    for line in lines:
        cells = (cells.get(line) for cells in versions.values())
        rows.append([line, *("-" if cell is None else show(cell) for cell in cells)])
    return _table(rows)


def _kills() -> list[dict[str, Any]]:
    return [result for file in sorted(KILLS.glob("*.json")) for result in json.loads(file.read_text())]


def _table(rows: list[list[str]]) -> str:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


if __name__ == "__main__":
    main()
