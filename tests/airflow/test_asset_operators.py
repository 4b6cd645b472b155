"""Same content, same asset: read off the emulator's request log, with real blobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLRegisterDataOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLUploadCodeOperator,
)
from airflow_provider_amlrest.rest.content import read_content
from airflow_provider_amlrest.rest.errors import ProvisioningTimeoutError
from airflow_provider_amlrest.rest.model import Code
from tests.support.emulated import Emulated
from tests.support.tasks import Try
from tests.support.waiting import wait_for

CONDA = "name: c\ndependencies:\n- python=3.11\n- pip:\n  - six==1.16.0\n"
BUILD = {"image": None, "conda_file": None}
WRITES = "PUT|POST|DELETE|PATCH"
VERSIONS = ("2025-12-01", "2022-10-01", "2021-03-01-preview")
URIS_OF_ALL = ("https://example.org/iris.csv", "azureml://datastores/workspaceblobstore/paths/raw/iris.csv")
URIS_SINCE_2022 = (
    "wasbs://c@account.blob.core.windows.net/iris.csv",
    "abfss://c@account.dfs.core.windows.net/iris.csv",
    "azureml://registries/azureml/data/iris/versions/1",
    "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/raw/iris.csv",
)


@pytest.fixture(params=VERSIONS)
def workspace(
    training_emulator: Emulated, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Emulated:
    """The emulator with blobs, by a connection of each api-version."""
    uri = training_emulator.connection_uri(api_version=request.param)
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", uri)
    return training_emulator


@pytest.fixture
def current(training_emulator: Emulated, monkeypatch: pytest.MonkeyPatch) -> Emulated:
    """The emulator with blobs, by a connection of the default api-version."""
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", training_emulator.connection_uri())
    return training_emulator


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


def unique(request: pytest.FixtureRequest) -> str:
    return "".join(c if c.isalnum() else "-" for c in request.node.name).strip("-")


@contextmanager
def setting(emulated: Emulated, name: str, value: float) -> Iterator[None]:
    """A setting of the emulator, for the block."""
    before = emulated.admin("GET", "settings")[name]
    emulated.admin("PATCH", "settings", {name: value})
    try:
        yield
    finally:
        emulated.admin("PATCH", "settings", {name: before})


def writes(emulated: Emulated, since: int) -> list[str]:
    """Method and last part of the path of each write to the workspace."""
    return [
        f"{entry['method']} {entry['path'].split('/')[-4 if 'startPending' in entry['path'] else -3]}"
        for entry in emulated.asked(WRITES, "/workspaces/", since=since)
    ]


class TestEnvironment:
    def operator(self, name: str, **arguments: Any) -> Any:
        defaults = {"image": "python:3.11", "conda_file": CONDA}
        return AzureMLCreateEnvironmentOperator(task_id="env", name=name, **{**defaults, **arguments})

    def test_the_same_content_is_registered_once(
        self, workspace: Emulated, request: pytest.FixtureRequest
    ) -> None:
        first = Try(self.operator(unique(request))).execute()
        mark = workspace.mark()
        again = Try(self.operator(unique(request))).execute()
        assert again == first
        assert writes(workspace, mark) == []
        changed = Try(self.operator(unique(request), image="python:3.12")).execute()
        assert changed["version"] != first["version"]

    @pytest.mark.parametrize("form", ["path", "text", "mapping"])
    def test_a_conda_file_may_be_a_path_text_or_mapping(
        self, current: Emulated, tmp_path: Path, form: str
    ) -> None:
        (tmp_path / "conda.yml").write_text(CONDA)
        mapping = {"name": "c", "dependencies": ["python=3.11", {"pip": ["six==1.16.0"]}]}
        value = {"path": "conda.yml", "text": CONDA, "mapping": mapping}[form]
        operator = self.operator("conda-forms", conda_file=value)
        result = Try(operator, dag_file=str(tmp_path / "dag.py")).execute()
        # One content, one version, however it was written.
        assert result["version"] == Try(self.operator("conda-forms")).execute()["version"]

    def test_a_conda_file_alone_gets_azure_mls_base_image(
        self, workspace: Emulated, request: pytest.FixtureRequest
    ) -> None:
        result = Try(self.operator(unique(request), image=None)).execute()
        with AzureMLHook().client() as client:
            found = client.get_environment(result["name"], result["version"])
        assert found.image == "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
        assert found.conda is not None

    def test_a_version_of_ones_own_cannot_change_its_content(
        self, workspace: Emulated, request: pytest.FixtureRequest
    ) -> None:
        name = unique(request)
        Try(self.operator(name, version="7")).execute()
        with pytest.raises(AirflowFailException, match="exists with another image"):
            Try(self.operator(name, version="7", image="python:3.12")).execute()

    def test_a_local_build_context_is_uploaded_once(
        self, current: Emulated, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker" / "Dockerfile").write_text("FROM python:3.11\n")

        def run() -> Any:
            operator = self.operator("built", image=None, conda_file=None, build={"path": "docker"})
            return Try(operator, dag_file=str(tmp_path / "dag.py")).execute()

        first, mark = run(), current.mark()
        assert run() == first
        # Its own name is no part of the content.
        (tmp_path / "docker").rename(tmp_path / "renamed")
        (tmp_path / "docker").symlink_to("renamed")
        assert run() == first
        assert writes(current, mark) == []
        with AzureMLHook().client() as client:
            build = client.get_environment("built", first["version"]).build
        assert build is not None
        assert build.uri.startswith("https://")

    @pytest.mark.parametrize(
        "arguments",
        [
            {"conda_file": "dependencies:\n- python=3.11 \n- pip: [six==1.16.0]\nname: other\n"},
            {"conda_file": {"dependencies": ["python=3.11", {"pip": ["six==1.16.0"]}]}},
            {"image": "Docker.io/Library/Python:3.11"},
        ],
    )
    def test_another_spelling_of_the_same_is_found(
        self, workspace: Emulated, request: pytest.FixtureRequest, arguments: dict[str, Any]
    ) -> None:
        same = {"image": "docker.io/library/python:3.11", "version": "7"}
        name = re.sub(r"\W+", "-", request.node.name)[:60].strip("-")
        first = Try(self.operator(name, **same)).execute()
        mark = workspace.mark()
        assert Try(self.operator(name, **{**same, **arguments})).execute() == first
        assert writes(workspace, mark) == []

    def test_a_build_context_at_a_uri_in_its_spellings(self, current: Emulated) -> None:
        with AzureMLHook().client() as client:
            ours = client.operations.workspace
        spellings = [
            "azureml://datastores/workspaceblobstore/paths/context/",
            f"azureml://subscriptions/{ours.subscription_id}/resourcegroups/{ours.resource_group}"
            f"/workspaces/{ours.name}/datastores/workspaceblobstore/paths/context",
            "azureml://workspaces/4be9e6b0-0000-0000-0000-000000000000/datastores/workspaceblobstore/paths/context",
        ]
        given = {"image": None, "conda_file": None, "version": "1"}
        results = [
            Try(self.operator("at-uri", **given, build={"path": path})).execute() for path in spellings
        ]
        assert results[0] == results[1] == results[2]
        with pytest.raises(AirflowFailException, match="exists with another build"):
            Try(self.operator("at-uri", **given, build={"path": f"{spellings[0]}other"})).execute()

    def test_what_the_api_version_cannot_say_is_refused_before_the_upload(
        self, current: Emulated, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        (tmp_path / "Dockerfile").write_text(f"FROM {unique(request)}")
        build = {"path": str(tmp_path)}
        mark = current.mark()
        operator = self.operator(
            unique(request), image=None, conda_file=None, build=build, api_version=VERSIONS[-1]
        )
        with pytest.raises(AirflowFailException, match=r"build: api-version 2021-03-01-preview cannot say"):
            Try(operator).execute()
        assert not current.asked(path="/datastores", since=mark)

    def test_what_another_task_registers_meanwhile_is_found(
        self, current: Emulated, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "Dockerfile").write_text(f"FROM {unique(request)}")
        one, two = (
            Try(self.operator(unique(request), **BUILD, build={"path": str(tmp_path / folder)}))
            for folder in ("one", "two")
        )
        first = one.execute()
        # As it is to a task that looks before the other one registers.
        with current.fault(f"/environments/{unique(request)}/", method="GET", status=404, body={}):
            assert two.execute() == first

    def test_a_version_that_the_service_changed_is_not_taken_for_ours(
        self, current: Emulated, request: pytest.FixtureRequest
    ) -> None:
        Try(self.operator(unique(request), version="1")).execute()
        other = self.operator(unique(request), version="1", image="python:3.12")
        with (
            current.fault(f"/environments/{unique(request)}/", method="GET", status=404, body={}),
            pytest.raises(AirflowFailException, match="exists with another image"),
        ):
            Try(other).execute()

    def test_it_waits_until_the_version_is_provisioned(
        self, current: Emulated, request: pytest.FixtureRequest, said: Any
    ) -> None:
        name, mark = unique(request), current.mark()

        def provision() -> None:
            wait_for(lambda: len(current.asked("GET", f"/environments/{name}/", since=mark)) > 2)
            current.admin("PATCH", "settings", {"provisioning_seconds": 0})

        with setting(current, "provisioning_seconds", 600), ThreadPoolExecutor(1) as service:
            provisioned = service.submit(provision)
            Try(self.operator(name, wait_for_build=True, poll_interval=0.2)).execute()
            provisioned.result()
        assert "Creating" in said()
        assert ": Succeeded." in said()
        with AzureMLHook().client() as client:
            assert client.get_latest_environment(name).provisioning_state == "Succeeded"

    def test_without_being_told_to_it_does_not_wait(
        self, current: Emulated, request: pytest.FixtureRequest
    ) -> None:
        mark = current.mark()
        with setting(current, "provisioning_seconds", 600):
            Try(self.operator(unique(request))).execute()
        assert len(current.asked("GET", "/environments/", since=mark)) == 1

    @pytest.mark.parametrize("end", ["failed", "canceled"])
    def test_a_version_that_cannot_be_provisioned_fails_the_task_for_good(
        self, current: Emulated, request: pytest.FixtureRequest, end: str
    ) -> None:
        operator = self.operator(unique(request), wait_for_build=True, tags={"emulator.provisioning": end})
        with pytest.raises(AirflowFailException, match=f"ended as {end.capitalize()}"):
            Try(operator).execute()

    def test_a_wait_has_an_end_and_the_next_try_waits_on(
        self, current: Emulated, request: pytest.FixtureRequest
    ) -> None:
        waiting = {"wait_for_build": True, "poll_interval": 0.1, "timeout": 0.3}
        with (
            setting(current, "provisioning_seconds", 600),
            pytest.raises(ProvisioningTimeoutError, match=r"is still Creating after 0\.3 s"),
        ):
            Try(self.operator(unique(request), **waiting)).execute()
        mark = current.mark()
        Try(self.operator(unique(request), **waiting)).execute()
        assert writes(current, mark) == []

    def test_a_wait_that_is_shorter_than_its_interval_reads_once_more(
        self, current: Emulated, request: pytest.FixtureRequest
    ) -> None:
        with setting(current, "provisioning_seconds", 0.2):
            Try(self.operator(unique(request), wait_for_build=True, poll_interval=600, timeout=1)).execute()

    def test_a_version_of_the_api_that_does_not_tell_is_refused(
        self, current: Emulated, request: pytest.FixtureRequest
    ) -> None:
        mark = current.mark()
        operator = self.operator(unique(request), wait_for_build=True, api_version="2022-05-01")
        with pytest.raises(AirflowFailException, match=r"wait_for_build: .*2023-04-01 is the first"):
            Try(operator).execute()
        assert current.asked(since=mark) == []

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"poll_interval": None}, "poll_interval: None must be a number of seconds"),
            ({"version": "a/b"}, "version: 'a/b' is no version of an asset"),
            ({"version": ".."}, "version: '..' is no version of an asset"),
            (
                {**BUILD, "build": {"path": "https://h/c?sig=CANARY"}},
                r"build\.path: 'https://h/c\?sig=\.\.\.' holds a signature",
            ),
            ({"poll_interval": 0}, "poll_interval: 0 must be a number of seconds"),
            ({"timeout": "1h"}, "timeout: '1h' must be a number of seconds"),
            ({"conda_file": "dependencies: [a\nb: }"}, r"conda_file: it is not valid YAML: .*line 2"),
            ({"conda_file": "no/such.yml"}, "conda_file: '.*no/such.yml' cannot be read: No such file"),
            ({"conda_file": {"packages": []}}, "it must be a mapping with a list named 'dependencies'"),
            ({"image": None, "conda_file": None}, "image: give either an image"),
            ({"build": {"path": "x"}}, "image: give either an image"),
            ({"build": {"path": "x"}, "image": None}, "image: give either an image"),
            ({**BUILD, "build": {"path": "x", "dockerfile": "D"}}, "build: unknown key 'dockerfile'"),
            ({**BUILD, "build": {"path": " "}}, "build.path: ' ' must be the path of a file or folder"),
            ({"conda_file": "~nobody-here/c.yml"}, "conda_file: .* no such home folder"),
            ({"name": "bad name"}, "name: 'bad name' is no name for Azure ML"),
            ({"os_type": "macOS"}, "os_type: 'macOS' is not one of: Linux, Windows"),
        ],
    )
    def test_mistakes_are_said_before_anything_is_sent(
        self, current: Emulated, arguments: dict[str, Any], message: str
    ) -> None:
        mark = current.mark()
        operator = self.operator(**{"name": "mistakes", **arguments})
        with pytest.raises(AirflowFailException, match=message):
            Try(operator).execute()
        assert current.asked(since=mark) == []

    def test_a_build_context_without_its_dockerfile(self, current: Emulated, tmp_path: Path) -> None:
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker" / "readme").write_text("no Dockerfile here")
        operator = self.operator("built", image=None, conda_file=None, build={"path": "docker"})
        mark = current.mark()
        with pytest.raises(
            AirflowFailException, match=r"build\.dockerfile_path: 'docker' has no 'Dockerfile'"
        ):
            Try(operator, dag_file=str(tmp_path / "dag.py")).execute()
        assert current.asked(since=mark) == []


class TestCode:
    def upload(self, path: Path, **arguments: Any) -> Any:
        return Try(AzureMLUploadCodeOperator(task_id="code", path=str(path), **arguments)).execute()

    def test_the_same_content_is_uploaded_once(self, workspace: Emulated, folder: Path) -> None:
        first = self.upload(folder)
        mark = workspace.mark()
        assert self.upload(folder) == first
        assert writes(workspace, mark) == []
        (folder / "train.py").write_text("print('changed')\n")
        assert self.upload(folder)["id"] != first["id"]

    def test_under_a_name_of_its_own(self, workspace: Emulated, folder: Path) -> None:
        name = f"named-{workspace.mark()}"
        first = self.upload(folder, name=name)
        mark = workspace.mark()
        assert first["name"] == name
        assert self.upload(folder, name=name) == first
        assert writes(workspace, mark) == []
        (folder / "train.py").write_text("print('changed')\n")
        with pytest.raises(AirflowFailException, match="exists with another content"):
            self.upload(folder, name=name, version=first["version"])

    def test_under_a_version_of_its_own(self, workspace: Emulated, folder: Path) -> None:
        self.upload(folder)
        assert self.upload(folder, version="7")["version"] == "7"

    @pytest.mark.parametrize("path", [None, "", " ", "~nobody-here/src", "a\0b"])
    def test_what_is_no_path_is_refused(self, current: Emulated, path: Any) -> None:
        mark = current.mark()
        for operator in (
            AzureMLUploadCodeOperator(task_id="code", path=path),
            AzureMLRegisterDataOperator(task_id="data", name="no-path", path=path),
        ):
            with pytest.raises(AirflowFailException, match=r"^path: .*(must be the path|no such home)"):
                Try(operator).execute()
        assert current.asked(since=mark) == []

    def test_code_that_microsofts_sdk_uploaded_is_found(self, current: Emulated, folder: Path) -> None:
        content = read_content("path", folder)
        with AzureMLHook().client() as client:
            # The SDK's name is a GUID, its version 1, its container the one that it was given.
            sdk = client.create_code(
                Code(
                    "3f8da52e-b145-44b7-8fc2-399e3d40f070", "1", "https://a/c/src", content_hash=content.hash
                )
            )
        mark = current.mark()
        assert self.upload(folder)["id"] == sdk.id
        assert writes(current, mark) == []

    def test_our_code_is_found_by_microsofts_sdk(self, current: Emulated, folder: Path) -> None:
        code = self.upload(folder)
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
        self, current: Emulated, folder: Path, said: Any
    ) -> None:
        with current.fault("startPendingUpload", status=403, times=None):
            code = self.upload(folder)
        assert code["id"]
        assert "No upload by startPendingUpload, trying Microsoft Entra token" in said()

    @pytest.mark.parametrize("broken", ["empty", "ignored", "leaving", "missing"])
    def test_bad_folders_are_refused_before_anything_is_sent(
        self, current: Emulated, tmp_path: Path, broken: str
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
            self.upload(root)
        assert current.asked(since=mark) == []

    def test_nothing_is_registered_if_the_upload_fails(self, current: Emulated, folder: Path) -> None:
        mark = current.mark()
        with (
            current.fault("startPendingUpload|/datastores", status=403, times=None),
            pytest.raises(AirflowFailException, match=r"every way is closed.*Storage Blob Data Contributor"),
        ):
            self.upload(folder)
        assert current.asked("PUT", "/codes/", since=mark) == []


class TestData:
    def register(self, path: str, base: Path, **arguments: Any) -> Any:
        operator = AzureMLRegisterDataOperator(
            **{"task_id": "data", "name": "iris", "path": path, "type": "uri_file", **arguments}
        )
        return Try(operator, dag_file=str(base / "dag.py")).execute()

    def test_a_local_file_is_uploaded_once(self, workspace: Emulated, tmp_path: Path) -> None:
        (tmp_path / "iris.csv").write_text(f"a,b\n1,{workspace.mark()}\n")
        first = self.register("iris.csv", tmp_path)
        mark = workspace.mark()
        assert self.register("iris.csv", tmp_path) == first
        assert writes(workspace, mark) == []
        assert first["uri"].endswith("/iris.csv")
        assert first["type"] == "uri_file"

    def test_a_local_folder(self, workspace: Emulated, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "a.csv").write_text(f"{workspace.mark()}")
        first = self.register("data", tmp_path, name="folder", type="uri_folder")
        assert self.register("data", tmp_path, name="folder", type="uri_folder") == first
        assert first["type"] == "uri_folder"
        # Its own name is no part of the content.
        (tmp_path / "data").rename(tmp_path / "renamed")
        assert self.register("renamed", tmp_path, name="folder", type="uri_folder") == first
        (tmp_path / "renamed" / "a.csv").write_text("changed")
        with pytest.raises(AirflowFailException, match="exists with another content"):
            self.register("renamed", tmp_path, name="folder", type="uri_folder", version=first["version"])

    def test_a_path_that_is_no_text(self, current: Emulated, tmp_path: Path) -> None:
        with pytest.raises(AirflowFailException, match=r"path: PosixPath\('x'\) must be text"):
            self.register(Path("x"), tmp_path)  # type: ignore[arg-type]
        (tmp_path / "2026").write_text("native rendering makes a number of its name")
        assert self.register(2026, tmp_path)["uri"].endswith("/2026")  # type: ignore[arg-type]

    @pytest.mark.parametrize("uri", URIS_OF_ALL)
    def test_a_uri_is_registered_as_it_is(self, workspace: Emulated, tmp_path: Path, uri: str) -> None:
        first = self.register(uri, tmp_path, name="uris")
        mark = workspace.mark()
        assert self.register(uri, tmp_path, name="uris") == first
        assert writes(workspace, mark) == []

    @pytest.mark.parametrize("uri", URIS_SINCE_2022)
    def test_and_in_more_forms_since_2022(self, current: Emulated, tmp_path: Path, uri: str) -> None:
        first = self.register(uri, tmp_path, name="more-uris")
        mark = current.mark()
        assert self.register(uri, tmp_path, name="more-uris") == first
        assert writes(current, mark) == []
        with pytest.raises(AirflowFailException, match=r"path: api-version 2021-03-01-preview cannot say"):
            self.register(uri, tmp_path, name="old-uris", api_version=VERSIONS[-1])

    def test_what_the_api_version_cannot_say_is_refused_before_the_upload(
        self, current: Emulated, tmp_path: Path
    ) -> None:
        (tmp_path / "table").mkdir()
        (tmp_path / "table" / "a.csv").write_text(f"{current.mark()}")
        (tmp_path / "table" / "MLTable").write_text("paths:\n  - file: ./a.csv\n")
        mark = current.mark()
        with pytest.raises(AirflowFailException, match=r"type: api-version 2021-03-01-preview cannot say"):
            self.register("table", tmp_path, name="table", type="mltable", api_version=VERSIONS[-1])
        assert not current.asked(path="/datastores", since=mark)

    def test_a_version_is_found_by_another_spelling_of_its_uri(
        self, current: Emulated, tmp_path: Path
    ) -> None:
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
            first = self.register(left, tmp_path, **same)
            mark = current.mark()
            assert self.register(right, tmp_path, **same) == first
            assert writes(current, mark) == []
        elsewhere = long.replace(f"workspaces/{ours.name}", "workspaces/another")
        with pytest.raises(AirflowFailException, match="exists with another path"):
            self.register(elsewhere, tmp_path, name="spelled", type="uri_folder", version="0")

    def test_an_mltable_is_registered_with_what_it_refers_to(self, current: Emulated, tmp_path: Path) -> None:
        (tmp_path / "table").mkdir()
        (tmp_path / "table" / "a.csv").write_text(f"x\n{current.mark()}\n")
        (tmp_path / "table" / "MLTable").write_text("paths:\n- file: ./a.csv\n")
        first = self.register("table", tmp_path, name="table", type="mltable")
        mark = current.mark()
        assert self.register("table", tmp_path, name="table", type="mltable") == first
        assert writes(current, mark) == []
        with AzureMLHook().client() as client:
            data = client.get_data("table", first["version"])
            assert client.get_latest_data("table").id == first["id"]
        assert (data.type, data.referenced_uris) == ("mltable", ("./a.csv",))

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            (None, "path: the folder .* has no file 'MLTable'"),
            ("paths: [", "MLTable': it is not valid YAML"),
            ("paths:\n- file: gone.csv\n", "the folder has no file 'gone.csv'"),
            ("paths:\n- file: https://h/x?sig=CANARY\n", r"MLTable': 'https://h/x\?sig=\.\.\.' holds a sig"),
        ],
    )
    def test_a_bad_mltable_is_refused_before_anything_is_sent(
        self, current: Emulated, tmp_path: Path, table: str | None, message: str
    ) -> None:
        (tmp_path / "table").mkdir()
        (tmp_path / "table" / "a.csv").write_text("x\n")
        if table is not None:
            (tmp_path / "table" / "MLTable").write_text(table)
        mark = current.mark()
        with pytest.raises(AirflowFailException, match=message):
            self.register("table", tmp_path, name="table", type="mltable")
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
        self, current: Emulated, tmp_path: Path, uri: str
    ) -> None:
        mark = current.mark()
        with pytest.raises(AirflowFailException, match=r"^path: .*(holds a signature|must be local)") as told:
            self.register(uri, tmp_path, name="signed")
        assert "CANARY" not in str(told.value)
        assert current.asked(since=mark) == []

    def test_what_another_task_registers_meanwhile_is_found(self, current: Emulated, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "a.csv").write_text(f"{tmp_path}")
        first = self.register("one", tmp_path, name="at-once", type="uri_folder")
        # As it is to a task that looks before the other one registers.
        with current.fault("/data/at-once/versions/", method="GET", status=404, body={}):
            assert self.register("two", tmp_path, name="at-once", type="uri_folder") == first

    def test_another_type_is_another_version(self, current: Emulated, tmp_path: Path) -> None:
        uri = "https://example.org/typed"
        as_file = self.register(uri, tmp_path, name="typed", type="uri_file")
        as_folder = self.register(uri, tmp_path, name="typed", type="uri_folder")
        assert as_file["version"] != as_folder["version"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"path": "ftp://example.org/x"}, "path: 'ftp://example.org/x' must be local or one of"),
            ({"path": "no.csv"}, "path: there is no file or folder"),
            ({"path": "."}, "type: 'uri_file' does not fit '.', which is a folder"),
            ({"path": "https://e.org/x", "type": "csv"}, "type: 'csv' is not one of: uri_file"),
        ],
    )
    def test_mistakes(
        self, current: Emulated, tmp_path: Path, arguments: dict[str, Any], message: str
    ) -> None:
        (tmp_path / "x").write_text("x")
        mark = current.mark()
        with pytest.raises(AirflowFailException, match=message):
            self.register(base=tmp_path, **arguments)
        assert current.asked(since=mark) == []


def test_a_job_gets_its_code_and_data_and_leaves_its_output(
    workspace: Emulated, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "src").mkdir()
    script = f"import sys, pathlib  # {unique(request)}\n" + (
        "text = pathlib.Path(sys.argv[1]).read_text()\n"
        "out = pathlib.Path(sys.argv[3]); out.mkdir(parents=True, exist_ok=True)\n"
        "(out / 'copy.txt').write_text(text + sys.argv[2])\n"
    )
    (tmp_path / "src" / "copy_it.py").write_text(script)
    (tmp_path / "in.txt").write_text("data ")
    dag_file = str(tmp_path / "dag.py")
    environment = Try(
        AzureMLCreateEnvironmentOperator(task_id="e", name="bare", image="python:3.11")
    ).execute()
    data = Try(
        AzureMLRegisterDataOperator(task_id="d", name="text", path="in.txt", type="uri_file"),
        dag_file=dag_file,
    ).execute()
    job = AzureMLSubmitCommandJobOperator(
        task_id=unique(request),
        command="python copy_it.py ${{inputs.text}} ${{inputs.word}} ${{outputs.copy}}",
        environment=environment,
        code="src",
        compute="cpu-cluster",
        inputs={"text": data, "word": "it's quoted"},
        outputs={"copy": "uri_folder"},
        poll_interval=0.5,
        timeout=60,
    )
    if "2021" in request.node.name:
        result = Try(job, dag_file=dag_file).execute()
    else:
        job.inputs["word"] = "plain"
        result = Try(job, dag_file=dag_file).execute()
    assert result["status"] == "Completed"
    wanted = "data it's quoted" if "2021" in request.node.name else "data plain"
    assert read_output(workspace, result["outputs"]["copy"], "copy.txt") == wanted


def read_output(emulated: Emulated, uri: str, name: str) -> str:
    """A file of an output, out of the default datastore."""
    from azure.storage.blob import ContainerClient

    with AzureMLHook().client() as client:
        datastore = client.get_default_datastore()
        secrets = client.list_datastore_secrets(datastore.name)
    container = ContainerClient(
        emulated.facts["blob_endpoint"],
        datastore.container_name,
        credential=secrets.account_key,
        connection_verify=emulated.facts["ca_bundle"],
    )
    with container:
        path = uri.partition("/paths/")[2].rstrip("/")
        return bytes(container.download_blob(f"{path}/{name}").readall()).decode()
