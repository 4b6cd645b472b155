"""What a deployment must answer before it gets requests of others."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from airflow_provider_amlrest.lifecycle.smoke_test import SmokeTestError, read_smoke_test
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, UnreachableError
from airflow_provider_amlrest.rest.resources.scoring import Access, Scored

ACCESS = Access("https://shop/score", "key")


class Service:
    def __init__(self, *answers: Scored | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Any] = []

    def score(self, access: Access, body: Any, deployment: str, seconds: float) -> Scored:
        assert access is ACCESS
        self.asked.append((body, deployment, seconds))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def run(
    given: dict[str, Any], *answers: Scored | Exception, check: Any = None
) -> tuple[dict[str, Any], Service]:
    test, service = read_smoke_test(given, check), Service(*answers)
    assert test is not None
    return test.run(cast("AzureMLClient", service), ACCESS, "green"), service


def answer(text: str = "[1]", status: int = 200) -> Scored:
    return Scored(status, text, "green")


async def _later(answers: list[Any]) -> None:
    """Would be called, and never run."""


def test_answers_that_are_right() -> None:
    seen = []
    given = {"requests": "[{'data': 1}, {'data': 2}]", "schema": {"type": "array"}, "max_latency": "5"}
    result, service = run(given, answer(), answer("[2]"), check=seen.append)
    assert (result["deployment"], result["requests"]) == ("green", 2)
    assert service.asked == [({"data": 1}, "green", 5.0), ({"data": 2}, "green", 5.0)]
    assert seen == [[[1], [2]]]


@pytest.mark.parametrize(
    ("given", "found", "check", "problem"),
    [
        ({}, answer("no model", 500), None, "request 1 of 1 to deployment green was answered 500 instead"),
        ({"expected_status": 422}, answer(), None, "was answered 200 instead of 422"),
        ({"schema": {"type": "object"}}, answer(), None, "does not fit the schema"),
        ({}, UnreachableError("POST", "time ran out"), None, "failed: No answer to POST"),
        ({}, answer(), lambda answers: False, "refused the answers"),
        ({}, answer(), lambda answers: np.bool_(False), "refused the answers"),
        ({}, answer(), lambda answers: [], "refused the answers"),
        (
            {},
            answer(),
            lambda answers: np.array([1, 2]) > 0,
            "the check of deployment green failed: ValueError",
        ),
        ({}, answer("[NaN]"), lambda answers: answers[0][0] > 0, "failed: TypeError"),
        ({"schema": {"$ref": "#/nowhere"}}, answer(), None, "cannot be compared with the schema: .*nowhere"),
        ({"schema": {"type": "object"}}, answer("[" + "1," * 999 + "1]"), None, r"schema: .{300}$"),
        ({}, answer(), lambda answers: 1 / 0, "the check of deployment green failed: ZeroDivisionError"),
    ],
)
def test_answers_that_are_wrong(given: dict[str, Any], found: Any, check: Any, problem: str) -> None:
    with pytest.raises(SmokeTestError, match=problem):
        run({"requests": [1], **given}, found, check=check)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (None, "smoke_test: it is missing"),
        ({"requests": []}, "smoke_test.requests: .* must be a list"),
        ({"request": [1]}, "did you mean 'requests'"),
        ({"requests": [1], "max_latency": 0}, "max_latency"),
        ({"requests": [1, {2}]}, r"smoke_test.requests\[1\]: it cannot be written as JSON: .* set"),
        (
            {"requests": [1], "schema": {"properties": {"a": {"type": "text"}}}},
            r"\['a'\]\['type'\]: 'text' is",
        ),
    ],
)
def test_what_is_no_test(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=problem):
        read_smoke_test(given, print)


@pytest.mark.parametrize("check", ["module.check", _later])
def test_what_is_no_check(check: Any) -> None:
    with pytest.raises(InvalidSpecError, match=r"smoke_check: .* must be a function"):
        read_smoke_test({"requests": [1]}, check)


def test_an_answer_that_is_no_json_is_a_text() -> None:
    assert answer("hello").value() == "hello"
    assert answer("[" * 100_000).value() == "[" * 100_000
    assert answer("[NaN, 1]").value() == ["NaN", 1]


def test_none_is_none() -> None:
    assert read_smoke_test(None, None) is None


def test_a_key_is_not_shown() -> None:
    assert "key" not in repr(ACCESS)
