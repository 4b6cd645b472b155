from __future__ import annotations

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading import text_limits


@pytest.mark.parametrize("name", [None, "a", "7", "lightgbm-iris_2", "a" * 256])
def test_names_of_experiments(name: str | None) -> None:
    assert text_limits.check_experiment("experiment_name", name) == name


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("feature/x", "'feature-x' would be one"),
        ("_iris", "'iris' would be one"),
        ("my iris (2)", "'my-iris-2' would be one"),
        ("iris\n", "'iris' would be one"),
        ("a" * 257, f"{'a' * 256!r} would be one"),
        ("", "Leave it out"),
        ("//", "Leave it out"),
    ],
)
def test_another_name_is_refused_and_one_is_suggested(name: str, suggestion: str) -> None:
    with pytest.raises(
        InvalidSpecError, match=r"^experiment_name: .* is not a valid name of an experiment"
    ) as caught:
        text_limits.check_experiment("experiment_name", name)
    assert suggestion in str(caught.value)


def test_texts_and_pairs_that_fit_and_that_do_not() -> None:
    assert text_limits.check_text("display_name", "x" * 256) == "x" * 256
    with pytest.raises(InvalidSpecError, match="has 257 characters; Azure ML takes 256"):
        text_limits.check_text("display_name", "x" * 257)
    fitting = {f"{number:>100}": "v" * 1000 for number in range(47)}
    assert text_limits.check_pairs("properties", fitting, 3) == fitting
    for pairs, field, words in (
        (
            {**fitting, "one": "more"},
            "properties",
            "there are 48; Azure ML takes 50, of which",
        ),
        ({"n" * 101: "v"}, "properties." + "n" * 100, "a name has 100 characters at most"),
        ({"n": "v" * 1001}, "properties.n", "a value 1000"),
        ({" ": "v"}, "properties", "is empty"),
    ):
        with pytest.raises(InvalidSpecError) as caught:
            text_limits.check_pairs("properties", pairs, 3)
        assert caught.value.field == field
        assert words in str(caught.value)
