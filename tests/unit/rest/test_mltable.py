from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_amlrest.rest.content import read_content
from airflow_provider_amlrest.rest.errors import InvalidSpecError
from airflow_provider_amlrest.rest.mltable import referenced_uris


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
        ("paths: [{file: gone.csv}]", "the folder has no file 'gone.csv'"),
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


def test_a_folder_without_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(InvalidSpecError, match=r"^path: the folder '.*' has no file 'MLTable'"):
        referenced_uris(read_content("path", tmp_path))
