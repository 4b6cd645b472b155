"""From the columns of a table to what scikit-learn takes."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from .errors import TrialError, say
from .table import Table, read_mltable

MOST_CATEGORIES = 50
"""A text column with more different values says too little of each."""
FEWEST_ROWS = 10
"""Fewer are nothing to train on."""


def input_table(plan: dict[str, Any], name: str) -> Table:
    """The rows of an input that have a target.

    :raises TrialError: it cannot be read, or has no target.
    """
    try:
        table = read_mltable(Path(os.environ[f"AZURE_ML_INPUT_{name}"]))
    except TrialError as error:
        raise TrialError(f"{name}: {error}") from None
    if plan["target"] not in table.columns:
        known = ", ".join(table.columns)
        raise TrialError(f"{name} has no column {plan['target']!r}, the targetColumnName. It has {known}.")
    return table.where(plan["target"])


def training_table(plan: dict[str, Any]) -> Table:
    """The training data.

    :raises TrialError: there is nothing to learn from it.
    """
    table = input_table(plan, "training_data")
    if table.rows < FEWEST_ROWS:
        raise TrialError(f"training_data has {table.rows} rows with a target; it needs {FEWEST_ROWS}.")
    if len(set(table.columns[plan["target"]])) == 1:
        raise TrialError(
            f"The target column {plan['target']!r} has one value only: there is nothing to learn."
        )
    targets(plan, table)
    return table


def number(cell: str) -> float:
    """A cell as a number; nan if it is empty."""
    return float(cell) if cell.strip() else math.nan


def is_numeric(cells: list[str]) -> bool:
    """Whether there are numbers, and nothing else."""
    try:
        numbers = [number(cell) for cell in cells]
    except ValueError:
        return False
    return any(math.isfinite(found) for found in numbers)


def features(plan: dict[str, Any], table: Table) -> tuple[list[str], list[str]]:
    """Names of the columns of numbers, and of those of categories.

    :raises TrialError: there are none.
    """
    numbers, categories = [], []
    for name, cells in table.columns.items():
        if name == plan["target"] or name in plan["set_aside"]:
            continue
        different = len(set(cells))
        if is_numeric(cells):
            numbers.append(name)
        elif 1 < different <= MOST_CATEGORIES:
            categories.append(name)
        else:
            say(f"Column {name!r} is left out: it has {different} different texts.")
    if not numbers and not categories:
        raise TrialError("No column is left from which the target could be predicted.")
    return numbers, categories


def matrix(table: Table, numbers: list[str], categories: list[str]) -> Any:
    """Numbers first, then categories.

    :raises TrialError: validation data that is not like the training data.
    """
    import numpy as np

    cells = np.empty((table.rows, len(numbers) + len(categories)), dtype=object)
    try:
        for index, name in enumerate(numbers):
            cells[:, index] = [number(cell) for cell in table.columns[name]]
        for index, name in enumerate(categories, len(numbers)):
            cells[:, index] = table.columns[name]
    except (KeyError, ValueError) as error:
        raise TrialError(f"validation_data is not like training_data: {error!r}.") from None
    return cells


def targets(plan: dict[str, Any], table: Table) -> Any:
    """What is to be predicted.

    :raises TrialError: texts where numbers must be.
    """
    import numpy as np

    cells = table.columns[plan["target"]]
    if plan["task"] == "Classification":
        return np.array(cells)
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError as error:
        raise TrialError(f"The target column {plan['target']!r} is not one of numbers: {error}.") from None
