from __future__ import annotations

from pathlib import Path

from airflow_provider_amlrest.rest.assets.ensure import content_version
from airflow_provider_amlrest.rest.assets.upload.content import read_content
from airflow_provider_amlrest.rest.assets.upload.ways import datastore_path

CONDA = {"name": "e", "dependencies": ["python=3.11", {"pip": ["lightgbm"]}]}


def test_versions_are_frozen() -> None:
    # Golden: a changed recipe would register everything anew.
    assert content_version({"image": "i", "conda_file": CONDA}, None) == "bda68d7da207baf3"
    assert len(content_version("x")) == 16


def test_versions_follow_the_content_alone() -> None:
    assert content_version({"a": 1, "b": 2}) == content_version({"b": 2, "a": 1})
    assert len({content_version(x) for x in ("a", ["a"], {"a": None}, None, "", 1, "1")}) == 7


def test_where_content_lies(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_text("1")
    folder, file = read_content("code", tmp_path / "src"), read_content("code", tmp_path / "src/a.py")
    assert datastore_path(folder) == f"LocalUpload/{folder.hash}/src"
    assert datastore_path(file) == f"LocalUpload/{file.hash}/a.py"
    assert datastore_path(read_content("code", tmp_path / "src/../src/.")) == datastore_path(folder)
