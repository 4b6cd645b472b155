"""Where a cloud's endpoints are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Cloud:
    """The endpoints that a client needs. Values of the three clouds: azure-core 1.41, azure-mgmt-core 1.6."""

    name: str
    resource_manager: str
    """URL of Azure Resource Manager, without a trailing slash."""
    authority: str
    """URL of Microsoft Entra ID, without the tenant."""
    scope: str
    """The scope that tokens for Resource Manager, run history and MLflow are asked for."""
    studio: str = "https://ml.azure.com"
    ca_bundle: str | None = None
    """PEM file of the authorities to trust instead of the usual ones."""
    blob_endpoint: str | None = None
    """URL of the workspace's blob service; None: https://<account>.blob.<suffix>, from the datastore."""

    def trusting(self, ca_bundle: str | None, blob_endpoint: str | None) -> Cloud:
        """The same cloud with other authorities to trust and another blob endpoint."""
        endpoint = blob_endpoint.rstrip("/") if blob_endpoint else None
        return replace(self, ca_bundle=ca_bundle, blob_endpoint=endpoint)

    @property
    def verify(self) -> str | bool:
        """For ``connection_verify`` of azure-core's transports."""
        return self.ca_bundle or True


PUBLIC = Cloud(
    "public",
    "https://management.azure.com",
    "https://login.microsoftonline.com",
    "https://management.azure.com/.default",
)
CHINA = Cloud(
    "china",
    "https://management.chinacloudapi.cn",
    "https://login.chinacloudapi.cn",
    "https://management.chinacloudapi.cn/.default",
    "https://ml.azure.cn",
)
US_GOVERNMENT = Cloud(
    "us_government",
    "https://management.usgovcloudapi.net",
    "https://login.microsoftonline.us",
    "https://management.core.usgovcloudapi.net/.default",
    "https://ml.azure.us",
)

CLOUDS = {cloud.name: cloud for cloud in (PUBLIC, CHINA, US_GOVERNMENT)}
CUSTOM = "custom"


def custom_cloud(resource_manager: str, authority: str) -> Cloud:
    """A cloud of one's own: Azure Stack, a private gateway, an emulator."""
    resource_manager = resource_manager.rstrip("/")
    return Cloud(CUSTOM, resource_manager, authority.rstrip("/"), f"{resource_manager}/.default")


def endpoint_problem(url: str) -> str | None:
    """What is wrong with an endpoint's URL, or None. Tokens travel to it, so it has to be https."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return f"{url!r} is not an https URL"
    if parts.query or parts.fragment or parts.username or parts.password:
        return f"{url!r} must be a plain URL without user, query or fragment"
    return None


def is_same_origin(url: str, base: str) -> bool:
    """Whether a URL has scheme, host and port of another."""
    return _origin(url) == _origin(base)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else None)
