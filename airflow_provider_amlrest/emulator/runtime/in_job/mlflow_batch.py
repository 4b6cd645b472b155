"""Scores files with an MLflow model, as the service does for a batch deployment without a scoring script.

A file is CSV or Parquet. A row of it becomes a line ``row,prediction,file``: that is documented, its exact
form is a guess.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

model: Any = None


def init() -> None:
    global model
    import mlflow  # type: ignore[import-not-found]

    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    [found] = [path.parent for path in folder.glob("*/MLmodel")]
    model = mlflow.pyfunc.load_model(str(found))


def run(mini_batch: list[str]) -> list[str]:
    """A line per row; a file that cannot be read or scored fails the mini-batch."""
    lines = []
    for path in mini_batch:
        predictions = model.predict(_table(Path(path)))
        values = predictions.tolist() if hasattr(predictions, "tolist") else predictions
        lines += [f"{row},{value},{Path(path).name}" for row, value in enumerate(values)]
    return lines


def _table(path: Path) -> Any:
    import pandas  # type: ignore[import-untyped]

    if path.suffix == ".parquet":
        return pandas.read_parquet(path)
    if path.suffix == ".csv":
        return pandas.read_csv(path)
    raise ValueError(f"{path.name} is neither .csv nor .parquet.")
