"""The synchronous client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from azure.core import PipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import RequestsTransport

from airflow_provider_amlrest.rest.http.call import Answer, Call, Flow
from airflow_provider_amlrest.rest.http.cloud import PUBLIC, Cloud
from airflow_provider_amlrest.rest.http.deadline import in_time, seconds_left
from airflow_provider_amlrest.rest.http.drive import drive
from airflow_provider_amlrest.rest.http.paging import Page, Pages
from airflow_provider_amlrest.rest.http.policies import sync_policies, translate, transport_options
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.runs import ending, failure, queue
from airflow_provider_amlrest.rest.versions.api_versions import DEFAULT_API_VERSION

P = ParamSpec("P")
T = TypeVar("T")


def _method(
    operation: Callable[Concatenate[Operations, P], Flow[T]],
) -> Callable[Concatenate[AzureMLClient, P], T]:
    """A method of the client that runs an operation."""

    @wraps(operation)
    def method(self: AzureMLClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(operation(self.operations, *args, **kwargs))

    return method


def _pages(
    operation: Callable[Concatenate[Operations, P], Flow[Page]],
) -> Callable[Concatenate[AzureMLClient, P], Iterator[Any]]:
    """A method of the client that iterates over the items of all pages, asking for each page when needed."""

    @wraps(operation)
    def method(self: AzureMLClient, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
        follow = cast("Callable[..., Flow[Page]]", operation)
        way, link = Pages(operation.__name__), None
        while True:
            page = self._run(follow(self.operations, *args, **kwargs, next_link=link))
            yield from page.items
            link = way.after(page.next_link)
            if link is None:
                return

    return method


class AzureMLClient:
    """A client of one workspace. Use it as a context manager, or call :meth:`close`.

    Not for use by several threads at once.

    :param credential: a ``TokenCredential`` of azure-identity.
    :param workspace: the workspace.
    :param cloud: where the endpoints are; the public cloud if not given.
    :param api_version: one of :data:`api_versions.API_VERSIONS`; a newer one goes as the last of them.
    :param on_secret: called with every key and signature that is received, to have it masked in logs.
    :raises InvalidSpecError: for any other api-version.

    Its methods raise :class:`errors.ResponseError` for what the service refuses and
    :class:`errors.UnreachableError` when no answer came. azure-core retries 408, 429 and 5xx below them.

    :ivar deadline: seconds since the epoch by which all answers have to be there; see :meth:`until`.
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
        self.credential = credential
        self.deadline: float | None = None
        self.operations = Operations(workspace, cloud, api_version, on_secret)
        self._pipeline: PipelineClient[Any, Any] = PipelineClient(
            cloud.resource_manager,
            policies=sync_policies(credential, cloud),
            transport=RequestsTransport(**transport_options(cloud)),
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

    @contextmanager
    def until(self, deadline: float | None) -> Iterator[None]:
        """Whatever is asked in a ``with`` block is answered by then, or raises UnreachableError.

        That bounds tokens, retries and their pauses, uploads, and answers that come in drips. Within a block
        of the same kind this one counts.

        :param deadline: seconds since the epoch; None: there is no bound.
        """
        before, self.deadline = self.deadline, deadline
        try:
            yield
        finally:
            self.deadline = before

    def close(self) -> None:
        """Close the connections. The client cannot be used after."""
        self._pipeline.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def _run(self, flow: Flow[T]) -> T:
        return drive(flow, self._send)

    def _send(self, call: Call) -> Answer:
        seconds = seconds_left(self.deadline, call.options.get("timeout"))
        options = call.options if seconds is None else {**call.options, "timeout": seconds}
        try:
            return cast(
                "Answer",
                in_time(lambda: self._pipeline.send_request(call.request, **options), seconds, call.asked),
            )
        except AzureError as error:
            # The cause's own text may hold a signature or a traceback of libraries: not chained.
            raise translate(error, call.asked) from None
