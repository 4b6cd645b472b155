"""What run history and MLflow have in common: whose run it is, and how errors look on their host."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import GatewayError, MlError, inner_chain, not_emulated, pretty
from airflow_provider_amlrest.emulator.config import NAMESPACE, Workspace
from airflow_provider_amlrest.emulator.context import Context, read_body
from airflow_provider_amlrest.emulator.sign_in.tokens import Principal
from airflow_provider_amlrest.emulator.store import JobRecord, utc_now

PATH = re.compile(
    rf"/(?P<service>history|data|mlflow|artifact)/v[12]\.0/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    rf"/providers/{re.escape(NAMESPACE)}/workspaces/(?P<workspace>[^/]+)/(?P<rest>.*)",
    re.IGNORECASE,
)

ERROR_FIELDS = (
    *("code", "severity", "message", "messageFormat", "messageParameters", "referenceCode", "detailsUri"),
    *("target", "details", "innerError", "additionalInfo"),
)


@dataclass(frozen=True)
class DataCall:
    """One request to a workspace's data plane."""

    context: Context
    workspace: Workspace
    principal: Principal
    method: str
    service: str
    rest: str
    """The path below the workspace."""
    query: dict[str, str]
    lists: dict[str, str | list[str]]
    """The query with all values of a name that was given several times."""
    body: Any

    def run(self, name: str) -> JobRecord:
        """A run that the caller may see.

        Raises:
            MlError: 404 unknown run; 403 another run than the job token's own or one below it.
        """
        job = self.context.store.job(self.workspace.name, name)
        if job is None:
            raise MlError(404, f"Run {name} was not found.", ("NotFound", "RunNotFound"))
        if not self.may_use(job):
            raise MlError(403, f"The job's token is not good for run {name}.", ("Authorization",))
        return job

    def may_use(self, job: JobRecord | None) -> bool:
        own = self.principal.run
        if own is None:
            return True
        while job is not None:
            if (job.workspace, job.name) == own:
                return True
            job = self.context.store.job(job.workspace, job.parent) if job.parent else None
        return False


async def data_call(context: Context, request: Request) -> DataCall:
    """Check token and workspace of a request.

    Raises:
        GatewayError: 401, 413 or 501. MlError: 404 for an unknown workspace, 400 for a body that is not JSON.
    """
    principal = context.authenticate(request, jobs=True)
    raw_path: bytes = request.scope["raw_path"]
    match = PATH.fullmatch(raw_path.decode("ascii", "replace").rstrip("/"))
    if match is None:
        raise not_emulated(f"{request.method} {request.url.path}")
    names = {key: unquote(value) for key, value in match.groupdict().items() if key != "rest"}
    workspace = context.workspace(names["subscription"], names["group"], names["workspace"])
    if workspace is None:
        raise MlError(
            404, f"Workspace {names['workspace']} was not found.", ("NotFound", "WorkspaceNotFound")
        )
    if principal.run is not None and principal.run[0] != workspace.name:
        raise MlError(403, "The job's token is not good for this workspace.", ("Authorization",))
    content = await read_body(request)
    try:
        body = json.loads(content) if content.strip() else {}
    except ValueError:
        raise MlError(400, "The body is not JSON.", ("BadArgument",)) from None
    query = dict(request.query_params.items())
    values = {name: request.query_params.getlist(name) for name in query}
    lists = {name: value[0] if len(value) == 1 else value for name, value in values.items()}
    where = (names["service"].lower(), match["rest"])
    return DataCall(context, workspace, principal, request.method, *where, query, lists, body)


def data_error(error: MlError | GatewayError, location: str) -> Response:
    """The envelope of the data plane's host."""
    inner = error.inner if isinstance(error, MlError) else (error.code,)
    code = error.code if isinstance(error, MlError) else "UserError"
    details = error.details if isinstance(error, MlError) else ()
    message = "; ".join(text for _, text in details) or str(error)
    body = {
        "error": run_error_fields({"code": code, "message": message, "innerError": inner_chain(inner)}),
        **error_frame(location),
    }
    headers = {"x-ms-response-type": "error", **(error.headers if isinstance(error, GatewayError) else {})}
    return pretty(body, error.status, headers)


def run_error_fields(error: dict[str, Any]) -> dict[str, Any]:
    """The object under ``error`` with all the members that run history gives it."""
    return {**dict.fromkeys(ERROR_FIELDS), "messageParameters": {}, "details": [], **error}


def error_frame(location: str, time: str | None = None) -> dict[str, Any]:
    """What stands beside ``error``."""
    return {
        "correlation": {"operation": secrets.token_hex(16), "request": secrets.token_hex(8)},
        "environment": location,
        "location": location,
        "time": time or utc_now(),
        "componentName": "run-history",
    }
