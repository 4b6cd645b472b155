"""The scoring script of a deployment: flowers in, species out.

A request is ``{"flowers": [[5.1, 3.5, 1.4, 0.2]]}``, with the features in the order of ``metadata.json``; its
answer is ``[{"species": "setosa", "probability": 0.97}]``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

model: lightgbm.Booster
classes: list[str]


def init() -> None:
    """Load the model, once, before the first request."""
    global model, classes
    [file] = Path(os.environ["AZUREML_MODEL_DIR"]).rglob("model.txt")
    model = lightgbm.Booster(model_file=file)
    classes = json.loads(file.with_name("metadata.json").read_text())["classes"]


def run(data: str) -> list[dict[str, Any]]:
    """Answer a request."""
    probabilities = np.atleast_2d(model.predict(np.array(json.loads(data)["flowers"], dtype=float)))
    return [
        {"species": classes[int(row.argmax())], "probability": round(float(row.max()), 4)}
        for row in probabilities
    ]
