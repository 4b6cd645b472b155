"""The emulator whose operations take no time, for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.online import operation
from tests.emulator.running import Running


@pytest.fixture
def quick(tuned: Running) -> Iterator[Running]:
    """The emulator; operations take no time, and what a test leaves is removed."""
    tuned.admin("PATCH", "settings", {"operation_seconds": 0})
    yield tuned
    tuned.admin("DELETE", "provisioning")
    for endpoint in tuned.ml("GET", "onlineEndpoints").json()["value"]:
        operation(tuned, tuned.ml("DELETE", f"onlineEndpoints/{endpoint['name']}"))
