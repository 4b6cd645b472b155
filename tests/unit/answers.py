"""Answers to feed to the operations' generators. They stand for no HTTP: that is tested against servers."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from airflow_provider_amlrest.rest.http.call import Call

T = TypeVar("T")

REFERENCE = Path(__file__).resolve().parents[3] / "shared"
"""Reference data that is no part of the repository: Microsoft's schemas and recorded exchanges."""


@dataclass
class Answered:
    """What operations look at in an answer."""

    body: Any = None
    status_code: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.text().encode()

    def text(self) -> str:
        if self.body is None:
            return ""
        return self.body if isinstance(self.body, str) else json.dumps(self.body)


def drive(flow: Generator[Call, Any, T], *answers: Answered) -> tuple[T, list[Call]]:
    """Run an operation to its end with these answers; its result, and what it asked for."""
    asked = [next(flow)]
    for answer in answers:
        try:
            asked.append(flow.send(answer))
        except StopIteration as done:
            assert len(asked) == len(answers), "some answers were not asked for"
            return done.value, asked
    raise AssertionError(f"the operation asks for more: {asked[-1]}")


def recorded(topic: str) -> list[dict[str, Any]]:
    """Recorded exchanges with the service; skips the test where they are absent."""
    file = REFERENCE / "api" / "recorded" / f"{topic}.json"
    if not file.is_file():
        pytest.skip("the reference data (../shared) is not on this machine")
    return list(json.loads(file.read_text()))
