"""When two URIs of data mean the same place, and the meaning of Azure ML's expressions in output paths."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId

DEFAULT_DATASTORE = "workspaceblobstore"
_DATASTORE = re.compile(
    r"azureml://(?:subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)"
    r"(?:/providers/Microsoft\.MachineLearningServices)?/workspaces/(?P<workspace>[^/]+)/"
    r"|workspaces/(?P<guid>[^/]+)/)?"
    r"datastores/(?P<datastore>[^/]+)/paths/(?P<path>.*)",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {"https": 443, "http": 80}

_JOB_OUTPUT = re.compile(
    r"azureml://jobs/(?P<run>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths(?:/(?P<path>.*))?)?", re.IGNORECASE
)
ARTIFACTS = "artifacts"
"""The output that every run has: what it has written to ``outputs`` and ``logs``, or logged to MLflow."""

EXPRESSION = re.compile(r"\$\{\{\s*(?P<word>[^{}]*?)\s*\}\}")
_WORDS = ("name", "output_name", "default_datastore")
"""Expressions that Azure ML itself replaces in an output's path: documented for the outputs of all jobs."""


def check_expressions(field: str, uri: str) -> str:
    """An output's path, if the service knows all its expressions. Raises InvalidSpecError otherwise."""
    for match in EXPRESSION.finditer(uri):
        if match["word"] not in _WORDS:
            known = ", ".join(f"${{{{{word}}}}}" for word in _WORDS)
            raise InvalidSpecError(
                field, f"{match[0]!r} means nothing in an output's path; there are: {known}."
            )
    return uri


def resolve_expressions(uri: str, *, name: str, output: str, datastore: str) -> str:
    """An output's path when the job runs.

    :param name: name of the run that writes it: the job, or a sweep's trial.
    :param output: the output's name.
    :param datastore: the workspace's default datastore.
    """
    values = dict(zip(_WORDS, (name, output, datastore), strict=True))
    return EXPRESSION.sub(lambda match: values.get(match["word"], match[0]), uri)


def job_output(run: str, output: str, path: str = "") -> str:
    """The URI of what a run has written to an output, which the service resolves."""
    return f"azureml://jobs/{run}/outputs/{output}/paths/{path}"


def split_job_output(uri: str) -> tuple[str, str, str] | None:
    """Run, output and path of such a URI; None for another one."""
    match = _JOB_OUTPUT.fullmatch(uri)
    return (match["run"], match["output"], match["path"] or "") if match else None


_RUN = re.compile(
    r"runs:/(?P<mlflow>[^/]+)/.*"
    r"|azureml://jobs/(?P<job>[^/]+)/outputs/.*"
    r"|azureml://.*/?datastores/workspaceartifactstore/paths/ExperimentRun/dcid\.(?P<artifact>[^/]+)/.*",
    re.IGNORECASE,
)


def run_of(uri: str) -> str | None:
    """The run that has written what is at a URI, if the URI says it."""
    match = _RUN.fullmatch(uri)
    return next(filter(None, match.groups()), None) if match else None


def artifact_uri(run: str, path: str) -> str:
    """Where the service keeps what a run has logged (so in recordings)."""
    return f"azureml://datastores/workspaceartifactstore/paths/ExperimentRun/dcid.{run}/{path}"


def place_in_datastore(uri: str, workspace: WorkspaceId) -> tuple[str, str] | None:
    """Name of the datastore, and path in it; None if the URI means no place in one of this workspace."""
    match = _DATASTORE.fullmatch(uri)
    if match is None:
        return None
    if match["workspace"]:
        owner = WorkspaceId(match["subscription"], match["group"], match["workspace"])
        if owner != workspace:
            return None
    return match["datastore"], match["path"]


def same_uri(left: str, right: str, workspace: WorkspaceId) -> bool:
    """Whether two URIs mean the same place, however each is spelled.

    The service adds the workspace's names to ``azureml://datastores/...``, in lists its GUID, and a trailing
    slash to folders. ``wasbs`` and ``abfss`` are other spellings of the https URLs of the blob and the Data
    Lake endpoint. Hosts, and the names of Azure Resource Manager, are not case-sensitive; paths are.

    :param workspace: the workspace of short URIs. GUIDs count as its own, because the URIs that are compared
        here come from this workspace.
    """
    return _canonical(left, workspace) == _canonical(right, workspace)


def lies_at(uri: str, place: str, workspace: WorkspaceId) -> bool:
    """Whether a URI means a place, or a file directly in it: an output that is a file is in a folder."""
    folder, _, name = uri.rstrip("/").rpartition("/")
    return same_uri(uri, place, workspace) or (bool(name) and same_uri(folder, place, workspace))


def one_spelling(uri: str, workspace: WorkspaceId) -> str:
    """The same text for all URIs that mean the same place."""
    first, *rest = _canonical(uri, workspace)
    return "\n".join([str(first).lower(), *map(str, rest)])


def _canonical(uri: str, workspace: WorkspaceId) -> tuple[object, ...]:
    match = _DATASTORE.fullmatch(uri)
    if match:
        owner = workspace
        if match["workspace"]:
            owner = WorkspaceId(match["subscription"], match["group"], match["workspace"])
        return owner, match["datastore"], match["path"].rstrip("/")
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return (uri,)
    scheme, path = parts.scheme.lower(), parts.path
    host = (parts.hostname or "").lower()
    if scheme in ("wasb", "wasbs", "abfs", "abfss") and parts.username:
        # container@account.blob.core.windows.net/path
        scheme, path = "https", f"/{parts.username}{path}"
    if scheme not in _DEFAULT_PORTS:
        return (f"{scheme}:{uri.partition(':')[2].rstrip('/')}",)
    return scheme, host, port or _DEFAULT_PORTS[scheme], unquote(path).rstrip("/"), parts.query
