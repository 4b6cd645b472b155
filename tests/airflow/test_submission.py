"""The races of a submit that no emulator loses at will; the rest is in test_job_operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_amlrest.naming import TaskIdentity, job_names
from airflow_provider_amlrest.rest import model
from airflow_provider_amlrest.rest.errors import (
    AzureMLError,
    ConflictError,
    InvalidSpecError,
    NotFoundError,
    PermissionDeniedError,
    UnreachableError,
)
from airflow_provider_amlrest.submission import IDENTITY_PROPERTY, SPEC_PROPERTY, submit_once

OURS = {IDENTITY_PROPERTY: "us", SPEC_PROPERTY: "spec"}
THEIRS = {IDENTITY_PROPERTY: "them", SPEC_PROPERTY: "spec"}
WANTED = model.CommandJob(command="x", environment="e", properties=OURS)


class Workspace:
    """Jobs by name; ``on_create`` happens at a PUT, ``on_get`` at each read."""

    def __init__(self, **jobs: model.Job) -> None:
        self.jobs = jobs
        self.created: list[str] = []
        self.on_create: Callable[[str], None] = lambda name: None
        self.on_get: Callable[[str], None] = lambda name: None

    def get_job(self, name: str) -> model.Job:
        self.on_get(name)
        if name not in self.jobs:
            raise NotFoundError(f"GET jobs/{name}", 404)
        return self.jobs[name]

    def create_job(self, name: str, job: model.CommandJob) -> model.Job:
        self.on_create(name)
        self.created.append(name)
        self.jobs[name] = a_job(name, properties=job.properties)
        return self.jobs[name]


def a_job(name: str, status: str = "Running", properties: Any = OURS) -> model.Job:
    return model.Job(f"/jobs/{name}", name, "Command", status, properties=properties)


def submit(workspace: Any, names: Any = ("a", "a-2")) -> tuple[str, list[str]]:
    """The name of the job, and the names that on_kill would have canceled."""
    said: list[str] = []
    return submit_once(workspace, names, WANTED, said.append).name, said


@pytest.mark.parametrize("status", ["Failed", "Canceled", "CancelRequested"])
def test_a_job_that_has_failed_or_is_about_to_be_canceled_is_followed_by_a_new_one(status: str) -> None:
    workspace = Workspace(a=a_job("a", status))
    assert submit(workspace) == ("a-2", ["a-2"])


@pytest.mark.parametrize("status", ["Queued", "Completed", "SomethingNew"])
def test_any_other_job_is_taken_over_and_can_be_canceled(status: str) -> None:
    workspace = Workspace(a=a_job("a", status))
    assert submit(workspace) == ("a", ["a"])
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
    assert submit(workspace) == ("a", ["a"])


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
    workspace, said = Workspace(), []
    workspace.on_create = lambda name: said.append(f"PUT {name}")
    submit_once(workspace, ["a"], WANTED, said.append)  # type: ignore[arg-type]
    assert said == ["a", "PUT a"]


def test_a_hundred_failures_are_enough() -> None:
    names = list(job_names(TaskIdentity("d", "t", "r", -1, 1)))
    workspace = Workspace(**{name: a_job(name, "Failed") for name in names})
    with pytest.raises(InvalidSpecError, match="100 jobs of this task have failed; clear the task"):
        submit(workspace, names)


def test_a_job_of_ones_own_making_is_never_taken_over() -> None:
    with pytest.raises(InvalidSpecError, match="job_name: a job named 'a' exists"):
        submit(Workspace(a=replace(a_job("a"), properties={})))
