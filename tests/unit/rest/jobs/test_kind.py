"""The table of kinds: each line leads to a module, and a version without such jobs is said so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_amlrest.kinds import KINDS
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs import kind_of
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.kind import Kind
from airflow_provider_amlrest.rest.jobs.wire import job_body
from airflow_provider_amlrest.rest.reading.documents import Document
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.support.job_keys import MINIMAL
from tests.unit.answers import REFERENCE
from tests.unit.jobs import WORKSPACE

OTHER_WORDS = {("AutoML", "2022-02-01-preview")}
"""Versions that have such jobs, and word them in a way that the provider does not speak."""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    found = kind_of(request.param)
    assert found is not None
    assert found.job_type.lower() == request.param
    assert kind_of(found.job_type) is found
    return found


def test_a_version_without_such_jobs_is_said_so(kind: Kind) -> None:
    job, _ = read_job_file(
        Document({"type": kind.job_type.lower(), **MINIMAL[kind.job_type.lower()]}, Path())
    )
    for version in API_VERSIONS:
        spelling = spelling_of(version, WORKSPACE)
        if kind.body_in(spelling) is not None:
            assert job_body(spelling, job)["jobType"] == kind.job_type
            continue
        with pytest.raises(InvalidSpecError) as caught:
            job_body(spelling, job)
        assert caught.value.field == "type"
        problem = (
            f"api-version {version} cannot say a job of the type {kind.job_type}; {kind.since} is the first"
        )
        assert caught.value.problem.startswith(problem)


def test_the_versions_that_have_such_jobs_are_those_of_microsofts_schemas(kind: Kind) -> None:
    files = sorted((REFERENCE / "api" / "schemas").glob("*.json"))
    if not files:
        pytest.skip("the reference data (../shared) is not on this machine")
    for file in files:
        there = f"{kind.job_type}Job" in json.loads(file.read_text())["definitions"]
        there = there and (kind.job_type, file.stem) not in OTHER_WORDS
        assert there == (kind.body_in(spelling_of(file.stem, WORKSPACE)) is not None), file.stem


def test_an_unknown_type_is_no_kind() -> None:
    assert kind_of("operations") is None
    assert kind_of("") is None
