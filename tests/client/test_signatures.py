"""Uploads to places whose signature ends when half of the files are sent, whatever the machine's speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.blob import BlobServiceClient

from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.assets.ensure import ensure_code
from airflow_provider_amlrest.rest.assets.upload.content import LocalContent, read_content
from tests.support.emulated import Emulated
from tests.support.storage import StorageProxy, files_of, lying_at

NO_PLACE = "startPendingUpload"
LIFE = 6.0
"""Seconds of a signature that ends on the way; so long has the machine for the first file."""


def expiry(sas: str) -> float:
    """When a signature ends, as a Unix time."""
    [text] = parse_qs(urlsplit(sas).query)["se"]
    return datetime.fromisoformat(text).timestamp()


@pytest.fixture
def content(folder: Path) -> LocalContent:
    """The folder's files, which have been read once, for their hash."""
    content = read_content("code", folder)
    assert content.hash
    return content


@pytest.fixture
def ending(
    training_emulator: Emulated, client: AzureMLClient, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[int], None]]:
    """Say how many of the signatures, the first ones, end on the way."""
    ask, read = client.start_pending_upload, LocalContent.read
    left, end = 0, 0.0

    def place(name: str, version: str, upload_id: str | None = None) -> Any:
        nonlocal left, end
        life = LIFE if left > 0 else 28800
        training_emulator.admin("PATCH", "settings", {"sas_lifetime_seconds": life})
        found = ask(name, version, upload_id)
        if left > 0:
            end = expiry(found.sas_uri)
        left -= 1
        return found

    def slowly(content: LocalContent, file: Any, size: int) -> Iterator[bytes]:
        if file.name == "file06.py":
            time.sleep(max(0.0, end + 0.1 - time.time()))
        yield from read(content, file, size)

    def choose(number: int) -> None:
        nonlocal left
        left = number
        monkeypatch.setattr(client, "start_pending_upload", place)
        monkeypatch.setattr(LocalContent, "read", slowly)

    yield choose
    training_emulator.admin("PATCH", "settings", {"sas_lifetime_seconds": 28800})


@pytest.fixture
def containers(client: AzureMLClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each place is another one, as if the service did not honour the id; the places so far."""
    ask, found = client.start_pending_upload, []

    def fresh(name: str, version: str, upload_id: str | None = None) -> Any:
        place = ask(name, version)
        found.append(place.blob_uri)
        return place

    monkeypatch.setattr(client, "start_pending_upload", fresh)
    return found


def test_it_goes_on_with_a_new_signature(
    training_emulator: Emulated,
    client: AzureMLClient,
    service: BlobServiceClient,
    folder: Path,
    content: LocalContent,
    ending: Callable[[int], None],
) -> None:
    ending(1)
    mark = training_emulator.mark()
    code, _ = ensure_code(client, content)
    assert len(training_emulator.asked("POST", NO_PLACE, since=mark)) == 2
    assert "LocalUpload" not in code.uri
    assert lying_at(service, code) == files_of(folder)


def test_in_another_container_all_is_sent_again(
    client: AzureMLClient,
    service: BlobServiceClient,
    folder: Path,
    content: LocalContent,
    containers: list[str],
    ending: Callable[[int], None],
) -> None:
    ending(1)
    code, _ = ensure_code(client, content)
    assert len(set(containers)) == 2
    assert code.uri == f"{containers[1]}/src"
    assert lying_at(service, code) == files_of(folder)


def test_if_no_signature_lives_long_enough_the_datastore_serves(
    client: AzureMLClient,
    proxy: StorageProxy,
    content: LocalContent,
    containers: list[str],
    ending: Callable[[int], None],
) -> None:
    ending(2)
    code, _ = ensure_code(client, content)
    assert len(set(containers)) == 3
    assert code.uri.startswith(f"{proxy.endpoint}/")
    assert "/LocalUpload/" in code.uri
