"""Whether a new model takes the place of the current one: the decision, without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isclose, isfinite
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.fields import no_other_keys, one_of, text
from airflow_provider_amlrest.rest.reading.values import blank, mapping, number

COMPARISON_KEY = "azureml_comparison"
"""Key of the XCom with the result of a gate, for its page."""

GOALS = ("maximize", "minimize")
_GUARD = ("goal", "max_regression", "at_least", "at_most")
_PERCENT = "%"
_ROLES = ("candidate", "champion")


@dataclass(frozen=True)
class Margin:
    """A difference: a number, or a part of the champion's value."""

    value: float
    is_relative: bool = False

    def of(self, champion: float) -> float:
        """The number that it is beside this value of the champion."""
        return abs(champion) * self.value if self.is_relative else self.value


@dataclass(frozen=True)
class Rule:
    """What is asked of a metric.

    ``needed``: how much better than the champion it has to be; negative: how much worse it may be. None: it
    is not compared. ``is_guard``: the same as the champion's is good enough.
    ``at_least``, ``at_most``: bounds, whatever the champion has.
    """

    metric: str
    goal: str = GOALS[0]
    needed: Margin | None = None
    is_guard: bool = False
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Side:
    """The candidate, or the champion.

    ``facts``: which model and job it is, for the result. ``runs``: those that may have written the model.
    """

    facts: Mapping[str, str | None]
    metrics: Mapping[str, float] = field(default_factory=dict)
    runs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.facts.get("model") or self.facts.get("job") or "the metrics given"


def read_rules(metric: Any, goal: Any, min_improvement: Any, guards: Any) -> list[Rule]:
    """The rule for the metric that decides, and those of the guards.

    :raises InvalidSpecError: for a value that is not what it must be.
    """
    main = text("metric", metric)
    if not main:
        raise InvalidSpecError("metric", "it is missing: the name of the metric that decides.")
    rules = [Rule(main, one_of("goal", goal, GOALS), _margin("min_improvement", min_improvement or 0.0))]
    for name, given in mapping("guards", guards).items():
        rules.append(_guard(f"guards.{name}", str(name), given))
    return rules


def _guard(field_: str, metric: str, given: Any) -> Rule:
    members = mapping(field_, given)
    no_other_keys(field_, members, _GUARD)
    at_least, at_most = (
        None if blank(members.get(name)) else number(f"{field_}.{name}", members[name])
        for name in ("at_least", "at_most")
    )
    regression = members.get("max_regression")
    if blank(regression):
        if at_least is None and at_most is None:
            raise InvalidSpecError(field_, "it asks for nothing: give max_regression, at_least or at_most.")
        return Rule(metric, at_least=at_least, at_most=at_most)
    if blank(members.get("goal")):
        raise InvalidSpecError(f"{field_}.goal", "it is missing: what is worse, with max_regression?")
    margin = _margin(f"{field_}.max_regression", regression)
    if margin.value < 0:
        raise InvalidSpecError(f"{field_}.max_regression", f"{regression!r} must not be negative.")
    goal = one_of(f"{field_}.goal", members["goal"], GOALS)
    needed = Margin(-margin.value, margin.is_relative)
    return Rule(metric, goal, needed, is_guard=True, at_least=at_least, at_most=at_most)


def _margin(field_: str, value: Any) -> Margin:
    if isinstance(value, str) and value.strip().endswith(_PERCENT):
        return Margin(number(field_, value.strip().removesuffix(_PERCENT)) / 100, is_relative=True)
    return Margin(number(field_, value))


def decide(
    candidate: Side, champion: Side | None, rules: list[Rule], *, accept_first: bool
) -> dict[str, Any]:
    """Whether the candidate is accepted, why, and the values: a small JSON object.

    Without a champion only the bounds count, and that the candidate has the metrics. A metric that is missing
    or is no finite number is never good enough.
    """
    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    gains: list[str] = []
    for rule in rules:
        row, why = _judge(rule, candidate, champion)
        rows.append(row)
        (gains if row["passed"] else failures).append(why)
    if champion is None and not accept_first:
        failures.append("there is no champion, and accept_first is false")
    return {
        "accepted": not failures,
        "reason": "; ".join(failures or gains),
        "candidate": dict(candidate.facts),
        "champion": None if champion is None else dict(champion.facts),
        "metrics": rows,
    }


def _judge(rule: Rule, candidate: Side, champion: Side | None) -> tuple[dict[str, Any], str]:
    """A row of the table, and why it passed, or did not."""
    new = _finite(candidate, rule.metric)
    old = None if champion is None else _finite(champion, rule.metric)
    difference = None if new is None or old is None else new - old
    row = {"name": rule.metric, "candidate": new, "champion": old, "difference": difference}

    def told(why: str, *, passed: bool) -> tuple[dict[str, Any], str]:
        return {**row, "passed": passed}, f"{rule.metric}: {why}"

    if new is None:
        return told(_absent(candidate, rule.metric, "candidate"), passed=False)
    if rule.at_least is not None and new < rule.at_least:
        return told(f"{new:.6g} is less than {rule.at_least:.6g}", passed=False)
    if rule.at_most is not None and new > rule.at_most:
        return told(f"{new:.6g} is more than {rule.at_most:.6g}", passed=False)
    if rule.needed is None:
        return told(f"{new:.6g} is within its bounds", passed=True)
    if champion is None:
        return told(f"{new:.6g}, and there is no champion", passed=True)
    if old is None:
        return told(_absent(champion, rule.metric, "champion"), passed=False)
    passed, how = _compare(rule, new, old)
    return told(how, passed=passed)


def _compare(rule: Rule, new: float, old: float) -> tuple[bool, str]:
    better = new - old if rule.goal == "maximize" else old - new
    needed = rule.needed.of(old) if rule.needed is not None else 0.0
    # The difference of two decimals is seldom the decimal that it should be.
    is_enough = (rule.is_guard or needed != 0) and isclose(better, needed, rel_tol=1e-9)
    if rule.is_guard:
        asked = f"at most {abs(needed):.6g} is allowed" if needed else "none is allowed"
    else:
        asked = f"{needed:.6g} is asked" if needed else "any improvement is enough"
    how = f"{'better' if better > 0 else 'worse'} by {abs(better):.6g}" if better else "no better"
    return better > needed or is_enough, f"{new:.6g} is {how} than {old:.6g} ({asked})"


def _finite(side: Side, metric: str) -> float | None:
    value = side.metrics.get(metric)
    return float(value) if value is not None and isfinite(value) else None


def _absent(side: Side, metric: str, role: str) -> str:
    if metric in side.metrics:
        return f"that of the {role} {side.name} is {side.metrics[metric]}"
    there = ", ".join(sorted(side.metrics)[:20]) or "none"
    return f"the {role} {side.name} does not have it; it has {there}"


def table(result: Mapping[str, Any]) -> str:
    """The metrics as lines of text, for a log."""
    facts = [result[role] or {} for role in _ROLES]
    sides = [side.get("model") or side.get("job") or "-" for side in facts]
    rows = [("", "candidate", "champion", "difference", ""), ("", *sides, "", "")]
    for metric in result["metrics"]:
        values = (_shown(metric[name]) for name in (*_ROLES, "difference"))
        rows.append((metric["name"], *values, "passed" if metric["passed"] else "failed"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
