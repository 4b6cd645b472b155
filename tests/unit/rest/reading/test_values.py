"""One rule for what people and templates write: each value, and the text that Jinja makes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, strategies

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.command import parse_command_limits, parse_distribution
from airflow_provider_amlrest.rest.jobs.reading import parse_services
from airflow_provider_amlrest.rest.jobs.search_space import parse_search_space
from airflow_provider_amlrest.rest.jobs.sweep import (
    parse_early_termination,
    parse_sampling_algorithm,
    parse_sweep_limits,
)
from airflow_provider_amlrest.rest.reading import values
from airflow_provider_amlrest.rest.reading.fields import text_list


def whole(field: str, value: Any) -> int:
    return values.whole(field, value, 1, 1000)


TAKEN: list[tuple[Callable[[str, Any], Any], Any, Any]] = [
    (values.boolean, True, True),
    (values.boolean, False, False),
    (values.boolean, "True", True),
    (values.boolean, " false\n", False),
    (values.number, 4, 4),
    (values.number, "4", 4),
    (values.number, "-0.5", -0.5),
    (values.number, "1e-3", 0.001),
    (values.number, " .5 ", 0.5),
    (values.number, Fraction(1, 2), 0.5),
    (whole, "4", 4),
    (whole, 4.0, 4),
    (whole, "4.0", 4),
    (values.optional_seconds, None, None),
    (values.optional_seconds, "None", None),
    (values.optional_seconds, "", None),
    (values.optional_seconds, "3600", 3600.0),
    (values.optional_seconds, timedelta(hours=1), 3600.0),
    (values.required_seconds, "0.5", 0.5),
    (values.mapping, None, {}),
    (values.mapping, "", {}),
    (values.mapping, "{'a': 1, 'b': None}", {"a": 1, "b": None}),
    (values.mapping, ' {"a": true}', {"a": True}),
    (text_list, "['auc', 'f1']", ("auc", "f1")),
    (text_list, ("auc",), ("auc",)),
]


@pytest.mark.parametrize(("read", "value", "expected"), TAKEN)
def test_what_is_taken(read: Callable[[str, Any], Any], value: Any, expected: Any) -> None:
    result = read("f", value)
    assert result == expected
    assert type(result) is type(expected)


REFUSED: list[tuple[Callable[[str, Any], Any], Any, str]] = [
    *[
        (values.boolean, value, "true or false")
        for value in (0, 1, "1", "yes", "flase", None, "", "None", [])
    ],
    *[
        (values.number, value, "a finite number")
        for value in (
            True,
            "true",
            None,
            "",
            "nan",
            10**400,
            "inf",
            "1_000",
            "0x10",
            "4 s",
            "four",
            1j,
            [1],
            "9" * 5000,
        )
    ],
    *[
        (whole, value, "a whole number from 1 to 1000")
        for value in (0, "0", 1001, 1.5, "1.5", True, None, "x")
    ],
    *[
        (values.required_seconds, value, "a number of seconds above 0 and below 1e9")
        for value in (None, "None", 0, -1, "-1", 1e9, "1e9", float("nan"), "PT1H", True, timedelta(0))
    ],
    (values.optional_seconds, "soon", "a number of seconds"),
    *[(values.mapping, value, "must be a mapping") for value in ("x", [], "[1]", "{'a'}", "{broken", 3)],
    *[(text_list, value, "a list of names") for value in ("auc", [""], [1], None, "['auc'")],
]


@pytest.mark.parametrize(("read", "value", "words"), REFUSED)
def test_what_is_refused_is_named(read: Callable[[str, Any], Any], value: Any, words: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        read("the.field", value)
    assert caught.value.field == "the.field"
    assert words in str(caught.value)


@given(strategies.one_of(strategies.integers(), strategies.floats(allow_nan=False, allow_infinity=False)))
def test_a_number_is_the_same_as_its_text(value: float) -> None:
    assert values.number("f", str(value)) == values.number("f", value) == value


@given(strategies.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (values.boolean, values.number, whole, values.optional_seconds, values.mapping, text_list):
        try:
            read("f", text)
        except InvalidSpecError as error:
            assert "must be" in str(error)  # noqa: PT017


def as_text(value: Any) -> Any:
    """A specification as a DAG has it whose numbers come out of Jinja."""
    if isinstance(value, dict):
        return {key: member if key == "type" else as_text(member) for key, member in value.items()}
    if isinstance(value, list):
        return value
    return str(value)


SPECS: list[tuple[Callable[[Any], Any], dict[str, Any]]] = [
    (lambda value: parse_command_limits("limits", value), {"timeout": 3600}),
    (
        lambda value: parse_sweep_limits("limits", value),
        {"max_total_trials": 8, "max_concurrent_trials": 2, "timeout": 3600, "trial_timeout": 60.5},
    ),
    (
        lambda value: parse_distribution("distribution", value),
        {"type": "pytorch", "process_count_per_instance": 4},
    ),
    (
        lambda value: parse_early_termination("early_termination", value),
        {"type": "bandit", "slack_factor": 0.1, "evaluation_interval": 2, "delay_evaluation": 5},
    ),
    (
        lambda value: parse_early_termination("early_termination", value),
        {"type": "truncation_selection", "truncation_percentage": 20, "slack_factor": None},
    ),
    (
        lambda value: parse_sampling_algorithm("sampling_algorithm", value),
        {"type": "random", "seed": 7, "rule": "sobol"},
    ),
    (
        lambda value: parse_services("services", value),
        {"shell": {"type": "ssh", "all_nodes": False, "port": 22, "properties": {"a": "b"}}},
    ),
    (
        parse_search_space,
        {
            "lr": {"type": "quniform", "min_value": 0.1, "max_value": 2, "q": 0.1},
            "n": {"type": "randint", "upper": 7},
            "mu": {"type": "normal", "mu": -1, "sigma": 1e-3},
            "layers": {"type": "choice", "values": [1, 2, 3]},
        },
    ),
]


@pytest.mark.parametrize(("read", "value"), SPECS)
def test_specifications_take_what_templates_make(read: Callable[[Any], Any], value: dict[str, Any]) -> None:
    expected = read(value)
    assert read(as_text(value)) == expected
    assert repr(read(as_text(value))) == repr(expected), "a number of another type would be other work"
    assert read(str(value)) == expected, "the whole mapping as text"


def test_ranges_as_microsoft_writes_them() -> None:
    space = parse_search_space(
        {
            "layers": {"type": "choice", "values": range(1, 5)},
            "units": {"type": "randint", "upper": range(8)},
            "wire": ["choice", [range(2)]],
        }
    )
    assert space["layers"].arguments == ((1, 2, 3, 4),)
    assert space["units"].arguments == (8,)
    assert space["wire"].arguments == ((0, 1),)
    with pytest.raises(InvalidSpecError, match=r"search_space.units.upper: range\(1, 8\) must begin at 0"):
        parse_search_space({"units": {"type": "randint", "upper": range(1, 8)}})
    with pytest.raises(InvalidSpecError, match=r"values: range\(0, 0\) must be a non-empty list"):
        parse_search_space({"layers": {"type": "choice", "values": range(0)}})
