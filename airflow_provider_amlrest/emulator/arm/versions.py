"""Which api-versions are served, and what differs between them."""

from __future__ import annotations

import re

from airflow_provider_amlrest.emulator.answers import GatewayError

GENERAL = (
    "2022-05-01",
    "2022-10-01",
    "2023-04-01",
    "2023-10-01",
    "2024-04-01",
    "2024-10-01",
    "2025-04-01",
    "2025-06-01",
    "2025-09-01",
    "2025-12-01",
    "2026-03-01",
    "2026-05-01",
)
PREVIEW = (
    "2021-03-01-preview",
    "2022-06-01-preview",
    "2022-10-01-preview",
    "2022-12-01-preview",
    "2023-02-01-preview",
    "2023-04-01-preview",
    "2023-06-01-preview",
    "2023-08-01-preview",
    "2024-01-01-preview",
    "2024-04-01-preview",
    "2024-07-01-preview",
    "2024-10-01-preview",
    "2025-01-01-preview",
)
SUPPORTED = tuple(sorted(GENERAL + PREVIEW, reverse=True))


class ApiVersion(str):
    """A supported api-version."""

    __slots__ = ()

    @property
    def is_2021(self) -> bool:
        """The family before the rename of 2022: other field names everywhere."""
        return self == "2021-03-01-preview"

    def has(self, general: str, preview: str) -> bool:
        """Whether a feature of these first versions (general, preview) is in this one."""
        return self[:10] >= (preview if self.endswith("-preview") else general)[:10]


def read_api_version(text: str | None, resource_type: str, location: str) -> ApiVersion:
    """Check the query parameter.

    Raises:
        GatewayError: 400, with the supported versions.
    """
    if not text:
        raise GatewayError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if text.lower() in SUPPORTED:
        return ApiVersion(text.lower())
    supported = ", ".join(SUPPORTED)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(-preview)?", text.lower()):
        raise GatewayError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{text}' is invalid. The supported versions are '{supported}'.",
        )
    raise GatewayError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location '{location}' and API version '{text}' for type "
        f"'{resource_type}'. The supported api-versions are '{supported}'. "
        f"The supported locations are '{location}'.",
    )
