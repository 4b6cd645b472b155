"""Filters of a search for runs."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest.emulator.data_plane.mlflow_filter import parse_filter
from tests.emulator.running import Running


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("metrics.loss < 0.5", True),
        ("metrics.loss >= 0.5", False),
        ("params.lr = '0.1' and tags.`a b` = 'x'", True),
        ("params.lr != '0.1'", False),
        ("attributes.status = 'FINISHED'", True),
        ("status IN ('FAILED', 'FINISHED')", True),
        ("run_name LIKE 'tri%'", True),
        ("run_name ILIKE 'TRI_L'", True),
        ("tags.\"mlflow.parentRunId\" = 'sweep'", True),
        ("tags.none = 'x'", False),
        ("tags.none != 'x'", False),
        # What MLflow's client asks of all registered models.
        ("tag.`mlflow.prompt.is_prompt` != 'true'", True),
        ("tag.`mlflow.prompt.is_prompt` = 'true'", False),
    ],
)
def test_filters(text: str, holds: bool) -> None:
    views: dict[str, dict[str, Any]] = {
        "attributes": {"status": "FINISHED", "run_name": "trial"},
        "metrics": {"loss": 0.3},
        "params": {"lr": "0.1"},
        "tags": {"a b": "x", "mlflow.parentRunId": "sweep"},
    }
    assert all(clause.holds(views[clause.entity]) for clause in parse_filter(text)) is holds


@pytest.mark.parametrize("text", ["metrics.loss", "metrics.loss < 1 or params.x = '1'", "and", "loss ~ 3"])
def test_filters_that_are_not_understood(emulator: Running, text: str) -> None:
    answer = emulator.mlflow("runs/search", {"filter": text})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
