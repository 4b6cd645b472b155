"""Each recorded request, replayed against the emulator, is answered as it was recorded, or for a reason not.

``docs/fidelity.md`` tells the same as this run has found.
"""

from __future__ import annotations

import re

import pytest

from tests.contract import fidelity
from tests.contract.exchanges import NOT_EMULATED, ON_PURPOSE
from tests.contract.replay import FOLDER, Emulators, exchanges
from tests.contract.tally import count

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the recordings (../shared) are not on this machine"
)
NAMES = [f"{exchange.topic} {exchange.index}" for exchange in exchanges()]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, fidelity.Verdict]:
    emulators = Emulators(tmp_path_factory.mktemp("replay"))
    try:
        found = fidelity.account(emulators)
    finally:
        emulators.stop()
    return dict(zip(NAMES, found, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_exchange(verdicts: dict[str, fidelity.Verdict], name: str) -> None:
    assert verdicts[name].unexplained == []
    count("exchanges replayed", int(verdicts[name].asked))


def test_the_page_says_what_the_run_found(verdicts: dict[str, fidelity.Verdict]) -> None:
    should = fidelity.page_with(fidelity.table(list(verdicts.values())))
    assert fidelity.PAGE.read_text() == should, "run python -m tests.contract.fidelity"


def test_no_reason_is_left_over(verdicts: dict[str, fidelity.Verdict]) -> None:
    """A difference that has gone leaves no excuse behind."""
    for pattern, _, why in ON_PURPOSE:
        used = [verdicts[name].whys for name in NAMES if re.fullmatch(pattern, name)]
        assert any(why in whys for whys in used), (pattern, why)
    assert set(NOT_EMULATED) <= set(NAMES)
