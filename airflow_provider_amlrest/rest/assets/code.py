"""Code: what a job's command finds in its working directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Code:
    """A version of a code asset. ``uri`` is the https URL of the folder's blobs.

    ``datastore`` and ``path`` say the same within a datastore, where it lies in one; api-version
    2021-03-01-preview wants it so.
    """

    name: str
    version: str
    uri: str
    datastore: str | None = None
    path: str | None = None
    content_hash: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True)
class PendingUpload:
    """A place to upload to: a container's URL with its shared access signature. Never printed."""

    blob_uri: str
    sas_uri: str = field(repr=False)
