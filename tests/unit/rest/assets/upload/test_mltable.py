from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_amlrest.rest.assets.upload.content import read_content
from airflow_provider_amlrest.rest.assets.upload.mltable import referenced_uris
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError


def table(root: Path, text: str | bytes) -> tuple[str, ...]:
    (root / "data").mkdir(exist_ok=True)
    (root / "data/a.csv").write_text("x\n1\n")
    (root / "MLTable").write_bytes(text if isinstance(text, bytes) else text.encode())
    return referenced_uris(read_content("path", root))


def test_what_it_refers_to_as_it_is_written(tmp_path: Path) -> None:
    assert table(
        tmp_path,
        "type: mltable\npaths:\n- file: ./data/a.csv\n- pattern: data/*.csv\n- folder: data\n"
        "- folder: azureml://datastores/d/paths/x/\n- file: https://host/a.csv\n"
        "transformations:\n- read_delimited: {delimiter: ','}\n",
    ) == ("./data/a.csv", "data/*.csv", "data", "azureml://datastores/d/paths/x/", "https://host/a.csv")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("paths: [\n", "it is not valid YAML"),
        ("a: 1", "a mapping with a list named 'paths'"),
        ("- file: a", "a mapping with a list named 'paths'"),
        ("paths: []", "that is not empty"),
        ("paths: data/a.csv", "a list named 'paths'"),
        ("paths: [data/a.csv]", "each needs one of file, folder, pattern"),
        ("paths: [{file: data/a.csv, folder: data}]", "each needs one of file, folder, pattern"),
        ("paths: [{file: 1}]", "each needs one of file, folder, pattern"),
        ("paths: [{file: gone.csv}]", "there is no file 'gone.csv', which its 'paths' name"),
        ("paths: [{file: data}]", "there is no file 'data'"),
        ("paths: [{folder: gone}]", "there is no file in the folder 'gone'"),
        ("paths: [{folder: ./dat/}]", "there is no file in the folder './dat/'"),
        ("paths: [{folder: data/a.csv}]", "there is no file in the folder 'data/a.csv'"),
        ("paths: [{pattern: ./data/*.parquet}]", "there is no file that matches './data/*.parquet'"),
        ("paths: [{pattern: '*.csv'}]", "there is no file that matches '*.csv'"),
        ("paths: [{pattern: 'MLT*'}]", "there is no file that matches 'MLT*'"),
        ("paths: [{folder: data}, {pattern: 'x/**'}]", "there is no file that matches 'x/**'"),
        ("paths: [{file: /etc/passwd}]", "'/etc/passwd' is not in the folder"),
        ("paths: [{folder: ../other}]", "'../other' is not in the folder"),
        ("paths: [{folder: ~/data}]", "'~/data' is not in the folder"),
        (b"\xff\xfe", "it is not UTF-8"),
    ],
)
def test_mistakes(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        table(tmp_path, text)
    assert str(caught.value).startswith("path '")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        *("file: ./data/a.csv", "folder: data", "folder: ./data/", "folder: .", "folder: ./"),
        *("pattern: ./data/*.csv", "pattern: data/?.csv", "pattern: '**/*.csv'", "pattern: './**/a.*'"),
        *("pattern: data/**", "pattern: '*/[ab].csv'", "pattern: 'data/*.{csv,tsv}'"),
    ],
)
def test_paths_that_lead_to_a_file(tmp_path: Path, path: str) -> None:
    assert table(tmp_path, f"paths:\n- {path}\n") == (path.partition(" ")[2].strip("'"),)


def test_a_table_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "MLTable").write_text("paths: [{folder: ./}]")
    with pytest.raises(InvalidSpecError, match=r"there is no file in the folder '\./'"):
        referenced_uris(read_content("path", tmp_path, is_data=True))


def test_a_folder_without_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(InvalidSpecError, match=r"^path: the folder '.*' has no file 'MLTable'"):
        referenced_uris(read_content("path", tmp_path))
