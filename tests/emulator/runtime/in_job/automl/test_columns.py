"""From texts to what can be learned from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.runtime.in_job.automl.columns import (
    FEWEST_ROWS,
    MOST_CATEGORIES,
    features,
    matrix,
    targets,
    training_table,
)
from airflow_provider_amlrest.emulator.runtime.in_job.automl.errors import TrialError
from airflow_provider_amlrest.emulator.runtime.in_job.automl.table import Table

PLAN: dict[str, Any] = {"task": "Classification", "target": "y", "set_aside": ["weight"]}


def given(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    (folder / "MLTable").write_text("paths: [{file: t.csv}]\ntransformations: [read_delimited]")
    (folder / "t.csv").write_text("\n".join(lines))
    monkeypatch.setenv("AZURE_ML_INPUT_training_data", str(folder))


def test_numbers_categories_and_what_is_left_out() -> None:
    many = [str(index) + "th" for index in range(MOST_CATEGORIES + 1)]
    rows = len(many)
    table = Table(
        {
            "number": ["1.5", ""] + ["2e3"] * (rows - 2),
            "colour": ["red", ""] + ["blue"] * (rows - 2),
            "mixed": ["1", "2", "x"] + ["1"] * (rows - 3),
            "name": many,
            "constant": ["same"] * rows,
            "empty": [""] * rows,
            "weight": ["1"] * rows,
            "y": ["yes"] * rows,
        }
    )
    numbers, categories = features(PLAN, table)
    assert (numbers, categories) == (["number"], ["colour", "mixed"])
    cells = matrix(table, numbers, categories)
    assert cells[0].tolist() == [1.5, "red", "1"]
    assert math.isnan(cells[1][0])
    with pytest.raises(TrialError, match="No column is left"):
        features(PLAN, Table({"y": ["yes"], "weight": ["1"]}))


def test_validation_data_must_be_like_training_data() -> None:
    for other in ({"z": ["1"]}, {"x": ["one"]}):
        with pytest.raises(TrialError, match="validation_data is not like training_data"):
            matrix(Table(other), ["x"], [])


def test_targets() -> None:
    table = Table({"y": ["1", "2.5"]})
    assert targets(PLAN, table).tolist() == ["1", "2.5"]
    assert targets({**PLAN, "task": "Regression"}, table).tolist() == [1.0, 2.5]


def test_rows_without_a_target_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(tmp_path, monkeypatch, "x,y", "0,", *[f"{row},{row % 2}" for row in range(FEWEST_ROWS)])
    assert training_table(PLAN).rows == FEWEST_ROWS


@pytest.mark.parametrize(
    ("lines", "task", "words"),
    [
        (["x,z"] + ["1,2"] * 20, "Classification", "training_data has no column 'y'"),
        (["x,y", "1,2", "2,3"], "Classification", "2 rows with a target"),
        (["x,y"] + ["1,2"] * 20, "Classification", "one value only"),
        (["x,y"] + ["1,a", "2,b"] * 10, "Regression", "'y' is not one of numbers"),
    ],
)
def test_nothing_to_learn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], task: str, words: str
) -> None:
    given(tmp_path, monkeypatch, *lines)
    with pytest.raises(TrialError, match=words):
        training_table({**PLAN, "task": task})
