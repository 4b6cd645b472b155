from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.assets import content_version, environment_parts, read_conda, same_uri
from airflow_provider_amlrest.rest.content import read_content
from airflow_provider_amlrest.rest.errors import InvalidSpecError
from airflow_provider_amlrest.rest.model import Environment
from airflow_provider_amlrest.rest.uploads import datastore_path

CONDA = {"name": "e", "dependencies": ["python=3.11", {"pip": ["lightgbm"]}]}
TEXT = "name: e\ndependencies:\n- python=3.11\n- pip: [lightgbm]\n"


def test_versions_are_frozen() -> None:
    # Golden: a changed recipe would register everything anew.
    assert content_version({"image": "i", "conda_file": CONDA}, None) == "bda68d7da207baf3"
    assert len(content_version("x")) == 16


def test_versions_follow_the_content_alone() -> None:
    assert content_version({"a": 1, "b": 2}) == content_version({"b": 2, "a": 1})
    assert len({content_version(x) for x in ("a", ["a"], {"a": None}, None, "", 1, "1")}) == 7


def test_a_conda_file_as_mapping_text_and_path(tmp_path: Path) -> None:
    (tmp_path / "conda.yml").write_text(TEXT)
    for value in (
        CONDA,
        TEXT,
        "{dependencies: [python=3.11, {pip: [lightgbm]}], name: e}",
        "conda.yml",
        str(tmp_path / "conda.yml"),
    ):
        assert read_conda("conda_file", value, tmp_path) == CONDA
    assert read_conda("conda_file", None, tmp_path) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("gone.yml", "gone.yml' cannot be read: No such file or directory"),
        (".", "cannot be read: Is a directory"),
        ("dependencies: [\n", "it is not valid YAML: "),
        ("bad.yml", "bad.yml': it is not valid YAML"),
        ("binary.yml", "binary.yml' cannot be read"),
        ("name: e\nx: y\n", "must be a mapping with a list named 'dependencies'"),
        ({"dependencies": "python"}, "must be a mapping with a list"),
        (["python"], "must be a mapping with a list"),
        ("dependencies: [2024-01-01]", "it holds what a conda file cannot: Object of type date"),
        ("dependencies: [.nan]", "it holds what a conda file cannot"),
        ("dependencies: &a [*a]", "it holds what a conda file cannot: Circular"),
        ("dependencies: [!!python/object/apply:os.getcwd []]", "it is not valid YAML"),
    ],
)  # fmt: skip
def test_conda_files_that_are_refused(tmp_path: Path, value: Any, words: str) -> None:
    (tmp_path / "bad.yml").write_text("a: [1\n")
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidSpecError) as caught:
        read_conda("conda_file", value, tmp_path)
    assert str(caught.value).startswith("conda_file")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_environments_compare_by_what_they_are() -> None:
    one = Environment("a", "1", image="i", conda=CONDA, description="x", tags={"a": "b"}, id="/x")
    assert environment_parts(one) == environment_parts(Environment("b", "2", image="i", conda=dict(CONDA)))
    assert environment_parts(one) != environment_parts(Environment("a", "1", image="i"))
    assert environment_parts(one) != environment_parts(Environment("a", "1", image="j", conda=CONDA))


# As recorded: the service lengthens azureml:// in two ways, and gives folders a slash.
LONG = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/a/b"


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("azureml://datastores/d/paths/a/b/", LONG, True),
        ("azureml://workspaces/0-0/datastores/d/paths/a/b", LONG, True),
        ("https://host", "https://host/", True),
        ("azureml://datastores/d/paths/a/c", LONG, False),
        ("azureml://datastores/D/paths/a/b", LONG, False),
        ("https://host/A", "https://host/a", False),
    ],
)
def test_same_uri(left: str, right: str, same: bool) -> None:
    assert same_uri(left, right) is same


def test_where_content_lies(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_text("1")
    folder, file = read_content("code", tmp_path / "src"), read_content("code", tmp_path / "src/a.py")
    assert datastore_path(folder) == f"LocalUpload/{folder.hash}/src"
    assert datastore_path(file) == f"LocalUpload/{file.hash}/a.py"
    assert datastore_path(read_content("code", tmp_path / "src/../src/.")) == datastore_path(folder)
