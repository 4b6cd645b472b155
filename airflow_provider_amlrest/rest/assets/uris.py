"""When two URIs of data mean one place, and what Azure ML's expressions in an output's path mean."""

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

EXPRESSION = re.compile(r"\$\{\{\s*(?P<word>[^{}]*?)\s*\}\}")
_WORDS = ("name", "output_name", "default_datastore")
"""What Azure ML puts into an output's path itself: documented for the paths of all jobs' outputs."""


def check_expressions(field: str, uri: str) -> str:
    """An output's path, if the service knows all expressions in it. Raises InvalidSpecError otherwise."""
    for match in EXPRESSION.finditer(uri):
        if match["word"] not in _WORDS:
            known = ", ".join(f"${{{{{word}}}}}" for word in _WORDS)
            raise InvalidSpecError(
                field, f"{match[0]!r} means nothing in an output's path; there are: {known}."
            )
    return uri


def resolve_expressions(uri: str, *, name: str, output: str, datastore: str) -> str:
    """What an output's path is when the job runs.

    :param name: of the run that writes it: the job, or a sweep's trial.
    :param output: the output's name.
    :param datastore: the workspace's default one.
    """
    values = dict(zip(_WORDS, (name, output, datastore), strict=True))
    return EXPRESSION.sub(lambda match: values.get(match["word"], match[0]), uri)


def same_uri(left: str, right: str, workspace: WorkspaceId) -> bool:
    """Whether two URIs mean one place, however each is spelled.

    The service lengthens ``azureml://datastores/...`` by the workspace's names, in lists by its GUID, and
    gives folders a slash. ``wasbs`` and ``abfss`` are other spellings of the https URLs of the blob and the
    Data Lake endpoint. Hosts, and the names of Azure Resource Manager, have no case; paths have.

    :param workspace: the one that short URIs are in. GUIDs are taken for its own: what is compared here
        was asked of this workspace.
    """
    return _canonical(left, workspace) == _canonical(right, workspace)


def lies_at(uri: str, place: str, workspace: WorkspaceId) -> bool:
    """Whether a URI means a place, or a file right in it: an output that is a file has a folder."""
    folder, _, name = uri.rstrip("/").rpartition("/")
    return same_uri(uri, place, workspace) or (bool(name) and same_uri(folder, place, workspace))


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
