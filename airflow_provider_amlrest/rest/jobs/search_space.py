"""Search-space distributions, in Azure ML's own names."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.values import number, structured

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "choice": ("values",),
    "randint": ("upper",),
    "uniform": ("min_value", "max_value"),
    "quniform": ("min_value", "max_value", "q"),
    "loguniform": ("min_value", "max_value"),
    "qloguniform": ("min_value", "max_value", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
}
"""Arguments of each distribution, in the wire's order; loguniform's bounds are exponents of e."""


@dataclass(frozen=True)
class SearchDistribution:
    """A parameter's distribution: its name in Azure ML and its arguments in the wire's order."""

    type: str
    arguments: tuple[Any, ...]


def parse_search_space(value: Any) -> dict[str, SearchDistribution]:
    """Read ``{parameter: {"type": "uniform", "min_value": 0.01, "max_value": 0.3}}``.

    The wire's own form, ``["uniform", [0.01, 0.3]]``, is taken too.
    Raises InvalidSpecError naming the parameter, what is wrong, and what would be right.
    """
    space = structured(value)
    if not isinstance(space, Mapping) or not space:
        raise InvalidSpecError(
            "search_space", f"{value!r} must be a non-empty mapping of parameter to distribution."
        )
    return {str(name): _distribution(f"search_space.{name}", spec) for name, spec in space.items()}


def encode(distribution: SearchDistribution) -> list[Any]:
    """The form of every api-version: ``[type, [arguments]]``; nested in the values of a choice too."""
    if distribution.type == "choice":
        return ["choice", [[_encode_value(value) for value in distribution.arguments[0]]]]
    return [distribution.type, list(distribution.arguments)]


def _encode_value(value: Any) -> Any:
    if isinstance(value, SearchDistribution):
        return encode(value)
    if isinstance(value, Mapping):
        return {key: _encode_value(member) for key, member in value.items()}
    return value


def _distribution(field: str, spec: Any) -> SearchDistribution:
    spec = structured(spec)
    if isinstance(spec, Mapping):
        kind, given = spec.get("type"), {key: value for key, value in spec.items() if key != "type"}
    elif isinstance(spec, list | tuple) and len(spec) == 2 and isinstance(spec[1], list | tuple):
        kind = spec[0]
        # An argument too many gets a name that no distribution has.
        names = itertools.chain(ARGUMENTS.get(str(kind), ()), itertools.repeat("one too many"))
        given = dict(zip(names, spec[1], strict=False))
    else:
        raise InvalidSpecError(field, f'{spec!r} must be a mapping such as {{"type": "uniform", ...}}.')
    if not isinstance(kind, str) or kind not in ARGUMENTS:
        raise InvalidSpecError(
            field, f"{kind!r} is no distribution of Azure ML; there are: {', '.join(ARGUMENTS)}."
        )
    wanted = ARGUMENTS[kind]
    if set(given) != set(wanted):
        raise InvalidSpecError(
            field, f"{kind} takes exactly {', '.join(wanted)}; got {', '.join(map(str, given)) or 'nothing'}."
        )
    if kind == "choice":
        return SearchDistribution("choice", (_choices(field, given["values"]),))
    arguments = tuple(_argument(kind, f"{field}.{name}", given[name]) for name in wanted)
    _check_range(field, kind, dict(zip(wanted, arguments, strict=True)))
    return SearchDistribution(kind, arguments)


def _choices(field: str, values: Any) -> tuple[Any, ...]:
    members = structured(values)
    if not isinstance(members, list | tuple | range) or not members:
        raise InvalidSpecError(f"{field}.values", f"{values!r} must be a non-empty list.")
    return tuple(_choice(f"{field}.values[{index}]", value) for index, value in enumerate(members))


def _choice(field: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        if not isinstance(value, str | int | float | bool | list | tuple) or not _is_json(value):
            raise InvalidSpecError(
                field, f"{value!r} must be text, a number, true or false, and nothing infinite."
            )
        return value
    return {
        key: _distribution(f"{field}.{key}", member)
        if isinstance(member, Mapping) and "type" in member
        else _choice(f"{field}.{key}", member)
        for key, member in value.items()
    }


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _argument(kind: str, field: str, value: Any) -> int | float:
    if kind != "randint":
        return number(field, value)
    if isinstance(value, range):
        if value != range(value.stop):
            raise InvalidSpecError(
                field, f"{value!r} must begin at 0, as randint does; choice takes any range for its values."
            )
        value = value.stop
    upper = number(field, value)
    if upper < 1 or upper != int(upper):
        raise InvalidSpecError(field, f"{value!r} must be a whole number above 0.")
    return int(upper)


def _check_range(field: str, kind: str, arguments: Mapping[str, int | float]) -> None:
    if "min_value" in arguments and arguments["min_value"] >= arguments["max_value"]:
        raise InvalidSpecError(
            field, f"min_value {arguments['min_value']} must be below max_value {arguments['max_value']}."
        )
    for name in ("q", "sigma"):
        if name in arguments and arguments[name] <= 0:
            raise InvalidSpecError(f"{field}.{name}", f"{arguments[name]!r} must be above 0.")
