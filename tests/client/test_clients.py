"""The sync and the async client against the emulator: one table, both clients, every family of versions."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from airflow_provider_amlrest.rest import AsyncAzureMLClient, AzureMLClient
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.http.cloud import custom_cloud
from airflow_provider_amlrest.rest.http.credentials import ClientSecret, async_credential, sync_credential
from airflow_provider_amlrest.rest.http.errors import (
    AzureMLError,
    ConflictError,
    NotFoundError,
    ResponseError,
    ThrottledError,
)
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution
from airflow_provider_amlrest.rest.jobs.sweep import Objective, SweepJob, SweepLimits, Trial
from tests.support.emulated import Emulated
from tests.support.waiting import PATIENCE

VERSIONS = (
    "2021-03-01-preview",
    "2022-02-01-preview",
    "2022-05-01",
    "2023-04-01",
    "2025-12-01",
    "2026-05-01",
)
# Both drive the same operations: the async one need not speak every version.
CLIENTS = [*(f"sync {version}" for version in VERSIONS), "async 2021-03-01-preview", "async 2025-12-01"]

of_one_version = pytest.mark.parametrize("client", ["sync 2025-12-01", "async 2025-12-01"], indirect=True)
"""For what has nothing to do with versions."""


class Either:
    """One of the two clients, with methods that are always awaited and lists that are always lists."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.workspace = client.operations.workspace

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            if hasattr(answer, "__aiter__"):
                return [item async for item in answer]
            if inspect.isawaitable(answer):
                return await answer
            return list(answer) if inspect.isgenerator(answer) else answer

        return call


@pytest.fixture(params=CLIENTS)
async def client(emulator: Emulated, request: pytest.FixtureRequest) -> AsyncIterator[Either]:
    kind, version = request.param.split()
    facts = emulator.facts
    cloud = custom_cloud(facts["arm_endpoint"], facts["authority_host"]).trusting(facts["ca_bundle"], None)
    identity = ClientSecret(facts["tenant_id"], facts["client_id"], facts["client_secret"])
    workspace = WorkspaceId(facts["subscription_id"], facts["resource_group"], facts["workspace_name"])
    if kind == "sync":
        with (
            sync_credential(identity, cloud) as credential,
            AzureMLClient(credential, workspace, cloud=cloud, api_version=version) as client,
        ):
            yield Either(client)
    else:
        async with (
            async_credential(identity, cloud) as credential,
            AsyncAzureMLClient(credential, workspace, cloud=cloud, api_version=version) as async_client,
        ):
            yield Either(async_client)


@pytest.fixture
def job(client: Either, request: pytest.FixtureRequest) -> Any:
    """A command job for the simulated runtime, and its name."""
    compute = str(client.workspace.resource("computes", "cpu-cluster"))
    environment = str(client.workspace.resource("environments", "e", "1"))

    def make(suffix: str = "", **tags: str) -> tuple[str, CommandJob]:
        name = "".join(c if c.isalnum() else "-" for c in request.node.name) + suffix
        named = {f"emulator.{key}": value for key, value in tags.items()}
        return name, CommandJob(command="echo", environment=environment, compute=compute, tags=named)

    return make


@pytest.fixture(autouse=True)
async def environment(client: Either) -> None:
    await client.create_environment(Environment("e", "1", image="python:3.11"))


async def test_both_clients_have_the_same_methods() -> None:
    """But for ``until``: an event loop has asyncio.timeout."""
    names = {name for name in vars(AzureMLClient) if not name.startswith("_")}
    assert names - {"until"} == {name for name in vars(AsyncAzureMLClient) if not name.startswith("_")}


async def test_workspace_and_computes(client: Either, emulator: Emulated) -> None:
    assert (await client.get_workspace()).name == emulator.facts["workspace_name"]
    assert {compute.name for compute in await client.list_computes()} == {"cpu-cluster", "gpu-cluster"}
    assert (await client.get_compute("cpu-cluster")).type == "AmlCompute"
    with pytest.raises(NotFoundError, match="GET computes/none"):
        await client.get_compute("none")


async def test_default_datastore(client: Either) -> None:
    datastore = await client.get_default_datastore()
    assert datastore.name == "workspaceblobstore"
    assert datastore.type == "AzureBlob"
    assert datastore.container_name.startswith("azureml-blobstore-")


async def test_an_environment_comes_back_as_it_went(client: Either) -> None:
    wanted = Environment(
        "roundtrip", "7", image="python:3.11", conda={"dependencies": ["python=3.11", {"pip": ["six"]}]}
    )
    await client.create_environment(wanted)
    found = await client.get_environment("roundtrip", "7")
    assert (found.image, found.conda, found.os_type) == (wanted.image, wanted.conda, "Linux")
    assert (await client.get_latest_environment("roundtrip")).version == "7"
    with pytest.raises(ConflictError, match="already registered"):
        await client.create_environment(Environment("roundtrip", "7", image="python:3.12"))


async def test_data_comes_back_as_it_went(client: Either) -> None:
    wanted = Data("d", "1", "uri_file", "https://example.org/iris.csv")
    await client.create_data(wanted)
    found = await client.get_data("d", "1")
    assert (found.type, found.uri) == (wanted.type, wanted.uri)
    with pytest.raises(NotFoundError):
        await client.get_latest_data("nobody")


async def test_a_job_from_submit_to_metrics(client: Either, job: Any) -> None:
    name, wanted = job(seconds="0.1", metrics='{"auc": 0.9, "loss": 0.1}')
    created = await client.create_job(name, wanted)
    assert created.outcome == "active"
    assert f"/runs/{name}" in created.studio_url
    found = await until_ended(client, name)
    assert found.status == "Completed"
    assert await client.get_metrics(name) == {"auc": 0.9, "loss": 0.1}
    run = await client.get_run(name)
    assert run.error is None
    assert run.start_time


async def until_ended(client: Either, name: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while (found := await client.get_job(name)).outcome == "active":
        assert time.monotonic() < deadline, f"{name} is still {found.status}"
        await asyncio.sleep(0.1)
    return found


async def test_a_failed_job_tells_why(client: Either, job: Any) -> None:
    name, wanted = job(seconds="0.1", outcome="failed", error="no space left")
    await client.create_job(name, wanted)
    assert (await until_ended(client, name)).outcome == "failed"
    error = (await client.get_run(name)).error
    assert error.code == "UserScriptError"
    assert "no space left" in error.message


async def test_the_same_job_again_is_no_second_one_and_another_is_refused(client: Either, job: Any) -> None:
    name, wanted = job(outcome="stuck")
    first = await client.create_job(name, wanted)
    again = await client.create_job(name, wanted)
    assert again.created_at == first.created_at
    with pytest.raises(ConflictError, match="A job with this name already exists") as caught:
        await client.create_job(name, CommandJob(**{**vars(wanted), "command": "other"}))
    assert caught.value.inner_code == "JobPropertyImmutable"
    assert caught.value.correlation_id
    await client.cancel_job(name)


async def test_cancel(client: Either, job: Any) -> None:
    name, wanted = job(outcome="stuck")
    await client.create_job(name, wanted)
    await client.cancel_job(name)
    assert (await until_ended(client, name)).status == "Canceled"
    await client.cancel_job(name, patience=5)
    with pytest.raises(NotFoundError, match="Job nobody not found"):
        await client.cancel_job("nobody")


async def test_jobs_are_listed_page_by_page_newest_first(
    client: Either, job: Any, emulator: Emulated
) -> None:
    names = []
    for number in range(5):
        name, wanted = job(f"-{number}", seconds="0")
        await client.create_job(name, wanted)
        names.append(name)
    emulator.admin("PATCH", "settings", {"page_size": 2})
    mark = emulator.mark()
    try:
        listed = [found.name for found in await client.list_jobs()]
    finally:
        emulator.admin("PATCH", "settings", {"page_size": 20})
    assert [name for name in listed if name in names] == names[::-1]
    assert len(emulator.asked("GET", "/jobs$", since=mark)) >= 3


@of_one_version
async def test_a_next_page_at_another_host_is_not_followed(client: Either, emulator: Emulated) -> None:
    body = {"value": [], "nextLink": "https://example.org/steal?token"}
    with (
        emulator.fault("/jobs$", status=200, body=body),
        pytest.raises(AzureMLError, match=r"at another host: https://example.org/steal$"),
    ):
        await client.list_jobs()


async def test_a_sweep_and_its_best_trial(client: Either, job: Any) -> None:
    name, command = job()
    sweep = SweepJob(
        trial=Trial("echo --lr ${{search_space.lr}}", command.environment),
        compute=command.compute,
        search_space={"lr": SearchDistribution("uniform", (0.1, 0.9))},
        objective=Objective("maximize", "auc"),
        limits=SweepLimits(max_total_trials=4, max_concurrent_trials=2),
        tags={"emulator.seconds": "0.1"},
    )
    await client.create_job(name, sweep)
    assert (await until_ended(client, name)).status == "Completed"
    trials = await client.list_trials(name)
    best = await client.get_best_trial(name)
    assert [trial.name for trial in trials] == [f"{name}_{number}" for number in range(4)]
    assert best.metrics["auc"] == max(trial.metrics["auc"] for trial in trials)
    assert set(best.params) == {"lr"}
    trial = await client.get_job(best.name)
    assert (trial.name, trial.status) == (best.name, "Completed")


@pytest.mark.usefixtures("no_pauses")
@of_one_version
async def test_throttling_is_waited_out(client: Either, emulator: Emulated) -> None:
    with emulator.fault("/computes$", status=429, headers={"Retry-After": "0"}, times=2):
        assert len(await client.list_computes()) == 2


@pytest.mark.usefixtures("no_pauses")
@of_one_version
async def test_what_the_retries_cannot_help_is_said(client: Either, emulator: Emulated) -> None:
    with (
        emulator.fault("/computes$", status=429, headers={"Retry-After": "0"}, times=None),
        pytest.raises(ThrottledError, match="GET computes was refused"),
    ):
        await client.list_computes()


@of_one_version
async def test_an_answer_that_is_not_json(client: Either, emulator: Emulated) -> None:
    with (
        emulator.fault("/computes$", status=200, body="<html>Proxy</html>"),
        pytest.raises(AzureMLError, match="not JSON; is there a proxy"),
    ):
        await client.list_computes()


@of_one_version
async def test_an_html_error_is_told_in_its_words(client: Either, emulator: Emulated) -> None:
    with (
        emulator.fault("/computes$", status=407, body="<html><h1>Proxy login needed</h1></html>"),
        pytest.raises(ResponseError, match="Proxy login needed"),
    ):
        await client.list_computes()
