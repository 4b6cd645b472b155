"""Where a sweep's next trial lies in its search space.

A trial's point depends on nothing but the sweep, the trial's number and the results so far; no state
is kept, so a sweep continues after a restart as if nothing had happened.
"""

from __future__ import annotations

import itertools
import random
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.search_space import (
    Choice,
    Number,
    Point,
    Space,
    dimensions,
    grid,
    point_at,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution

Goal = Literal["Maximize", "Minimize"]


@dataclass(frozen=True)
class Sampler:
    """Draws the points of one sweep."""

    space: Space
    kind: str
    """Random, Sobol, Grid or Bayesian."""
    seed: int
    goal: Goal

    @classmethod
    def of(cls, algorithm: Mapping[str, Any], space: Space, goal: Goal, sweep_name: str) -> Sampler:
        """Read ``samplingAlgorithm``. Without a seed the sweep's name is one, so that a restart repeats it.

        :raises JobError: an unknown algorithm, or one that cannot sample this space.
        """
        kind = str(algorithm.get("samplingAlgorithmType"))
        if kind == "Random" and algorithm.get("rule") == "Sobol":
            kind = "Sobol"
        if kind not in {"Random", "Sobol", "Grid", "Bayesian"}:
            raise JobError(f"samplingAlgorithmType {kind!r} is unknown. Known: Random, Grid, Bayesian.")
        seed = algorithm.get("seed")
        sampler = cls(space, kind, zlib.crc32(sweep_name.encode()) if seed is None else int(seed), goal)
        if kind == "Grid":
            next(grid(space))
        if kind == "Bayesian":
            sampler._optuna_space()
        return sampler

    def point(self, index: int, results: Sequence[tuple[Point, float]]) -> Point | None:
        """The point of trial number ``index``; None when the space has no more.

        :param results: points and metric values of the trials so far; only Bayesian sampling looks at them.
        """
        if self.kind == "Grid":
            return next(itertools.islice(grid(self.space), index, None), None)
        if self.kind == "Bayesian":
            return self._bayesian(index, results)
        if self.kind == "Sobol":
            from scipy.stats import qmc  # type: ignore[import-untyped]

            sequence = qmc.Sobol(dimensions(self.space), scramble=True, seed=self.seed)
            if index:
                sequence.fast_forward(index)
            return point_at(self.space, iter(sequence.random(1)[0].tolist()))
        generator = random.Random(f"{self.seed}:{index}")  # noqa: S311 (nothing here is secret)
        return point_at(self.space, iter(generator.random, None))

    def _optuna_space(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        space: dict[str, BaseDistribution] = {}
        for name, dimension in self.space.items():
            if isinstance(dimension, Choice):
                # Indices, because an option may be of any type.
                space[name] = CategoricalDistribution(tuple(range(len(dimension.options))))
                nested = any(isinstance(option, dict) for option in dimension.options)
            else:
                nested = dimension.name not in {"uniform", "quniform"}
                space[name] = FloatDistribution(dimension.arguments[0], dimension.arguments[1])
            if nested:
                raise JobError(
                    f"Bayesian sampling takes only choice, uniform and quniform; not searchSpace.{name}."
                )
        return space

    def _bayesian(self, index: int, results: Sequence[tuple[Point, float]]) -> Point:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        space = self._optuna_space()
        study = optuna.create_study(
            direction="maximize" if self.goal == "Maximize" else "minimize",
            sampler=optuna.samplers.TPESampler(seed=self.seed + index),
        )
        study.add_trials(
            optuna.trial.create_trial(params=self._to_optuna(point), distributions=space, value=value)
            for point, value in results
        )
        asked = study.ask(space).params
        return {name: self._from_optuna(name, asked[name]) for name in self.space}

    def _to_optuna(self, point: Point) -> dict[str, Any]:
        params: dict[str, Any] = {}
        for name, value in point.items():
            dimension = self.space[name]
            if isinstance(dimension, Choice):
                params[name] = dimension.options.index(value)
            else:  # rounding to q may have left the bounds
                params[name] = min(max(value, dimension.arguments[0]), dimension.arguments[1])
        return params

    def _from_optuna(self, name: str, value: Any) -> Any:
        dimension = self.space[name]
        if isinstance(dimension, Choice):
            return dimension.options[value]
        low, high = dimension.arguments[:2]
        return Number.at(dimension, (value - low) / (high - low) if high > low else 0.0)
