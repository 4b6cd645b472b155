"""Early termination of a sweep's trials: Bandit, MedianStopping, TruncationSelection.

One interval is one time that a trial logs the primary metric. A policy looks at a trial at each
multiple of ``evaluationInterval`` that is not below ``delayEvaluation``, and compares it with the
trials that have come as far.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_amlrest.emulator.runtime.sampling import Goal


@dataclass(frozen=True)
class Policy:
    """``earlyTermination`` of a sweep, in the shape of api-version 2025-12-01."""

    settings: Mapping[str, Any]
    goal: Goal

    def due(self, reported: int) -> int | None:
        """The interval at which a trial with so many reported values is to be judged; None if too early."""
        every = max(int(self.settings.get("evaluationInterval") or 1), 1)
        interval = reported // every * every
        first = max(int(self.settings.get("delayEvaluation") or 0), 1)
        return interval if interval >= first else None

    def stops(self, trial: str, interval: int, histories: Mapping[str, Sequence[float]]) -> bool:
        """Whether the trial is to be stopped, judged at this interval.

        :param histories: values of the primary metric per trial that runs or has ended, oldest first.
        """
        peers = {name: values for name, values in histories.items() if len(values) >= interval}
        sign = 1.0 if self.goal == "Maximize" else -1.0
        best = {name: max(sign * v for v in values[:interval]) for name, values in peers.items()}
        kind = self.settings["policyType"]
        if kind == "Bandit":
            return best[trial] < self._bandit_bound(max(best.values()))
        if kind == "MedianStopping":
            return best[trial] < median(sign * fmean(values[:interval]) for values in peers.values())
        share = float(self.settings["truncationPercentage"]) / 100
        ranking = sorted(peers, key=lambda name: (sign * peers[name][interval - 1], name))
        return trial in ranking[: int(share * len(ranking))]

    def _bandit_bound(self, best: float) -> float:
        """The value (greater is better) that a trial must reach beside the best one."""
        factor = float(self.settings.get("slackFactor") or 0.0)
        if factor:
            # Greater is better here, so a minimised metric is negative: slack moves it away from zero.
            return best / (1 + factor) if best >= 0 else best * (1 + factor)
        return best - float(self.settings.get("slackAmount") or 0.0)
