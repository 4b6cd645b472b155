"""How an api-version spells things on the wire."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.versions.api_versions import (
    API_VERSIONS,
    LAST_KNOWN,
    PREVIEW_2021_03,
    PREVIEW_2022_02,
    version_problem,
)
from airflow_provider_amlrest.rest.versions.words import TYPES_2022_02

log = logging.getLogger(__name__)

Wire = dict[str, Any]
"""A JSON object as the service has it."""

UPLOADS_BY_SERVICE = "2023-04-01"
"""The first version whose service finds code by its hash and hands out places to upload to."""

PROVISIONING_STATES = "2023-04-01"
"""The first version whose environments tell how far they are (``provisioningState``)."""


@dataclass(frozen=True)
class Spelling:
    """An api-version's way to write a workspace's things.

    There are two ways: that of 2021-03-01-preview, and that of all versions after it, which differ in what
    they can say (see :mod:`features`) and, the first of them, in its spelling of types.
    """

    api_version: str
    """What requests carry."""
    workspace: WorkspaceId

    @property
    def is_of_2021(self) -> bool:
        """Whether it is that of 2021-03-01-preview."""
        return self.api_version == PREVIEW_2021_03

    @property
    def uploads_by_service(self) -> bool:
        """Whether the service finds code by its hash and hands out places to upload to."""
        return self.api_version >= UPLOADS_BY_SERVICE

    def type(self, neutral: str) -> str:
        """A type of data, of an input or of an output."""
        return TYPES_2022_02[neutral] if self.api_version == PREVIEW_2022_02 else neutral


def spelling_of(api_version: str, workspace: WorkspaceId) -> Spelling:
    """The spelling of an api-version; the last known one for a newer version, which is logged once.

    Raises InvalidSpecError for any other version, naming those that there are.
    """
    problem = version_problem(api_version)
    if problem:
        raise InvalidSpecError("api_version", f"{problem}.")
    if api_version not in API_VERSIONS:
        _log_newer(api_version)
        api_version = LAST_KNOWN
    return Spelling(api_version, workspace)


@cache
def _log_newer(api_version: str) -> None:
    log.warning(
        "api-version %s is newer than those this provider knows: %s is used instead.", api_version, LAST_KNOWN
    )
