"""Runtimes over a real store and a real Azurite, without the emulator's HTTP front."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_amlrest.emulator.sign_in.pki import open_pki
from airflow_provider_amlrest.emulator.storage.azurite import Azurite
from airflow_provider_amlrest.emulator.storage.blobs import ACCOUNT, BlobStorage

from .harness import Harness, make_harness

ACCOUNT_KEY = "Zm9yIHRlc3RzIG9uIGxvb3BiYWNrIG9ubHk="


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlobStorage]:
    folder = tmp_path_factory.mktemp("azurite")
    pki = open_pki(folder / "pki", ("127.0.0.1",))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    azurite = Azurite.start(
        port=port,
        data=folder / "data",
        log_file=folder / "azurite.log",
        certificate=pki.server_certificate,
        key=pki.server_key,
        account=ACCOUNT,
        account_key=ACCOUNT_KEY,
    )
    storage = BlobStorage(port, ACCOUNT_KEY, pki.ca_bundle)
    yield storage
    storage.close()
    azurite.stop()


@pytest.fixture
def host(tmp_path: Path, blobs: BlobStorage) -> Iterator[Harness]:
    """Runtime ``host``, started, with a compute ``cpu`` of two nodes and an environment ``env:1``."""
    harness = make_harness(tmp_path, "host", blobs)
    harness.start()
    yield harness
    harness.stop()
    harness.store.close()


@pytest.fixture
def venv(tmp_path: Path, blobs: BlobStorage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """Runtime ``venv`` with a cache of its own, started."""
    monkeypatch.setenv("AMLREST_EMULATOR_CACHE", str(tmp_path / "cache"))
    harness = make_harness(tmp_path, "venv", blobs)
    harness.start()
    yield harness
    harness.stop()
    harness.store.close()


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[Harness]:
    """Runtime ``simulated``, started."""
    nowhere = BlobStorage(1, ACCOUNT_KEY, tmp_path / "ca.pem")
    harness = make_harness(tmp_path, "simulated", nowhere)
    harness.start()
    yield harness
    harness.stop()
    harness.store.close()
