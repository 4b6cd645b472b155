"""Downloads of models: all files or none, no path out of the folder, and nothing is fetched twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_amlrest.rest.assets import download
from airflow_provider_amlrest.rest.assets.download import IncompleteDownloadError, download_model
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.http.errors import (
    AzureMLError,
    DownloadRefusedError,
    InvalidSpecError,
    PermissionDeniedError,
)
from airflow_provider_amlrest.rest.workspace.resources import Datastore
from tests.unit.jobs import WORKSPACE

MODEL = Model("iris", "1", "custom_model", "azureml://datastores/store/paths/models/iris/", id="/iris/1")
FILES = {"models/iris/a": b"aa", "models/iris/deep/b": b"bbb"}


class Container:
    """A container of blobs; counts what is fetched, and gives ``wrong`` blobs one byte too few."""

    container_name = "c"

    def __init__(self, blobs: dict[str, bytes]) -> None:
        self.blobs = blobs
        self.fetched: list[str] = []
        self.wrong: set[str] = set()
        self.folders: set[str] = set()

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *details: object) -> None: ...

    def listed(self, prefix: str) -> Iterator[Any]:
        for name, content in self.blobs.items():
            if name.startswith(prefix):
                md5 = SimpleNamespace(content_md5=hashlib.md5(content, usedforsecurity=False).digest())
                metadata = {"hdi_isfolder": "true"} if name in self.folders else None
                yield SimpleNamespace(name=name, size=len(content), content_settings=md5, metadata=metadata)

    def get_blob_client(self, name: str) -> Any:
        self.fetched.append(name)
        content = self.blobs[name][: -1 if name in self.wrong else None]
        stream = SimpleNamespace(chunks=lambda: iter([content[:1], content[1:]]))
        return SimpleNamespace(download_blob=lambda **options: stream)


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Container:
    made = Container(dict(FILES))
    monkeypatch.setattr(download, "open_datastore", lambda client, datastore, credential: made)
    monkeypatch.setattr(download, "list_blobs", lambda container, prefix: list(container.listed(prefix)))
    return made


def get(target: Path, model: Model = MODEL, **options: Any) -> bool:
    client: Any = SimpleNamespace(
        operations=SimpleNamespace(workspace=WORKSPACE),
        deadline=None,
        get_datastore=lambda name: Datastore(name, "AzureBlob", "account", "c"),
    )
    return download_model(client, model, target, **options)


def there(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


WHOLE = {"a": b"aa", "deep/b": b"bbb"}


def test_all_files_arrive_and_nothing_else_is_left(container: Container, tmp_path: Path) -> None:
    container.blobs |= {"models/iris2/c": b"another model", "models/iris/deep": b""}
    container.folders = {"models/iris/deep"}
    assert get(tmp_path / "got")
    assert there(tmp_path) == {f"got/{name}": content for name, content in WHOLE.items()}
    container.fetched.clear()
    assert not get(tmp_path / "got")
    assert container.fetched == []


def test_a_model_that_is_one_file(container: Container, tmp_path: Path) -> None:
    container.blobs = {"m.txt": b"m", "m.txt.old": b"old"}
    assert get(tmp_path / "got", Model("m", "1", "custom_model", "azureml://datastores/store/paths/m.txt"))
    assert there(tmp_path / "got") == {"m.txt": b"m"}


def test_the_next_try_fetches_what_is_missing(container: Container, tmp_path: Path) -> None:
    container.wrong = {"models/iris/deep/b"}
    with pytest.raises(IncompleteDownloadError, match="deep/b has changed meanwhile"):
        get(tmp_path / "got")
    assert not (tmp_path / "got").exists()
    container.wrong, container.fetched = set(), []
    assert get(tmp_path / "got")
    assert container.fetched == ["models/iris/deep/b"]
    assert there(tmp_path) == {f"got/{name}": content for name, content in WHOLE.items()}


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/root", "a//b", "..", r"a\..\b"])
def test_no_path_leads_out_of_the_folder(container: Container, tmp_path: Path, name: str) -> None:
    container.blobs[f"models/iris/{name}"] = b"x"
    with pytest.raises(AzureMLError, match="which would not be in the folder: refused"):
        get(tmp_path / "got")
    assert list(tmp_path.iterdir()) == []


def test_something_else_is_replaced_only_when_told(container: Container, tmp_path: Path) -> None:
    target = tmp_path / "got"
    target.mkdir()
    assert get(target), "an empty folder holds nothing else"
    (target / "mine").write_text("mine")
    with pytest.raises(InvalidSpecError, match=r"^path: .* holds something else"):
        get(target)
    assert (target / "mine").exists()
    assert get(target, overwrite=True)
    assert there(tmp_path) == {f"got/{name}": content for name, content in WHOLE.items()}


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("azureml://jobs/j/outputs/artifacts/paths/model", "ExperimentRun/dcid.j/model"),
        ("runs:/j/model", "ExperimentRun/dcid.j/model"),
    ],
)
def test_uris_that_the_service_leaves_as_they_were_sent(
    container: Container, tmp_path: Path, uri: str, place: str
) -> None:
    container.blobs = {f"{place}/a": b"a"}
    assert get(tmp_path / "got", Model("m", "1", "custom_model", uri))
    assert there(tmp_path / "got") == {"a": b"a"}


@pytest.mark.parametrize(
    "uri",
    [
        "https://account.blob.core.windows.net/c/m",
        "azureml://subscriptions/s/resourcegroups/g/workspaces/other/datastores/store/paths/m",
    ],
)
def test_files_elsewhere(container: Container, tmp_path: Path, uri: str) -> None:
    with pytest.raises(InvalidSpecError, match=r"^model: its files are at .* in no datastore of the conn"):
        get(tmp_path / "got", Model("m", "1", "custom_model", uri))


def test_no_files(container: Container, tmp_path: Path) -> None:
    container.blobs = {}
    with pytest.raises(InvalidSpecError, match=r"^model: there are no files at"):
        get(tmp_path / "got")


def test_every_way_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def closed(*args: Any) -> Any:
        raise PermissionDeniedError("GET blobs", 403, message="no")

    monkeypatch.setattr(download, "open_datastore", closed)
    with pytest.raises(DownloadRefusedError, match=r"be downloaded: every way is closed\. \(1\) By Mic"):
        get(tmp_path / "got")
