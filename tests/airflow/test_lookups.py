"""References of a job become ids of the workspace."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest import AzureMLClient, WorkspaceId
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, MissingAssetError, NotFoundError
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.inputs import read_inputs
from airflow_provider_amlrest.rest.jobs.job import DataInput, LiteralInput, Lookup, Output
from airflow_provider_amlrest.rest.jobs.lookups import (
    read_code,
    read_compute,
    read_environment,
)
from airflow_provider_amlrest.rest.jobs.status import Outcome
from tests.support.emulated import Emulated
from tests.support.waiting import wait_for


def read(lookup: Any) -> Lookup:
    """What was read is to be looked up."""
    assert isinstance(lookup, Lookup)
    return lookup


@pytest.mark.parametrize("path", ["azureml:words:7", "words:7", "words@latest"])
def test_data_by_name_becomes_its_id_with_its_type_and_the_mode_asked_for(
    client: AzureMLClient, path: str
) -> None:
    created = client.create_data(Data("words", "7", "uri_file", "https://example.org/words.txt"))
    inputs = read_inputs("inputs", {"words": {"path": path, "mode": "download"}})
    assert read(inputs["words"]).find(client) == DataInput("uri_file", created.id, "download")
    assert created.id.endswith("/data/words/versions/7")


def test_what_is_in_another_workspace_is_never_taken_for_ours(
    client: AzureMLClient, emulator: Emulated
) -> None:
    ours = client.operations.workspace
    client.create_data(Data("words", "7", "uri_file", "https://example.org/words.txt"))
    theirs = WorkspaceId(ours.subscription_id, ours.resource_group, "theirs")
    data, compute = theirs.resource("data", "words", "7"), theirs.resource("computes", "cpu-cluster")
    mark = emulator.mark()
    with pytest.raises(InvalidSpecError, match=r"inputs\.words: .* in the workspace 'theirs'"):
        read(read_inputs("inputs", {"words": str(data)})["words"]).check(ours)
    with pytest.raises(InvalidSpecError, match=r"compute: .* in the workspace 'theirs'"):
        read(read_compute("compute", str(compute))).check(ours)
    with pytest.raises(InvalidSpecError, match="is the id of one of data, not of computes"):
        read_compute("compute", str(data))
    assert emulator.asked(since=mark) == []
    # With its type there is nothing to ask for: the service resolves the id.
    typed = read_inputs("inputs", {"words": {"path": str(data), "type": "uri_file"}})["words"]
    assert read(typed).find(client) == DataInput("uri_file", str(data), "ro_mount")


def test_our_own_compute_by_its_id(client: AzureMLClient) -> None:
    compute = str(client.operations.workspace.resource("computes", "cpu-cluster"))
    for given in (compute, "cpu-cluster"):
        assert read(read_compute("compute", given)).find(client) == compute


def test_data_at_a_uri_with_a_signature_is_refused_and_not_shown() -> None:
    uri = "https://account.blob.core.windows.net/c/words.txt?sig=CANARY"
    with pytest.raises(InvalidSpecError, match=r"inputs\.words\.path: .* holds a signature") as told:
        read_inputs("inputs", {"words": {"type": "uri_file", "path": uri}})
    assert "CANARY" not in str(told.value)


@pytest.mark.parametrize("url", ["https://h/c?sig=CANARY", "--url=https://u:CANARY@h/c"])
def test_so_it_is_as_a_literal(url: str) -> None:
    with pytest.raises(InvalidSpecError, match=r"^inputs\.url: .* holds a signature") as told:
        read_inputs("inputs", {"url": url})
    assert "CANARY" not in str(told.value)


@pytest.mark.parametrize(
    ("value", "name"),
    [({"path": Path("iris.csv"), "type": "uri_file"}, "iris.csv"), ({"path": "folder"}, "folder/")],
)
def test_local_data_is_uploaded_once(
    client: AzureMLClient, emulator: Emulated, tmp_path: Path, value: Any, name: str
) -> None:
    (tmp_path / "iris.csv").write_text("1,2\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "part.csv").write_text("3,4\n")
    lookup = read(read_inputs("inputs", {"d": value}, tmp_path)["d"])
    lookup.check(client.operations.workspace)
    found: Any = lookup.find(client)
    assert re.fullmatch(
        rf"azureml://datastores/workspaceblobstore/paths/LocalUpload/[0-9a-f]{{64}}/{name}", found.uri
    )
    again: Any = read(read_inputs("inputs", {"d": value}, tmp_path)["d"])
    assert again.meaning == lookup.meaning
    assert again.find(client) == found
    (tmp_path / "iris.csv").write_text("1,3\n")
    (tmp_path / "folder" / "part.csv").write_text("3,5\n")
    assert read(read_inputs("inputs", {"d": value}, tmp_path)["d"]).meaning != lookup.meaning


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"path": "nothing", "type": "uri_file"}, r"inputs\.d\.path: there is no file or folder"),
        ({"path": "iris.csv"}, r"inputs\.d\.type: 'uri_folder' does not fit 'iris.csv', which is a file"),
        (
            {"path": ".", "type": "uri_file"},
            r"inputs\.d\.type: 'uri_file' does not fit '.', which is a folder",
        ),
    ],
)
def test_what_is_wrong_with_local_data_is_said_before_any_request(
    tmp_path: Path, value: Any, problem: str
) -> None:
    (tmp_path / "iris.csv").write_text("1,2\n")
    nowhere: Any = None
    with pytest.raises(InvalidSpecError, match=problem):
        read(read_inputs("inputs", {"d": value}, tmp_path)["d"]).check(nowhere)


def test_an_environment_that_is_defined_in_place_is_registered_once(
    client: AzureMLClient, emulator: Emulated, tmp_path: Path
) -> None:
    (tmp_path / "conda.yml").write_text("dependencies: [python=3.11]\n")
    given = {"image": "python:3.11", "conda_file": "conda.yml"}
    first = read_environment("environment", given, tmp_path)
    id_ = first.find(client)
    assert "/environments/CliV2AnonymousEnvironment/versions/" in id_
    mark = emulator.mark()
    assert read_environment("environment", given, tmp_path).find(client) == id_
    assert [request for request in emulator.asked(since=mark) if request["method"] == "PUT"] == []
    (tmp_path / "conda.yml").write_text("dependencies: [python=3.12]\n")
    other = read_environment("environment", given, tmp_path)
    assert other.meaning != first.meaning
    assert other.find(client) != id_


def test_it_has_the_version_that_azure_ai_ml_gives_it(tmp_path: Path) -> None:
    """Recorded of azure-ai-ml 1.35.2 (sdk-golden, and its loader)."""
    for image, version in (
        ("python", "20b0899ed033ee374dd27c3b4f67034319a35ca7673d3caafe2c8ae0848d3918"),
        ("library/python:latest", "65cb0b33ff5c91a624f57556b658973423dd7a3dd9aa6b4289458d4de41d88e6"),
    ):
        found = read_environment("environment", {"image": image}, tmp_path)
        assert found.written == f"CliV2AnonymousEnvironment:{version}"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"imag": "python"}, "environment: unknown key 'imag'"),
        ({"image": "python", "build": {"path": "."}}, "environment.image: give either"),
        ({"name": "e", "conda_file": "none.yml"}, "environment.conda_file: "),
    ],
)
def test_what_is_wrong_with_a_definition_is_said(tmp_path: Path, value: Any, problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=f"^{problem}"):
        read_environment("environment", value, tmp_path)


def test_code_at_a_path_is_that_of_its_text(tmp_path: Path) -> None:
    (tmp_path / "name:1").mkdir()
    (tmp_path / "name:1" / "train.py").write_text("print()")
    by_path: Any = read_code("code", Path("name:1"), tmp_path)
    by_text: Any = read_code("code", "./name:1", tmp_path)
    assert by_path.meaning == by_text.meaning
    assert [file.name for file in by_path.source.content.files] == ["train.py"]


@pytest.mark.parametrize(
    "words", ["words@latest", "azureml:words@latest", "azureml:words", "azureml:words:7"]
)
def test_data_needs_no_mapping(client: AzureMLClient, words: str) -> None:
    created = client.create_data(Data("words", "7", "uri_file", "https://example.org/words.txt"))
    inputs = read_inputs("inputs", {"words": words, "mail": "me@example.org", "time": "12:30"})
    assert read(inputs["words"]).find(client) == DataInput("uri_file", created.id)
    assert (inputs["mail"], inputs["time"]) == (
        LiteralInput("me@example.org"),
        LiteralInput("12:30"),
    )


@pytest.mark.parametrize("text", ["rows:1", "my-rows_2:20"])
def test_what_may_be_meant_as_data_is_passed_as_text_with_a_warning(
    caplog: pytest.LogCaptureFixture, text: str
) -> None:
    assert read_inputs("inputs", {"x": text}) == {"x": LiteralInput(text)}
    warned = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert warned == [("WARNING", f"inputs.x: '{text}' is passed as text; for data write 'azureml:{text}'.")]


@pytest.mark.parametrize(
    "value",
    [
        *["gbdt", "rows", "12:30", "16:9", "rows:one", "rows:1.5", "a rows:1", "rows:1 2", "rows:1\n"],
        *["10.0.0.1:80", "db.example.org:5432", "http://host:80", "a:1:2", ":1", "1.5", 20, True],
        *["azureml:rows:1", "rows@latest", {"path": "rows:1"}],
    ],
)
def test_nothing_else_is_warned_of(caplog: pytest.LogCaptureFixture, value: Any) -> None:
    read_inputs("inputs", {"x": value})
    assert caplog.records == []


@pytest.mark.parametrize("text", ["azureml:words and more", "azureml:a:b:c"])
def test_what_begins_as_a_reference_is_no_literal(text: str) -> None:
    with pytest.raises(InvalidSpecError, match="is no reference to data"):
        read_inputs("inputs", {"words": text})


@pytest.mark.parametrize("kind", MODEL_TYPES)
def test_a_model_by_name_becomes_its_id(client: AzureMLClient, emulator: Emulated, kind: str) -> None:
    for version in ("1", "2"):
        job = CommandJob(
            command="echo",
            environment="azureml:AzureML-sklearn-1.5@latest",
            outputs={"m": Output(kind, name=f"by-name-{kind}")},
            tags={"emulator.seconds": "0"},
        )
        client.create_job(f"makes-{kind}-{version}", job)
        wait_for(lambda name=f"makes-{kind}-{version}": client.get_job(name).outcome is Outcome.SUCCEEDED)
    ids = client.operations.workspace
    for path, version in (("azureml:{}:1", "1"), ("{}@latest", "2"), ("azureml:{}", "2")):
        inputs = read_inputs("inputs", {"m": {"type": kind, "path": path.format(f"by-name-{kind}")}})
        id_ = str(ids.resource("models", f"by-name-{kind}", version))
        assert read(inputs["m"]).find(client) == DataInput(kind, id_)


def asked_for(client: AzureMLClient, field: str, value: Any) -> Any:
    """Have the service look up what a job operator was given in a field."""
    if field == "environment":
        return read_environment("environment", value, Path()).find(client)
    if field == "code":
        return read(read_code("code", value, Path())).find(client)
    return read(read_inputs("inputs", {field.removeprefix("inputs."): value})[field[7:]]).find(client)


MISSING = [
    ("environment", "nothing:1", "environment"),
    ("environment", "azureml:nothing", "environment"),
    ("code", "nothing@latest", "code"),
    ("code", "azureml:nothing:1", "code"),
    ("inputs.x", "azureml:nothing:1", "data"),
    ("inputs.x", "nothing@latest", "data"),
    ("inputs.x", {"path": "nothing:1", "mode": "download"}, "data"),
    *[("inputs.x", {"path": "nothing@latest", "type": type_}, "model") for type_ in MODEL_TYPES],
    ("inputs.x", {"path": "azureml:nothing:1", "type": "custom_model"}, "model"),
]


@pytest.mark.parametrize(("field", "value", "kind"), MISSING)
def test_what_the_workspace_does_not_have_is_named_as_it_was_written(
    client: AzureMLClient, field: str, value: Any, kind: str
) -> None:
    written = value["path"] if isinstance(value, dict) else value
    with pytest.raises(MissingAssetError) as told:
        asked_for(client, field, value)
    assert str(told.value).startswith(f"{field}: the workspace has no {kind} '{written}': register it before")
    assert "azureml:name:version, azureml:name@latest" in str(told.value)


def test_so_is_data_by_its_id(client: AzureMLClient) -> None:
    id_ = str(client.operations.workspace.resource("data", "nothing", "1"))
    with pytest.raises(MissingAssetError, match=rf"^inputs\.x: the workspace has no data '{id_}'"):
        asked_for(client, "inputs.x", id_)


@pytest.mark.parametrize(("field", "value", "kind"), MISSING)
@pytest.mark.parametrize(
    "code", ["ResourceNotFound", "ParentResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"]
)
def test_nothing_is_said_of_it_where_the_workspace_is_missing(
    client: AzureMLClient, emulator: Emulated, field: str, value: Any, kind: str, code: str
) -> None:
    body = {"error": {"code": code, "message": "Gone."}}
    with emulator.fault("/nothing/versions", status=404, body=body), pytest.raises(NotFoundError) as told:
        asked_for(client, field, value)
    assert told.value.has_no_workspace


def test_how_a_reference_is_written_makes_no_other_work() -> None:
    """The digest of a job's request is made of this."""
    for written in ("words:1", "azureml:words:1"):
        assert read_environment("environment", written, Path()).meaning == "Named(name='words', version='1')"


def test_a_curated_environment_is_found_by_the_service(client: AzureMLClient, emulator: Emulated) -> None:
    mark = emulator.mark()
    for name in ("AzureML-sklearn-1.5@latest", "azureml:AzureML-sklearn-1.5@latest"):
        sent = read_environment("environment", name, Path()).find(client)
        assert sent == "azureml:AzureML-sklearn-1.5@latest"
    assert emulator.asked(since=mark) == []


@pytest.mark.parametrize("value", [None, {"path": None}, {"type": "uri_folder", "path": "None"}])
def test_an_xcom_that_is_not_there_names_the_way(value: object) -> None:
    with pytest.raises(InvalidSpecError, match=r"train\.output\[\"outputs\.model\"\], in Jinja"):
        read_inputs("inputs", {"m": value})
