"""How an api-version writes things on the wire."""

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
"""A JSON object in the service's form."""

UPLOADS_BY_SERVICE = "2023-04-01"
"""The first version whose service finds code by its hash and provides places to upload to."""

PROVISIONING_STATES = "2023-04-01"
"""The first version whose environments report their state (``provisioningState``)."""


@dataclass(frozen=True)
class Spelling:
    """The way in which an api-version writes assets and jobs.

    There are two ways: that of 2021-03-01-preview, and that of all versions after it. The latter differ in
    what they can express (see :mod:`features`); the first of them also differs in its spelling of types.
    """

    api_version: str
    """The version in requests."""
    workspace: WorkspaceId

    @property
    def is_of_2021(self) -> bool:
        """Whether it is the way of 2021-03-01-preview."""
        return self.api_version == PREVIEW_2021_03

    @property
    def uploads_by_service(self) -> bool:
        """Whether the service finds code by its hash and provides places to upload to."""
        return self.api_version >= UPLOADS_BY_SERVICE

    def type(self, neutral: str) -> str:
        """A type of data, of an input or of an output."""
        return TYPES_2022_02[neutral] if self.api_version == PREVIEW_2022_02 else neutral


def spelling_of(api_version: str, workspace: WorkspaceId) -> Spelling:
    """The spelling of an api-version; for a newer version, that of the last known one, which is logged once.

    Raises InvalidSpecError for any other version; the error lists the supported ones.
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
