"""References of a job become ids of the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest import AzureMLClient, WorkspaceId
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, MissingAssetError, NotFoundError
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.job import DataInput, LiteralInput, Lookup, Output
from airflow_provider_amlrest.rest.jobs.lookups import (
    read_code,
    read_compute,
    read_environment,
    read_inputs,
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


@pytest.mark.parametrize("value", [Path("iris.csv"), {"path": Path("iris.csv"), "type": "uri_file"}])
def test_a_local_path_is_no_input_and_the_error_says_what_is(value: Any) -> None:
    with pytest.raises(
        InvalidSpecError, match=r"inputs\.d\.path: .*register local data with AzureMLRegisterDataOperator"
    ):
        read_inputs("inputs", {"d": value})


def test_code_at_a_path_is_that_of_its_text(tmp_path: Path) -> None:
    (tmp_path / "name:1").mkdir()
    (tmp_path / "name:1" / "train.py").write_text("print()")
    by_path: Any = read_code("code", Path("name:1"), tmp_path)
    by_text: Any = read_code("code", "./name:1", tmp_path)
    assert by_path.meaning == by_text.meaning
    assert [file.name for file in by_path.source.files] == ["train.py"]


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
        return read_environment("environment", value).find(client)
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
        assert read_environment("environment", written).meaning == "Named(name='words', version='1')"


def test_a_curated_environment_is_found_by_the_service(client: AzureMLClient, emulator: Emulated) -> None:
    mark = emulator.mark()
    for name in ("AzureML-sklearn-1.5@latest", "azureml:AzureML-sklearn-1.5@latest"):
        sent = read_environment("environment", name).find(client)
        assert sent == "azureml:AzureML-sklearn-1.5@latest"
    assert emulator.asked(since=mark) == []


@pytest.mark.parametrize("value", [None, {"path": None}, {"type": "uri_folder", "path": "None"}])
def test_an_xcom_that_is_not_there_names_the_way(value: object) -> None:
    with pytest.raises(InvalidSpecError, match=r"train\.output\[\"outputs\.model\"\], in Jinja"):
        read_inputs("inputs", {"m": value})
