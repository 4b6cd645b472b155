from __future__ import annotations

import logging

import pytest

from airflow_provider_amlrest.rest.jobs import status
from airflow_provider_amlrest.rest.jobs.status import DOCUMENTED_STATUSES, Outcome, classify

# Reference: JobStatus of all api-versions from 2021-03-01-preview to 2026-05-01.
DOCUMENTED = {
    "NotStarted": Outcome.ACTIVE,
    "Starting": Outcome.ACTIVE,
    "Provisioning": Outcome.ACTIVE,
    "Preparing": Outcome.ACTIVE,
    "Queued": Outcome.ACTIVE,
    "Running": Outcome.ACTIVE,
    "Finalizing": Outcome.ACTIVE,
    "CancelRequested": Outcome.ACTIVE,
    "Completed": Outcome.SUCCEEDED,
    "Failed": Outcome.FAILED,
    "Canceled": Outcome.CANCELED,
    "NotResponding": Outcome.ACTIVE,
    "Paused": Outcome.ACTIVE,
    "Scheduled": Outcome.ACTIVE,
    "Unknown": Outcome.ACTIVE,
}


def test_the_table_is_complete() -> None:
    assert frozenset(DOCUMENTED) == DOCUMENTED_STATUSES


@pytest.mark.parametrize(("value", "outcome"), DOCUMENTED.items())
def test_documented_statuses(value: str, outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    assert classify(value) is outcome
    assert not caplog.records


@pytest.mark.parametrize("value", ["Succeeded", "completed", "COMPLETED", "Cancelled", "", None])
def test_nothing_else_is_a_success_or_an_end(value: str | None) -> None:
    assert classify(value) is Outcome.ACTIVE


def test_an_unknown_status_is_logged_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_reported", set())
    with caplog.at_level(logging.WARNING):
        assert [classify("Hibernating") for _ in range(3)] == [Outcome.ACTIVE] * 3
    assert ["Hibernating" in record.getMessage() for record in caplog.records] == [True]
