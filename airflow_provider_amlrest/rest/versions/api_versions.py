"""The supported api-versions. In a separate module, because connection forms need only this."""

from __future__ import annotations

import re
from datetime import date

PREVIEW_2021_03 = "2021-03-01-preview"
PREVIEW_2022_02 = "2022-02-01-preview"
DEFAULT_API_VERSION = "2025-12-01"

API_VERSIONS = (
    PREVIEW_2021_03,
    PREVIEW_2022_02,
    "2022-05-01",
    "2022-10-01",
    "2023-04-01",
    "2023-10-01",
    "2024-04-01",
    "2024-10-01",
    "2025-04-01",
    "2025-06-01",
    "2025-09-01",
    DEFAULT_API_VERSION,
    "2026-03-01",
    "2026-05-01",
)
"""Oldest first: those that Microsoft has published with jobs and assets; only the first two previews."""

LAST_KNOWN = API_VERSIONS[-1]

_DATED = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)(-preview)?")


def is_newer(api_version: str) -> bool:
    """Whether it is a version later than the last known one, preview or not."""
    match = _DATED.fullmatch(api_version)
    try:
        return match is not None and date.fromisoformat(match["date"]) > date.fromisoformat(LAST_KNOWN)
    except ValueError:
        return False


def version_problem(api_version: str) -> str | None:
    """What is wrong with an api-version, as text that follows its name; None if it can be used."""
    if api_version in API_VERSIONS or is_newer(api_version):
        return None
    return f"{api_version!r} is not one of {', '.join(API_VERSIONS)}, nor a newer one"
