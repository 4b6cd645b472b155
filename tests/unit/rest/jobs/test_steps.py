"""Steps of a pipeline that are not what they must be: said with their member, never with a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.reading.documents import read_document

BOUND = "${{parent.inputs.data}}"
OWN = {"command": "true", "environment": "azureml:e:1"}
SPARK = {"type": "spark", "code": "azureml:c:1", "entry": {"file": "a.py"}, "conf": {}}
PARALLEL = {"type": "parallel", "component": "azureml:c:1"}
AUTOML = {"type": "automl", "task": "text_ner", "training_data": BOUND}


def refusal(step: Any, inputs: Any = None) -> str:
    data = {"data": {"type": "uri_folder", "path": "azureml:d:1"}}
    job = {"type": "pipeline", "inputs": data if inputs is None else inputs, "jobs": {"a": step}}
    with pytest.raises(InvalidSpecError) as refused:
        read_job_file(read_document("job", job, Path()))
    return str(refused.value)


@pytest.mark.parametrize(
    ("step", "member"),
    [
        ("text", "jobs.a"),
        ({**OWN, "inputs": {"i": {"path": BOUND, "mode": "mounted"}}}, "jobs.a.inputs.i.mode"),
        ({**OWN, "inputs": {"i": {"path": BOUND, "mode": ["ro_mount"]}}}, "jobs.a.inputs.i.mode"),
        ({**OWN, "outputs": {"o": {"path": BOUND, "mode": "mounted"}}}, "jobs.a.outputs.o.mode"),
        ({**OWN, "limits": {"timeout": "soon"}}, "jobs.a.limits.timeout"),
        ({**OWN, "limits": 3}, "jobs.a.limits"),
        ({**OWN, "resources": "big"}, "jobs.a.resources"),
        ({**OWN, "compute": ["cpu"]}, "jobs.a.compute"),
        ({**OWN, "additional_includes": 3}, "jobs.a.additional_includes"),
        ({"component": {None: 1}}, "jobs.a.component.None"),
        ({"component": {"type": ["command"]}}, "jobs.a.component.type"),
        ({"type": "sweep", "trial": OWN, "search_space": 3}, "jobs.a.search_space"),
        ({**SPARK, "entry": "a.py"}, "jobs.a.entry"),
        ({**SPARK, "entry": 3}, "jobs.a.entry"),
        ({**SPARK, "entry": {None: None}}, "jobs.a.entry"),
        ({**SPARK, "resources": "x"}, "jobs.a.resources"),
        ({**PARALLEL, "partition_keys": 3}, "partition_keys"),
        ({**AUTOML, "limits": "x"}, "jobs.a.limits"),
        ({**AUTOML, "sweep": "x"}, "jobs.a.sweep"),
        ({**AUTOML, "search_space": 3}, "jobs.a.search_space"),
        ({**AUTOML, "search_space": "x"}, "jobs.a.search_space"),
        ({**AUTOML, "search_space": ["x"]}, "jobs.a.search_space[0]"),
        ({**AUTOML, "search_space": [{"m": {"values": 3}}]}, "jobs.a.search_space[0].m"),
    ],
)
def test_a_step_that_is_not_what_it_must_be_is_refused(step: Any, member: str) -> None:
    assert refusal(step).startswith(f"{member}: ")


def test_inputs_without_a_name_are_refused() -> None:
    assert "is not among the inputs" in refusal({**OWN, "inputs": {"i": BOUND}}, {None: 1})


def test_a_component_that_is_its_own_step_is_refused(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        text = f"type: pipeline\njobs: {{s: {{type: pipeline, component: ./{other}.yml}}}}\n"
        (tmp_path / f"{name}.yml").write_text(text)
    with pytest.raises(InvalidSpecError, match=r"line 2, jobs.s.component: '[ab].yml' is a part of itself"):
        read_job_file(read_document("job", "a.yml", tmp_path))


def test_a_component_may_be_named_twice(tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text("command: 'true'\nenvironment: azureml:e:1\n")
    text = "type: pipeline\njobs: {a: {component: ./c.yml}, b: {component: ./c.yml}}\n"
    assert read_job_file(read_document("job", text, tmp_path))[0].job_type == "Pipeline"
