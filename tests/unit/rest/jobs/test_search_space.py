from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.search_space import ARGUMENTS, encode, parse_search_space

# The wire's forms: reference 2.5, from the SDK's own encoder.
EVERY = [
    ({"type": "choice", "values": ["gbdt", "dart"]}, ["choice", [["gbdt", "dart"]]]),
    ({"type": "randint", "upper": 7}, ["randint", [7]]),
    ({"type": "uniform", "min_value": 0.01, "max_value": 1}, ["uniform", [0.01, 1]]),
    ({"type": "loguniform", "min_value": -6, "max_value": -1}, ["loguniform", [-6, -1]]),
    ({"type": "quniform", "min_value": 1, "max_value": 9, "q": 2}, ["quniform", [1, 9, 2]]),
    ({"type": "qloguniform", "min_value": 1, "max_value": 9, "q": 2}, ["qloguniform", [1, 9, 2]]),
    ({"type": "normal", "mu": 0, "sigma": 1.5}, ["normal", [0, 1.5]]),
    ({"type": "lognormal", "sigma": 1, "mu": 0}, ["lognormal", [0, 1]]),
    ({"type": "qnormal", "mu": 0, "sigma": 1, "q": 1}, ["qnormal", [0, 1, 1]]),
    ({"type": "qlognormal", "mu": 0, "sigma": 1, "q": 1}, ["qlognormal", [0, 1, 1]]),
]


def test_every_distribution_is_here() -> None:
    assert {spec["type"] for spec, _ in EVERY} == set(ARGUMENTS)


@pytest.mark.parametrize(("spec", "wire"), EVERY)
def test_mapping_and_wire_form(spec: dict[str, Any], wire: list[Any]) -> None:
    parsed = parse_search_space({"p": spec})["p"]
    assert encode(parsed) == wire
    assert json.loads(json.dumps(encode(parsed))) == wire
    assert encode(parse_search_space({"p": wire})["p"]) == wire


def test_choice_of_branches_with_distributions_in_them() -> None:
    spec = {
        "type": "choice",
        "values": [
            {"optimizer": "sgd", "lr": {"type": "uniform", "min_value": 0, "max_value": 1}},
            {"optimizer": "adam"},
        ],
    }
    assert encode(parse_search_space({"p": spec})["p"]) == [
        "choice",
        [[{"optimizer": "sgd", "lr": ["uniform", [0, 1]]}, {"optimizer": "adam"}]],
    ]


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        (
            {"type": "unifrom", "min_value": 0, "max_value": 1},
            "p",
            "'unifrom' is no distribution of Azure ML; there are",
        ),
        ({"type": ["uniform"]}, "p", "is no distribution"),
        ({"min_value": 0}, "p", "None is no distribution"),
        ({"type": "uniform", "min": 0, "max": 1}, "p", "takes exactly min_value, max_value; got min, max"),
        ({"type": "uniform"}, "p", "got nothing"),
        (["uniform", [0, 1, 2]], "p", "takes exactly min_value, max_value"),
        (["uniform", [0]], "p", "takes exactly"),
        ("uniform", "p", "must be a mapping such as"),
        (["uniform"], "p", "must be a mapping such as"),
        (None, "p", "must be a mapping such as"),
        ({"type": "uniform", "min_value": "o", "max_value": 1}, "p.min_value", "'o' must be a finite number"),
        ({"type": "uniform", "min_value": True, "max_value": 2}, "p.min_value", "must be a finite number"),
        ({"type": "uniform", "min_value": 0, "max_value": float("nan")}, "p.max_value", "finite"),
        ({"type": "uniform", "min_value": 0, "max_value": float("inf")}, "p.max_value", "finite"),
        ({"type": "uniform", "min_value": 1, "max_value": 1}, "p", "must be below max_value"),
        ({"type": "randint", "upper": 0}, "p.upper", "0 must be a whole number above 0"),
        ({"type": "randint", "upper": 2.5}, "p.upper", "2.5 must be a whole number"),
        ({"type": "quniform", "min_value": 0, "max_value": 1, "q": 0}, "p.q", "0 must be above 0"),
        ({"type": "normal", "mu": 0, "sigma": -1}, "p.sigma", "-1 must be above 0"),
        ({"type": "choice", "values": []}, "p.values", "must be a non-empty list"),
        ({"type": "choice", "values": "abc"}, "p.values", "must be a non-empty list"),
        ({"type": "choice", "values": [None]}, "p.values[0]", "must be text, a number, true or false"),
        ({"type": "choice", "values": [{"lr": {"type": "x"}}]}, "p.values[0].lr", "is no distribution"),
    ],
)
def test_refusals(spec: Any, field: str, words: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        parse_search_space({"p": spec})
    assert caught.value.field == f"search_space.{field}"
    assert words in str(caught.value)


@pytest.mark.parametrize("space", [None, {}, [], "x"])
def test_an_empty_space_is_refused(space: Any) -> None:
    with pytest.raises(InvalidSpecError, match=r"^search_space: .* non-empty mapping"):
        parse_search_space(space)
