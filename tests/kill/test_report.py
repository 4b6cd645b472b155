"""The tables of docs/reliability.md keep what this machine has not shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kill import report

PAGE = """\
Before.
<!-- kill begins -->
| killed | sync, SQLite | sync, PostgreSQL |
|---|---|---|
| a worker | 1 job, success at try 2 | 1 job, success at try 3 |
| a triggerer | - | 1 job, success at try 1 |
<!-- kill ends -->
Between.
<!-- kill-resources begins -->
| killed | sync, SQLite |
|---|---|
| as it stops | 1 taken, Stopped, success at try 2 |
<!-- kill-resources ends -->
<!-- random-resources begins -->
| at work | runs |
|---|---|
| compute | 3 |
<!-- random-resources ends -->
<!-- random begins -->
| runs | tries |
|---|---|
| 140 | 327 |
<!-- random ends -->
<!-- stop begins -->
| stop | Airflow 2.11.2 | Airflow 3.3.2 |
|---|---|---|
| clear / sync | canceled after 1 s | canceled after 2 s |
<!-- stop ends -->
<!-- gone begins -->
| who / mode / retries | Airflow 3.3.2 |
|---|---|
| scheduler | success |
<!-- gone ends -->
After.
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    page = tmp_path / "reliability.md"
    page.write_text(PAGE)
    monkeypatch.setattr(report, "PAGE", page)
    for name in ("KILLS", "RESOURCES", "STOPS", "GONE"):
        monkeypatch.setattr(report, name, tmp_path / name)
    return page


def keep(folder: Path, name: str, results: Any) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(results))


def kill(point: str, mode: str, **facts: Any) -> dict[str, Any]:
    common = {
        "database": "SQLite",
        "tries": 5,
        "jobs": 1,
        "cancels": 0,
        "state": "success",
        "airflows_own": 0,
    }
    return {"point": point, "mode": mode, **common, **facts}


def test_without_results_nothing_changes(page: Path) -> None:
    report.main()
    assert page.read_text() == PAGE


def test_new_cells_and_columns_come_beside_the_others(page: Path) -> None:
    keep(report.KILLS, "1.json", [kill("a worker", "sync", tries=4), kill("a triggerer", "pipeline", jobs=2)])
    keep(report.KILLS, "2.json", [kill("a worker", "sync")])
    keep(report.STOPS, "3.3.2.json", {"clear / pipeline": 3.5})
    report.main()
    text = page.read_text()
    assert (
        "| killed | sync, SQLite | pipeline, SQLite | sync, PostgreSQL |\n"
        "|---|---|---|---|\n"
        "| a worker | 1 job, success at try 5 | - | 1 job, success at try 3 |\n"
        "| a triggerer | - | **2 jobs**, success at try 5 | 1 job, success at try 1 |\n"
    ) in text
    assert (
        "| stop | Airflow 2.11.2 | Airflow 3.3.2 |\n"
        "|---|---|---|\n"
        "| clear / sync | canceled after 1 s | canceled after 2 s |\n"
        "| clear / pipeline | - | canceled after 3.5 s |\n"
    ) in text
    assert "| 140 | 327 |" in text
    assert "| scheduler | success |" in text
    assert [text.startswith("Before.\n"), "\nBetween.\n" in text, text.endswith("After.\n")] == [True] * 3


def test_random_moments_are_those_of_one_run(page: Path) -> None:
    keep(report.KILLS, "1.json", [kill("random", "sync"), kill("random", "sync", jobs=2, state="failed")])
    report.main()
    assert "| 2 | 10 | 1 | 1 | 0 | 0 |" in page.read_text()
    assert "327" not in page.read_text()


def brought(point: str, mode: str = "sync", **facts: Any) -> dict[str, Any]:
    common = {"kind": "rollout", "database": "SQLite", "tries": 2, "state": "success", "sent": 4, "taken": 3}
    return {"point": point, "mode": mode, **common, "found": "green 100", "problems": [], **facts}


def test_what_is_brought_to_a_state_has_tables_of_its_own(page: Path) -> None:
    wrong = brought("in the pause", "deferred", state="failed", sent=3, problems=["too late"])
    keep(report.RESOURCES, "1.json", [brought("in the pause"), wrong])
    given_up = brought("random", kind="batch", state="failed", sent=1, taken=0)
    runs = [brought("random"), brought("random", tries=5), brought("random", problems=["no"]), given_up]
    keep(report.RESOURCES, "random.json", {"killed": {"task": 7, "triggerer": 1}, "runs": runs})
    report.main()
    text = page.read_text()
    assert (
        "| killed | sync, SQLite | deferred, SQLite |\n"
        "|---|---|---|\n"
        "| as it stops | 1 taken, Stopped, success at try 2 | - |\n"
        "| in the pause | 3 of 4 taken, green 100, success at try 2 |"
        " 3 taken, green 100, failed at try 2: **too late** |\n"
    ) in text
    assert (
        "| at work | runs | tries | requests sent | taken | as asked | failed, and said why |\n"
        "|---|---|---|---|---|---|---|\n"
        "| batch | 1 | 2 | 1 | 0 | 0 | 1 |\n"
        "| rollout | 3 | 9 | 12 | 9 | 2 | 0 |\n"
        "| killed: task 7 times, triggerer 1 times |  |  |  |  |  |  |\n"
    ) in text
    assert "| compute | 3 |" not in text
