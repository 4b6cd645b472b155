from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.emulated import Emulated


@pytest.fixture
def tuned(emulator: Emulated) -> Iterator[Emulated]:
    """The emulator, whose settings and faults are put right after a test."""
    before = emulator.admin("GET", "settings")
    yield emulator
    emulator.admin("PATCH", "settings", before)
    emulator.admin("DELETE", "faults")
