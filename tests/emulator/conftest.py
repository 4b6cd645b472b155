"""Emulators for the tests of their wire side: one per session without blob storage, one with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.online import operation
from tests.emulator.running import Running


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Jobs are states on a clock; there is no blob storage."""
    running = Running(tmp_path_factory.mktemp("wire") / "data", "--runtime", "simulated")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture(scope="session")
def storing_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With Azurite; jobs run with this interpreter."""
    running = Running(tmp_path_factory.mktemp("blobs") / "data", "--runtime", "host")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def tuned(emulator: Running) -> Iterator[Running]:
    """The emulator; whatever a test sets and breaks is put right after it."""
    before = emulator.admin("GET", "settings").json()
    yield emulator
    emulator.admin("PATCH", "settings", before)
    emulator.admin("DELETE", "faults")


@pytest.fixture
def quick(tuned: Running) -> Iterator[Running]:
    """The emulator; operations take no time, and the endpoints that a test leaves are removed."""
    tuned.admin("PATCH", "settings", {"operation_seconds": 0})
    yield tuned
    tuned.admin("DELETE", "provisioning")
    for collection in ("onlineEndpoints", "batchEndpoints"):
        for endpoint in tuned.ml("GET", collection).json()["value"]:
            operation(tuned, tuned.ml("DELETE", f"{collection}/{endpoint['name']}"))
