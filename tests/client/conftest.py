"""A folder of code to upload, and the way it takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.assets.upload.blobs import BLOCK_SIZE
from tests.support.emulated import Emulated
from tests.support.storage import StorageProxy
from tests.support.upload_code import client_of


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Twelve small files and one of three blocks, with content of its own for each test."""
    root = tmp_path / "src"
    root.mkdir()
    (root / "big.bin").write_bytes(os.urandom(2 * BLOCK_SIZE + 7))
    for number in range(12):
        (root / f"file{number:02}.py").write_text(f"print({number}, {request.node.name!r})\n")
    return root


@pytest.fixture
def proxy(training_emulator: Emulated) -> Iterator[StorageProxy]:
    with StorageProxy(training_emulator) as proxy:
        yield proxy


@pytest.fixture
def facts(training_emulator: Emulated, proxy: StorageProxy) -> dict[str, Any]:
    """The emulator's facts, with the storage's pass-through in front of its datastore."""
    return {**training_emulator.facts, "blob_endpoint": proxy.endpoint}


@pytest.fixture
def client(facts: dict[str, Any]) -> Iterator[AzureMLClient]:
    with client_of(facts) as client:
        yield client


@pytest.fixture
def service(client: AzureMLClient, training_emulator: Emulated) -> Iterator[BlobServiceClient]:
    """The emulator's storage itself."""
    key = client.list_datastore_secrets(client.get_default_datastore().name).account_key
    facts = training_emulator.facts
    with BlobServiceClient(
        facts["blob_endpoint"], credential=key, connection_verify=facts["ca_bundle"]
    ) as service:
        yield service
