from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_amlrest.rest.assets import environment
from airflow_provider_amlrest.rest.versions import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, None),
        (1, "PT1S"),
        (0.2, "PT1S"),
        (3600, "PT3600S"),
        (3600.01, "PT3601S"),
        (5184000, "PT5184000S"),
    ],
)
def test_durations_are_whole_seconds_rounded_up(seconds: float | None, text: str | None) -> None:
    assert words.iso_duration(seconds) == text


def test_a_conda_file_goes_as_yaml_and_comes_back_as_json() -> None:
    conda = {"name": "e", "dependencies": ["python=3.10", {"pip": ["x==1", "\u2603 \U0001f600"]}], "n": 1e30}
    sent = environment.conda_text(conda)
    assert sent is not None
    assert yaml.safe_load(sent) == conda
    assert environment.read_conda(json.dumps(conda, indent=2)) == conda
    assert environment.read_conda(sent) == conda


@pytest.mark.parametrize("text", [None, "", "null", "[]", "just text", "a: [", "\t- x"])
def test_what_comes_back_may_be_no_conda_file(text: str | None) -> None:
    assert environment.read_conda(text) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_every_conda_file_comes_back_as_it_was(conda: dict[str, Any]) -> None:
    assert environment.read_conda(json.dumps(conda, indent=2)) == conda


def test_nulls_of_the_service_are_nothing() -> None:
    assert words.text_map(None) == {}
    assert words.text_map({"a": "b", "DataPrepJsonString": None}) == {"a": "b"}
    assert words.without_nones(a=None, b={}, c=0, d="", e=False, f=[]) == {
        "c": 0,
        "d": "",
        "e": False,
        "f": [],
    }
    assert words.properties_of({"id": "x"}) == {}
