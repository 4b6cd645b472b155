"""Whether a new model is accepted: the decision."""

from __future__ import annotations

import json
from math import inf, nan
from typing import Any

import pytest

from airflow_provider_amlrest.lifecycle.gate import Side, decide, read_rules, table
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError


def side(model: str = "iris:1", **metrics: float) -> Side:
    return Side({"model": model, "job": None, "id": None}, metrics)


def gate(new: Side, old: Side | None, *, accept_first: bool = True, **asked: Any) -> dict[str, Any]:
    rules = read_rules(
        asked.get("metric", "auc"),
        asked.get("goal", "maximize"),
        asked.get("min_improvement", 0),
        asked.get("guards"),
    )
    return decide(new, old, rules, accept_first=accept_first)


@pytest.mark.parametrize(
    ("new", "old", "asked", "accepted"),
    [
        (0.9, 0.8, {}, True),
        (0.8, 0.8, {}, False),
        (0.7, 0.8, {}, False),
        (0.7, 0.8, {"goal": "minimize"}, True),
        (0.8, 0.7, {"goal": "minimize"}, False),
        (0.81, 0.8, {"min_improvement": 0.02}, False),
        (0.82, 0.8, {"min_improvement": "0.02"}, True),
        # 0.3 - 0.28 is less than 0.02 for a computer.
        (0.3, 0.28, {"min_improvement": 0.02}, True),
        (0.82, 0.8, {"min_improvement": "2.5%"}, True),
        (0.8199, 0.8, {"min_improvement": "2.5%"}, False),
        (-1.9, -2.0, {"min_improvement": "5 %"}, True),
        (-1.95, -2.0, {"min_improvement": "5%"}, False),
        (0.79, 0.8, {"min_improvement": -0.02}, True),
        (0.0, 0.0, {"min_improvement": "5%"}, False),
    ],
)
def test_the_metric_that_decides(new: float, old: float, asked: dict[str, Any], accepted: bool) -> None:
    result = gate(side(auc=new), side(auc=old), **asked)
    assert result["accepted"] is accepted
    assert result["metrics"] == [
        {"name": "auc", "candidate": new, "champion": old, "difference": new - old, "passed": accepted}
    ]


GUARDS = {"recall": {"at_least": 0.8}, "latency": {"goal": "minimize", "max_regression": "10%", "at_most": 9}}


@pytest.mark.parametrize(
    ("recall", "latency", "reason"),
    [
        (0.8, 5.5, None),
        (0.79, 5.0, "recall: 0.79 is less than 0.8"),
        (0.9, 5.6, "latency: 5.6 is worse by 0.6 than 5 (at most 0.5 is allowed)"),
        (0.9, 10.0, "latency: 10 is more than 9"),
        (0.7, 6.0, "recall: 0.7 is less than 0.8; latency: 6 is worse by 1 than 5 (at most 0.5 is allowed)"),
    ],
)
def test_guards(recall: float, latency: float, reason: str | None) -> None:
    result = gate(side(auc=0.9, recall=recall, latency=latency), side(auc=0.8, latency=5.0), guards=GUARDS)
    assert result["accepted"] is (reason is None)
    assert reason is None or result["reason"] == reason


def test_a_guard_that_allows_nothing_allows_the_same() -> None:
    guards = {"recall": {"goal": "maximize", "max_regression": 0}}
    assert gate(side(auc=1, recall=0.5), side(auc=0, recall=0.5), guards=guards)["accepted"]
    worse = gate(side(auc=1, recall=0.4), side(auc=0, recall=0.5), guards=guards)
    assert worse["reason"] == "recall: 0.4 is worse by 0.1 than 0.5 (none is allowed)"


def test_the_first_model() -> None:
    first = gate(side(auc=0.5), None)
    assert (first["accepted"], first["champion"]) == (True, None)
    assert first["reason"] == "auc: 0.5, and there is no champion"
    refused = gate(side(auc=0.5), None, accept_first=False)
    assert refused["reason"] == "there is no champion, and accept_first is false"
    # Bounds hold for it, too.
    bounded = gate(side(auc=0.5, recall=0.1, latency=1), None, guards=GUARDS)
    assert bounded["reason"] == "recall: 0.1 is less than 0.8"
    assert not gate(side(), None)["accepted"]


@pytest.mark.parametrize(
    ("new", "old", "reason"),
    [
        (side(), side(auc=1), "auc: the candidate iris:1 does not have it; it has none"),
        (side(loss=1, f1=1), side(auc=1), "auc: the candidate iris:1 does not have it; it has f1, loss"),
        (side(auc=nan), side(auc=1), "auc: that of the candidate iris:1 is nan"),
        (side(auc=inf), None, "auc: that of the candidate iris:1 is inf"),
        (side(auc=1), side("iris:0"), "auc: the champion iris:0 does not have it; it has none"),
        (side(auc=1), side("iris:0", auc=nan), "auc: that of the champion iris:0 is nan"),
    ],
)
def test_what_is_missing_is_never_good_enough(new: Side, old: Side | None, reason: str) -> None:
    result = gate(new, old)
    assert (result["accepted"], result["reason"]) == (False, reason)
    assert result["metrics"][0]["difference"] is None
    # An XCom is JSON, which has no nan.
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"metric": ""}, "metric: it is missing"),
        ({"goal": "max"}, "goal: 'max' is not one of: maximize, minimize"),
        ({"min_improvement": "a lot"}, "min_improvement: 'a lot'"),
        ({"min_improvement": "x%"}, "min_improvement: 'x'"),
        ({"guards": {"f1": {}}}, "guards.f1: it asks for nothing"),
        ({"guards": {"f1": 0.8}}, "guards.f1: 0.8"),
        ({"guards": {"f1": {"min": 0.8}}}, "guards.f1: unknown key 'min'"),
        ({"guards": {"f1": {"max_regression": 0.1}}}, "guards.f1.goal: it is missing"),
        (
            {"guards": {"f1": {"max_regression": -1, "goal": "maximize"}}},
            "guards.f1.max_regression: -1 must not be negative",
        ),
        ({"guards": {"f1": {"at_least": "high"}}}, "guards.f1.at_least: 'high'"),
    ],
)
def test_mistakes(asked: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=f"^{problem}"):
        gate(side(auc=1), None, **asked)


def test_the_table() -> None:
    result = gate(side("iris:2", auc=0.9), side(auc=0.8), guards={"recall": {"at_least": 0.5}})
    assert table(result) == (
        "        candidate  champion  difference\n"
        "        iris:2     iris:1\n"
        "auc     0.9        0.8       0.1         passed\n"
        "recall  -          -         -           failed"
    )
    assert "-" in table(gate(side(auc=1), None)).splitlines()[1]
