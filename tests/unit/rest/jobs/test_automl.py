"""AutoML jobs that are not what they must be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.reading.documents import read_document


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"limits": {"timeout_minutes": "soon"}}, "limits.timeout_minutes"),
        ({"search_space": 3}, "search_space"),
        ({"search_space": [{"a": {"values": 3}}]}, r"search_space\[0\].a"),
        ({"featurization": {"transformer_params": [1]}}, "featurization.transformer_params"),
        ({"featurization": {"blocked_transformers": 3}}, "featurization.blocked_transformers"),
        ({"training": {"allowed_training_algorithms": [None]}}, "training.allowed_training_algorithms"),
    ],
)
def test_a_member_that_is_not_what_it_must_be_is_refused(members: dict[str, Any], field: str) -> None:
    data = {"type": "mltable", "path": "azureml:d:1"}
    job = {"type": "automl", "task": "regression", "training_data": data, **members}
    with pytest.raises(InvalidSpecError, match=f"^{field}: "):
        read_job_file(read_document("job", job, Path()))


def test_members_without_a_value_are_left_out() -> None:
    data = {"type": "mltable", "path": "azureml:d:1"}
    nothing = {
        "limits": {"timeout_minutes": None},
        "featurization": {"transformer_params": None, "blocked_transformers": None},
    }
    job = {"type": "automl", "task": "regression", "training_data": data, **nothing}
    assert read_job_file(read_document("job", job, Path()))[0].job_type == "AutoML"
