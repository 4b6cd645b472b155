"""A list whose pages go in a circle, or never end, is an error and no endless loop."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_amlrest.rest import AsyncAzureMLClient, AzureMLClient
from airflow_provider_amlrest.rest.assets.upload import blobs
from airflow_provider_amlrest.rest.http import paging
from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.http.paging import Pages
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.poll.schedule import LIST_REFUSED, Poller, ReadJob, ReadPage
from tests.unit.answers import Answered
from tests.unit.jobs import WORKSPACE, arm_id

ARM = PUBLIC.resource_manager
READ_ALREADY = "names a page as the next that was read already"
MANY = 30
"""Requests after which a test says that there is no end."""


def test_pages_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    way = Pages("the list")
    assert [way.after(link) for link in ("a", "b", 3, None, "")] == ["a", "b", "3", None, None]
    with pytest.raises(AzureMLError, match=f"the list: the service {READ_ALREADY}"):
        way.after("a")
    monkeypatch.setattr(paging, "MAX_PAGES", 5)
    way = Pages("the list")
    with pytest.raises(AzureMLError, match="the list has no end: 5 pages were read"):
        list(map(way.after, "abcdefgh"))


HOME = {
    "id": arm_id("", "w"),
    "name": "w",
    "properties": {"discoveryUrl": f"{ARM}/d", "mlFlowTrackingUri": f"{ARM}/m"},
}


def answer(url: str, link: str) -> Answered:
    """What a service says that names one page again and again."""
    kinds: dict[str, Any] = {
        "/d": {"api": ARM},
        "metrics/get-history": {"metrics": [], "next_page_token": "again"},
        "runs/search": {"runs": [], "next_page_token": "again"},
        "runs/get": {"run": {}},
        "/children": {"value": [], "nextLink": f"{ARM}/children?again"},
        "/jobs/s": {"id": arm_id("jobs", "s"), "name": "s", "properties": {"jobType": "Sweep"}},
        WORKSPACE.path: HOME,
    }
    found = [body for end, body in kinds.items() if url.partition("?")[0].endswith(end)]
    return Answered(found[0] if found else {"value": [], "nextLink": link})


OPERATIONS: dict[str, Callable[[Operations], Any]] = {
    "metric history": lambda operations: operations.get_metric_history("r", "m"),
    "trials": lambda operations: operations.list_trials("s"),
    "metrics of children": lambda operations: operations._metrics_of_children("s"),
}


@pytest.mark.parametrize("asked", OPERATIONS)
def test_operations_of_several_pages(asked: str) -> None:
    flow = OPERATIONS[asked](Operations(WORKSPACE, PUBLIC, "2025-12-01"))

    def run() -> None:
        send = next(flow)
        for _ in range(MANY):
            send = flow.send(answer(send.request.url, ""))

    with pytest.raises(AzureMLError, match=READ_ALREADY):
        run()


def counted(send: Any, sent: list[str]) -> Answered:
    sent.append(send.request.url)
    assert len(sent) < MANY, "it has no end"
    return answer(send.request.url, f"{ARM}/jobs?again")


LISTS: dict[str, Callable[[Any], Any]] = {
    "jobs": lambda client: client.list_jobs(),
    "computes": lambda client: client.list_computes(),
    "children": lambda client: client.list_children("s"),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_the_client(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    client = AzureMLClient(object(), WORKSPACE)
    monkeypatch.setattr(client, "_send", lambda send: counted(send, sent))
    with client, pytest.raises(AzureMLError, match=READ_ALREADY):
        list(LISTS[name](client))


@pytest.mark.parametrize("name", LISTS)
async def test_lists_of_the_asynchronous_client(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    async def send(request: Any) -> Answered:
        return counted(request, sent)

    async with AsyncAzureMLClient(object(), WORKSPACE) as client:
        monkeypatch.setattr(client, "_send", send)
        with pytest.raises(AzureMLError, match=READ_ALREADY):
            [item async for item in LISTS[name](client)]


def test_the_list_that_a_poller_reads(caplog: pytest.LogCaptureFixture) -> None:
    poller, now = Poller(Random(1)), 0.0
    for number in range(400):
        poller.add(f"job-{number}", now, poll_interval=30)
    pages = []
    while now < LIST_REFUSED - 10:
        step = poller.next(now)
        if isinstance(step, ReadPage):
            pages.append(step.link)
            poller.answered(step, now, [], next_link="again")
        elif isinstance(step, ReadJob):
            poller.answered(step, now, [(step.name, "Running")])
        else:
            now += step
    assert pages == [None, "again"]
    assert READ_ALREADY in caplog.text


def test_the_list_of_blobs() -> None:
    class Page:
        """One page, again and again."""

        continuation_token = "again"

        def __init__(self) -> None:
            self.read = itertools.count()

        def __iter__(self) -> Page:
            return self

        def __next__(self) -> list[Any]:
            assert next(self.read) < MANY, "it has no end"
            return []

    listed = SimpleNamespace(by_page=Page)
    container: Any = SimpleNamespace(container_name="c", list_blobs=lambda **asked: listed)
    upload = blobs.Upload(SimpleNamespace(files=[], size=0), "folder")  # type: ignore[arg-type]
    with pytest.raises(AzureMLError, match=f"GET blobs of c: the service {READ_ALREADY}"):
        upload.run(container)
