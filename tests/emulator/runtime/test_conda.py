"""Conda files."""

from __future__ import annotations

import json

import pytest

from airflow_provider_amlrest.emulator.runtime.conda import read_conda_file
from airflow_provider_amlrest.emulator.runtime.errors import JobError

CONDA = """
channels: [conda-forge]
dependencies:
- python=3.1
- pip
- numpy=1.26
- conda-forge::pandas >=2,<3
- pytorch==2.4.0
- scipy=1.11=py311_0
- pip: [lightgbm==4.5.0, "mlflow-skinny>=2"]
"""


def test_conda_file() -> None:
    spec = read_conda_file(CONDA)
    assert spec.requirements == (
        "numpy==1.26.*",
        "pandas>=2,<3",
        "torch==2.4.0",
        "scipy==1.11.*",
        "lightgbm==4.5.0",
        "mlflow-skinny>=2",
    )
    assert "Asked for python=3.1; the emulator uses this machine's Python 3." in spec.notes[0]


def test_key_is_by_content() -> None:
    pip = {"dependencies": ["python=3.11", "pip", {"pip": ["a==1", "b"]}]}
    key = read_conda_file(json.dumps(pip)).key
    assert key == read_conda_file("name: other\ndependencies:\n- pip\n- pip:\n  - a==1\n  - b\n").key
    assert key != read_conda_file(json.dumps(pip).replace("a==1", "a==2")).key
    assert read_conda_file("").key == read_conda_file(None).key != key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dependencies: [cudatoolkit=11]", "conda package 'cudatoolkit=11'"),
        ("dependencies: [{npm: [x]}]", "only {pip: [requirement, ...]} is known"),
        ("dependencies: 3", "a list of dependencies"),
        ("- a\n- b", "must be a mapping"),
        ("a: [", "no YAML"),
    ],
)
def test_conda_file_that_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(JobError) as caught:
        read_conda_file(text)
    assert words in str(caught.value)
