"""The account of the recorded exchanges in docs/fidelity.md: replayed, and written down.

``python -m tests.contract.fidelity`` rewrites the table after the emulator or the recordings have changed.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from tests.contract.exchanges import NOT_ASKED, NOT_EMULATED, preparations, reason
from tests.contract.replay import RECORDED_WORKSPACE, Emulators, Exchange, exchanges

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fidelity.md"
BEGIN, END = "<!-- The table is made by the contract tests. -->\n", "<!-- End of the table. -->\n"
SAME, DIFFERENT, NOT_THERE = "same", "different on purpose", "not emulated"


@dataclass
class Verdict:
    exchange: Exchange
    word: str
    whys: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    asked: bool = True


def account(emulators: Emulators) -> list[Verdict]:
    """Every recorded exchange, replayed in order."""
    prepared = preparations()
    verdicts = []
    for exchange in exchanges():
        if (exchange.topic, exchange.index) in prepared:
            prepared[exchange.topic, exchange.index](emulators, exchange)
        verdicts.append(_judge(emulators, exchange))
    return verdicts


def _judge(emulators: Emulators, exchange: Exchange) -> Verdict:
    name = f"{exchange.topic} {exchange.index}"
    if name in NOT_ASKED:
        return Verdict(exchange, NOT_THERE, [NOT_EMULATED[name]], asked=False)
    answer = emulators.replay(exchange)
    if name in NOT_EMULATED:
        wrong = [] if answer.status_code == 501 else [f"status {answer.status_code} instead of 501"]
        return Verdict(exchange, NOT_THERE, [NOT_EMULATED[name]], wrong)
    found = {
        difference: reason(exchange, difference) for difference in emulators.differences(exchange, answer)
    }
    whys = list(dict.fromkeys(why for why in found.values() if why))
    unexplained = [difference for difference, why in found.items() if not why]
    return Verdict(exchange, DIFFERENT if found else SAME, whys, unexplained)


def table(verdicts: list[Verdict]) -> str:
    """The verdicts as Markdown, by topic."""
    numbers = Counter(verdict.word for verdict in verdicts)
    sums = ", ".join(f"{numbers[word]} {word}" for word in (SAME, DIFFERENT, NOT_THERE))
    lines = [f"{len(verdicts)} recorded exchanges: {sums}.", ""]
    for topic, group in groupby(verdicts, key=lambda verdict: verdict.exchange.topic):
        lines += [f"### {topic.replace('_', ' ').capitalize()}", ""]
        lines += ["| # | request | api-version | status | emulator | why |", "|---|---|---|---|---|---|"]
        lines += [_row(verdict) for verdict in group]
        lines.append("")
    return "\n".join(lines)


def _row(verdict: Verdict) -> str:
    exchange = verdict.exchange
    cells = (
        str(exchange.index),
        f"`{exchange.method} {_short(exchange.url)}`",
        exchange.api_version,
        str(exchange.status),
        verdict.word,
        "; ".join(verdict.whys),
    )
    return f"| {' | '.join(cells)} |"


def _short(url: str) -> str:
    """The part of a URL that tells one exchange from another."""
    path, _, query = url.replace(RECORDED_WORKSPACE, "").partition("?")
    path = re.sub(r".*(/registries/)", r"\1", path)
    path = re.sub(r"/subscriptions/.*(/locations/)", r"\1", path)
    path = re.sub(r"/subscriptions/.*(/jobs/)", r"\1", path)
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-f]{32}|\b0{10,}\b", "...", path)
    kept = [pair for pair in query.split("&") if re.match(r"comp=|hash=|\$top|isDefault", pair)]
    shown = "&".join(re.sub(r"=\w{32,}", "=...", pair) for pair in kept)
    return (path.lstrip("/") or ".") + (f"?{shown}" if shown else "")


def page_with(text: str, begin: str = BEGIN, end: str = END) -> str:
    """The page as it should be, with this table between these lines."""
    before, _, rest = PAGE.read_text().partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{text}\n{end}{after}"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        emulators = Emulators(Path(folder))
        try:
            verdicts = account(emulators)
        finally:
            emulators.stop()
    PAGE.write_text(page_with(table(verdicts)))


if __name__ == "__main__":
    main()
