"""A submit's races and patience, which no emulator loses at will; the rest is in test_job_operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import pytest

from airflow_provider_amlrest.lifecycle import outages, patience, submission
from airflow_provider_amlrest.lifecycle.cancellation import JobCanceledByDecisionError
from airflow_provider_amlrest.lifecycle.naming import TaskIdentity, job_names
from airflow_provider_amlrest.lifecycle.outages import retry_through_outage
from airflow_provider_amlrest.lifecycle.ownership import Owner
from airflow_provider_amlrest.lifecycle.submission import Work
from airflow_provider_amlrest.lifecycle.task_identity import (
    IDENTITY_PROPERTY,
    SPEC_PROPERTY,
    WORK_PROPERTY,
    task_tag,
)
from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    AzureMLError,
    ConflictError,
    InvalidSpecError,
    MissingAssetError,
    NetworkRefusedError,
    NotFoundError,
    PermissionDeniedError,
    UnreachableError,
)
from airflow_provider_amlrest.rest.jobs.job import Job

WORK = Work(TaskIdentity("d", "t", "r", -1, 4), 7, {"command": "true"})
OURS = WORK.properties
THEIRS = {**OURS, IDENTITY_PROPERTY: "them", WORK_PROPERTY: "them/7"}
NAME, SECOND = islice(job_names(WORK.identity), 2)


class Workspace:
    """Jobs by name; ``on_create`` happens at a PUT, ``on_get`` at each read."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs = {job.name: job for job in jobs}
        self.created: list[str] = []
        self.ended: list[str] = []
        self.on_create: Callable[[str], None] = lambda name: None
        self.on_get: Callable[[str], None] = lambda name: None

    def get_job(self, name: str) -> Job:
        self.on_get(name)
        if name not in self.jobs:
            raise NotFoundError(f"GET jobs/{name}", 404)
        return self.jobs[name]

    def list_jobs(self, tag: str) -> Iterator[Job]:
        assert tag == task_tag(WORK.identity)
        yield from self.jobs.values()

    def create_job(self, name: str, body: Any) -> Job:
        self.on_create(name)
        self.created.append(name)
        self.jobs[name] = a_job(name, properties=body["properties"])
        return self.jobs[name]


def a_job(name: str = NAME, status: str = "Running", properties: Any = OURS) -> Job:
    return Job(f"/jobs/{name}", name, "Command", status, properties=properties)


@dataclass
class Task:
    """Takes note of what a submission asks of its task."""

    workspace: Any
    check: Callable[[Job], None] = lambda job: None
    said: list[str] = field(default_factory=list)
    """The names that on_kill would have canceled."""

    @property
    def tags(self) -> dict[str, str]:
        return {}

    def is_about_to_submit(self, name: str, body: Any) -> None:
        self.said.append(name)

    def takes_over(self, job: Job) -> None:
        self.said.append(job.name)

    def end_unwanted(self, client: Any, job: Job) -> None:
        self.workspace.ended.append(job.name)

    def check_canceled(self, client: Any, job: Job) -> None:
        self.check(job)


def submit(workspace: Any, first_try: bool = False, **arguments: Any) -> tuple[str, list[str]]:
    """The name of the job, and the names that on_kill would have canceled."""
    task = Task(workspace, **arguments)
    job = submission.submit(workspace, task, WORK, None, Owner(2, "this"), first_try=first_try)
    return job.name, task.said


@pytest.mark.parametrize("status", ["Failed", "Canceled", "CancelRequested"])
def test_a_job_that_has_failed_or_is_about_to_be_canceled_is_followed_by_a_new_one(status: str) -> None:
    assert submit(Workspace(a_job(NAME, status))) == (SECOND, [SECOND])


@pytest.mark.parametrize("status", ["Canceled", "CancelRequested"])
def test_unless_somebody_wanted_it_to_end(status: str) -> None:
    def refuse(job: Job) -> None:
        raise JobCanceledByDecisionError(job.name)

    workspace = Workspace(a_job(NAME, status))
    with pytest.raises(JobCanceledByDecisionError, match=NAME):
        submit(workspace, check=refuse)
    assert workspace.created == []


@pytest.mark.parametrize("status", ["Queued", "Completed", "SomethingNew"])
def test_any_other_job_is_taken_over_and_can_be_canceled(status: str) -> None:
    workspace = Workspace(a_job(NAME, status))
    assert submit(workspace) == (NAME, [NAME])
    assert workspace.created == []


def loses(workspace: Workspace, error: AzureMLError, properties: Any = OURS) -> Callable[[str], None]:
    """At the PUT, somebody else's or our own earlier one is there already; the answer is an error."""

    def lose(name: str) -> None:
        workspace.jobs[name] = a_job(name, properties=properties)
        raise error

    return lose


@pytest.mark.parametrize("error", [ConflictError("PUT", 409), UnreachableError("PUT", "reset")])
def test_another_worker_was_faster(error: AzureMLError) -> None:
    workspace = Workspace()
    workspace.on_create = loses(workspace, error)
    assert submit(workspace) == (NAME, [NAME])


def test_another_task_was_faster() -> None:
    workspace = Workspace()
    workspace.on_create = loses(workspace, ConflictError("PUT", 409), THEIRS)
    with pytest.raises(InvalidSpecError, match="was not made by this task"):
        submit(workspace)


def test_the_first_error_is_told_if_looking_fails_too() -> None:
    workspace = Workspace()

    def lose(name: str) -> None:
        def fail(name: str) -> None:
            raise PermissionDeniedError("GET", 403)

        workspace.on_get = fail
        raise UnreachableError("PUT", "reset")

    workspace.on_create = lose
    with pytest.raises(UnreachableError) as caught:
        submit(workspace)
    assert caught.value.__suppress_context__


def test_the_name_is_known_before_a_job_may_exist_under_it() -> None:
    workspace: Any = Workspace()
    said: list[str] = []
    workspace.on_create = lambda name: said.append(f"PUT {name}")
    submission.submit(workspace, Task(workspace, said=said), WORK, None, Owner(2, "this"), first_try=True)
    assert said == [NAME, f"PUT {NAME}"]


def test_a_hundred_failures_are_enough() -> None:
    workspace = Workspace(*(a_job(name, "Failed") for name in job_names(WORK.identity)))
    with pytest.raises(InvalidSpecError, match="100 jobs of this task have failed; clear the task"):
        submit(workspace)


def test_a_job_of_ones_own_making_is_never_taken_over() -> None:
    with pytest.raises(InvalidSpecError, match=f"job_name: a job named '{NAME}' exists"):
        submit(Workspace(a_job(properties={})))


CHANGED = {**OURS, SPEC_PROPERTY: "other"}


def test_an_active_job_of_other_work_is_ended_and_followed_by_a_new_one() -> None:
    workspace = Workspace(a_job(properties=CHANGED))
    assert submit(workspace) == (SECOND, [SECOND])
    assert workspace.ended == [NAME]


def test_a_completed_job_of_other_work_is_followed_by_a_new_one() -> None:
    workspace = Workspace(a_job(NAME, "Completed", properties=CHANGED))
    assert submit(workspace) == (SECOND, [SECOND])
    assert workspace.ended == []


def test_nothing_is_looked_up_for_a_job_that_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_up(client: Any, body: Any) -> Any:
        raise AssertionError("it is there already")

    monkeypatch.setattr(submission, "looked_up", looked_up)
    assert submit(Workspace(a_job())) == (NAME, [NAME])


def left(generation: int, status: str = "Running", *, max_tries: int = 1, ordinal: int = 1) -> Job:
    """A job of another generation, or of another count of ``retries``."""
    work = replace(WORK, identity=replace(WORK.identity, generation=generation), max_tries=max_tries)
    name = list(job_names(work.identity))[ordinal - 1]
    return a_job(name, status, work.properties)


class TestEarlierGenerations:
    @pytest.mark.parametrize("generation", [3, 1, -40])
    def test_what_goes_on_is_ended(self, generation: int) -> None:
        running = left(generation, ordinal=2)
        workspace = Workspace(left(generation, "Failed"), running)
        assert submit(workspace) == (NAME, [NAME])
        assert workspace.ended == [running.name]

    @pytest.mark.parametrize("status", ["CancelRequested", "Canceled", "Completed", "Failed"])
    def test_what_ends_anyway_is_not(self, status: str) -> None:
        workspace = Workspace(left(3, status))
        submit(workspace)
        assert workspace.ended == []

    def test_the_first_try_of_all_looks_for_none(self) -> None:
        workspace = Workspace(left(3))
        submit(workspace, first_try=True)
        assert workspace.ended == []


class TestEditedRetries:
    @pytest.mark.parametrize("status", ["Running", "Completed"])
    def test_the_job_of_the_same_work_is_taken_over(self, status: str) -> None:
        same = left(2, status, max_tries=WORK.max_tries)
        workspace = Workspace(same)
        assert submit(workspace) == (same.name, [same.name])
        assert (workspace.created, workspace.ended) == ([], [])

    def test_after_a_failed_one_a_new_one_follows(self) -> None:
        workspace = Workspace(left(2, "Failed", max_tries=WORK.max_tries))
        assert submit(workspace) == (NAME, [NAME])


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(outages, "time", clock)
    monkeypatch.setattr(patience, "SUBMIT_OUTAGE", 600.0)
    monkeypatch.setattr(patience, "SUBMIT_REFUSAL", 120.0)
    monkeypatch.setattr(patience, "SUBMIT_APPEARING", 30.0)
    return clock


class TestPatience:
    def fails(self, *errors: AzureMLError, forever: bool = False) -> Callable[[], str]:
        left = list(errors)

        def action() -> str:
            if left:
                raise left[0] if forever else left.pop(0)
            return "done"

        return action

    def test_what_passes_is_waited_for(self, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")
        errors = [UnreachableError("GET", "reset")] * 5
        assert retry_through_outage("It cannot be done", self.fails(*errors), None, lambda: False) == "done"
        assert clock.now > 5
        assert len(caplog.records) == 2

    @pytest.mark.parametrize(
        ("error", "patience"),
        [
            (UnreachableError("PUT", "reset"), 600),
            (AuthenticationError("GET", 401), 120),
            (NotFoundError("GET", 404, code="ResourceNotFound"), 120),
            (NotFoundError("GET", 404, code="ParentResourceNotFound"), 120),
            (NotFoundError("GET", 404, code="UserError", inner_code="ComponentNotFound"), 0),
            (PermissionDeniedError("GET", 403), 0),
            (NetworkRefusedError("GET", 401), 0),
            (NetworkRefusedError("GET", 502), 0),
            (InvalidSpecError("x", "y"), 0),
            (MissingAssetError("environment", "the workspace has none"), 30),
        ],
    )
    def test_it_has_an_end_and_says_when(
        self, clock: Clock, error: AzureMLError, patience: float, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(type(error)):
            retry_through_outage("It cannot be done", self.fails(error, forever=True), None, lambda: False)
        assert patience * 0.8 <= clock.now <= patience
        assert (f"It cannot be done now; retrying for another {patience} s." in caplog.text) is bool(patience)

    def test_it_ends_at_the_deadline(self, clock: Clock) -> None:
        with pytest.raises(UnreachableError):
            retry_through_outage(
                "It cannot be done",
                self.fails(UnreachableError("GET", "x"), forever=True),
                50.0,
                lambda: False,
            )
        assert clock.now <= 50

    def test_and_when_the_task_is_over(self, clock: Clock) -> None:
        with pytest.raises(UnreachableError):
            retry_through_outage(
                "It cannot be done",
                self.fails(UnreachableError("GET", "x"), forever=True),
                None,
                lambda: clock.now > 5,
            )
        assert 5 < clock.now < 13


@pytest.mark.parametrize("code", ["ParentResourceNotFound", "ResourceGroupNotFound"])
def test_a_missing_workspace_is_no_missing_job(code: str) -> None:
    workspace = Workspace()

    def gone(name: str) -> None:
        raise NotFoundError("GET", 404, code=code)

    workspace.on_get = gone
    with pytest.raises(NotFoundError):
        submit(workspace)
    assert workspace.created == []
