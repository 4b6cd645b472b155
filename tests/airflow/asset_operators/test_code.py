"""AzureMLUploadCodeOperator, with real blobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.operators import (
    AzureMLRegisterDataOperator,
    AzureMLUploadCodeOperator,
)
from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.upload.content import read_content
from tests.support.emulated import Emulated
from tests.support.tasks import Try, found


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A code folder with content of its own for each test."""
    root = tmp_path / "src"
    (root / "lib").mkdir(parents=True)
    (root / "train.py").write_text(f"print({request.node.name!r})\n")
    (root / "lib" / "empty.py").write_text("")
    return root


def test_a_key_is_masked_when_it_arrives(current: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []
    monkeypatch.setattr("airflow.providers.common.compat.sdk.mask_secret", masked.append)
    with AzureMLHook().client() as client:
        key = client.list_datastore_secrets(client.get_default_datastore().name).account_key
    assert key
    assert key in masked


def upload(path: Path, **arguments: Any) -> Any:
    return Try(AzureMLUploadCodeOperator(task_id="code", path=str(path), **arguments)).execute()


def test_the_same_content_is_uploaded_once(workspace: Emulated, folder: Path) -> None:
    first = upload(folder)
    mark = workspace.mark()
    assert upload(folder) == found(first)
    assert workspace.writes(since=mark) == []
    (folder / "train.py").write_text("print('changed')\n")
    assert first["outcome"] == "registered"
    assert upload(folder)["id"] != first["id"]


def test_a_path_of_pathlib(current: Emulated, folder: Path) -> None:
    operator = AzureMLUploadCodeOperator(task_id="code", path=folder.parent / "{{ 'src' }}")
    first = Try(operator).execute()
    unrendered = AzureMLUploadCodeOperator(task_id="code", path=folder)
    assert first["id"] == upload(folder)["id"] == unrendered.execute(Try(unrendered).context)["id"]


@pytest.mark.parametrize(
    "path", ["git+https://TOKEN:CANARY@github.com/a/b", "https://h/c", Path("https://h/c")]
)
def test_a_url_is_no_code(current: Emulated, path: Any) -> None:
    mark = current.mark()
    with pytest.raises(AirflowFailException, match=r"^path: .* is a URL, but it must be the path") as told:
        Try(AzureMLUploadCodeOperator(task_id="code", path=path)).execute()
    assert "CANARY" not in str(told.value)
    assert current.asked(since=mark) == []


def test_under_a_name_of_its_own(workspace: Emulated, folder: Path) -> None:
    name = f"named-{workspace.mark()}"
    first = upload(folder, name=name)
    mark = workspace.mark()
    assert first["name"] == name
    assert upload(folder, name=name) == found(first)
    assert workspace.writes(since=mark) == []
    (folder / "train.py").write_text("print('changed')\n")
    with pytest.raises(AirflowFailException, match="exists with another content"):
        upload(folder, name=name, version=first["version"])


def test_under_a_version_of_its_own(workspace: Emulated, folder: Path) -> None:
    upload(folder)
    assert upload(folder, version="7")["version"] == "7"


@pytest.mark.parametrize("path", [None, "", " ", "~nobody-here/src", "a\0b"])
def test_what_is_no_path_is_refused(current: Emulated, path: Any) -> None:
    mark = current.mark()
    for operator in (
        AzureMLUploadCodeOperator(task_id="code", path=path),
        AzureMLRegisterDataOperator(task_id="data", name="no-path", path=path),
    ):
        with pytest.raises(AirflowFailException, match=r"^path: .*(must be the path|no such home)"):
            Try(operator).execute()
    assert current.asked(since=mark) == []


def test_code_that_microsofts_sdk_uploaded_is_found(current: Emulated, folder: Path) -> None:
    content = read_content("path", folder)
    with AzureMLHook().client() as client:
        # The SDK's name is a GUID, its version 1, its container the one that it was given.
        sdk = client.create_code(
            Code("3f8da52e-b145-44b7-8fc2-399e3d40f070", "1", "https://a/c/src", content_hash=content.hash)
        )
    mark = current.mark()
    assert upload(folder)["id"] == sdk.id
    assert current.writes(since=mark) == []


def test_our_code_is_found_by_microsofts_sdk(current: Emulated, folder: Path) -> None:
    code = upload(folder)
    path = code["id"].partition("/codes/")[0] + "/codes/any-name/versions"
    with AzureMLHook().client() as client:
        token = client.credential.get_token(client.operations.cloud.scope).token
    # As azure-ai-ml 1.35.2 asks, for the hash of its own get_content_hash.
    answer = requests.get(
        current.facts["arm_endpoint"] + path,
        params={
            "api-version": "2023-04-01",
            "hash": read_content("path", folder).hash,
            "hashVersion": "202208",
        },
        headers={"Authorization": f"Bearer {token}"},
        verify=current.facts["ca_bundle"],
        timeout=10,
    )
    [found] = answer.json()["value"]
    assert found["id"] == code["id"]
    assert found["properties"]["properties"] == {
        "hash_sha256": read_content("path", folder).hash,
        "hash_version": "202208",
    }


def test_the_datastore_serves_where_the_service_hands_out_no_place(
    current: Emulated, folder: Path, said: Any
) -> None:
    with current.fault("startPendingUpload", status=403, times=None):
        code = upload(folder)
    assert code["id"]
    assert "No access by startPendingUpload, trying Microsoft Entra token" in said()


@pytest.mark.parametrize("broken", ["empty", "ignored", "leaving", "missing"])
def test_bad_folders_are_refused_before_anything_is_sent(
    current: Emulated, tmp_path: Path, broken: str
) -> None:
    root = tmp_path / "code"
    if broken != "missing":
        root.mkdir()
    if broken == "ignored":
        (root / ".amlignore").write_text("*\n")
        (root / "a.py").write_text("")
    if broken == "leaving":
        (root / "secret").symlink_to("/etc/passwd")
    message = {
        "empty": "has nothing to upload: it is empty",
        "ignored": r"everything in it is left out by its \.amlignore",
        "leaving": "leaves the folder, to '/etc/passwd'",
        "missing": "there is no file or folder",
    }[broken]
    mark = current.mark()
    with pytest.raises(AirflowFailException, match=message):
        upload(root)
    assert current.asked(since=mark) == []


def test_nothing_is_registered_if_the_upload_fails(current: Emulated, folder: Path) -> None:
    mark = current.mark()
    with (
        current.fault("startPendingUpload|/datastores", status=403, times=None),
        pytest.raises(AirflowFailException, match=r"every way is closed.*Storage Blob Data Contributor"),
    ):
        upload(folder)
    assert current.asked("PUT", "/codes/", since=mark) == []
