"""What runs in the job: JSON, and that the file needs no newer Python than it says."""

from __future__ import annotations

import ast
import collections
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_amlrest.decorators import in_job
from airflow_provider_amlrest.decorators.in_job import NotJSONError, to_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_comes_back_as_it_went(value: Any) -> None:
    assert json.loads(to_json(value, "x")) == value


class Rows(collections.UserList[int]):
    """As Airflow hands over the results of mapped tasks: a sequence that is not a list."""


def test_sequences_and_mappings_are_lists_and_objects() -> None:
    value = {"a": Rows([1]), "b": (2,), "c": range(2), "d": collections.ChainMap({"e": 1})}
    assert json.loads(to_json(value, "x")) == {"a": [1], "b": [2], "c": [0, 1], "d": {"e": 1}}


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, {2}]}, r"x\['a'\]\[1\] is of type set, which JSON cannot carry: .* outputs="),
        ("\ud800", "x cannot be written as JSON: .* surrogates not allowed"),
        (b"bytes", "x is of type bytes, which"),
        (Path("p"), r"x is of type pathlib\w*\.PosixPath, which"),
        ([math.inf], r"x\[0\] is inf, which JSON cannot carry"),
        ({1: 2}, "x has the key 1, but in JSON keys are text"),
        (endless(), "more than 100 levels deep; does it contain itself"),
        ((number for number in ()), "x is of type generator, which"),
    ],
)
def test_what_json_cannot_carry_is_named(value: Any, expected: str) -> None:
    with pytest.raises(NotJSONError, match=expected):
        to_json(value, "x")


def test_it_is_python_3_8_and_the_standard_library() -> None:
    tree = ast.parse(Path(in_job.__file__).read_text(), feature_version=(3, 8))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
