"""Values in Python that a YAML file could have, and those that it could not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.pipeline import KIND
from airflow_provider_amlrest.rest.reading.documents import overridden, read_document

RUN = {"command": "true", "environment": "azureml:e:1"}


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (PurePosixPath("data/a.csv"), "data/a.csv"),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (timedelta(minutes=1), 60.0),
        ((1, "a"), [1, "a"]),
        ({"a": (np.int64(1),)}, {"a": [1]}),
        ({1: True, None: None}, {1: True, None: None}),
    ],
)
def test_what_a_file_could_have_is_taken(value: Any, taken: Any) -> None:
    document = read_document("job", {"inputs": {"x": value}}, Path())
    assert document.values == {"inputs": {"x": taken}}
    assert type(document.values["inputs"]["x"]) is type(taken)
    assert overridden(document, {"inputs.x": value}).values == document.values


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (
            datetime(2026, 1, 31, tzinfo=UTC),
            r"is of type datetime, .* write it as text, such as by",
        ),
        (date(2026, 1, 31), r"is of type date, which no YAML file can have; write it as text"),
        ({1, 2}, r"is of type set, .* write it as a list"),
        (b"a", "is of type bytes"),
        (Decimal(1), "is of type Decimal"),
        (np.bool_(True), "is of type bool"),
        (np.array([1]), "is of type ndarray"),
        (object, "is of type type"),
        (float("nan"), "nan is no finite number"),
        (np.float64("inf"), "is no finite number"),
    ],
)
def test_what_no_file_could_have_is_refused_by_its_name(value: Any, problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=rf"^inputs\.x\[1\]: .*{problem}"):
        read_document("job", {"inputs": {"x": [1, value]}}, Path())
    with pytest.raises(InvalidSpecError, match=rf"^overrides\['inputs\.x'\]: .*{problem}"):
        overridden(read_document("job", RUN, Path()), {"inputs.x": value})
    step = {**RUN, "tags": {"a": value}}
    with pytest.raises(InvalidSpecError, match=rf"^jobs\.a\.tags\.a: .*{problem}"):
        KIND.read(Given({"jobs": {"a": step}}, Path()))


def test_a_key_is_text() -> None:
    with pytest.raises(InvalidSpecError, match=r"^tags: the key \(1, 2\) is of type tuple; write it as text"):
        read_document("job", {"tags": {(1, 2): "a"}}, Path())


def test_a_part_of_itself_is_refused() -> None:
    job: dict[str, Any] = {"a": {}}
    job["a"]["a"] = job["a"]
    with pytest.raises(InvalidSpecError, match="nested more than 50 deep, or is a part of itself"):
        read_document("job", job, Path())


@pytest.mark.parametrize(
    ("job", "field"),
    [
        ({"command": "true"}, "environment"),
        ({"command": "true", "environment": ""}, "environment"),
        ({"type": "sweep", "trial": {"command": "true"}}, r"trial\.environment"),
        ({"type": "pipeline", "jobs": {"a": {"command": "true"}}}, r"jobs\.a\.environment"),
        (
            {"type": "pipeline", "jobs": {"a": {"component": {"command": "a"}}}},
            r"jobs\.a\.component\.environment",
        ),
    ],
)
def test_an_environment_that_is_missing_is_asked_for(job: dict[str, Any], field: str) -> None:
    problem = rf"^{field}: it is missing; give the environment that the command runs in: azureml:name@"
    with pytest.raises(InvalidSpecError, match=problem):
        read_job_file(read_document("job", job, Path()))
