"""The api-versions that have a codec. Apart, because connection forms need no more than this."""

from __future__ import annotations

PREVIEW_2021_03 = "2021-03-01-preview"
DEFAULT_API_VERSION = "2025-12-01"

API_VERSIONS = (PREVIEW_2021_03, DEFAULT_API_VERSION)
