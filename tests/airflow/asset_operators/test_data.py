"""AzureMLRegisterDataOperator, with real blobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.operators import (
    AzureMLRegisterDataOperator,
)
from tests.support.emulated import Emulated
from tests.support.tasks import Try, found

URIS_OF_ALL = ("https://example.org/iris.csv", "azureml://datastores/workspaceblobstore/paths/raw/iris.csv")
URIS_SINCE_2022 = (
    "wasbs://c@account.blob.core.windows.net/iris.csv",
    "abfss://c@account.dfs.core.windows.net/iris.csv",
    "azureml://registries/azureml/data/iris/versions/1",
    "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/raw/iris.csv",
)


def register(path: str | Path, base: Path, **arguments: Any) -> Any:
    operator = AzureMLRegisterDataOperator(
        **{"task_id": "data", "name": "iris", "path": path, "type": "uri_file", **arguments}
    )
    return Try(operator, dag_file=str(base / "dag.py")).execute()


def test_a_local_file_is_uploaded_once(workspace: Emulated, tmp_path: Path) -> None:
    (tmp_path / "iris.csv").write_text(f"a,b\n1,{workspace.mark()}\n")
    first = register("iris.csv", tmp_path)
    mark = workspace.mark()
    assert register("iris.csv", tmp_path) == found(first)
    assert workspace.writes(since=mark) == []
    assert first["outcome"] == "registered"
    assert first["uri"].endswith("/iris.csv")
    assert first["type"] == "uri_file"


def test_a_local_folder(workspace: Emulated, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text(f"{workspace.mark()}")
    first = register("data", tmp_path, name="folder", type="uri_folder")
    assert register("data", tmp_path, name="folder", type="uri_folder") == found(first)
    assert first["type"] == "uri_folder"
    # Its own name is no part of the content.
    (tmp_path / "data").rename(tmp_path / "renamed")
    assert register("renamed", tmp_path, name="folder", type="uri_folder") == found(first)
    (tmp_path / "renamed" / "a.csv").write_text("changed")
    with pytest.raises(AirflowFailException, match="exists with another content"):
        register("renamed", tmp_path, name="folder", type="uri_folder", version=first["version"])


def test_a_path_that_is_no_text(current: Emulated, tmp_path: Path) -> None:
    (tmp_path / "2026-01-01.csv").write_text("x")
    first = register("2026-01-01.csv", tmp_path)
    assert register(Path("{{ ds }}.csv"), tmp_path) == found(first)
    unrendered = AzureMLRegisterDataOperator(
        task_id="data", name="iris", path=tmp_path / "2026-01-01.csv", type="uri_file"
    )
    assert unrendered.execute(Try(unrendered).context)["id"] == first["id"]
    with pytest.raises(AirflowFailException, match=r"path: 'https:/h/c' is a URL, but it must be the path"):
        register(Path("https://h/c"), tmp_path)
    (tmp_path / "2026").write_text("native rendering makes a number of its name")
    assert register(2026, tmp_path)["uri"].endswith("/2026")  # type: ignore[arg-type]


@pytest.mark.parametrize("uri", URIS_OF_ALL)
def test_a_uri_is_registered_as_it_is(workspace: Emulated, tmp_path: Path, uri: str) -> None:
    first = register(uri, tmp_path, name="uris")
    mark = workspace.mark()
    assert register(uri, tmp_path, name="uris") == found(first)
    assert workspace.writes(since=mark) == []


@pytest.mark.parametrize("uri", URIS_SINCE_2022)
def test_and_in_more_forms_since_2022(current: Emulated, tmp_path: Path, uri: str) -> None:
    first = register(uri, tmp_path, name="more-uris")
    mark = current.mark()
    assert register(uri, tmp_path, name="more-uris") == found(first)
    assert current.writes(since=mark) == []
    with pytest.raises(AirflowFailException, match=r"path: api-version 2021-03-01-preview cannot say"):
        register(uri, tmp_path, name="old-uris", api_version="2021-03-01-preview")


def test_what_the_api_version_cannot_say_is_refused_before_the_upload(
    current: Emulated, tmp_path: Path
) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "a.csv").write_text(f"{current.mark()}")
    (tmp_path / "table" / "MLTable").write_text("paths:\n  - file: ./a.csv\n")
    mark = current.mark()
    with pytest.raises(AirflowFailException, match=r"type: api-version 2021-03-01-preview cannot say"):
        register("table", tmp_path, name="table", type="mltable", api_version="2021-03-01-preview")
    assert not current.asked(path="/datastores", since=mark)


def test_a_version_is_found_by_another_spelling_of_its_uri(current: Emulated, tmp_path: Path) -> None:
    with AzureMLHook().client() as client:
        ours = client.operations.workspace
    short = "azureml://datastores/workspaceblobstore/paths/raw"
    long = (
        f"azureml://subscriptions/{ours.subscription_id.upper()}/resourceGroups/{ours.resource_group}"
        f"/workspaces/{ours.name}/datastores/workspaceblobstore/paths/raw"
    )
    https = "https://account.blob.core.windows.net/c/raw"
    wasbs = "wasbs://c@account.blob.core.windows.net/raw"
    for number, (left, right) in enumerate(
        [(short, long), (long, f"{short}/"), (https, wasbs), (https, f"{https}/")]
    ):
        same = {"name": "spelled", "type": "uri_folder", "version": str(number)}
        first = register(left, tmp_path, **same)
        mark = current.mark()
        assert register(right, tmp_path, **same) == found(first)
        assert current.writes(since=mark) == []
    elsewhere = long.replace(f"workspaces/{ours.name}", "workspaces/another")
    with pytest.raises(AirflowFailException, match="exists with another path"):
        register(elsewhere, tmp_path, name="spelled", type="uri_folder", version="0")


def test_an_mltable_is_registered_with_what_it_refers_to(current: Emulated, tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "a.csv").write_text(f"x\n{current.mark()}\n")
    (tmp_path / "table" / "MLTable").write_text("paths:\n- file: ./a.csv\n")
    first = register("table", tmp_path, name="table", type="mltable")
    mark = current.mark()
    assert register("table", tmp_path, name="table", type="mltable") == found(first)
    assert current.writes(since=mark) == []
    with AzureMLHook().client() as client:
        data = client.get_data("table", first["version"])
        assert client.get_latest_data("table").id == first["id"]
    assert (data.type, data.referenced_uris) == ("mltable", ("./a.csv",))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "path: the folder .* has no file 'MLTable'"),
        ("paths: [", "MLTable': it is not valid YAML"),
        ("paths:\n- file: gone.csv\n", "there is no file 'gone.csv'"),
        ("paths:\n- file: https://h/x?sig=CANARY\n", r"MLTable': 'https://h/x\?sig=\.\.\.' holds a sig"),
    ],
)
def test_a_bad_mltable_is_refused_before_anything_is_sent(
    current: Emulated, tmp_path: Path, table: str | None, message: str
) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "a.csv").write_text("x\n")
    if table is not None:
        (tmp_path / "table" / "MLTable").write_text(table)
    mark = current.mark()
    with pytest.raises(AirflowFailException, match=message):
        register("table", tmp_path, name="table", type="mltable")
    assert current.asked(since=mark) == []


@pytest.mark.parametrize(
    "uri",
    [
        "https://account.blob.core.windows.net/c/iris.csv?sp=r&se=2027-01-01&sig=CANARY%3D",
        "https://account.blob.core.windows.net/c/iris.csv?SIG=CANARY",
        "https://user:CANARY@example.org/iris.csv",
        "ftp://user:CANARY@example.org/iris.csv",
    ],
)
def test_a_uri_with_a_secret_in_it_is_refused_and_not_shown(
    current: Emulated, tmp_path: Path, uri: str
) -> None:
    mark = current.mark()
    with pytest.raises(AirflowFailException, match=r"^path: .*(holds a signature|must be local)") as told:
        register(uri, tmp_path, name="signed")
    assert "CANARY" not in str(told.value)
    assert current.asked(since=mark) == []


def test_what_another_task_registers_meanwhile_is_found(current: Emulated, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_text(f"{tmp_path}")
    first = register("one", tmp_path, name="at-once", type="uri_folder")
    # As it is to a task that looks before the other one registers.
    with current.fault("/data/at-once/versions/", method="GET", status=404, body={}):
        assert register("two", tmp_path, name="at-once", type="uri_folder") == found(first)


def test_the_longest_version_that_there_can_be(current: Emulated, tmp_path: Path) -> None:
    uri = "https://example.org/versioned"
    assert register(uri, tmp_path, version="v" * 30)["version"] == "v" * 30


def test_another_type_is_another_version(current: Emulated, tmp_path: Path) -> None:
    uri = "https://example.org/typed"
    as_file = register(uri, tmp_path, name="typed", type="uri_file")
    as_folder = register(uri, tmp_path, name="typed", type="uri_folder")
    assert as_file["version"] != as_folder["version"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "x", "version": "v" * 31}, "version: 'v{31}' has 31 characters, but .* has 30 at most"),
        ({"path": "ftp://example.org/x"}, "path: 'ftp://example.org/x' must be local or one of"),
        ({"path": "no.csv"}, "path: there is no file or folder"),
        ({"path": "."}, "type: 'uri_file' does not fit '.', which is a folder"),
        ({"path": "https://e.org/x", "type": "csv"}, "type: 'csv' is not one of: uri_file"),
    ],
)
def test_mistakes(current: Emulated, tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    (tmp_path / "x").write_text("x")
    mark = current.mark()
    with pytest.raises(AirflowFailException, match=message):
        register(base=tmp_path, **arguments)
    assert current.asked(since=mark) == []
