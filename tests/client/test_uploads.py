"""Uploads over real HTTP, read off the blob storage and off what stands in front of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.ensure import VERSION_LENGTH, ensure_code, ensure_data
from airflow_provider_amlrest.rest.assets.upload import blobs
from airflow_provider_amlrest.rest.assets.upload.content import LocalContent, read_content
from airflow_provider_amlrest.rest.assets.upload.ways import _place, datastore_path, upload_to_datastore
from airflow_provider_amlrest.rest.http.errors import (
    ContentChangedError,
    ServiceError,
    UnreachableError,
    UploadRefusedError,
)
from tests.support.emulated import Emulated
from tests.support.storage import Asked, StorageProxy, files_of, lying_at
from tests.support.waiting import PATIENCE, wait_for

BLOCK = blobs.BLOCK_SIZE
NO_PLACE = "startPendingUpload"


def start(facts: dict[str, Any], folder: Path, agent: str = "") -> subprocess.Popen[str]:
    """A process that uploads the folder as code."""
    file = folder.parent / "facts.json"
    file.write_text(json.dumps(facts))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.upload_code", file, folder],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "AZURE_HTTP_USER_AGENT": agent},
    )


def proxied(
    proxy: StorageProxy, emulator: Emulated, client: AzureMLClient, content: LocalContent
) -> dict[str, Any]:
    """The answer of startPendingUpload for the content, by the storage's pass-through."""
    name, version = f"code-{content.hash[:32]}", content.hash[:VERSION_LENGTH]
    place = _place(client, content, name, version)
    blob, sas = (
        uri.replace(emulator.facts["blob_endpoint"], proxy.endpoint)
        for uri in (place.blob_uri, place.sas_uri)
    )
    return {"blobReferenceForConsumption": {"blobUri": blob, "credential": {"sasUri": sas}}}


class TestKilled:
    def test_what_was_sent_to_the_datastore_is_not_sent_again(
        self,
        training_emulator: Emulated,
        facts: dict[str, Any],
        client: AzureMLClient,
        service: BlobServiceClient,
        proxy: StorageProxy,
        folder: Path,
    ) -> None:
        content = read_content("code", folder)
        turns, killed = threading.Semaphore(7), threading.Event()
        proxy.gate = self.gate(turns, killed)
        with training_emulator.fault(NO_PLACE, status=403, times=None):
            self.killed_after_seven(facts, folder, proxy)
            killed.set()
            before = proxy.writes()
            assert any(asked.comp == "block" for asked in before)
            assert any(not asked.comp for asked in before)
            mark = training_emulator.mark()
            code, new = ensure_code(client, content)
        assert new
        after = proxy.writes()[7:]
        # Twelve small files, three blocks and the list of them: each once, over both processes.
        assert sorted((a.path, a.comp, a.block) for a in before + after) == sorted(
            {(a.path, a.comp, a.block) for a in before + after}
        )
        assert len(before + after) == 16
        assert len(training_emulator.asked("PUT", "/codes/", since=mark)) == 1
        with service.get_container_client(client.get_default_datastore().container_name) as container:
            path = datastore_path(content)
            assert {
                blob.name.removeprefix(f"{path}/"): bytes(container.download_blob(blob.name).readall())
                for blob in container.list_blobs(name_starts_with=path)
            } == files_of(folder)
        assert code.uri.endswith(path)

    def test_what_was_sent_to_the_services_place_is_not_sent_again(
        self,
        training_emulator: Emulated,
        facts: dict[str, Any],
        client: AzureMLClient,
        service: BlobServiceClient,
        proxy: StorageProxy,
        folder: Path,
    ) -> None:
        content = read_content("code", folder)
        old = {container.name for container in service.list_containers()}
        turns, killed = threading.Semaphore(7), threading.Event()
        proxy.gate = self.gate(turns, killed)
        place = proxied(proxy, training_emulator, client, content)
        with training_emulator.fault(NO_PLACE, status=200, times=None, body=place):
            self.killed_after_seven(facts, folder, proxy)
        killed.set()
        before = self._tags(service, old)
        assert 0 < len(before) < 13
        code, new = ensure_code(client, content)
        assert new
        after = self._tags(service, old)
        assert before.items() <= after.items()
        assert len({name.partition("/")[0] for name in after}) == 1
        assert lying_at(service, code) == files_of(folder)

    def gate(self, turns: threading.Semaphore, killed: threading.Event) -> Callable[[Asked], None]:
        """Lets as many writes through as there are turns, until their sender is killed."""

        def some(asked: Asked) -> None:
            if asked.method == "PUT" and not killed.is_set() and not turns.acquire(blocking=False):
                killed.wait(PATIENCE)
                raise ConnectionError("its client is gone")

        return some

    def killed_after_seven(self, facts: dict[str, Any], folder: Path, proxy: StorageProxy) -> None:
        process = start(facts, folder)
        try:
            wait_for(lambda: len(proxy.writes()) == 7)
        finally:
            process.kill()
            process.communicate()

    def _tags(self, service: BlobServiceClient, old: set[str]) -> dict[str, str]:
        """ETags of the blobs in new containers: a blob that is written again gets another one."""
        return {
            f"{container.name}/{blob.name}": str(blob.etag)
            for container in service.list_containers()
            if container.name not in old
            for blob in service.get_container_client(container.name).list_blobs()
        }


@pytest.mark.parametrize("place", ["service", "datastore"])
def test_two_processes_upload_the_same_code_at_once(
    training_emulator: Emulated,
    facts: dict[str, Any],
    client: AzureMLClient,
    service: BlobServiceClient,
    proxy: StorageProxy,
    folder: Path,
    place: str,
) -> None:
    agents: set[str] = set()
    both = threading.Event()

    def together(asked: Asked) -> None:
        agents.update(re.findall(r"task-\d", asked.agent) if asked.method == "PUT" else ())
        if len(agents) == 2:
            both.set()
        assert asked.method != "PUT" or both.wait(PATIENCE)

    proxy.gate = together
    content = read_content("code", folder)
    rule: dict[str, Any] = {"status": 403}
    if place == "service":
        rule = {"status": 200, "body": proxied(proxy, training_emulator, client, content)}
    mark = training_emulator.mark()
    with training_emulator.fault(NO_PLACE, times=None, **rule):
        processes = [start(facts, folder, f"task-{number}") for number in range(2)]
        said = [process.communicate(timeout=PATIENCE)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert said[0][0] == said[1][0]
    assert both.is_set()
    code = client.find_code(content.hash)
    assert code is not None
    assert code.id == said[0][0]
    assert len({e["path"] for e in training_emulator.asked("PUT", "/codes/", since=mark)}) == 1
    url = code.uri.replace(proxy.endpoint, training_emulator.facts["blob_endpoint"])
    assert lying_at(service, Code("c", "1", url)) == files_of(folder)


MISMATCH = "AuthorizationPermissionMismatch"
NO_KEYS = "KeyBasedAuthenticationNotPermitted"


class TestWays:
    @pytest.mark.parametrize(
        ("no_place", "closed", "used"),
        [
            (False, {"Bearer": MISMATCH, "SharedKey": NO_KEYS}, None),
            (True, {}, "Bearer"),
            (True, {"Bearer": MISMATCH}, "SharedKey"),
        ],
    )
    def test_the_first_that_is_open_is_taken(
        self,
        training_emulator: Emulated,
        client: AzureMLClient,
        proxy: StorageProxy,
        folder: Path,
        no_place: bool,
        closed: dict[str, str],
        used: str | None,
    ) -> None:
        proxy.closed = closed
        with training_emulator.fault(NO_PLACE if no_place else "nothing", status=403, times=None):
            code, new = ensure_code(client, read_content("code", folder))
        assert new
        assert {asked.scheme for asked in proxy.writes()} == ({used} if used else set())
        assert ("/LocalUpload/" in code.uri) is no_place

    @pytest.mark.parametrize("closed", [{}, {"Bearer": MISMATCH}])
    def test_data_goes_by_token_then_by_key(
        self, client: AzureMLClient, proxy: StorageProxy, folder: Path, closed: dict[str, str]
    ) -> None:
        proxy.closed = closed
        content = read_content("path", folder)
        data, new = ensure_data(client, Data("ways", content.hash[:16], "uri_folder", ""), content)
        assert new
        assert data.uri.endswith(f"{datastore_path(content)}/")
        assert {asked.scheme for asked in proxy.writes()} == {"SharedKey" if closed else "Bearer"}

    def test_when_all_are_closed_one_error_tells_what_each_answered(
        self, training_emulator: Emulated, client: AzureMLClient, proxy: StorageProxy, folder: Path
    ) -> None:
        proxy.closed = {"Bearer": MISMATCH, "SharedKey": NO_KEYS}
        mark = training_emulator.mark()
        refusal = {"error": {"code": "AuthorizationFailed", "message": "You may not."}}
        with (
            training_emulator.fault(NO_PLACE, status=403, times=None, body=refusal),
            pytest.raises(UploadRefusedError) as caught,
        ):
            ensure_code(client, read_content("code", folder))
        said = str(caught.value)
        assert re.search(
            r"every way is closed. \(1\) By startPendingUpload: POST .*You may not.*AuthorizationFailed.*"
            rf"\(2\) By Microsoft Entra token: .*{MISMATCH}.*"
            rf"\(3\) By datastore key: .*{NO_KEYS}.*"
            r"'AzureML Data Scientist' on the workspace.*'Storage Blob Data Contributor' on the storage acc",
            said,
        )
        assert proxy.writes() == []
        assert training_emulator.asked("PUT", "/codes/", since=mark) == []

    def test_an_identity_without_a_token_for_storage_goes_on_to_the_key(
        self, training_emulator: Emulated, client: AzureMLClient, proxy: StorageProxy, folder: Path
    ) -> None:
        client.get_workspace()
        content = read_content("path", folder)
        refusal = {"error": "invalid_resource", "error_description": "AADSTS500011: no such principal"}
        with training_emulator.fault("oauth2/v2.0/token", status=400, times=None, body=refusal):
            ensure_data(client, Data("tokenless", content.hash[:16], "uri_folder", ""), content)
        assert {asked.scheme for asked in proxy.writes()} == {"SharedKey"}

    @pytest.mark.parametrize(
        ("path", "body", "words"),
        [
            ("listSecrets", {"secretsType": "None"}, "gives out neither a key nor a signature"),
            (
                "/datastores$",
                {
                    "value": [
                        {
                            "id": "/subscriptions/s/datastores/files",
                            "name": "files",
                            "properties": {"datastoreType": "AzureFile", "isDefault": True},
                        }
                    ]
                },
                "'files' is of type AzureFile, not AzureBlob",
            ),
        ],
    )
    def test_a_datastore_that_takes_no_upload_is_said_so(
        self,
        training_emulator: Emulated,
        client: AzureMLClient,
        proxy: StorageProxy,
        folder: Path,
        path: str,
        body: Any,
        words: str,
    ) -> None:
        proxy.closed = {"Bearer": MISMATCH}
        content = read_content("path", folder)
        with (
            training_emulator.fault(path, status=200, times=None, body=body),
            pytest.raises(UploadRefusedError, match=words),
        ):
            ensure_data(client, Data("none", content.hash[:16], "uri_folder", ""), content)

    def test_a_service_in_trouble_is_not_a_closed_way(
        self, training_emulator: Emulated, client: AzureMLClient, proxy: StorageProxy, folder: Path
    ) -> None:
        mark = training_emulator.mark()
        with (
            training_emulator.fault(NO_PLACE, status=501, times=None),
            pytest.raises(ServiceError, match="startPendingUpload"),
        ):
            ensure_code(client, read_content("code", folder))
        assert training_emulator.asked(path="/datastores", since=mark) == []

    @pytest.mark.parametrize("status", [400, 409])
    def test_a_service_that_takes_no_id_is_asked_without(
        self, training_emulator: Emulated, client: AzureMLClient, folder: Path, status: int
    ) -> None:
        with training_emulator.fault(NO_PLACE, status=status):
            code, _ = ensure_code(client, read_content("code", folder))
        assert "LocalUpload" not in code.uri


class TestBlobsThatAreThere:
    def place(self, client: AzureMLClient, service: BlobServiceClient) -> ContainerClient:
        return service.get_container_client(client.get_default_datastore().container_name)

    def register(self, client: AzureMLClient, content: LocalContent, name: str) -> None:
        ensure_data(client, Data(name, content.hash[:16], "uri_folder", ""), content)

    def test_with_another_or_no_md5_they_are_overwritten(
        self, client: AzureMLClient, service: BlobServiceClient, proxy: StorageProxy, folder: Path
    ) -> None:
        content = read_content("path", folder)
        path = datastore_path(content)
        with self.place(client, service) as container:
            # The same length: only the MD5 tells. Storage makes none of a blob of blocks.
            size = (folder / "file00.py").stat().st_size
            container.upload_blob(f"{path}/file00.py", b"x" * size)
            with container.get_blob_client(f"{path}/big.bin") as big:
                big.stage_block("x", b"x" * (2 * BLOCK + 7))
                big.commit_block_list(["x"])
            container.upload_blob(f"{path}/file01.py", (folder / "file01.py").read_bytes())
            self.register(client, content, "overwritten")
            found = {
                blob.name.removeprefix(f"{path}/"): bytes(container.download_blob(blob.name).readall())
                for blob in container.list_blobs(name_starts_with=path)
            }
        assert found == files_of(folder)
        written = {Path(asked.path).name for asked in proxy.writes()}
        assert written == set(files_of(folder)) - {"file01.py"}

    def test_once_uploaded_all_have_their_md5_and_nothing_is_sent_again(
        self, client: AzureMLClient, service: BlobServiceClient, proxy: StorageProxy, folder: Path
    ) -> None:
        content = read_content("path", folder)
        self.register(client, content, "once")
        with self.place(client, service) as container:
            blobs_there = list(container.list_blobs(name_starts_with=datastore_path(content)))
        assert len(blobs_there) == 13
        assert all(blob.content_settings.content_md5 for blob in blobs_there)
        sent = len(proxy.writes())
        self.register(client, content, "twice")
        assert len(proxy.writes()) == sent

    def test_a_fresh_place_is_looked_at_once(
        self, client: AzureMLClient, proxy: StorageProxy, folder: Path
    ) -> None:
        self.register(client, read_content("path", folder), "fresh")
        reads = [(asked.method, asked.comp) for asked in proxy.asked if asked.method != "PUT"]
        # And once at the blocks of the file that has some.
        assert set(reads) <= {("GET", "list"), ("GET", "blocklist")}
        assert reads.count(("GET", "list")) == 1


def test_blocks_that_a_crash_of_microsofts_sdk_has_left_are_no_hindrance(
    client: AzureMLClient, service: BlobServiceClient, folder: Path
) -> None:
    """It uploads to the same place, and all blocks of a blob need ids of one length."""
    content = read_content("path", folder)
    container = client.get_default_datastore().container_name

    def dying() -> Iterator[bytes]:
        yield os.urandom(BLOCK)
        raise ConnectionError("its process is gone")

    with service.get_blob_client(container, f"{datastore_path(content)}/big.bin") as blob:
        with pytest.raises(ConnectionError):
            blob.upload_blob(dying())
        assert blob.get_block_list("uncommitted")[1]
        ensure_data(client, Data("after-a-crash", "1", "uri_folder", ""), content)
        assert blob.download_blob().readall() == (folder / "big.bin").read_bytes()


def test_every_connection_of_an_upload_is_kept(
    client: AzureMLClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(blobs, "WORKERS", 1)
    for name in ("one", "two", "three"):
        (tmp_path / name).write_bytes(os.urandom(2 * BLOCK))
    upload_to_datastore(client, read_content("path", tmp_path))
    assert "Connection pool is full" not in caplog.text


def test_a_file_that_changes_meanwhile_is_not_registered(
    training_emulator: Emulated, client: AzureMLClient, folder: Path
) -> None:
    content = read_content("code", folder)
    assert content.hash
    (folder / "file03.py").write_text("print('changed')\n")
    mark = training_emulator.mark()
    with pytest.raises(ContentChangedError, match=r"^code: '.*file03\.py' changed while it was read"):
        ensure_code(client, content)
    assert training_emulator.asked("PUT", "/codes/", since=mark) == []


def test_progress_of_a_long_upload_is_told(
    client: AzureMLClient, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    ensure_code(client, read_content("code", folder))
    assert "Uploading 13 files" in caplog.text
    assert "8.0 MiB, from" in caplog.text
    assert "so far" not in caplog.text
    monkeypatch.setattr(blobs, "PROGRESS_SECONDS", 0.0)
    (folder / "more.py").write_text("")
    ensure_code(client, read_content("code", folder))
    assert "Uploaded so far: 14 of 14 files, 8.0 MiB of 8.0 MiB." in caplog.text


def test_what_is_there_already_is_not_said_to_be_uploaded(
    client: AzureMLClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    file = tmp_path / "once.txt"
    file.write_text(str(time.time_ns()))
    content = read_content("data", file, is_data=True)
    upload_to_datastore(client, content)
    folder = f"LocalUpload/{content.hash}"
    assert [record.getMessage() for record in caplog.records if "/upload/" in record.pathname] == [
        f"Uploading 1 file, {content.size} bytes, from {file} to {files_container(client)}/{folder}."
    ]
    caplog.clear()
    upload_to_datastore(client, content)
    assert [record for record in caplog.records if "/upload/" in record.pathname] == []


def files_container(client: AzureMLClient) -> str:
    return str(client.get_default_datastore().container_name)


@pytest.mark.parametrize("comp", ["list", "block", ""])
def test_an_upload_ends_at_the_deadline(
    client: AzureMLClient, folder: Path, proxy: StorageProxy, comp: str
) -> None:
    """The storage takes a request, and says nothing: when its blobs are listed, or while one is sent."""
    over = threading.Event()
    proxy.gate = lambda asked: (asked.comp == comp and over.wait(PATIENCE)) and None
    began = time.monotonic()
    try:
        with client.until(time.time() + 2), pytest.raises(UnreachableError, match="it took longer than"):
            upload_to_datastore(client, read_content("path", folder))
    finally:
        over.set()
    assert time.monotonic() - began < 60


def test_a_large_file_is_not_held_in_memory(facts: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    with (folder / "sparse.bin").open("wb") as file:
        file.truncate(192 << 20)
    process = start(facts, folder)
    grown = int(process.communicate(timeout=PATIENCE)[0].split()[1])
    assert process.returncode == 0
    assert grown < 96
