"""Jobs of every kind: by their YAML, and by the operator of the kind, if it has one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest import operators
from airflow_provider_amlrest.kinds import KINDS
from airflow_provider_amlrest.operators import AzureMLSubmitJobOperator
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs import kind_of
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.spec import JobSpec
from airflow_provider_amlrest.rest.jobs.wire import job_body, unresolved
from airflow_provider_amlrest.rest.reading.documents import Document
from airflow_provider_amlrest.rest.versions.api_versions import DEFAULT_API_VERSION
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.support.job_keys import MINIMAL, sample
from tests.support.tasks import Try, read_job

SPELLING = spelling_of(DEFAULT_API_VERSION, WorkspaceId("sub", "group", "ws"))
OF_THE_EMULATOR = {
    "azureml:env:1": "azureml:AzureML-sklearn-1.5:1",
    "azureml:cpu": "azureml:cpu-cluster",
    "azureml:pool": "azureml:cpu-cluster",
}
OPERATORS = {
    found.job_type.lower(): found
    for name in operators.__all__
    if hasattr(found := getattr(operators, name), "job_type")
}
"""By kind; those of several kinds are not among them."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("print()\n")
    return tmp_path


def keys(values: Mapping[str, Any], known: Mapping[str, str], above: str = "") -> Iterator[tuple[str, Any]]:
    """The keys of a file that are arguments, with their values."""
    for name, value in values.items():
        if above + name in known:
            yield above + name, value
        else:
            yield from keys(value, known, f"{above}{name}.")


def body(job: JobSpec) -> Any:
    return unresolved(SPELLING, job_body(SPELLING, job))


def is_within(part: Any, whole: Any) -> bool:
    """Whether all that a body has is in another, which may have operators' defaults besides."""
    if isinstance(part, Mapping):
        return all(name in whole and is_within(value, whole[name]) for name, value in part.items())
    return bool(part == whole)


@pytest.mark.parametrize("kind", KINDS)
def test_its_yaml_runs_in_the_emulator(
    kind: str, connection: str, client: AzureMLClient, folder: Path
) -> None:
    client.create_data(Data("table", "1", "mltable", "https://example.org/table/"))
    text = json.dumps({"type": kind, **MINIMAL[kind], "tags": {"emulator.seconds": "0"}})
    for ours, there in OF_THE_EMULATOR.items():
        text = text.replace(f'"{ours}"', f'"{there}"')
    job = json.loads(text)
    if limits := sample(kind, "limits"):
        job["limits"] = limits
    task = AzureMLSubmitJobOperator(task_id=f"kind-{kind}", job=job, poll_interval=0.1)
    result = Try(task, dag_file=str(folder / "dag.py")).execute()
    assert result["status"] == "Completed"
    known = kind_of(kind)
    assert known is not None
    assert client.get_job(result["name"]).type == known.job_type


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in OPERATORS])
def test_its_operator_asks_for_the_same(kind: str, folder: Path) -> None:
    known = kind_of(kind)
    assert known is not None
    arguments = {known.keys[key]: value for key, value in keys(MINIMAL[kind], known.keys)}
    task = OPERATORS[kind](task_id="t", **arguments)
    by_file, _ = read_job_file(Document({"type": kind, **MINIMAL[kind]}, folder))
    by_task = read_job(task, folder)
    assert by_task.job_type == known.job_type
    assert is_within(body(by_file), body(by_task))
    assert set(arguments) <= set(task.template_fields)
