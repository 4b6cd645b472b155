"""Distributions, and the four ways to sample them."""

from __future__ import annotations

import json
import math
from collections import Counter
from statistics import fmean, stdev
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.sampling import Sampler
from airflow_provider_amlrest.emulator.runtime.search_space import parse_space, value_text


def draw(encoded: list[Any], count: int = 1000, rule: str = "Random", seed: int | None = 7) -> list[Any]:
    sampler = sampler_of({"x": encoded}, samplingAlgorithmType="Random", rule=rule, seed=seed)
    return [point["x"] for i in range(count) if (point := sampler.point(i, [])) is not None]


def sampler_of(space: dict[str, Any], sweep: str = "s", **algorithm: Any) -> Sampler:
    return Sampler.of(algorithm, parse_space(space), "Minimize", sweep)


@pytest.mark.parametrize("rule", ["Random", "Sobol"])
@pytest.mark.parametrize(
    ("encoded", "mean", "low", "high"),
    [
        (["uniform", [2, 4]], 3, 2, 4),
        (["quniform", [0, 10, 2]], 5, 0, 10),
        (["randint", [5]], 2, 0, 4),
        (["loguniform", [-1, 1]], (math.e - 1 / math.e) / 2, math.exp(-1), math.e),
        (["qloguniform", [0, 2, 0.5]], (math.e**2 - 1) / 2, 1, 7.5),
        (["normal", [3, 2]], 3, -10, 16),
        (["qnormal", [3, 2, 1]], 3, -10, 16),
        (["lognormal", [0, 0.5]], math.exp(0.125), 0, 20),
        (["qlognormal", [0, 0.5, 0.25]], math.exp(0.125), 0, 20),
        (["choice", [[1, 2, 3, 4]]], 2.5, 1, 4),
    ],
)
def test_distribution(rule: str, encoded: list[Any], mean: float, low: float, high: float) -> None:
    values = draw(encoded, 256 if rule == "Sobol" else 1000, rule)
    assert min(values) >= low
    assert max(values) <= high
    # Four standard errors; a Sobol sequence is far closer than that.
    assert abs(fmean(values) - mean) < 4 * stdev(values) / math.sqrt(len(values))


def test_spread_of_normal() -> None:
    assert 1.8 < stdev(draw(["normal", [3, 2]])) < 2.2


def test_q_forms_lie_on_their_grid() -> None:
    assert set(draw(["quniform", [0, 10, 2]])) == {0, 2, 4, 6, 8, 10}
    assert all(isinstance(value, int) for value in draw(["quniform", [0, 10, 2]]))
    assert all(value * 2 == int(value * 2) for value in draw(["qlognormal", [0, 1, 0.5]]))


def test_choice_is_even_and_keeps_types() -> None:
    counted = Counter(draw(["choice", [["a", 3]]]))
    assert set(counted) == {"a", 3}
    assert abs(counted["a"] - 500) < 65


def test_same_seed_same_points_whatever_the_rule() -> None:
    for rule in ("Random", "Sobol"):
        assert draw(["uniform", [0, 1]], 8, rule) == draw(["uniform", [0, 1]], 8, rule)
        assert draw(["uniform", [0, 1]], 8, rule) != draw(["uniform", [0, 1]], 8, rule, seed=8)
        assert len(set(draw(["uniform", [0, 1]], 50, rule))) == 50


def test_without_seed_the_name_of_the_sweep_is_one() -> None:
    space = {"x": ["uniform", [0, 1]]}
    first, same, other = (
        sampler_of(space, name, samplingAlgorithmType="Random").point(0, []) for name in ("a", "a", "b")
    )
    assert first == same != other


def test_sobol_fills_more_evenly_than_random() -> None:
    def empty_cells(rule: str) -> int:
        return 64 - len({int(value * 64) for value in draw(["uniform", [0, 1]], 64, rule)})

    assert empty_cells("Sobol") == 0 < empty_cells("Random")


NESTED = {
    "model": [
        "choice",
        [
            [
                {"name": "tree", "depth": ["choice", [[3, 5]]]},
                {"name": "line", "l2": ["uniform", [0, 1]]},
                "none",
            ]
        ],
    ],
    "n": ["choice", [[1, 2]]],
}


def test_nested_choice() -> None:
    sampler = sampler_of(NESTED, samplingAlgorithmType="Random", seed=1)
    models = [point["model"] for i in range(60) if (point := sampler.point(i, []))]
    kinds = {m if m == "none" else tuple(m) for m in models}
    assert kinds == {"none", ("name", "depth"), ("name", "l2")}
    assert {m["depth"] for m in models if m != "none" and "depth" in m} == {3, 5}


def test_grid_is_the_full_product_in_order() -> None:
    space = {"a": ["choice", [[1, 2]]], "b": ["choice", [["x", "y"]]]}
    sampler = sampler_of(space, samplingAlgorithmType="Grid")
    points = [sampler.point(i, []) for i in range(5)]
    pairs = [(1, "x"), (1, "y"), (2, "x"), (2, "y")]
    assert points == [*({"a": a, "b": b} for a, b in pairs), None]


def test_grid_goes_into_nested_choices() -> None:
    nested = {"model": ["choice", [[{"depth": ["choice", [[3, 5]]]}, "none"]]]}
    sampler = sampler_of(nested, samplingAlgorithmType="Grid")
    assert [sampler.point(i, []) for i in range(3)] == [
        {"model": {"depth": 3}},
        {"model": {"depth": 5}},
        {"model": "none"},
    ]


def test_bayesian_draws_near_the_good_results() -> None:
    space = {"x": ["uniform", [0.0, 1.0]], "k": ["choice", [["good", "bad"]]], "q": ["quniform", [0, 8, 2]]}
    sampler = sampler_of(space, samplingAlgorithmType="Bayesian", seed=3)
    results = [
        ({"x": i / 30, "k": "good" if i % 2 else "bad", "q": i % 5 * 2}, abs(i / 30 - 0.2) + (i + 1) % 2)
        for i in range(30)
    ]
    points = [point for i in range(20) if (point := sampler.point(i, results))]
    assert fmean(abs(point["x"] - 0.2) for point in points) < 0.2
    assert Counter(point["k"] for point in points)["good"] > 12
    assert {point["q"] for point in points} <= {0, 2, 4, 6, 8}


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({}, "searchSpace is empty"),
        ({"lr": 0.1}, "searchSpace.lr is 0.1"),
        ({"lr": ["triangle", [0, 1]]}, "'triangle'. Known: choice, randint"),
        ({"lr": ["uniform", [0]]}, "uniform takes the numbers [min, max], got [0]"),
        ({"lr": ["uniform", ["0", 1]]}, "uniform takes the numbers"),
        ({"lr": ["uniform", [1, 0]]}, "min must not be above max"),
        ({"lr": ["quniform", [0, 1, 0]]}, "q must be above 0"),
        ({"lr": ["normal", [0, -1]]}, "sigma must not be negative"),
        ({"lr": ["randint", [0]]}, "upper must be at least 1"),
        ({"lr": ["choice", [1, 2]]}, 'choice is encoded as ["choice", [[v1, v2, ...]]]'),
        ({"lr": ["choice", [[]]]}, "choice is encoded as"),
    ],
)
def test_space_that_cannot_be_read(space: dict[str, Any], words: str) -> None:
    with pytest.raises(JobError) as caught:
        parse_space(space)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("algorithm", "words"),
    [
        ("Grid", "Grid sampling takes only choice"),
        ("Bayesian", "Bayesian sampling takes only"),
        ("Tpe", "'Tpe'"),
    ],
)
def test_algorithm_that_does_not_fit(algorithm: str, words: str) -> None:
    with pytest.raises(JobError, match=words):
        sampler_of({"lr": ["loguniform", [-3, 0]]}, samplingAlgorithmType=algorithm)


def test_text_of_values() -> None:
    assert [value_text(v) for v in ("a b", 0.5, 3, {"k": 1})] == ["a b", "0.5", "3", json.dumps({"k": 1})]
