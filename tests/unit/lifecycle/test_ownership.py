"""Who owns a job, by its tags alone."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest.lifecycle.ownership import (
    MAX_NOTE,
    SLOTS,
    Owner,
    by_person,
    by_task,
    owner_of,
    told_by,
    why_left,
)
from airflow_provider_amlrest.rest.jobs.job import Job

FIRST, SECOND = Owner(1, "a"), Owner(2, "b")


def a_job(*owners: Owner, **tags: str) -> Job:
    claims = dict(owner.tag for owner in owners)
    return Job("/jobs/j", "j", "Command", "Running", tags={**claims, **tags})


def test_a_claim_is_read_as_it_was_written() -> None:
    assert Owner.parse(str(SECOND)) == SECOND
    assert Owner.new(3) != Owner.new(3)


@pytest.mark.parametrize("text", [None, "", "2", "2/", "/b", "x/b", "-1/b"])
def test_what_is_no_claim_is_none(text: Any) -> None:
    assert Owner.parse(text) is None


def test_the_newest_try_owns_the_job_in_whatever_order_they_wrote() -> None:
    assert owner_of(a_job()) is None
    assert owner_of(a_job(FIRST, SECOND)) == owner_of(a_job(SECOND, FIRST)) == SECOND


def test_no_late_message_of_an_older_try_undoes_a_claim() -> None:
    for older in range(1, SLOTS):
        newer = Owner(SLOTS, "new")
        assert owner_of(a_job(newer, Owner(older, "late"))) == newer


def test_a_job_has_so_many_tags_of_owners_at_most() -> None:
    assert len(a_job(*(Owner(number, "t") for number in range(1, 100))).tags) == SLOTS
    assert owner_of(a_job(*(Owner(number, "t") for number in range(1, 100)))) == Owner(99, "t")


def test_only_the_owner_may_end_a_job_or_a_newer_try() -> None:
    assert why_left(FIRST)(a_job(FIRST, SECOND)) == "it belongs to try 2 of the task by now"
    assert why_left(SECOND)(a_job(FIRST, SECOND)) is None
    assert why_left(Owner(3, "c"))(a_job(FIRST, SECOND)) is None
    assert why_left(FIRST)(a_job()) is None


def test_of_two_processes_that_are_the_same_try_the_last_one_owns_it() -> None:
    assert why_left(Owner(1, "other"))(a_job(FIRST)) is not None


def test_who_is_bound_to_no_try_may_end_any() -> None:
    assert why_left(None)(a_job(SECOND)) is None


def test_a_note_tells_a_person_from_a_task() -> None:
    assert told_by(a_job(**dict([by_person("jane, on a page")]))) == (True, "jane, on a page")
    assert told_by(a_job(**dict([by_task(2, "its time is over")]))) == (False, "try 2, its time is over")
    assert told_by(a_job(**dict([by_task(2, "x" * 2000)]))) == (False, "try 2, " + "x" * (MAX_NOTE - 13))
    assert told_by(a_job()) is None
    assert told_by(a_job(airflow_canceled_by="me")) is None
