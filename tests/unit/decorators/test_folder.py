"""The folder that travels: the same function and arguments give the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.decorators.folder import FunctionLookup, read_packages, travel
from airflow_provider_amlrest.lifecycle.work_digest import work_digest
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.job import DataInput, LiteralInput, Output

JOB = CommandJob(
    command="python run_function.py",
    environment="/environments/e",
    inputs={"data": DataInput("uri_file", "https://host/it's.csv"), "rate": LiteralInput("$(rm)")},
    outputs={"table": Output(), "unused": Output()},
)


def subject(rows: int, data: str, rate: str, table: str) -> int:
    return rows


def sent(tmp_path: Path, name: str, rows: int = 1, packages: Any = ()) -> tuple[CommandJob, Path]:
    folder = tmp_path / name
    folder.mkdir()
    return travel(JOB, subject, (), {"rows": rows}, packages, {}, folder), folder


def code(job: CommandJob) -> FunctionLookup:
    assert isinstance(job.code, FunctionLookup)
    return job.code


def test_no_value_passes_through_a_shell(tmp_path: Path) -> None:
    job, folder = sent(tmp_path, "a")
    assert job.command.splitlines() == [
        "python run_function.py <<'PATHS_END_HERE'",
        "data=${{inputs.data}}",
        "table=${{outputs.table}}",
        "PATHS_END_HERE",
    ]
    assert json.loads((folder / "arguments.json").read_text()) == {"rows": 1, "rate": "$(rm)"}
    assert json.loads((folder / "function.json").read_text())["paths"] == ["data", "table"]


def test_the_same_work_is_the_same_bytes(tmp_path: Path) -> None:
    (first, one), (second, two) = sent(tmp_path, "a"), sent(tmp_path, "b")
    assert {file.name: file.read_bytes() for file in one.iterdir()} == {
        file.name: file.read_bytes() for file in two.iterdir()
    }
    assert code(first).source.content.hash == code(second).source.content.hash  # type: ignore[union-attr]
    other, _ = sent(tmp_path, "c", rows=2)
    with_packages, _ = sent(tmp_path, "d", packages=("six==1.17.0",))
    digests = [work_digest({"codeId": one.code}) for one in (first, second, other, with_packages)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_ignore_files_above_the_folder_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*.json\n")
    job, folder = sent(tmp_path, "a", packages=("six==1.17.0",))
    assert [file.name for file in code(job).source.content.files] == sorted(p.name for p in folder.iterdir())  # type: ignore[union-attr]


def test_what_it_carries_can_be_masked(tmp_path: Path) -> None:
    job, _ = sent(tmp_path, "a", packages=("six==1.17.0",))
    text = str(code(job).carries)
    assert "$(rm)" in text
    assert "def subject" in text
    assert "six==1.17.0" in text


def test_packages_are_requirements_a_line_each(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("# pins\nsix==1.17.0\n\ntiny==1.0  # small\n")
    assert read_packages(None, tmp_path) == ()
    assert read_packages("['six', '-r more.txt']", tmp_path) == ("six", "six==1.17.0", "tiny==1.0")
    with pytest.raises(
        InvalidSpecError, match=r"packages: its pip line '-e \.' names what is on this machine"
    ):
        read_packages(["-e ."], tmp_path)
