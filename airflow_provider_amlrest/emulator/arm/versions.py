"""Which api-versions are served, and what differs between them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from airflow_provider_amlrest.emulator.answers import GatewayError, invalid

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
    "2022-02-01-preview",
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


PASCAL_CASE = {
    "literal": "Literal",
    "uri_file": "UriFile",
    "uri_folder": "UriFolder",
    "mltable": "MLTable",
    "custom_model": "CustomModel",
    "mlflow_model": "MLFlowModel",
    "triton_model": "TritonModel",
}
"""What 2022-05-01 and later call it -> what 2022-02-01-preview did."""


NEVER = "9999-12-31"


@dataclass(frozen=True)
class Since:
    """The versions that have something.

    :param general: the first general one; None if it never became general.
    :param preview: the first preview; NEVER if none has it.
    :param last_preview: the last preview that has it, if one took it away again.
    :param gap: a preview between them that lacks it.
    """

    general: str | None
    preview: str
    last_preview: str = NEVER
    gap: str | None = None


UPLOADS = Since("2023-04-01", "2023-04-01")
"""startPendingUpload, and codes found by their hash."""
EXPIRABLE_SECRETS = Since("2024-10-01", "2024-07-01")
"""listSecrets answers a signature instead of the key, if it is asked to."""
REGISTRIES = Since("2023-04-01", "2022-10-01")
"""Registries and their assets."""
PUBLISH = Since("2024-04-01", "2024-04-01")
"""Promotion to a registry; it may be in some previews before."""
PROPERTIES_FILTER = Since("2023-10-01", "2024-01-01")
"""Jobs listed by their properties."""


class ApiVersion(str):
    """A supported api-version."""

    __slots__ = ()

    @property
    def is_2021(self) -> bool:
        """The family before the rename of 2022: other field names everywhere."""
        return self == "2021-03-01-preview"

    @property
    def cancels_at_once(self) -> bool:
        """Whether a cancel is answered 200; later it is an operation to be followed, 202."""
        return self in ("2021-03-01-preview", "2022-02-01-preview")

    def has(self, since: Since) -> bool:
        date = self[:10]
        if self.endswith("preview"):
            return since.preview <= date <= since.last_preview and date != since.gap
        return since.general is not None and since.general <= date

    def spell(self, name: str) -> str:
        """How this version writes the type of an input, an output or data."""
        return PASCAL_CASE.get(name, name) if self == "2022-02-01-preview" else name


LATEST = ApiVersion(GENERAL[-1])
DATA_PLANE = ApiVersion("2021-10-01-dataplanepreview")
"""The one version of registries' own host. In its shape it is 2022-05-01."""


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
    raise not_registered(text, resource_type, location)


def read_data_plane_version(text: str | None) -> ApiVersion:
    """Check the query parameter of a request to a registry's own host.

    Raises:
        MlError: 400; the words are ours.
    """
    if text != DATA_PLANE:
        raise invalid("api-version", f"{text!r} is not {DATA_PLANE}")
    return DATA_PLANE


def not_registered(version: str, resource_type: str, location: str) -> GatewayError:
    """400 for a version that there is not, or that does not have the type of resource."""
    supported = ", ".join(SUPPORTED)
    return GatewayError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location '{location}' and API version '{version}' "
        f"for type '{resource_type}'. The supported api-versions are '{supported}'. "
        f"The supported locations are '{location}'.",
    )
