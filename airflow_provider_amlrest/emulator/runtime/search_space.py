"""A sweep's search space: Azure ML's encoded distributions, and points drawn from them.

A distribution is read through its quantile function: a coordinate in [0, 1) becomes a value. So
random and quasi-random (Sobol) sampling differ only in where the coordinates come from.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, TypeAlias

from airflow_provider_amlrest.emulator.runtime.errors import JobError

ARGUMENTS = {
    "randint": ("upper",),
    "uniform": ("min", "max"),
    "quniform": ("min", "max", "q"),
    "loguniform": ("min", "max"),
    "qloguniform": ("min", "max", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
}
"""Distributions of numbers and what they are told; ``choice`` is the one other."""

_EDGE = 1e-12


@dataclass(frozen=True)
class Choice:
    """One of several options; an option that is a space of its own makes a nested point."""

    options: tuple[Any, ...]


@dataclass(frozen=True)
class Number:
    """A distribution of numbers, by its Azure ML name."""

    name: str
    arguments: tuple[float, ...]

    def at(self, coordinate: float) -> float:
        """The value below which ``coordinate`` of the distribution's mass lies."""
        if self.name == "randint":
            return int(coordinate * self.arguments[0])
        low, high = self.arguments[:2]
        if self.name.endswith("normal"):
            value = NormalDist(low, high).inv_cdf(min(max(coordinate, _EDGE), 1 - _EDGE)) if high else low
        else:
            value = low + coordinate * (high - low)
        if "log" in self.name:
            value = math.exp(value)
        if self.name.startswith("q"):
            step = self.arguments[2]
            value = round(value / step) * step
        return value


Dimension: TypeAlias = Choice | Number
Space: TypeAlias = dict[str, Dimension]
Point: TypeAlias = dict[str, Any]


def parse_space(encoded: Mapping[str, Any]) -> Space:
    """Read a search space as the service receives it, such as ``{"lr": ["uniform", [0.01, 0.9]]}``.

    :raises JobError: names the parameter and what is wrong with it.
    """
    if not encoded:
        raise JobError("The sweep's searchSpace is empty: give at least one parameter.")
    return {name: _parse_dimension(name, expression) for name, expression in encoded.items()}


def _is_expression(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], list)
    )


def _parse_dimension(name: str, expression: Any) -> Dimension:
    if not _is_expression(expression):
        raise JobError(f'searchSpace.{name} is {expression!r}, not of the form ["uniform", [0.01, 0.9]].')
    kind, arguments = expression[0].lower(), expression[1]
    if kind == "choice":
        return _parse_choice(name, arguments)
    if kind not in ARGUMENTS:
        raise JobError(
            f"searchSpace.{name} uses the distribution {kind!r}. Known: choice, {', '.join(ARGUMENTS)}."
        )
    wanted = ARGUMENTS[kind]
    numbers = [a for a in arguments if isinstance(a, int | float) and not isinstance(a, bool)]
    if len(numbers) != len(wanted) or len(arguments) != len(wanted):
        raise JobError(
            f"searchSpace.{name}: {kind} takes the numbers [{', '.join(wanted)}], got {arguments!r}."
        )
    number = Number(kind, tuple(numbers))
    _check_number(name, number)
    return number


def _check_number(name: str, number: Number) -> None:
    given = dict(zip(ARGUMENTS[number.name], number.arguments, strict=True))
    faults = [
        (given.get("upper", 1) < 1, "upper must be at least 1"),
        (given.get("min", 0) > given.get("max", math.inf), "min must not be above max"),
        (given.get("sigma", 0) < 0, "sigma must not be negative"),
        (given.get("q", 1) <= 0, "q must be above 0"),
    ]
    for wrong, rule in faults:
        if wrong:
            raise JobError(f"searchSpace.{name}: {number.name} {list(number.arguments)}: {rule}.")


def _parse_choice(name: str, arguments: list[Any]) -> Choice:
    if len(arguments) != 1 or not isinstance(arguments[0], list) or not arguments[0]:
        raise JobError(
            f'searchSpace.{name}: choice is encoded as ["choice", [[v1, v2, ...]]], got {arguments!r}.'
        )
    return Choice(tuple(_parse_option(name, option) for option in arguments[0]))


def _parse_option(name: str, option: Any) -> Any:
    if not isinstance(option, dict):
        return option
    return {
        key: _parse_dimension(f"{name}.{key}", value) if _is_expression(value) else Choice((value,))
        for key, value in option.items()
    }


def dimensions(space: Mapping[str, Dimension]) -> int:
    """How many coordinates a point of this space takes, those of nested spaces included."""
    return sum(
        1 + sum(dimensions(o) for o in d.options if isinstance(o, dict)) if isinstance(d, Choice) else 1
        for d in space.values()
    )


def point_at(space: Mapping[str, Dimension], coordinates: Iterator[float]) -> Point:
    """The point at these coordinates. Every option's nested space takes its share, chosen or not."""
    point: Point = {}
    for name, dimension in space.items():
        coordinate = next(coordinates)
        if isinstance(dimension, Number):
            point[name] = dimension.at(coordinate)
        else:
            options = [point_at(o, coordinates) if isinstance(o, dict) else o for o in dimension.options]
            point[name] = options[min(int(coordinate * len(options)), len(options) - 1)]
    return point


def grid(space: Mapping[str, Dimension]) -> Iterator[Point]:
    """Every point of a space of choices, the last parameter changing fastest.

    :raises JobError: the space has a distribution other than choice.
    """
    for name, dimension in space.items():
        if isinstance(dimension, Number):
            raise JobError(f"Grid sampling takes only choice; searchSpace.{name} is {dimension.name}.")
    axes = [
        [value for o in d.options for value in (grid(o) if isinstance(o, dict) else (o,))]
        for d in space.values()
        if isinstance(d, Choice)
    ]
    for values in itertools.product(*axes):
        yield dict(zip(space, values, strict=True))


def value_text(value: Any) -> str:
    """A parameter's value as a command or an environment variable gets it."""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
