from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.codecs.common import read_conda as read_answered
from airflow_provider_amlrest.rest.environments import differences, environment_parts, read_conda
from airflow_provider_amlrest.rest.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.model import BuildContext, Environment

CONDA = {"name": "e", "dependencies": ["python=3.11", {"pip": ["lightgbm"]}]}
TEXT = "name: e\ndependencies:\n- python=3.11\n- pip: [lightgbm]\n"
WORKSPACE = WorkspaceId("s", "g", "w")


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


def conda_of(text: str) -> Any:
    return read_conda("conda_file", text, Path())


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        # As recorded: YAML comes back as JSON with two spaces, in the order it was sent.
        (TEXT, json.dumps(CONDA, indent=2)),
        (TEXT, '{"dependencies": ["python=3.11", {"pip": ["lightgbm"]}], "name": "e"}'),
        (TEXT, '{"dependencies": ["python=3.11", {"pip": ["lightgbm"]}], "name": "another"}'),
        (TEXT, '{"dependencies": ["python=3.11 ", {"pip": ["lightgbm\\n"]}]}'),
        ("dependencies: []\nvariables: {N: 4, F: 1.5, B: true}\n",
         '{"dependencies": [], "variables": {"N": "4", "F": "1.5", "B": "true"}}'),
        ("dependencies: [3]\n", '{"dependencies": ["3"]}'),
    ],
)  # fmt: skip
def test_conda_files_that_mean_the_same(sent: str, answered: str) -> None:
    ours = Environment("e", "1", image="i", conda=conda_of(sent))
    theirs = Environment("e", "1", image="i", conda=read_answered(answered))
    assert differences(ours, theirs, WORKSPACE) == []


@pytest.mark.parametrize(
    "answered",
    [
        '{"dependencies": ["python=3.12", {"pip": ["a", "b"]}]}',
        '{"dependencies": ["python=3.11", {"pip": ["b", "a"]}]}',
        '{"dependencies": [{"pip": ["a", "b"]}, "python=3.11"]}',
        '{"dependencies": ["python=3.11", {"pip": ["a", "b"]}], "channels": ["conda-forge"]}',
        '{"dependencies": ["python=3.11"]}',
        "",
    ],
)
def test_conda_files_that_do_not(answered: str) -> None:
    ours = Environment("e", "1", image="i", conda=conda_of("dependencies: [python=3.11, {pip: [a, b]}]"))
    theirs = Environment("e", "1", image="i", conda=read_answered(answered))
    assert differences(ours, theirs, WORKSPACE) == ["conda_file"]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("mcr.microsoft.com/azureml/x:Tag", "MCR.microsoft.com/AzureML/X:Tag", True),
        ("python:3.11", " python:3.11 ", True),
        ("host:5000/python", "HOST:5000/Python", True),
        ("python:3.11-A", "python:3.11-a", False),
        ("python@sha256:aa", "python@sha256:ab", False),
        ("python:3.11", "python:3.12", False),
        ("python", None, False),
    ],
)
def test_images(left: str, right: str | None, same: bool) -> None:
    found = differences(Environment("e", "1", image=left), Environment("e", "1", image=right), WORKSPACE)
    assert found == ([] if same else ["image"])


LONG = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/a"


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (BuildContext("azureml://datastores/d/paths/a/"), BuildContext(LONG), True),
        (BuildContext(LONG), BuildContext("azureml://workspaces/0/datastores/d/paths/a/"), True),
        (BuildContext(LONG, "Dockerfile"), BuildContext(LONG, "./Dockerfile"), True),
        (BuildContext(LONG, "Dockerfile"), BuildContext(LONG, "docker/Dockerfile"), False),
        (BuildContext(LONG), BuildContext(LONG + "b"), False),
        (BuildContext(LONG), None, False),
        (None, None, True),
    ],
)  # fmt: skip
def test_build_contexts(left: BuildContext | None, right: BuildContext | None, same: bool) -> None:
    found = differences(Environment("e", "1", build=left), Environment("e", "1", build=right), WORKSPACE)
    assert found == ([] if same else ["build"])
