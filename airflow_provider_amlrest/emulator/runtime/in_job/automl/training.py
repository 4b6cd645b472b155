"""Trains one algorithm, and rates it on rows that it has not seen."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

from .columns import features, input_table, matrix, targets, training_table
from .errors import say
from .metrics import classification_metrics, regression_metrics
from .models import pipeline

FOLDS = 3
"""Where the job says nothing of validation."""


def train(plan: dict[str, Any]) -> dict[str, Any]:
    """The mean of each metric over all that the model is rated on."""
    table = training_table(plan)
    numbers, categories = features(plan, table)
    x, y = matrix(table, numbers, categories), targets(plan, table)
    found = []
    for x_train, y_train, x_test, y_test in splits(plan, x, y, numbers, categories):
        fitted = pipeline(plan, len(numbers), len(categories)).fit(x_train, y_train)
        if plan["task"] == "Classification":
            found.append(classification_metrics(fitted, x_test, y_test))
        else:
            found.append(regression_metrics(fitted, x_test, y_test, float(y.max() - y.min())))
        say(f"{plan['algorithm']}: {found[-1]}")
    return {"algorithm": plan["algorithm"], "rows": table.rows, "metrics": mean(found)}


def mean(found: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each metric over those that have a finite value of it."""
    means = {}
    for name in found[0]:
        values = [metrics[name] for metrics in found if math.isfinite(metrics[name])]
        if values:
            means[name] = sum(values) / len(values)
    return means


def splits(
    plan: dict[str, Any], x: Any, y: Any, numbers: list[str], categories: list[str]
) -> Iterator[tuple[Any, Any, Any, Any]]:
    """What to train on, and what to rate it by: the validation data, a part that is held out, or folds."""
    if "AZURE_ML_INPUT_validation_data" in os.environ:
        table = input_table(plan, "validation_data")
        yield x, y, matrix(table, numbers, categories), targets(plan, table)
        return
    for train_rows, test_rows in _splitter(plan, y).split(x, y):
        yield x[train_rows], y[train_rows], x[test_rows], y[test_rows]


def _splitter(plan: dict[str, Any], y: Any) -> Any:
    """Each class is spread over the parts, if there are enough rows of it."""
    from sklearn import model_selection

    classes = list(y) if plan["task"] == "Classification" else []
    rarest = min((classes.count(value) for value in set(classes)), default=0)
    if plan["held_out"]:
        name = "StratifiedShuffleSplit" if rarest > 1 else "ShuffleSplit"
        settings = {"n_splits": 1, "test_size": plan["held_out"]}
    else:
        folds = plan["folds"] or FOLDS
        name = "StratifiedKFold" if rarest >= folds else "KFold"
        settings = {"n_splits": folds, "shuffle": True}
    return getattr(model_selection, name)(random_state=0, **settings)
