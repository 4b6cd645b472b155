"""``@task.azureml``: functions that really run, as jobs of the emulator."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred, mask_secret

from airflow_provider_amlrest.decorators.ending import ReturnValueMissingError
from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.lifecycle.masking import MASKED_PROPERTY
from airflow_provider_amlrest.lifecycle.record import JOB_KEY, RESULT_KEY
from airflow_provider_amlrest.lifecycle.results import JobFailedError
from airflow_provider_amlrest.lifecycle.task_identity import SPEC_PROPERTY
from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLSubmitCommandJobOperator,
)
from airflow_provider_amlrest.rest import AzureMLClient
from tests.support.dag_files import imported, run
from tests.support.emulated import Emulated
from tests.support.tasks import Try, unique

SOURCE = Path(__file__).parent / "function_dags"
FILE = SOURCE / "functions.py"


@pytest.fixture(scope="module")
def functions() -> Iterator[Any]:
    with imported(SOURCE, "functions") as module:
        yield module


@pytest.fixture(autouse=True)
def workspace(training_emulator: Emulated, monkeypatch: pytest.MonkeyPatch) -> Emulated:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", training_emulator.connection_uri())
    return training_emulator


@pytest.fixture
def client(workspace: Emulated) -> Iterator[AzureMLClient]:
    with AzureMLHook().client() as client:
        yield client


@pytest.fixture
def call(functions: Any, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Make the task of a call; its id is the test's name, so that tests share no jobs."""

    def make(name: str, *args: Any, override: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        decorated = getattr(functions, name).override(**{"task_id": unique(request), **(override or {})})
        return decorated(*args, **kwargs).operator

    return make


@pytest.fixture(params=["sync", "deferred"])
def waiting(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"deferrable": request.param == "deferred"}


def line_of(text: str) -> int:
    [line] = [number for number, line in enumerate(FILE.read_text().splitlines(), 1) if text in line]
    return line


def test_what_a_function_returns_is_the_tasks_xcom(call: Any, waiting: Any, said: Any) -> None:
    attempt = Try(call("add", 1, times=3, override=waiting))
    assert attempt.execute() == 9
    assert "| adding 1 and 2" in said()
    assert attempt.xcoms[JOB_KEY]["type"] == "Command"
    assert attempt.xcoms[RESULT_KEY]["status"] == "Completed"


def test_a_chain_of_tasks_mapped_and_in_a_group(functions: Any, said: Any) -> None:
    assert run(functions.chained) == "success"
    # add(1) = 3, again = 3 + 3, mapped (1 + 6) * 2 and (2 + 6) * 2
    printed = said()
    assert "adding 3 and 3" in printed
    assert "adding 2 and 6" in printed
    assert "local has 'two\\nlines!' of {'text': 'two\\nlines!'}" in printed.replace("\\\\", "\\")
    with AzureMLHook().client() as client:
        tags = [job.tags for job in client.list_jobs() if job.tags.get("airflow_dag_id") == "chain"]
    assert sorted((tag["airflow_task_id"], tag["airflow_map_index"]) for tag in tags) == [
        ("add", "-1"),
        ("again", "-1"),
        ("grouped.add", "0"),
        ("grouped.add", "1"),
        ("inner", "-1"),
        ("paths", "0"),
        ("paths", "1"),
        ("total", "-1"),
    ]


def test_the_traceback_has_the_lines_of_the_dags_file(call: Any, waiting: Any, said: Any) -> None:
    line = line_of("raise ValueError")
    with pytest.raises(JobFailedError) as caught:
        Try(call("fails", 3, override=waiting)).execute()
    assert f"failed: ValueError: too few rows: 3 (check, line {line} of functions.py) https" in str(
        caught.value
    )
    log = said()
    assert f'File "functions.py", line {line_of("    check()")}, in fails' in log.replace('\\"', '"')
    assert f'File "functions.py", line {line}, in check' in log.replace('\\"', '"')
    assert 'raise ValueError(f"too few rows: {rows}")' in log.replace('\\"', '"')
    assert "run_function.py" not in log
    assert log.index("about to fail") < log.index("Traceback")


@pytest.mark.parametrize("api_version", [None, "2021-03-01-preview"])
def test_paths_and_literals_are_parameters_of_their_names(call: Any, api_version: str | None) -> None:
    override = {"inputs": {"title": "it's $HOME"}, "api_version": api_version}
    attempt = Try(call("writes", day="{{ ds }}", override=override))
    result = attempt.execute()
    assert result == {"title": "it's $HOME", "files": ["day.txt"], "abs": True}
    assert attempt.xcoms["outputs.table"].endswith("/table/")
    assert "metrics" in attempt.xcoms[RESULT_KEY]


def test_an_input_is_a_path_too(call: Any, functions: Any, request: Any) -> None:
    written = Try(call("writes", "2026-02-03"))
    written.execute()
    inputs = {"table": {"type": "uri_folder", "path": written.xcoms["outputs.table"]}}

    @functions.task.azureml(**functions.JOB, inputs=inputs, task_id=f"{unique(request)}-2")
    def reads(table: str, name: str) -> str:
        from pathlib import Path

        return Path(table, name).read_text()

    assert Try(reads("day.txt").operator).execute() == "2026-02-03"


@pytest.mark.parametrize(
    ("what", "value"),
    [("none", None), ("just fits", "x" * 8190), ("text", "é\u2028🙂"), ("nested", [{"a": [1, 2.5]}])],
)
def test_values_come_as_json_has_them(call: Any, what: str, value: Any) -> None:
    assert Try(call("gives", what)).execute() == value


def test_a_larger_value_is_given_as_the_uri_of_its_file(call: Any, said: Any, request: Any) -> None:
    attempt = Try(call("gives", "large"))
    uri = attempt.execute()
    name = attempt.xcoms[JOB_KEY]["name"]
    place = "azureml://datastores/workspaceartifactstore/paths/ExperimentRun"
    assert uri == f"{place}/dcid.{name}/outputs/airflow/return_value.json"
    assert "8193 bytes as JSON, more than the 8192" in said()
    # It is an input of another job.
    reader = AzureMLSubmitCommandJobOperator(
        task_id=f"{unique(request)}-2",
        command="test $(wc -c < ${{inputs.value}}) = 8193",
        environment="AzureML-any:1",
        compute="cpu-cluster",
        inputs={"value": {"type": "uri_file", "path": uri}},
        poll_interval=0.2,
    )
    assert Try(reader).execute()["status"] == "Completed"


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("date", "what gives returned[0] is of type datetime.date, which JSON cannot carry"),
        ("not finite", "what gives returned is nan, which JSON cannot carry"),
        ("key", "what gives returned has the key 1, but in JSON keys are text"),
    ],
)
def test_a_value_that_json_cannot_carry_fails_the_job(call: Any, said: Any, what: str, expected: str) -> None:
    with pytest.raises(JobFailedError, match=re.escape(f"failed: {expected}")):
        Try(call("gives", what)).execute()
    assert f"| {expected}" in said()


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        (
            "add",
            [datetime(2026, 1, 1, tzinfo=UTC)],
            "op_kwargs: add's argument a is of type datetime.datetime, which",
        ),
        (
            "total",
            [[1, {2}]],
            "op_kwargs: total's argument numbers[1] is of type set, which JSON",
        ),
        ("uses_what_the_job_lacks", [], "uses OUTSIDE, defined outside the function"),
    ],
)
def test_what_cannot_travel_is_said_before_any_request(
    call: Any, workspace: Emulated, name: str, args: Any, expected: str
) -> None:
    before = workspace.mark()
    with pytest.raises(AirflowFailException, match=re.escape(expected)):
        Try(call(name, *args)).execute()
    assert workspace.asked(since=before) == []


def test_a_value_of_airflows_is_taken_by_its_name(call: Any) -> None:
    assert Try(call("takes", 1, "b", c=[3])).execute() == [[1, "b"], "2026-01-01", {"c": [3]}]


def test_a_coroutine_is_run(call: Any) -> None:
    assert Try(call("waits", 0.01)).execute() == "awaited"


def test_a_retry_finds_the_job_though_the_function_moved_in_its_file(
    call: Any, client: AzureMLClient, workspace: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = call("add", 20, override={"deferrable": True, "retries": 1})
    first = Try(task)
    task.render_template_fields(first.context)
    with pytest.raises(TaskDeferred):  # ... and then its process is gone.
        task.execute(first.context)
    name = first.xcoms[JOB_KEY]["name"]
    # Another process, for which a comment was put above the function.
    import inspect

    real = inspect.getsourcelines
    monkeypatch.setattr(inspect, "getsourcelines", lambda f: (real(f)[0], real(f)[1] + 7))
    before = workspace.mark()
    second = Try(call("add", 20, override={"retries": 1, "deferrable": False}), try_number=2)
    assert second.execute() == 22
    assert second.xcoms[JOB_KEY]["name"] == name
    assert not [write for write in workspace.writes(since=before) if write.startswith("PUT")]


def test_other_arguments_are_other_work(call: Any, client: AzureMLClient) -> None:
    override = {"wait_for_completion": False, "retries": 1}
    names = [
        Try(call("add", number, override=override), try_number=attempt).execute()["name"]
        for attempt, number in ((1, 7), (2, 8))
    ]
    specs = {client.get_job(name).properties[SPEC_PROPERTY] for name in names}
    assert len(set(names)) == len(specs) == 2


def test_a_secret_in_an_argument_marks_the_job(call: Any, client: AzureMLClient, said: Any) -> None:
    secret = "a-secret-in-an-argument-51d9"
    mask_secret(secret)
    attempt = Try(call("takes", secret))
    assert attempt.execute()[0] == [secret]
    job = client.get_job(attempt.xcoms[JOB_KEY]["name"])
    assert job.properties[MASKED_PROPERTY] == "true"
    assert secret not in f"{job.command}{job.tags}{job.properties}"
    assert secret not in said()


def test_a_value_that_is_not_there_is_said(call: Any, functions: Any, request: Any) -> None:
    @functions.task.azureml(**functions.JOB, task_id=unique(request))
    def leaves() -> None:
        import os

        os._exit(0)

    with pytest.raises(ReturnValueMissingError, match="completed without outputs/airflow/return_value"):
        Try(leaves().operator).execute()


def test_without_waiting_the_xcom_is_the_jobs(call: Any) -> None:
    result = Try(call("add", 1, override={"wait_for_completion": False})).execute()
    assert set(result) == {"name", "id", "status", "studio_url"}


def test_command_and_code_are_the_decorators(call: Any) -> None:
    for argument in ("command", "code"):
        with pytest.raises(TypeError, match=argument):
            call("add", 1, override={argument: "x"})


@pytest.fixture
def index(tmp_path: Path) -> dict[str, str]:
    """Where pip finds a package ``tiny``, and nothing else, as environment variables of a job."""
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(tmp_path / "tiny-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tiny.py", "WORD = 'tiny works'\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}


@pytest.mark.parametrize("runtime", ["host", "venv"])
def test_packages_are_installed_beside_the_environment(
    runtime: str,
    call: Any,
    index: Any,
    said: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    workspace: Emulated,
) -> None:
    emulated = workspace if runtime == "host" else Emulated(tmp_path, runtime)
    try:
        monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulated.connection_uri())
        environment = AzureMLCreateEnvironmentOperator(task_id="e", name="bare", image="python:3.11")
        override = {
            "environment": Try(environment).execute(),
            "environment_variables": index,
            "packages": ["tiny==1.0"],
            "outputs": {"table": "uri_folder"},
        }
        word, has_pip = Try(call("with_packages", override=override)).execute()
        assert word == "tiny works"
        assert has_pip
        log = said()
        assert log.index("| Installing packages: tiny==1.0") < log.index("| Packages are installed after")
        # Another job of the same environment does not have them.
        without = {"environment": override["environment"], "task_id": f"without-{runtime}", "retries": 0}
        with pytest.raises(JobFailedError, match="No module named 'tiny'"):
            Try(call("with_packages", override=without | {"outputs": override["outputs"]})).execute()
    finally:
        if emulated is not workspace:
            emulated.stop()


def test_packages_that_cannot_be_installed_fail_the_job(call: Any, index: Any, said: Any) -> None:
    override = {"packages": "{{ ['nothing-of-this-name==1.0'] }}", "environment_variables": index}
    with pytest.raises(JobFailedError, match="packages: pip could not install them"):
        Try(call("add", 1, override=override)).execute()
    assert "No matching distribution found for nothing-of-this-name==1.0" in said()


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        (["./wheels/mine.whl"], "names what is on this machine: only its name gets to the job"),
        (["mine @ https://user:pass-word@host/mine.whl"], "holds a signature or a password"),
        ("six", "'six' must be a list of requirements"),
    ],
)
def test_packages_that_cannot_travel(call: Any, packages: Any, expected: str) -> None:
    with pytest.raises(AirflowFailException, match=re.escape(expected)):
        Try(call("add", 1, override={"packages": packages})).execute()


@pytest.mark.parametrize(
    ("override", "args", "kwargs", "expected"),
    [
        ({"inputs": {"a": "5"}, "outputs": {"a": "uri_folder"}}, [], {}, "inputs.a: there is an output 'a'"),
        ({"inputs": "{{ {'b': '5'} }}"}, [], {}, "add cannot be called: missing a required argument: 'a'"),
        (
            {"inputs": "{{ {'b': '5'} }}"},
            [1],
            {"b": 2},
            "op_kwargs.b: the job has an input or output",
        ),
    ],
)
def test_calls_that_do_not_fit(call: Any, override: Any, args: Any, kwargs: Any, expected: str) -> None:
    with pytest.raises(AirflowFailException, match=re.escape(expected)):
        Try(call("add", *args, override=override, **kwargs)).execute()


def test_inputs_of_a_template_have_their_parameters(call: Any) -> None:
    assert Try(call("takes", 1, override={"inputs": "{{ {'ds': 'of the job'} }}"})).execute() == [
        [1],
        "of the job",
        {},
    ]
