"""``amlrest validate`` and ``amlrest run``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.cli.main import main
from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.lifecycle.masking import MASKED_PROPERTY, NOT_SHOWN
from airflow_provider_amlrest.lifecycle.task_identity import IDENTITY_PROPERTY
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.wire import job_body, looked_up
from airflow_provider_amlrest.rest.reading.documents import read_document
from tests.support.emulated import Emulated

JOB = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json
command: python main.py --epochs ${{inputs.epochs}}
code: src
environment:
  image: python:3.11
compute: azureml:cpu-cluster
inputs:
  epochs: 3
tags:
  emulator.seconds: "0.2"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("print()\n")
    path = tmp_path / "train.yml"
    path.write_text(JOB)
    return path


def amlrest(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    shown = capsys.readouterr()
    # Without the lines that Airflow 2.11 itself logs.
    out, err = (re.sub(r"(?m)^\[\d{4}-\d\d-\d\dT.*\n", "", text) for text in (shown.out, shown.err))
    return code, out, err


def test_a_file_is_valid(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert amlrest(capsys, "validate", file) == (0, f"{file} is valid: a command job.\n", "")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("compute:", "compte:", "train.yml, line 6, compte: unknown key 'compte'; did you mean 'compute'?"),
        ("inputs.epochs", "inputs.epoch", "train.yml, line 2, command: '${{inputs.epoch}}' is used, but"),
        ("code: src", "code: sources", "train.yml, line 3, code: there is no file or folder"),
        ("  image: python:3.11", "  imag: x", "train.yml, line 4, environment: unknown key 'imag'"),
        ("command:", "command: [", "train.yml, line"),
        ("azureml:cpu-cluster", "no/name", "train.yml, line 6, compute: 'no/name' is not a valid name"),
    ],
)
def test_a_mistake_is_said_with_its_line(
    file: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, problem: str
) -> None:
    file.write_text(JOB.replace(old, new))
    code, out, err = amlrest(capsys, "validate", file)
    assert (code, out) == (2, "")
    assert err.startswith("amlrest: ")
    assert problem in err
    assert "Traceback" not in err


@pytest.mark.parametrize("type_", ["command", "sweep", "spark", "automl"])
def test_a_component_outside_of_a_pipeline_is_refused_with_the_way(
    file: Path, capsys: pytest.CaptureFixture[str], type_: str
) -> None:
    """As the CLI does: azure-ai-ml 1.35.2 calls it an unknown field."""
    file.write_text(f"type: {type_}\ncomponent: azureml:train@latest\n")
    code, _, err = amlrest(capsys, "validate", file)
    assert code == 2
    assert "train.yml, line 2, component: only a step of a pipeline runs a component." in err
    assert "jobs: {run: {component: ..., inputs: ...}}" in err


@pytest.mark.parametrize(
    "value", ["inputs", "=3", "inputs.epochs=[1", "inputs.epochs=0x_", "inputs.epochs=*a"]
)
def test_a_set_that_is_none_is_said(file: Path, capsys: pytest.CaptureFixture[str], value: str) -> None:
    code, out, err = amlrest(capsys, "validate", file, "--set", value)
    assert (code, out) == (2, "")
    assert err.startswith(("amlrest: --set", "amlrest: overrides['']: a name is missing"))


def test_the_body_is_printed_without_what_is_not_there(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file.parent / "src" / "main.py").unlink()
    (file.parent / "src").rmdir()
    code, out, err = amlrest(capsys, "validate", file, "--body", "--set", "inputs.epochs=5")
    body = json.loads(out)["properties"]
    assert code == 0
    assert "amlrest: warning: train.yml, line 3, code: there is no file or folder" in err
    assert (body["codeId"], body["computeId"]) == ("src", "cpu-cluster")
    assert body["inputs"]["epochs"] == {"jobInputType": "literal", "value": "5"}
    assert body["environmentId"].startswith("CliV2AnonymousEnvironment:")


def test_an_api_version_that_cannot_say_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spark = "type: spark\ncode: src\nentry: {file: main.py}\ncompute: azureml:pool\n"
    file.write_text(spark)
    code, _, err = amlrest(capsys, "validate", file, "--body", "--api-version", "2023-04-01")
    assert code == 2
    problem = "api-version 2023-04-01 cannot say a job of the type Spark; 2024-04-01 is the first"
    assert f"train.yml, line 1, type: {problem}" in err


MODEL = """\
$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json
name: iris
path: model.txt
stage: Production
flavors: {lightgbm: {lgb_version: 4.5}}
"""


def test_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "model.yml"
    file.write_text(MODEL)
    code, out, err = amlrest(capsys, "validate", file)
    assert (code, out) == (2, "")
    assert "path: there is no file or folder" in err
    code, out, err = amlrest(capsys, "validate", file, "--body")
    assert "model.yml, line 3, path: there is no file or folder" in err
    assert json.loads(out)["properties"] == {
        "modelType": "custom_model",
        "modelUri": str(tmp_path / "model.txt"),
        "stage": "Production",
        "flavors": {"lightgbm": {"data": {"lgb_version": "4.5"}}},
        "isArchived": False,
    }
    (tmp_path / "model.txt").touch()
    assert amlrest(capsys, "validate", file)[1] == f"{file} is valid: a model of the type custom_model.\n"
    code, _, err = amlrest(capsys, "validate", file, "--body", "--api-version", "2022-10-01")
    assert code == 2
    assert "stage: api-version 2022-10-01 cannot say the stage of a model" in err


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{name: a, version: 3, path: 'runs:/t/m', type: mlflow_model}", "model of the type mlflow_model"),
        ("{version: 3, command: echo, environment: 'azureml:e:1'}", "command component"),
        ("{command: echo, environment: 'azureml:e:1'}", "command job"),
        ("{jobs: {a: {command: echo, environment: 'azureml:e:1'}}}", "pipeline job with 1 steps"),
    ],
)
def test_what_a_file_without_a_schema_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, what: str
) -> None:
    file = tmp_path / "some.yml"
    file.write_text(text)
    assert amlrest(capsys, "validate", file)[:2] == (0, f"{file} is valid: a {what}.\n")


def test_validate_needs_no_airflow(file: Path) -> None:
    program = (
        "import sys; from airflow_provider_amlrest.cli.main import main; "
        f"code = main(['validate', {str(file)!r}]); "
        "assert not [name for name in sys.modules if name.startswith('airflow.')], 'airflow is imported'; "
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


TEMPLATED = """\
command: |
  python main.py --epochs ${{inputs.epochs}}
  echo $[[x]] {{ ds }}
environment: azureml:AzureML-any@latest
inputs: {epochs: 3}
tags: {run: "{% if x %}a{% endif %}"}
"""


@pytest.mark.parametrize("command", ["validate", "run"])
def test_a_template_is_said_with_its_line(
    file: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    emulator: Emulated,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri())
    file.write_text(TEMPLATED)
    code, out, err = amlrest(capsys, command, file)
    assert (code, out) == (2, "")
    assert err.startswith(
        "amlrest: train.yml, line 3, command: '{{ ds }}' is a template, which Airflow renders"
    )
    assert "--set command=..., or have an operator run the file" in err
    code, _, err = amlrest(capsys, command, file, "--set", "command=echo {{.Names}}")
    assert code == 2
    assert err.startswith("amlrest: train.yml, line 6, tags.run: '{% if x %}' is a template")


def test_a_value_instead_of_a_template_is_valid(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(TEMPLATED)
    values = ("--set", "command=echo {{.Names}}", "--set", "tags.run=a")
    assert amlrest(capsys, "validate", file, *values) == (0, f"{file} is valid: a command job.\n", "")


def test_a_template_in_a_body_is_a_warning(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(TEMPLATED.replace("$[[x]]", ""))
    code, out, err = amlrest(capsys, "validate", file, "--body")
    assert code == 0
    assert "{{ ds }}" in json.loads(out)["properties"]["command"]
    assert "amlrest: warning: train.yml, line 3, command: '{{ ds }}' is a template" in err


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("display_name: {{ ds }}", "line 9: it is not YAML: .* Line 9 has a template, '{{ ds }}'"),
        ("{% if x %}", "line 9: it is not YAML: .* Line 9 has a template, '{% if x %}'"),
    ],
)
def test_a_template_that_makes_it_no_yaml_is_said(
    file: Path, capsys: pytest.CaptureFixture[str], line: str, problem: str
) -> None:
    file.write_text(JOB.replace("tags:", f"{line}\ntags:").replace("$schema", "# {{ a }}\n$schema", 1))
    code, _, err = amlrest(capsys, "validate", file)
    assert code == 2
    assert re.search(problem.replace("9", "10"), err), err


def test_run(
    file: Path,
    emulator: Emulated,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri())
    code, out, err = amlrest(capsys, "run", file, "--name", "of-a-file", "--set", "inputs.epochs=7")
    result: Any = json.loads(out)
    assert (code, result["name"], result["status"]) == (0, "of-a-file", "Completed")
    assert "Job of-a-file is " in err
    with AzureMLHook().new_client() as client:
        job = client.get_job("of-a-file")
    assert [value.value for value in job.inputs.values() if hasattr(value, "value")] == ["7"]
    assert "/codes/" in str(job.code)


def test_run_says_where_what_is_missing_is_written(
    file: Path, emulator: Emulated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri())
    code, _, err = amlrest(capsys, "run", file, "--set", "compute=azureml:none")
    assert code == 2
    assert "amlrest: train.yml, line 6, compute: the workspace has no compute named 'none'" in err


def test_run_says_how_a_job_failed(
    file: Path, emulator: Emulated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri())
    file.write_text(JOB.replace("tags:", "tags:\n  emulator.outcome: Failed"))
    code, out, err = amlrest(capsys, "run", file, "--name", "of-a-bad-file")
    assert (code, json.loads(out)["status"]) == (1, "Failed")
    assert "amlrest: Azure ML job of-a-bad-file failed" in err


PIPELINE = """\
type: pipeline
settings: {default_compute: azureml:cpu-cluster}
jobs:
  good: {command: echo, environment: azureml:AzureML-any@latest}
  bad: {command: echo, environment: azureml:AzureML-any@latest}
tags: {emulator.seconds: "0.2"}
"""


def test_a_pipeline_is_shown_with_its_steps(
    tmp_path: Path, emulator: Emulated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri())
    file = tmp_path / "pipeline.yml"
    file.write_text(PIPELINE)
    emulator.admin("POST", "scripts", {"job": "bad", "outcome": "failed", "error": "no such column"})
    code, _, err = amlrest(capsys, "run", file, "--name", "steps")
    assert code == 1
    assert "its step 'bad' failed: no such column" in err
    _, out, _ = amlrest(capsys, "show", "steps", "--output", "json")
    first = json.loads(out)["steps"][0]
    assert (first["name"], first["status"]) == ("bad", "Failed")
    _, out, _ = amlrest(capsys, "show", "steps")
    assert "STEP" in out
    assert out.index("bad") < out.index("good")


INNER = """\
$schema: https://azuremlschemas.azureedge.net/latest/pipelineComponent.schema.json
type: pipeline
name: inner
jobs:
  fine: {command: echo, environment: azureml:AzureML-any@latest}
  worse: {command: echo, environment: azureml:AzureML-any@latest}
"""
OUTER = """\
type: pipeline
settings: {default_compute: azureml:cpu-cluster}
jobs:
  good: {command: echo, environment: azureml:AzureML-any@latest}
  within: {type: pipeline, component: ./inner.yml}
tags: {emulator.seconds: "0.2", emulator.log_lines: "2"}
"""


def test_a_nested_pipeline_is_a_tree_and_each_step_has_its_log(
    tmp_path: Path, emulator: Emulated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri())
    (tmp_path / "inner.yml").write_text(INNER)
    (tmp_path / "outer.yml").write_text(OUTER)
    emulator.admin(
        "POST", "scripts", {"job": "worse", "outcome": "failed", "error": "no label", "log_lines": 3}
    )
    code, _, err = amlrest(capsys, "run", tmp_path / "outer.yml", "--name", "nested")
    assert code == 1
    assert "its step 'within/worse' failed: no label" in err

    _, out, _ = amlrest(capsys, "show", "nested", "--output", "json")
    [within, good] = json.loads(out)["steps"]
    assert [(step["name"], step["status"]) for step in within["steps"]] == [
        ("worse", "Failed"),
        ("fine", "Completed"),
    ]
    assert (good["name"], good["steps"]) == ("good", [])
    _, out, _ = amlrest(capsys, "show", "nested")
    lines = out[out.index("STEP") :].splitlines()
    assert [line.split("  Failed")[0].rstrip() for line in lines[1:3]] == ["within", "  worse"]

    code, out, err = amlrest(capsys, "logs", "nested")
    assert (code, out.splitlines()) == (0, [f"line {number} of 3" for number in (1, 2, 3)])
    assert err.splitlines() == ["Step within/worse failed. Its log:"]
    for step in ("good", good["run"], "within/fine"):
        code, out, _ = amlrest(capsys, "logs", "nested", "--step", step)
        assert (code, out.splitlines()) == (0, ["line 1 of 2", "line 2 of 2"]), step
    code, out, err = amlrest(capsys, "logs", "nested", "--step", "within/best")
    assert (code, out) == (2, "")
    assert "--step: there is no step 'within/best'; there are: worse, fine." in err


def test_a_steps_log_is_followed_and_a_pipelines_hints_at_them(
    tmp_path: Path, emulator: Emulated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri())
    file = tmp_path / "pipeline.yml"
    given = PIPELINE.replace("bad:", "other:").replace("good: {", "good: {display_name: The good, ")
    file.write_text(given.replace("tags: {", 'tags: {emulator.log_lines: "4", '))
    with AzureMLHook().client() as client:
        job, _ = read_job_file(read_document("file", file, tmp_path))
        client.create_job("followed", looked_up(client, job_body(client.operations.spelling, job)))
    code, out, _ = amlrest(capsys, "logs", "followed", "--step", "good", "--follow")
    assert (code, out.splitlines()) == (0, [f"line {number} of 4" for number in (1, 2, 3, 4)])
    _, out, err = amlrest(capsys, "logs", "followed")
    assert out == ""
    assert "has no log; the job is Completed. Its steps have: give one by --step: " in err
    [run] = [step["run"] for step in _steps(capsys, "followed") if step["name"] == "other"]
    code, _, err = amlrest(capsys, "logs", run, "--step", "a")
    assert code == 2
    assert "is not a pipeline" in err


def _steps(capsys: pytest.CaptureFixture[str], job: str) -> Any:
    return json.loads(amlrest(capsys, "show", job, "--output", "json")[1])["steps"]


def test_steps_of_a_job_that_carries_secrets_show_neither_names_nor_logs(
    tmp_path: Path, emulator: Emulated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A step does not have the properties of its pipeline, which say that it does."""
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri())
    secret, file = "a-secret-in-a-step", tmp_path / "pipeline.yml"
    marks = f"properties: {{{IDENTITY_PROPERTY}: i, {MASKED_PROPERTY}: 'true'}}\n"
    file.write_text(
        PIPELINE.replace("bad:", f"{secret}:").replace("tags: {", f'{marks}tags: {{emulator.log_lines: "2", ')
    )
    emulator.admin("POST", "scripts", {"job": secret, "outcome": "failed", "error": secret, "log_lines": 2})
    main(["run", str(file), "--name", "secretive"])
    capsys.readouterr()
    steps = _steps(capsys, "secretive")
    assert [step["name"] for step in steps] == [None, None]
    told = []
    for asked in ("secretive", *(step["run"] for step in steps)):
        told += amlrest(capsys, "show", asked)[1:]
        code, out, err = amlrest(capsys, "logs", asked)
        assert (code, out) == (0, "")
        assert NOT_SHOWN in err
        told.append(err)
    told += amlrest(capsys, "logs", "secretive", "--step", secret[:-1])[1:]
    assert secret not in "".join(told)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("name: shop\nauth_mode: key\n", "an online endpoint"),
        (
            "name: blue\nendpoint_name: shop\nmodel: azureml:m:1\ninstance_type: Standard_A1\n",
            "an online deployment",
        ),
        ("name: scores\ndefaults: {}\n", "a batch endpoint"),
        (
            "name: one\nendpoint_name: scores\nmodel: azureml:m:1\ncompute: cpu\n",
            "a batch deployment",
        ),
        ("name: gpu\ntype: amlcompute\n", "a compute"),
    ],
)
def test_a_resource_is_told_by_its_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, kind: str
) -> None:
    file = tmp_path / "resource.yml"
    file.write_text(text)
    assert amlrest(capsys, "validate", file) == (0, f"{file} is valid: {kind}.\n", "")
    file.write_text(f"{text}descripton: x\n")
    line = text.count("\n") + 1
    problem = f"line {line}, descripton: unknown key 'descripton'; did you mean 'description'?"
    assert problem in amlrest(capsys, "validate", file)[2]
