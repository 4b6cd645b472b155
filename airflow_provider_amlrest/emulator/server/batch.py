"""The front of batch endpoints: a request makes a job; and the lists of these jobs.

On the service each endpoint has a host name of its own; here the path has its name:
``/batch/<endpoint>/jobs``. The lists are on the host of run history, below ``/mferp/managementfrontend``,
beside what registries have there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_provider_amlrest.emulator.answers import AnswerError, MlError, not_emulated, pretty
from airflow_provider_amlrest.emulator.arm import lists
from airflow_provider_amlrest.emulator.arm.batch import jobs
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.versions import LATEST
from airflow_provider_amlrest.emulator.config import NAMESPACE, Workspace
from airflow_provider_amlrest.emulator.context import BATCH_PATH, Context, read_body
from airflow_provider_amlrest.emulator.server.gateway import REGISTRY_HOST
from airflow_provider_amlrest.emulator.tracked import Resource, Tracked

DEPLOYMENT_HEADER = "azureml-model-deployment"
REQUEST_IDS = ("repeatability-request-id", "repeatability_request-id")
"""As OASIS has it, and as azure-ai-ml 1.35.2 spells it."""
SCORING = re.compile(rf"{BATCH_PATH}/(?P<endpoint>[^/]+)/jobs(?:/(?P<job>[^/]+))?", re.IGNORECASE)
LISTS = re.compile(
    rf"{REGISTRY_HOST}/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    rf"/providers/{re.escape(NAMESPACE)}/workspaces/(?P<workspace>[^/]+)/batchEndpoints/(?P<endpoint>[^/]+)"
    r"(?:/deployments/(?P<deployment>[^/]+))?/jobs(?:/(?P<job>[^/]+))?",
    re.IGNORECASE,
)


class Batch:
    """ASGI application below ``/batch`` and ``/mferp/managementfrontend``."""

    def __init__(self, context: Context, of_registries: ASGIApp) -> None:
        self._context = context
        self._of_registries = of_registries
        self._tracked = Tracked(context.store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = request.url.path.rstrip("/")
        if path.lower().startswith(REGISTRY_HOST) and not LISTS.fullmatch(path):
            await self._of_registries(scope, receive, send)
            return
        try:
            answer = await self._answer(request)
        except AnswerError as error:
            answer = error.answer(self._context.location)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path.rstrip("/")
        found = SCORING.fullmatch(path) or LISTS.fullmatch(path)
        if found is None or request.method not in ("GET", "POST"):
            raise not_emulated(f"{request.method} {path}")
        principal = self._context.authenticate(request, studio=True)
        names = {key: unquote(name) if name else None for key, name in found.groupdict().items()}
        workspace, endpoint = self._endpoint(str(names["endpoint"]), names)
        query = {name.lower(): value for name, value in request.query_params.items()}
        url = f"{self._context.endpoint}{path}?{request.url.query}"
        call = Call(self._context, workspace, LATEST, principal, url, query, await _body(request))
        if request.method == "POST" and found.re is SCORING and not names["job"]:
            return await self._invoke(call, endpoint, request)
        if request.method == "POST":
            raise not_emulated(f"POST {path}")
        if names["job"]:
            return pretty(jobs.get_job(call, endpoint.name, names["job"]))
        return pretty(lists.page(call, jobs.list_jobs(call, endpoint.name, names.get("deployment"))))

    async def _invoke(self, call: Call, endpoint: Resource, request: Request) -> Response:
        headers = request.headers
        request_id = next((headers[name] for name in REQUEST_IDS if name in headers), None)
        asked = headers.get(DEPLOYMENT_HEADER)
        deployment, content = await jobs.invoke(call, endpoint, asked, request_id)
        # Recorded: Location is the deployment, not the job.
        location = (
            f"{self._context.endpoint}{REGISTRY_HOST}{call.workspace.arm_id}/{deployment.path}"
            "?api-version=2020-09-01-dataplanepreview"
        )
        return pretty(content, 201, {DEPLOYMENT_HEADER: deployment.name, "Location": location})

    def _endpoint(self, name: str, names: dict[str, Any]) -> tuple[Workspace, Resource]:
        """The endpoint of this name, which is one in the region; a list names its workspace too."""
        workspaces: Iterable[Workspace | None] = self._context.settings.workspaces
        if names.get("workspace"):
            workspaces = [
                self._context.workspace(*(names[n] for n in ("subscription", "group", "workspace")))
            ]
        for workspace in filter(None, workspaces):
            found = self._tracked.get(workspace.name, f"batchEndpoints/{name}")
            if found is not None:
                return workspace, found
        raise MlError(404, f"Batch endpoint {name} was not found.", ("NotFound",))


async def _body(request: Request) -> Any:
    content = await read_body(request)
    try:
        return json.loads(content) if content.strip() else None
    except ValueError:
        raise MlError(400, "The body is not JSON.", ("BadArgument",)) from None
