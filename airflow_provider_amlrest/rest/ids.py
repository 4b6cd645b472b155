"""ARM resource ids of a workspace and of what it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

PROVIDER = "Microsoft.MachineLearningServices"

NAME_PATTERN = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}$")
"""Names of jobs, codes, data and environments (JSON schemas up to api-version 2025-09-01)."""

VERSION_PATTERN = re.compile(r"(?!\.{1,2}$)[^<>*%&:\\?/#@]+")
"""Versions of assets. To the service they are any text; these fit into an ARM id, no name in which has one of
``<>*%&:\\?/#``, and into ``name:version``."""

DATA_VERSION_LENGTH = 30
"""Characters that a version of data has at most; no public page of Microsoft's tells it."""

_PATTERN = re.compile(
    r"^/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<workspace>[^/]+)"
    r"(?:/(?P<kind>[^/]+)/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?)?/?$",
    re.IGNORECASE,
)


def path_segment(text: str) -> str:
    """A name as one segment of a URL's path. Raises InvalidSpecError for one that is none, such as '..'."""
    if text in ("", ".", ".."):
        raise InvalidSpecError("name", f"{text!r} cannot be the name of anything in Azure ML.")
    return quote(text, safe="")


def _workspace_path(subscription: str, group: str, name: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{PROVIDER}/workspaces/{name}"


class _CaseInsensitive:
    """ARM compares ids without regard to case, and the service changes the case of what it returns."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and str(self).lower() == str(other).lower()

    def __hash__(self) -> int:
        return hash(str(self).lower())


@dataclass(frozen=True, eq=False)
class WorkspaceId(_CaseInsensitive):
    """A workspace; ``str()`` gives its ARM id, as it stands in bodies and XComs."""

    subscription_id: str
    resource_group: str
    name: str

    def __str__(self) -> str:
        return _workspace_path(self.subscription_id, self.resource_group, self.name)

    @property
    def path(self) -> str:
        """The ARM id as the path of a URL. Raises InvalidSpecError for a member that would lead elsewhere."""
        return _workspace_path(*map(path_segment, (self.subscription_id, self.resource_group, self.name)))

    def resource(self, kind: str, name: str, version: str | None = None) -> ResourceId:
        """The id of something in this workspace. ``kind`` is the ARM collection: jobs, computes, data..."""
        return ResourceId(self, kind, name, version)

    @classmethod
    def parse(cls, text: str) -> WorkspaceId:
        """Read a workspace's ARM id. Raises ValueError if it is not one."""
        match = _PATTERN.fullmatch(text)
        if match is None or match["kind"] is not None:
            raise ValueError(f"{text!r} is not the ARM id of an Azure ML workspace.")
        return cls(match["subscription"], match["group"], match["workspace"])


@dataclass(frozen=True, eq=False)
class ResourceId(_CaseInsensitive):
    """Something in a workspace: a job, a compute, a version of an asset; ``str()`` gives its ARM id."""

    workspace: WorkspaceId
    kind: str
    name: str
    version: str | None = None

    def __str__(self) -> str:
        base = f"{self.workspace}/{self.kind}/{self.name}"
        return base if self.version is None else f"{base}/versions/{self.version}"

    @classmethod
    def parse(cls, text: str) -> ResourceId:
        """Read an ARM id, with or without the ``azureml:`` that the CLI puts before it.

        Raises ValueError if it is not the id of something in a workspace.
        """
        match = _PATTERN.fullmatch(text.removeprefix("azureml:"))
        if match is None or match["kind"] is None:
            raise ValueError(
                f"{text!r} is not the ARM id of something in an Azure ML workspace. Expected "
                f"/subscriptions/<id>/resourceGroups/<group>/providers/{PROVIDER}/workspaces/<name>"
                "/<kind>/<name>[/versions/<version>]."
            )
        workspace = WorkspaceId(match["subscription"], match["group"], match["workspace"])
        return cls(workspace, match["kind"], match["name"], match["version"])
