"""What the contract tests have checked, counted, and told at the end of the run.

A test calls ``count("exchanges replayed")`` for each thing that it has checked. The summary of the run then
says ``contract: 71 exchanges replayed``: a suite that silently checks less shows it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

_counted: Counter[str] = Counter()
_OF_A_WORKER = "contract_tally"


def count(what: str, number: int = 1) -> None:
    """Add to one of the lines of the summary."""
    _counted[what] += number


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands its numbers to the process that prints."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_OF_A_WORKER] = dict(_counted)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _counted.update(getattr(node, "workeroutput", {}).get(_OF_A_WORKER, {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, number in sorted(_counted.items()):
        terminalreporter.write_line(f"contract: {number} {what}")
