"""An argument that a template can fill is read through rest/reading/values.py, wherever it is read."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import airflow_provider_amlrest
from airflow_provider_amlrest import operators
from airflow_provider_amlrest.operators.base import AzureMLOperator
from airflow_provider_amlrest.sensors import AzureMLJobSensor

PACKAGE = Path(airflow_provider_amlrest.__file__).parent
FILES = [*sorted((PACKAGE / "operators").glob("*.py")), PACKAGE / "sensors.py"]
CLASSES: list[Any] = [
    *(found for name in operators.__all__ if isinstance(found := getattr(operators, name), type)),
    AzureMLJobSensor,
]
NO_TEMPLATES = {"multiple_outputs", "smoke_check"}
"""What Airflow itself reads, as it is; and a function."""
READERS = {
    "boolean",
    "number",
    "optional_seconds",
    "parse_resources",
    "read_rules",
    "required_seconds",
    "text_list",
    "whole",
}


def own_parameters(cls: Any) -> list[inspect.Parameter]:
    """Of a class and of those of ours that it is made of."""
    ours = [base for base in cls.__mro__ if base.__module__.startswith("airflow_provider_amlrest")]
    found = [p for base in ours for p in inspect.signature(base.__init__).parameters.values()]
    return [p for p in found if p.kind is inspect.Parameter.KEYWORD_ONLY]


def typed_arguments(cls: Any) -> set[str]:
    """The arguments of ours that are no text: those whose default is a number, a boolean or a list."""
    parameters = own_parameters(cls)
    kinds = {p.name: p for p in parameters if isinstance(p.default, bool | int | float | tuple)}
    timeouts = {p.name for p in parameters if p.name in ("timeout", "max_age")}
    return ({*kinds} | timeouts) - NO_TEMPLATES


FIELDS = set().union(*(typed_arguments(cls) for cls in CLASSES))


def test_there_are_such_arguments() -> None:
    assert {
        "wait_for_completion",
        "cancel_on_kill",
        "instance_count",
        "timeout",
        "cancel",
        "min_age",
    } <= FIELDS


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_argument_is_a_template_field(cls: Any) -> None:
    ours = {parameter.name for parameter in own_parameters(cls)}
    assert issubclass(cls, AzureMLOperator | AzureMLJobSensor)
    assert ours - NO_TEMPLATES - set(cls.template_fields) == set()


def bare_reads(file: Path) -> list[str]:
    """Where an argument is read other than as what a reader of values is given."""
    tree = ast.parse(file.read_text())
    good: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in READERS:
                good |= {id(argument) for argument in node.args}
    return [
        f"{file.name}:{node.lineno} {node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("self", "task")
        and node.attr in FIELDS
        and id(node) not in good
    ]


def test_no_argument_is_read_as_it_stands() -> None:
    """``if self.cancel_on_kill`` takes the text ``"False"`` for true."""
    reads = [read for file in FILES for read in bare_reads(file)]
    # The sensor's timeout is that of Airflow's base class, which makes a number of it itself.
    assert [read for read in reads if not read.endswith("self.timeout") or "sensors" not in read] == []
