"""Any job by its YAML: submitted as the typed operators submit theirs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, TaskDeferred, mask_secret

from airflow_provider_amlrest.lifecycle.masking import NOT_SHOWN
from airflow_provider_amlrest.operators import AzureMLSubmitJobOperator
from tests.support.emulated import Emulated
from tests.support.tasks import Try, as_stored, fire, unique

JOB = """\
command: python main.py --epochs ${{inputs.epochs}} --day {{ ds }}
code: src
environment:
  image: python:3.11
compute: azureml:cpu-cluster
inputs:
  epochs: 3
tags:
  emulator.seconds: "0.2"
"""
SWEEP = """\
type: sweep
trial:
  command: echo ${{search_space.lr}}
  environment: azureml:AzureML-sklearn-1.5@latest
compute: azureml:cpu-cluster
sampling_algorithm: random
search_space:
  lr: {type: choice, values: [1, 2]}
objective: {goal: minimize, primary_metric: loss}
limits: {max_total_trials: 2, max_concurrent_trials: 2}
tags:
  emulator.seconds: "0.2"
  emulator.metrics: '{"loss": 1}'
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("print()\n")
    (tmp_path / "train.yml").write_text(JOB)
    (tmp_path / "sweep.yml").write_text(SWEEP)
    return tmp_path


@pytest.fixture
def submitted(connection: str, mode: str, request: pytest.FixtureRequest, folder: Path) -> Callable[..., Any]:
    """Run the operator as Airflow does, with the DAG's file in the folder; its result."""

    def run(job: Any = "train.yml", try_number: int = 1, **arguments: Any) -> Any:
        task = AzureMLSubmitJobOperator(
            **{
                "task_id": unique(request)[-60:],
                "job": job,
                "poll_interval": 0.2,
                "deferrable": mode == "deferred",
                "retries": 2,
                **arguments,
            }
        )
        return Try(task, dag_file=str(folder / "dag.py"), try_number=try_number, max_tries=2).execute()

    return run


def test_a_mistake_in_jinja_is_said_with_its_line(submitted: Any, folder: Path) -> None:
    (folder / "train.yml").write_text(JOB.replace("{{ ds }}", "{{ ds ").replace("${{inputs.epochs}}", "1"))
    with pytest.raises(AirflowFailException, match=r"^train.yml, line \d+: its Jinja is not valid: "):
        submitted()


def test_what_jinja_does_not_know_is_said_with_its_line(submitted: Any, folder: Path) -> None:
    (folder / "train.yml").write_text(f"{JOB}description: |\n  {{{{ ds }}}}\n  {{{{ par.x }}}}\n")
    with pytest.raises(AirflowFailException, match=r"^train.yml, line 12: .*rendered: 'par' is undefined"):
        submitted()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("environment_variables: [PASSWORD=a-secret]", "what is given, a list, must be a mapping"),
        ("environment_variables: PASSWORD=a-secret", "what is given, a str, must be a mapping"),
        (
            "environment_variables: {A: {PASSWORD: a-secret}}",
            "what is given, a dict, must be text or a number",
        ),
    ],
)
def test_an_error_does_not_quote_what_may_be_secret(
    submitted: Any, folder: Path, change: str, problem: str
) -> None:
    (folder / "train.yml").write_text(f"{JOB}{change}\n")
    with pytest.raises(AirflowFailException, match=problem) as caught:
        submitted()
    assert "a-secret" not in str(caught.value)


@pytest.mark.parametrize("trial", ["azureml:train:1", "[1]"])
def test_a_trial_that_is_no_mapping(submitted: Any, folder: Path, trial: str) -> None:
    (folder / "sweep.yml").write_text(f"type: sweep\ntrial: {trial}\n")
    with pytest.raises(AirflowFailException, match=r"sweep.yml, line 2, trial: .* must be a mapping"):
        submitted("sweep.yml")


def test_a_file_in_json_keeps_its_text() -> None:
    with DAG("native", render_template_as_native_obj=True):
        task = AzureMLSubmitJobOperator(task_id="t", job="train.yml")
    text = '{"command": "a\\nb", "tags": {"day": "{{ ds }}", "a": "${{x}}"}}\n'
    context: Any = {"ds": "2026-01-01"}
    assert task.render_file("job", text, context) == text.replace("{{ ds }}", "2026-01-01").rstrip("\n")


def test_a_command_job(submitted: Any, client: Any) -> None:
    result = submitted(overrides={"inputs.epochs": 5, "display_name": "mine"})
    job = client.get_job(result["name"])
    assert (result["status"], job.display_name) == ("Completed", "mine")
    assert job.inputs["epochs"].value == "5"
    assert job.command == "python main.py --epochs ${{inputs.epochs}} --day 2026-01-01"
    assert "/environments/CliV2AnonymousEnvironment/versions/" in job.environment
    assert job.tags["airflow_dag_id"] == "tests"


def test_a_sweep(submitted: Any) -> None:
    result = submitted("sweep.yml")
    assert (result["status"], result["trials"]) == ("Completed", 2)
    assert result["best_trial"]["metrics"] == {"loss": 1.0}


def test_the_yaml_itself_and_a_mapping(submitted: Any, client: Any) -> None:
    by_text = submitted(JOB, task_id="text")
    by_mapping = submitted(
        {"command": "true", "environment": "azureml:AzureML-sklearn-1.5@latest", "compute": "cpu-cluster"},
        task_id="mapping",
    )
    assert [client.get_job(result["name"]).status for result in (by_text, by_mapping)] == ["Completed"] * 2


def test_a_retry_finds_the_job(submitted: Any, emulator: Emulated) -> None:
    first = submitted()
    mark = emulator.mark()
    assert submitted(try_number=2) == first
    assert [sent for sent in emulator.asked(since=mark) if sent["method"] == "PUT"] == []


def test_another_value_is_another_job(submitted: Any) -> None:
    first = submitted()
    assert submitted(try_number=2, overrides={"inputs.epochs": 4})["name"] != first["name"]


def test_a_name_of_the_file(submitted: Any, folder: Path, mode: str) -> None:
    (folder / "train.yml").write_text(f"name: nightly-{mode}-{{{{ ds }}}}\n{JOB}")
    assert submitted()["name"] == f"nightly-{mode}-2026-01-01"
    assert submitted(job_name=f"mine-{mode}")["name"] == f"mine-{mode}"


@pytest.mark.parametrize(
    ("job", "overrides", "problem"),
    [
        ("none.yml", None, r"job: '.*none\.yml' cannot be read"),
        ("train.yml", {"inputs.epochs.deep": 1}, "there is nothing to override at 'deep'"),
        (
            "train.yml",
            {"enviroment": "x"},
            "enviroment: unknown key 'enviroment'; did you mean 'env",
        ),
        (
            "train.yml",
            {"type": "import"},
            "type: 'import' is not one of: command, sweep, pipeline, spark",
        ),
        ("train.yml", {"code": "none"}, "code: there is no file or folder"),
        (5, None, "job: 5 must be the path of a YAML file, YAML, or a mapping"),
    ],
)
def test_what_is_wrong_is_said_before_any_request(
    submitted: Any, emulator: Emulated, job: Any, overrides: Any, problem: str
) -> None:
    mark = emulator.mark()
    with pytest.raises(AirflowFailException, match=problem):
        submitted(job, overrides=overrides)
    assert [sent for sent in emulator.asked(since=mark) if "/workspaces/" in sent.get("path", "")] == []


PIPELINE = """\
type: pipeline
settings: {default_compute: azureml:cpu-cluster}
jobs:
  own:
    command: echo
    environment: azureml:AzureML-any@latest
  of_a_file:
    component: ./component.yml
    inputs:
      data: {type: uri_file, path: azureml://datastores/workspaceblobstore/paths/x}
"""
COMPONENT = """\
type: command
command: echo ${{inputs.data}}
environment: azureml:AzureML-any@latest
inputs: {data: {type: uri_file}}
"""


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("train.yml", JOB.replace("cpu-cluster", "none"), "train.yml, line 5, compute: the workspace has no"),
        (
            "train.yml",
            JOB.replace("  epochs: 3", "  epochs: {type: uri_file, path: azureml:none:1}"),
            "train.yml, line 7, inputs.epochs: the workspace has no data 'azureml:none:1'",
        ),
        (
            "sweep.yml",
            SWEEP.replace("AzureML-sklearn-1.5@latest", "none:1"),
            "sweep.yml, line 4, trial.environment: the workspace has no environment 'azureml:none:1'",
        ),
        (
            "pipeline.yml",
            PIPELINE.replace("AzureML-any@latest", "none:1"),
            "pipeline.yml, line 6, jobs.own.environment: the workspace has no environment 'azureml:none:1'",
        ),
        (
            "pipeline.yml",
            PIPELINE.replace("azureml://datastores/workspaceblobstore/paths/x", "azureml:none:1"),
            "pipeline.yml, line 10, jobs.of_a_file.inputs.data: the workspace has no data 'azureml:none:1'",
        ),
        (
            "pipeline.yml",
            PIPELINE.replace("./component.yml", "azureml:none:1"),
            "pipeline.yml, line 8, jobs.of_a_file.component: the workspace has no component 'azureml:none:1'",
        ),
        (
            "component.yml",
            COMPONENT.replace("AzureML-any@latest", "none:1"),
            "pipeline.yml, component.yml, line 3, environment: the workspace has no environment",
        ),
    ],
)
def test_what_only_the_workspace_can_say_is_said_with_its_line(
    submitted: Any, folder: Path, file: str, text: str, problem: str
) -> None:
    for name, content in {"pipeline.yml": PIPELINE, "component.yml": COMPONENT, file: text}.items():
        (folder / name).write_text(content)
    with pytest.raises(AirflowFailException) as caught:
        submitted("pipeline.yml" if file == "component.yml" else file)
    assert str(caught.value).startswith(problem)


def test_what_the_api_version_cannot_say_is_said_with_its_line(submitted: Any, folder: Path) -> None:
    (folder / "train.yml").write_text(JOB + "resources: {shm_size: 2g}\n")
    with pytest.raises(
        AirflowFailException, match=r"^train\.yml, line 10, resources\.shm_size: api-version "
    ):
        submitted(api_version="2022-05-01")


SECRET, OTHER = "a-secret-of-the-file-5d20", "another-secret-of-the-file-88a1"
PRINTING = f"""\
command: "echo {SECRET}"
environment: azureml:AzureML-any@latest
compute: azureml:cpu-cluster
tags: {{emulator.seconds: "0.4", emulator.log_lines: "3", emulator.metrics: '{{"loss": 1}}'}}
"""


@pytest.fixture
def resumed(connection: str, mode: str, request: pytest.FixtureRequest, folder: Path) -> Callable[..., Any]:
    """Run the operator up to its deferral, change the file, and resume it as another process does."""
    assert mode == "deferred"

    def run(text: str, change: Callable[[Path], object]) -> Any:
        file = folder / "train.yml"
        file.write_text(text)

        def attempt() -> Try:
            name = unique(request)[-60:]
            task = AzureMLSubmitJobOperator(task_id=name, job="train.yml", poll_interval=0.2, deferrable=True)
            made = Try(task, dag_file=str(folder / "dag.py"))
            task.render_template_fields(made.context)
            return made

        first = attempt()
        with pytest.raises(TaskDeferred) as deferred:
            first.task.execute(first.context)
        event = asyncio.run(fire(as_stored(deferred.value.trigger)))
        kwargs = json.loads(json.dumps(deferred.value.kwargs))
        assert SECRET not in json.dumps(kwargs)
        change(file)
        second = attempt()
        second.xcoms = first.xcoms
        return second.task.resume_execution("execute_complete", {**kwargs, "event": event}, second.context)

    return run


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda file: None,
    "gone": lambda file: file.unlink(),
    "another job": lambda file: file.write_text("type: pipeline\njobs: {}\n"),
    "no YAML": lambda file: file.write_text("command: ["),
    "an error of Jinja": lambda file: file.write_text("command: {{ 1 / 0 }}"),
    "no such variable": lambda file: file.write_text("command: {{ nothing.at.all }}"),
}


@pytest.mark.parametrize("mode", ["deferred"])
@pytest.mark.parametrize("change", CHANGES)
def test_who_resumes_does_not_need_the_file(resumed: Any, change: str, said: Any) -> None:
    result = resumed(PRINTING.replace(SECRET, "no secret"), CHANGES[change])
    assert (result["status"], result["metrics"]) == ("Completed", {"loss": 1.0})
    assert "| line 3 of 3" in said()


@pytest.mark.parametrize("mode", ["deferred"])
@pytest.mark.parametrize("change", ["another secret", *CHANGES])
def test_who_resumes_shows_the_log_only_if_it_knows_the_secrets_of_the_job(
    resumed: Any, change: str, said: Any
) -> None:
    mask_secret(SECRET)
    mask_secret(OTHER)
    another = {"another secret": lambda file: file.write_text(PRINTING.replace(SECRET, f"x {OTHER}"))}
    result = resumed(PRINTING, {**CHANGES, **another}[change])
    assert result["status"] == "Completed"
    assert ("| line 3 of 3" in said()) is (change == "nothing")
    assert (NOT_SHOWN in said()) is (change != "nothing")
