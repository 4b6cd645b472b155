"""AutoML jobs that are not what they must be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.wire import job_body, unresolved
from airflow_provider_amlrest.rest.reading.documents import read_document
from airflow_provider_amlrest.rest.reading.not_taken import NOT_TAKEN
from airflow_provider_amlrest.rest.versions.api_versions import DEFAULT_API_VERSION
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.unit.jobs import WORKSPACE


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


def test_where_it_runs_is_sent() -> None:
    data = {"type": "mltable", "path": "azureml:d:1"}
    runs = {
        "environment_id": "azureml:e:1",
        "environment_variables": {"A": 1},
        "resources": {"instance_count": 2, "shm_size": "2g"},
        "positive_label": "yes",
    }
    job = {"type": "automl", "task": "classification", "training_data": data, "compute": "cpu", **runs}
    spelling = spelling_of(DEFAULT_API_VERSION, WORKSPACE)
    body = unresolved(spelling, job_body(spelling, read_job_file(read_document("job", job, Path()))[0]))
    assert body["environmentId"] == "e:1"
    assert body["environmentVariables"] == {"A": "1"}
    assert body["resources"] == {"instanceCount": 2, "shmSize": "2g"}
    assert body["taskDetails"]["positiveLabel"] == "yes"


@pytest.mark.parametrize(
    ("member", "field"),
    [({"environment_id": 5}, "environment_id"), ({"resources": {"gpus": 1}}, "resources")],
)
def test_where_it_runs_is_checked(member: dict[str, Any], field: str) -> None:
    data = {"type": "mltable", "path": "azureml:d:1"}
    job = {"type": "automl", "task": "classification", "training_data": data, **member}
    with pytest.raises(InvalidSpecError, match=f"^{field}: "):
        read_job_file(read_document("job", job, Path()))


@pytest.mark.parametrize("key", ["inputs", "parent_job_name"])
def test_why_a_key_is_not_taken_is_said(key: str) -> None:
    data = {"type": "mltable", "path": "azureml:d:1"}
    job = {"type": "automl", "task": "classification", "training_data": data, key: {}}
    with pytest.raises(InvalidSpecError, match=f"^{key}: '{key}' is not taken: {NOT_TAKEN[key]}"):
        read_job_file(read_document("job", job, Path()))
