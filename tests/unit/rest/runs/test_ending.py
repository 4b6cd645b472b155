"""What is asked, in which order, when a job is to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.http.errors import NotFoundError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.runs.ending import end_job
from tests.unit.answers import Answered

WORKSPACE = WorkspaceId("00000000-0000-0000-0000-000000000001", "group", "workspace")
NOTE = ("airflow_canceled_by", "task: try 1, because")
ANSWERS = {"GET": 200, "cancel": 202, "set-tag": 200}


def ended(status: str = "Running", why_left: Any = lambda job: None, **answers: int) -> tuple[Any, list[str]]:
    """What came of it, and what was asked."""
    operations = Operations(WORKSPACE, PUBLIC, "2025-12-01")
    operations.endpoints = ("https://h", "https://m")
    flow = end_job(operations, "j", note=NOTE, why_left=why_left, patience=10)
    asked: list[str] = []
    job = {"id": "/jobs/j", "name": "j", "properties": {"jobType": "Command", "status": status}}
    try:
        send = next(flow)
        while True:
            kind = next((kind for kind in ANSWERS if send.request.url.split("?")[0].endswith(kind)), "GET")
            asked.append(kind)
            assert send.options["retry_total"] == 0
            send = flow.send(Answered(job, {**ANSWERS, **answers}[kind]))
    except StopIteration as done:
        return done.value, asked


def test_a_look_the_cancel_the_note() -> None:
    assert ended() == (None, ["GET", "cancel", "set-tag"])


@pytest.mark.parametrize("status", ["Completed", "Failed", "Canceled", "CancelRequested"])
def test_what_ends_anyway_is_not_asked_to(status: str) -> None:
    assert ended(status) == (f"it is {status}", ["GET"])


def test_who_has_a_reason_leaves_it() -> None:
    assert ended(why_left=lambda job: "it is not mine") == ("it is not mine", ["GET"])


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_look_that_fails_does_not_save_the_job(status: int) -> None:
    never: Callable[[Any], str] = lambda job: "nobody knows"  # noqa: E731
    assert ended(why_left=never, GET=status) == (None, ["GET", "cancel", "set-tag"])


def test_no_job_is_said() -> None:
    with pytest.raises(NotFoundError):
        ended(GET=404, cancel=404)


@pytest.mark.parametrize("status", [403, 503])
def test_a_note_that_fails_is_logged(status: int, caplog: pytest.LogCaptureFixture) -> None:
    assert ended(**{"set-tag": status})[0] is None
    assert "Could not note on job j who canceled it" in caplog.text
