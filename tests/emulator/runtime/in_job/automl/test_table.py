"""MLTables, and the files beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_amlrest.emulator.runtime.in_job.automl.errors import TrialError
from airflow_provider_amlrest.emulator.runtime.in_job.automl.table import Table, read_mltable


def table(folder: Path, mltable: str, **files: str) -> dict[str, list[str]]:
    (folder / "MLTable").write_text(mltable)
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".csv").write_text(content)
    return read_mltable(folder).columns


@pytest.mark.parametrize(
    "paths",
    ["- file: ./a.csv\n- file: ./b.csv", "- pattern: ./*.csv", "- folder: ./", "- folder: ."],
)
def test_files_one_after_the_other(tmp_path: Path, paths: str) -> None:
    mltable = f"paths:\n{paths}\ntransformations:\n- read_delimited:\n    delimiter: ';'\n"
    found = table(tmp_path, mltable, a="x;y\n1;'a,b'\n", b="y;x\nc;2\n")
    assert found == {"x": ["1", "2"], "y": ["'a,b'", "c"]}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("no_header", {"Column1": ["x", "1", "x", "2"]}),
        ("from_first_file", {"x": ["1", "x", "2"]}),
        ("all_files_same_headers", {"x": ["1", "2"]}),
    ],
)
def test_headers(tmp_path: Path, header: str, expected: dict[str, list[str]]) -> None:
    mltable = f"paths: [{{pattern: '*.csv'}}]\ntransformations: [{{read_delimited: {{header: {header}}}}}]"
    assert table(tmp_path, mltable, a="x\n1\n", b="x\n2\n") == expected


def test_columns_that_are_kept_and_dropped(tmp_path: Path) -> None:
    steps = "- read_delimited:\n- convert_column_types: []\n- keep_columns: [a, b]\n- drop_columns: a\n"
    assert table(tmp_path, f"paths: [{{file: t.csv}}]\ntransformations:\n{steps}", t="a,b,c\n1,2,3\n") == {
        "b": ["2"]
    }


def test_short_rows_end_with_empty_cells(tmp_path: Path) -> None:
    mltable = "paths: [{file: t.csv}]\ntransformations: [read_delimited]"
    assert table(tmp_path, mltable, t="a,b\n1\n\n2,3\n") == {"a": ["1", "2"], "b": ["", "3"]}


@pytest.mark.parametrize(
    ("mltable", "words"),
    [
        ("paths: [{file: none.csv}]\ntransformations: [read_delimited]", "no file none.csv lies beside"),
        ("paths: [{file: ../t.csv}]\ntransformations: [read_delimited]", "no file ../t.csv lies beside"),
        ("paths: [{file: 'https://a/t.csv'}]\ntransformations: [read_delimited]", "is not beside it"),
        ("paths: [{file: t.csv}]\ntransformations: [read_parquet]", "read_parquet of its MLTable is not"),
        ("paths: [{file: t.csv}]", "no transformation read_delimited"),
        ("paths: [{file: t.csv}]\ntransformations: [read_delimited, take: 5]", "take of its MLTable is not"),
        ("paths: [{file: t.csv}]\ntransformations: [{read_delimited: {encoding: ebcdic}}]", "cannot be read"),
        ("paths: [{pattern: '*.csv'}]\ntransformations: [read_delimited]", "other columns than the file"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, mltable: str, words: str) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    folder = tmp_path / "inside"
    folder.mkdir()
    with pytest.raises(TrialError, match=words.replace("*", r"\*")):
        table(folder, mltable, t="a,b\n1,2\n", u="c\n3\n")


def test_a_folder_without_mltable(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="no file MLTable"):
        read_mltable(tmp_path)


def test_rows_with_something_in_a_column() -> None:
    assert Table({"a": ["1", " ", "2"], "b": ["x", "y", "z"]}).where("a").columns == {
        "a": ["1", "2"],
        "b": ["x", "z"],
    }
