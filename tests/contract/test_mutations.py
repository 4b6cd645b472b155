"""The table of deliberate faults fits the code. That each is caught is shown by ``make mutation``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.mutate_wire import FAULTS, RESOURCE_TESTS, ROOT, TESTS
from tools.wire_faults import Fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_fault_applies(fault: Fault) -> None:
    """Its text is there once; the file with it is another, and still Python."""
    source = fault.source(ROOT)
    assert source != (ROOT / "airflow_provider_amlrest" / "rest" / fault.file).read_text()
    compile(source, fault.file, "exec")


@pytest.mark.parametrize("page", ["docs/fidelity.md", "CONTRIBUTING.md"])
def test_pages_say_how_many_there_are(page: str) -> None:
    assert f"`make mutation` puts {len(FAULTS)} faults, one at a time" in (ROOT / page).read_text().replace(
        "`make mutation` | puts", "`make mutation` puts"
    )


def test_table() -> None:
    assert len({fault.what for fault in FAULTS}) == len(FAULTS) >= 20
    assert all(Path(ROOT, test).is_file() for test in (*TESTS, *RESOURCE_TESTS))
