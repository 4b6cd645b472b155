"""Requests to a deployment before others depend on it: are the answers what they should be?"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError
from airflow_provider_amlrest.rest.reading.fields import json_value, no_other_keys
from airflow_provider_amlrest.rest.reading.values import blank, mapping, required_seconds, structured, whole

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.resources.scoring import Access

ANSWER_TIMEOUT = 60.0
"""Seconds for an answer, if ``max_latency`` is not less."""
SHOWN = 300
"""Characters of an answer in an error."""


class SmokeTestError(AzureMLError):
    """A deployment has not answered as it should."""


@dataclass(frozen=True)
class SmokeTest:
    """Requests, and what the answers must be.

    :param requests: what is sent, as JSON has it.
    :param expected_status: of each answer.
    :param schema: a JSON schema of each answer; None: any.
    :param max_latency: seconds in which each answer must come; None: in a minute.
    :param check: called with the list of answers; raises for wrong ones, or returns False; None is fine.
    """

    requests: tuple[Any, ...]
    expected_status: int = 200
    schema: Mapping[str, Any] | None = None
    max_latency: float | None = None
    check: Callable[[list[Any]], Any] | None = None

    def run(self, client: AzureMLClient, access: Access, deployment: str) -> dict[str, Any]:
        """Send the requests to one deployment.

        :return: ``{"deployment", "requests", "seconds"}``; the last is the longest that an answer took.
        :raises SmokeTestError: for the first answer that is not as it should be.
        """
        answers, longest = [], 0.0
        for number, body in enumerate(self.requests, 1):
            where = f"request {number} of {len(self.requests)} to deployment {deployment}"
            began = time.monotonic()
            try:
                answer = client.score(access, body, deployment, self.max_latency or ANSWER_TIMEOUT)
            except AzureMLError as error:
                raise SmokeTestError(f"{where} failed: {error}") from None
            longest = max(longest, time.monotonic() - began)
            if answer.status != self.expected_status:
                raise SmokeTestError(
                    f"{where} was answered {answer.status} instead of {self.expected_status}: "
                    f"{answer.text[:SHOWN]!r}"
                )
            answers.append(answer.value())
            self._check_schema(where, answers[-1])
        self._check_all(deployment, answers)
        return {"deployment": deployment, "requests": len(answers), "seconds": round(longest, 3)}

    def _check_schema(self, where: str, answer: Any) -> None:
        if self.schema is None:
            return
        from jsonschema import ValidationError, validate

        try:
            validate(answer, dict(self.schema))
        except ValidationError as error:
            problem = f"does not fit the schema: {error.message[:SHOWN]}"
        except Exception as error:  # such as a $ref that leads nowhere
            problem = f"cannot be compared with the schema: {str(error)[:SHOWN]}"
        else:
            return
        raise SmokeTestError(f"{where}: the answer {problem}")

    def _check_all(self, deployment: str, answers: list[Any]) -> None:
        if self.check is None:
            return
        try:
            verdict = self.check(answers)
            # Also of numpy, whose False is not Python's.
            is_wrong = verdict is not None and not verdict
        except Exception as error:
            raise SmokeTestError(f"the check of deployment {deployment} failed: {error!r}") from None
        if is_wrong:
            raise SmokeTestError(f"the check of deployment {deployment} refused the answers.")


def read_smoke_test(value: Any, check: Callable[[list[Any]], Any] | None) -> SmokeTest | None:
    """``{"requests": [...], "expected_status": 200, "schema": {...}, "max_latency": seconds}``."""
    if check is not None and (not callable(check) or inspect.iscoroutinefunction(check)):
        raise InvalidSpecError("smoke_check", f"{check!r} must be a function, and not an async one.")
    if blank(value):
        if check is not None:
            raise InvalidSpecError("smoke_test", "it is missing: smoke_check has no requests to check.")
        return None
    given = mapping("smoke_test", value)
    no_other_keys("smoke_test", given, ("requests", "expected_status", "schema", "max_latency"))
    requests = structured(given.get("requests"))
    if not isinstance(requests, list | tuple) or not requests:
        raise InvalidSpecError("smoke_test.requests", f"{requests!r} must be a list of what is sent.")
    for index, request in enumerate(requests):
        json_value(f"smoke_test.requests[{index}]", request)
    latency = given.get("max_latency")
    return SmokeTest(
        tuple(requests),
        whole("smoke_test.expected_status", given.get("expected_status", 200), 100, 599),
        None if blank(given.get("schema")) else _schema(given["schema"]),
        None if blank(latency) else required_seconds("smoke_test.max_latency", latency),
        check,
    )


def _schema(value: Any) -> Mapping[str, Any]:
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    schema = dict(mapping("smoke_test.schema", value))
    try:
        validator_for(schema).check_schema(schema)
    except SchemaError as error:
        place = "".join(f"[{member!r}]" for member in error.path)
        raise InvalidSpecError(f"smoke_test.schema{place}", f"{error.message[:SHOWN]}.") from None
    return schema
