from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.assets.conda import read_conda
from airflow_provider_amlrest.rest.assets.environment import (
    BuildContext,
    Environment,
    differences,
    environment_parts,
)
from airflow_provider_amlrest.rest.assets.environment import read_conda as read_answered
from airflow_provider_amlrest.rest.ids import WorkspaceId

CONDA = {"name": "e", "dependencies": ["python=3.11", {"pip": ["lightgbm"]}]}
TEXT = "name: e\ndependencies:\n- python=3.11\n- pip: [lightgbm]\n"
WORKSPACE = WorkspaceId("s", "g", "w")


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
