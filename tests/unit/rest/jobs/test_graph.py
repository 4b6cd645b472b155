"""The graph of a pipeline: what is wrong with it is said before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.reading.documents import read_document

COMPONENT = {
    "name": "c",
    "command": "true",
    "environment": "azureml:e:1",
    "inputs": {
        "data": {"type": "uri_folder"},
        "rate": {"type": "number", "default": 0.1},
        "more": {"type": "uri_file", "optional": True},
    },
    "outputs": {"model": {"type": "uri_folder"}},
}


def pipeline(**jobs: Any) -> dict[str, Any]:
    return {
        "type": "pipeline",
        "inputs": {
            "data": {"type": "uri_folder", "path": "azureml:d:1"},
            "file": {"type": "uri_file", "path": "azureml:f:1"},
            "rate": 0.5,
        },
        "outputs": {"model": {"type": "uri_folder"}},
        "jobs": jobs,
    }


def step(**inputs: Any) -> dict[str, Any]:
    return {"component": COMPONENT, "inputs": {"data": "${{parent.inputs.data}}", **inputs}}


def read(value: dict[str, Any]) -> Any:
    return read_job_file(read_document("job", yaml.safe_dump(value), Path()))[0]


def test_a_pipeline_that_is_right() -> None:
    job = read(
        pipeline(
            first={**step(rate="${{parent.inputs.rate}}"), "outputs": {"model": None}},
            second={
                **step(data="${{parent.jobs.first.outputs.model}}"),
                "outputs": {"model": "${{parent.outputs.model}}"},
            },
        )
    )
    assert list(job.steps) == ["first", "second"]


@pytest.mark.parametrize(
    ("jobs", "problem"),
    [
        ({"a": step(data="${{parent.inputs.nothing}}")}, r"a\.inputs\.data: .*is not among the inputs"),
        ({"a": step(data="${{parent.jobs.b.outputs.model}}")}, r"a\.inputs\.data: .*not among the steps: a"),
        (
            {"a": step(), "b": step(data="${{parent.jobs.a.outputs.nothing}}")},
            r"b\.inputs\.data: .*not among the outputs of a: model",
        ),
        (
            {"a": step(data="${{parent.outputs.model}}")},
            r"a\.inputs\.data: .*leads nowhere: write parent\.inputs",
        ),
        ({"a": {"component": COMPONENT}}, r"a\.inputs\.data: its component requires it"),
        (
            {"a": step(data="${{inputs.data}}")},
            r"a\.inputs\.data: .*bind it .* by \$\{\{parent\.inputs\.data\}\}",
        ),
        ({"a": step(data=5)}, r"a\.inputs\.data: '5' is a literal; its component takes data: uri_folder"),
        ({"a": step(rate="high")}, r"a\.inputs\.rate: 'high' is not of the type .* takes: number"),
        (
            {"a": {"component": {**COMPONENT, "command": "echo ${{inputs.dat}}"}}},
            r"a\.component\.command: '\$\{\{inputs\.dat\}\}' is used, but inputs has no 'dat'",
        ),
        (
            {"a": {"command": "echo ${{inputs.x}}", "environment": "azureml:e:1"}},
            r"a\.command: '\$\{\{inputs\.x\}\}' is used, but inputs has no 'x'",
        ),
        ({"a": step(other=1)}, r"a\.inputs\.other: 'other' is not among the inputs of its component"),
        (
            {
                "a": {
                    **step(),
                    "outputs": {"other": None, "model": {"mode": "upload"}, "x": {"mode": "upload"}},
                }
            },
            r"a\.outputs\.x: 'x' is not among the outputs of its component: model",
        ),
        (
            {"a": {**step(), "outputs": {"model": "${{parent.outputs.nothing}}"}}},
            r"a\.outputs\.model: .*is not among the outputs of the pipeline: model",
        ),
        (
            {"a": step(rate="${{parent.inputs.data}}")},
            r"a\.inputs\.rate: it must be a literal of type number",
        ),
        (
            {"a": step(data="${{parent.inputs.file}}")},
            r"a\.inputs\.data: it must be uri_folder, but .* uri_file",
        ),
        (
            {
                "a": step(data="${{parent.jobs.b.outputs.model}}"),
                "b": step(data="${{parent.jobs.a.outputs.model}}"),
            },
            r"jobs: these steps wait for each other: a, b\.",
        ),
        (
            {"a": {"component": COMPONENT, "inptus": {}}},
            r"a\.inptus: unknown key 'inptus'; did you mean 'inputs'",
        ),
        ({"a": {"type": "magic"}}, r"a\.type: 'magic' is not one of: command"),
        ({"a": {"type": "sweep"}}, r"a\.trial: it is missing"),
        ({"a": {"component": "./none.yml"}}, r"a\.component: .*none\.yml' cannot be read"),
        (
            {"a": {"command": "true"}},
            r"a\.environment: it is missing; give the environment",
        ),
        ({}, r"jobs: it is missing"),
    ],
)
def test_what_is_wrong_with_the_graph_is_said(jobs: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=problem) as told:
        read(pipeline(**jobs))
    assert "line" in str(told.value)
