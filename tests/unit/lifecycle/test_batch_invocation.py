"""A batch endpoint is asked once, whatever becomes of the answer."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from airflow_provider_amlrest.lifecycle import batch_invocation
from airflow_provider_amlrest.lifecycle.batch_invocation import (
    BATCH_TAG,
    LostAnswerError,
    choose,
    find_jobs,
    invoke,
    job_of_lost_try,
    outdated,
)
from airflow_provider_amlrest.lifecycle.batch_note import ASSET, REQUEST_TAG, was_asked
from airflow_provider_amlrest.lifecycle.naming import TaskIdentity, job_names
from airflow_provider_amlrest.lifecycle.task_identity import task_tag
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.http.errors import (
    AzureMLError,
    InvalidSpecError,
    NotFoundError,
    PermissionDeniedError,
    ResponseError,
    ThrottledError,
    UnreachableError,
)
from airflow_provider_amlrest.rest.jobs.job import Job, Output
from airflow_provider_amlrest.rest.resources.batch_request import read_batch_request
from airflow_provider_amlrest.rest.resources.endpoints import EndpointPlace
from airflow_provider_amlrest.rest.resources.resource import Resource, gone, read_resource
from airflow_provider_amlrest.rest.resources.scoring import Access

PLACE = EndpointPlace("batch", "scores")
DATA = {"data": {"type": "uri_folder", "path": "azureml://datastores/d/paths/in/"}}
REQUEST = read_batch_request(PLACE, None, DATA, None, Path())
LOST = UnreachableError("POST /jobs", "the connection was reset.")
IDENTITY = TaskIdentity("dag", "task", "run", -1, 1)
FIRST, SECOND = itertools.islice(job_names(IDENTITY), 2)


def job(name: str = "batchjob-1", status: str = "Running", **tags: str) -> Job:
    [uri] = REQUEST.output_uris(FIRST).values()
    outputs = {"score": Output(uri=uri)}
    return Job("/x", name, "Pipeline", status, tags={BATCH_TAG: "true", **tags}, outputs=outputs)


class Service:
    """Answers with what a test has prepared: an exception, or the name of a job."""

    def __init__(self, *answers: Any, jobs: tuple[Job, ...] = ()) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.jobs = jobs
        self.notes: dict[str, Data] = {}
        self.refuses_notes: AzureMLError | None = None

    def get_resource(self, path: str) -> Resource:
        return read_resource(path, {"id": "/x", "properties": {}}) if self.answers else gone(path)

    def get_access(self, endpoint: Resource) -> Access:
        return Access("https://scores/jobs", None)

    def list_jobs(self, tag: str) -> list[Job]:
        return [job for job in self.jobs if tag in job.tags]

    def get_data(self, name: str, version: str) -> Data:
        if version not in self.notes:
            raise NotFoundError("GET data", 404)
        return self.notes[version]

    def create_data(self, data: Data) -> None:
        if self.refuses_notes:
            raise self.refuses_notes
        self.notes[data.version] = data

    def invoke_batch(self, access: Access, body: Any, deployment: str | None, request_id: str) -> Any:
        self.asked.append(request_id)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"name": answer}


def ask(service: Service, *, resubmit_lost: bool = False) -> str:
    client = cast("AzureMLClient", service)
    return invoke(client, IDENTITY, REQUEST, FIRST, resubmit_lost=resubmit_lost)


def look_for(service: Service, *, resubmit_lost: bool = False) -> Job | None:
    """What the try after one that has died does."""
    client = cast("AzureMLClient", service)
    return job_of_lost_try(client, IDENTITY, REQUEST, FIRST, resubmit_lost=resubmit_lost)


class DeathError(BaseException):
    """The end of the process, in place of an answer."""


def dies(service: Service) -> Service:
    """A service that a try was asking when it died."""
    real = service.invoke_batch

    def die(*arguments: Any) -> Any:
        service.invoke_batch = real  # type: ignore[method-assign]
        raise DeathError

    service.answers.append("never")
    service.invoke_batch = die  # type: ignore[method-assign]
    with pytest.raises(DeathError):
        ask(service)
    return service


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_invocation, "APPEARS", 0.0)
    monkeypatch.setattr(batch_invocation, "LOOK_PAUSE", 0.0)


def test_it_writes_to_a_folder_of_its_own() -> None:
    [uri] = REQUEST.output_uris("one").values()
    assert uri == "azureml://datastores/workspaceblobstore/paths/airflow/one/predictions.csv"


def test_the_answer_names_the_job() -> None:
    assert ask(Service("batchjob-7")) == "batchjob-7"


def test_a_lost_answers_job_is_found_by_where_it_writes() -> None:
    service = Service(LOST, jobs=(job("batchjob-7"),))
    assert ask(service) == "batchjob-7"
    assert len(service.asked) == 1


def test_without_a_trace_nobody_asks_again() -> None:
    service = Service(LOST, "batchjob-8")
    with pytest.raises(LostAnswerError, match="no job is to be seen that writes to azureml://"):
        ask(service)
    assert len(service.asked) == 1


def test_if_told_to_it_asks_a_second_time_and_no_third() -> None:
    assert ask(Service(LOST, "batchjob-8"), resubmit_lost=True) == "batchjob-8"
    service = Service(LOST, LOST, "batchjob-9")
    with pytest.raises(LostAnswerError):
        ask(service, resubmit_lost=True)
    assert len(set(service.asked)) == 1
    assert len(service.asked) == 2


@pytest.mark.parametrize("error", [ThrottledError("POST /jobs", 429), ResponseError("POST /jobs", 400)])
def test_what_was_throttled_or_refused_was_not_taken(error: AzureMLError) -> None:
    service = Service(error)
    with pytest.raises(type(error)):
        ask(service)
    assert look_for(service) is None
    assert [data.name for data in service.notes.values()] == [ASSET]


def test_a_request_is_noted_before_it_is_sent() -> None:
    service = dies(Service())
    assert was_asked(cast("AzureMLClient", service), FIRST)
    [noted] = service.notes.values()
    assert (noted.type, [noted.uri]) == ("uri_file", list(REQUEST.output_uris(FIRST).values()))
    assert len(noted.version) <= 30


def test_the_try_after_one_that_died_finds_its_job() -> None:
    service = dies(Service())
    service.jobs = (job("batchjob-7"),)
    found = look_for(service)
    assert found is not None
    assert found.name == "batchjob-7"


def test_the_try_after_one_that_died_does_not_ask_unless_told_to() -> None:
    service = dies(Service())
    with pytest.raises(LostAnswerError, match=r"no job is to be seen .* An earlier try ended"):
        look_for(service)
    assert look_for(service, resubmit_lost=True) is None


def test_without_the_right_to_note_it_is_asked_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    service = Service("batchjob-7")
    service.refuses_notes = PermissionDeniedError("PUT data", 403)
    assert ask(service) == "batchjob-7"
    assert "is asked without a note" in caplog.text


def test_what_cannot_be_noted_now_is_not_asked_now() -> None:
    service = Service("batchjob-7")
    service.refuses_notes = LOST
    with pytest.raises(UnreachableError):
        ask(service)
    assert service.asked == []


def test_an_answer_without_a_job_is_no_reason_to_ask_again() -> None:
    with pytest.raises(LostAnswerError, match="names no job; one may be running"):
        ask(Service(""))


def test_there_must_be_an_endpoint() -> None:
    with pytest.raises(InvalidSpecError, match="there is no batch endpoint scores"):
        ask(Service())


@pytest.mark.parametrize(
    ("status", "name", "found"),
    [
        ("Running", FIRST, True),
        ("Completed", FIRST, True),
        ("Failed", SECOND, False),
        ("Canceled", SECOND, False),
    ],
)
def test_the_next_try_takes_over_what_has_not_failed(status: str, name: str, found: bool) -> None:
    tagged = job(status=status, **{REQUEST_TAG: FIRST})
    jobs = find_jobs(cast("AzureMLClient", Service(jobs=(tagged,))), IDENTITY, REQUEST)
    assert choose(jobs, job_names(IDENTITY)) == (name, tagged if found else None)


NOW = replace(IDENTITY, generation=2)
NAMED = replace(NOW, airflow_name="prod")


@pytest.mark.parametrize(
    ("identity", "name", "tags", "status", "is_outdated"),
    [
        (NOW, FIRST, {task_tag(NOW): "true"}, "Running", True),
        (NOW, SECOND, {task_tag(NOW): "true"}, "Running", True),
        (NOW, FIRST, {task_tag(NOW): "true"}, "Completed", False),
        (NOW, FIRST, {task_tag(NOW): "true"}, "CancelRequested", False),
        (NOW, next(job_names(NOW)), {task_tag(NOW): "true"}, "Running", False),
        # Found by where it writes, or another task's.
        (NOW, FIRST, {}, "Running", False),
        # Of a run that has a new start since: only the deployment tells that it is of this Airflow.
        (NOW, "tests-earlier", {task_tag(NOW): "true"}, "Running", False),
        (NAMED, "tests-earlier", {task_tag(NAMED): "true"}, "Running", True),
        (NAMED, "tests-earlier", {}, "Running", False),
    ],
)
def test_what_a_cleared_task_has_left_running(
    identity: TaskIdentity, name: str, tags: dict[str, str], status: str, is_outdated: bool
) -> None:
    left = job(status=status, **{REQUEST_TAG: name}, **tags)
    assert outdated({name: left}, identity) == ([left] if is_outdated else [])
