"""What of a function travels: these functions are the subject, and where they stand in this file."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.decorators.function import FunctionSource, digest, read_arguments, read_source
from airflow_provider_amlrest.decorators.in_job import load
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

CONSTANT = 3
LINES = Path(__file__).read_text().splitlines()


def decorated(*numbers: int) -> Callable[[Any], Any]:
    return lambda function: functools.wraps(function)(lambda *args: function(*args))


@decorated(
    1,
    2,
)
@decorated()
def plain(a: Path, b: int = len("ab")) -> list[Path]:
    """A function with decorators."""
    # It has a comment, and calls itself.
    return [a] if b else plain(a, 1)


class Outer:
    def make(self) -> Any:
        local = 7

        def indented(a: int) -> str:
            text = """first
  second"""

            def inner(b: Path) -> str:
                return f"{text}{a}{b}"

            return inner("!")  # type: ignore[arg-type]

        def closes() -> int:
            return local

        return indented, closes


def uses_a_constant() -> int:
    return sum(CONSTANT for _ in range(2))


def makes_a_global() -> int:
    global CONSTANT
    CONSTANT = 4
    return CONSTANT


def yields() -> Any:
    yield 1


async def yields_later() -> Any:
    yield 1


def has_a_default(a: int = CONSTANT) -> int:
    return a


def annotates() -> int:
    value: Path = 1  # type: ignore[assignment]
    return value  # type: ignore[return-value]


def test_a_function_travels_without_its_decorators() -> None:
    source = read_source(plain)
    first = LINES.index('def plain(a: Path, b: int = len("ab")) -> list[Path]:') + 1
    assert (source.name, source.file, source.line) == ("plain", "test_function.py", first)
    assert source.text.splitlines() == LINES[first - 1 : first + 3]
    function = load(source.text, source.file, source.line, source.name)
    assert function("x", 0) == ["x"]
    assert function.__code__.co_firstlineno == first


def test_an_indented_function_keeps_its_strings_and_lines() -> None:
    indented, _ = Outer().make()
    source = read_source(indented)
    assert source.text.startswith("        def indented")
    function = load(source.text, source.file, source.line, source.name)
    assert function(1) == "first\n  second1!"
    assert LINES[function.__code__.co_firstlineno - 1].strip() == "def indented(a: int) -> str:"


@pytest.mark.parametrize("function", [makes_a_global, annotates], ids=lambda f: f.__name__)
def test_what_the_function_has_itself_is_no_lack(function: Any) -> None:
    assert read_source(function).name == function.__name__


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (uses_a_constant, "uses_a_constant uses CONSTANT, defined outside the function"),
        (has_a_default, "has_a_default uses CONSTANT, defined outside the function"),
        (Outer().make()[1], "closes uses local, defined outside the function"),
        (lambda: 1, "<lambda> is not a function with a name"),
        (functools.partial(uses_a_constant), "is not a function with a name"),
        (len, "len is not a function with a name"),
        (yields, "yields yields, but a job returns one value: return a list"),
        (yields_later, "yields_later yields, but a job returns one value"),
    ],
)
def test_what_cannot_travel_is_refused(function: Any, expected: str) -> None:
    with pytest.raises(InvalidSpecError, match=expected):
        read_source(function)


def test_a_function_without_a_file_is_refused() -> None:
    names: dict[str, Any] = {}
    exec("def typed(): return 1", names)  # noqa: S102
    with pytest.raises(InvalidSpecError, match="the source of typed cannot be read"):
        read_source(names["typed"])


def takes(a: int, /, b: int, *rest: int, ds: str, table: str, **more: int) -> None:
    """A parameter of each kind."""


def test_arguments_are_named_and_paths_are_not_among_them() -> None:
    context = {"ds": "2026-01-01", "more": "no parameter of that name", "ti": object()}
    given = read_arguments(takes, (1, 2, 3), {"c": 4}, {"table"}, context)
    assert given == {"a": 1, "b": 2, "rest": [3], "more": {"c": 4}, "ds": "2026-01-01"}
    assert read_arguments(takes, (1, 2), {"ds": "x"}, {"table"}, context)["ds"] == "x"


def about_airflow(ti: Any) -> None:
    """It wants what JSON cannot carry."""


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "expected"),
    [
        (takes, (1,), {}, "python_callable: takes cannot be called: missing a required argument: 'b'"),
        (takes, (1, 2), {"ds": "x", "table": "y"}, "op_kwargs.table: the job has an input or output"),
        (
            about_airflow,
            (),
            {},
            "op_kwargs: about_airflow's argument ti is of type object, which JSON",
        ),
    ],
)
def test_calls_that_do_not_fit(function: Any, args: Any, kwargs: Any, expected: str) -> None:
    with pytest.raises(InvalidSpecError, match=expected):
        read_arguments(function, args, kwargs, {"table"}, {"ti": object()})


def test_the_digest_is_frozen_and_knows_no_place() -> None:
    source = FunctionSource("f", "def f(a):\n    return a\n", "dag.py", 3)
    frozen = "210a45d59f85e1c7f41f1aaacebd54497087ffa2c4fad858616ae5720c687006"
    assert digest(source, {"a": 1, "b": 2}, ["six==1.17.0"]) == frozen
    moved = FunctionSource("f", source.text, "other.py", 30)
    assert digest(moved, {"b": 2, "a": 1}, ["six==1.17.0"]) == frozen
    assert digest(source, {"a": 1, "b": 3}, ["six==1.17.0"]) != frozen
    assert digest(source, {"a": 1, "b": 2}, []) != frozen
