"""The asynchronous client. Its methods are those of the synchronous one, to be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from ssl import create_default_context
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from azure.core import AsyncPipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AioHttpTransport

from airflow_provider_amlrest.rest.http.call import Answer, Call, Flow
from airflow_provider_amlrest.rest.http.cloud import PUBLIC, Cloud
from airflow_provider_amlrest.rest.http.deadline import out_of_time
from airflow_provider_amlrest.rest.http.drive import drive_async
from airflow_provider_amlrest.rest.http.paging import Page, Pages
from airflow_provider_amlrest.rest.http.policies import async_policies, translate, transport_options
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.runs import ending, failure, queue
from airflow_provider_amlrest.rest.versions.api_versions import DEFAULT_API_VERSION

P = ParamSpec("P")
T = TypeVar("T")


def _method(
    operation: Callable[Concatenate[Operations, P], Flow[T]],
) -> Callable[Concatenate[AsyncAzureMLClient, P], Awaitable[T]]:
    @wraps(operation)
    async def method(self: AsyncAzureMLClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(operation(self.operations, *args, **kwargs))

    return method


def _pages(
    operation: Callable[Concatenate[Operations, P], Flow[Page]],
) -> Callable[Concatenate[AsyncAzureMLClient, P], AsyncIterator[Any]]:
    @wraps(operation)
    async def method(self: AsyncAzureMLClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Any]:
        follow = cast("Callable[..., Flow[Page]]", operation)
        way, link = Pages(operation.__name__), None
        while True:
            page = await self._run(follow(self.operations, *args, **kwargs, next_link=link))
            for item in page.items:
                yield item
            link = way.after(page.next_link)
            if link is None:
                return

    return method


class AsyncAzureMLClient:
    """A client of one workspace for one event loop. Use it as an async context manager.

    :param credential: an ``AsyncTokenCredential`` of azure-identity; it stays the caller's to close.

    The other parameters and what the methods raise: as :class:`client.AzureMLClient`. A deadline for several
    of its requests is :func:`asyncio.timeout`.
    """

    def __init__(
        self,
        credential: Any,
        workspace: WorkspaceId,
        *,
        cloud: Cloud = PUBLIC,
        api_version: str = DEFAULT_API_VERSION,
        on_secret: Callable[[str], None] = lambda secret: None,
    ) -> None:
        self.operations = Operations(workspace, cloud, api_version, on_secret)
        self._pipeline: AsyncPipelineClient[Any, Any] = AsyncPipelineClient(
            cloud.resource_manager,
            policies=async_policies(credential, cloud),
            # azure-core would read a CA bundle anew for each request, and open a connection for each.
            transport=AioHttpTransport(**transport_options(cloud) | {"connection_verify": True}),
        )
        self._tls: dict[str, Any] = (
            {"ssl": create_default_context(cafile=cloud.ca_bundle)} if cloud.ca_bundle else {}
        )

    get_workspace = _method(Operations.get_workspace)
    list_computes = _pages(Operations.list_computes)
    get_compute = _method(Operations.get_compute)
    get_default_datastore = _method(Operations.get_default_datastore)
    get_datastore = _method(Operations.get_datastore)
    list_datastore_secrets = _method(Operations.list_datastore_secrets)

    get_environment = _method(Operations.get_environment)
    get_latest_environment = _method(Operations.get_latest_environment)
    create_environment = _method(Operations.create_environment)

    get_code = _method(Operations.get_code)
    get_latest_code = _method(Operations.get_latest_code)
    find_code = _method(Operations.find_code)
    start_pending_upload = _method(Operations.start_pending_upload)
    create_code = _method(Operations.create_code)

    get_data = _method(Operations.get_data)
    get_latest_data = _method(Operations.get_latest_data)
    create_data = _method(Operations.create_data)

    get_model = _method(Operations.get_model)
    get_latest_model = _method(Operations.get_latest_model)
    list_models = _pages(Operations.list_models)
    create_model = _method(Operations.create_model)
    update_model = _method(Operations.update_model)
    get_component = _method(Operations.get_component)
    get_latest_component = _method(Operations.get_latest_component)
    create_component = _method(Operations.create_component)
    get_plan = _method(Operations.get_plan)
    find_registered = _method(Operations.find_registered)

    create_job = _method(Operations.create_job)
    get_job = _method(Operations.get_job)
    list_jobs = _pages(Operations.list_jobs)
    poll = _method(Operations.poll)
    poll_job = _method(Operations.poll_job)
    poll_jobs = _method(Operations.poll_jobs)
    cancel_job = _method(Operations.cancel_job)
    end_job = _method(ending.end_job)
    set_job_tag = _method(Operations.set_job_tag)

    explain_wait = _method(queue.explain_wait)
    examine_run = _method(failure.examine)
    get_run = _method(Operations.get_run)
    get_run_change = _method(Operations.get_run_change)
    get_root = _method(Operations.get_root)
    read_log = _method(Operations.read_log)
    read_log_end = _method(Operations.read_log_end)
    read_artifact = _method(Operations.read_artifact)
    list_children = _pages(Operations.list_children)
    get_metrics = _method(Operations.get_metrics)
    get_metric_history = _method(Operations.get_metric_history)
    list_trials = _method(Operations.list_trials)
    get_best_trial = _method(Operations.get_best_trial)

    get_resource = _method(Operations.get_resource)
    list_resources = _pages(Operations.list_resources)
    change_resource = _method(Operations.change_resource)
    bring = _method(Operations.bring)
    explain_failure = _method(Operations.explain_failure)
    get_deployment_log = _method(Operations.get_deployment_log)
    get_access = _method(Operations.get_access)
    score = _method(Operations.score)
    invoke_batch = _method(Operations.invoke_batch)
    poll_resource = _method(Operations.poll_resource)

    async def close(self) -> None:
        """Close the connections. The client cannot be used after."""
        await self._pipeline.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.close()

    async def _run(self, flow: Flow[T]) -> T:
        return await drive_async(flow, self._send)

    async def _send(self, call: Call) -> Answer:
        seconds = call.options.get("timeout")
        try:
            async with asyncio.timeout(seconds):
                return cast(
                    "Answer", await self._pipeline.send_request(call.request, **call.options, **self._tls)
                )
        except TimeoutError:
            raise out_of_time(call.asked, seconds or 0) from None
        except AzureError as error:
            raise translate(error, call.asked) from None
