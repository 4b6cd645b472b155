"""The endpoints of Azure's clouds, and which URLs are safe to send secrets to."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import NamedTuple
from urllib.request import getproxies, proxy_bypass

from airflow_provider_amlrest.rest.http.errors import AzureMLError


@dataclass(frozen=True)
class Cloud:
    """The endpoints that a client needs. Values of the three clouds: azure-core 1.41, azure-mgmt-core 1.6."""

    name: str
    resource_manager: str
    """URL of Azure Resource Manager, without a trailing slash."""
    authority: str
    """URL of Microsoft Entra ID, without the tenant."""
    scope: str
    """The scope of tokens for Resource Manager, run history and MLflow."""
    studio: str = "https://ml.azure.com"
    ca_bundle: str | None = None
    """PEM file of the authorities to trust instead of the usual ones."""
    blob_endpoint: str | None = None
    """URL of the workspace's blob service; None: https://<account>.blob.<suffix>, from the datastore."""

    def trusting(self, ca_bundle: str | None, blob_endpoint: str | None) -> Cloud:
        """The same cloud with other authorities to trust and another blob endpoint."""
        endpoint = blob_endpoint.rstrip("/") if blob_endpoint else None
        return replace(self, ca_bundle=ca_bundle, blob_endpoint=endpoint)

    def asking_for(self, scope: str | None) -> Cloud:
        """The same cloud with another scope for its tokens, if one is given."""
        return replace(self, scope=scope) if scope else self

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
# Azure's own libraries differ: azure-ai-ml asks for https://management.usgovcloudapi.net/.default.
US_GOVERNMENT = Cloud(
    "us_government",
    "https://management.usgovcloudapi.net",
    "https://login.microsoftonline.us",
    "https://management.core.usgovcloudapi.net/.default",
    "https://ml.azure.us",
)

CLOUDS = {cloud.name: cloud for cloud in (PUBLIC, CHINA, US_GOVERNMENT)}
CUSTOM = "custom"


def custom_cloud(resource_manager: str, authority: str, studio: str | None = None) -> Cloud:
    """A custom cloud: Azure Stack, a private gateway, an emulator."""
    resource_manager = resource_manager.rstrip("/")
    cloud = Cloud(CUSTOM, resource_manager, authority.rstrip("/"), f"{resource_manager}/.default")
    return replace(cloud, studio=studio.rstrip("/")) if studio else cloud


def endpoint_problem(url: str) -> str | None:
    """What is wrong with an endpoint's URL, or None. The client sends tokens and keys to it."""
    if re.search(r"[?#@]", url):
        return f"{_shown(url)!r} must be a plain URL without user, query or fragment"
    if origin(url) is None:
        return f"{_shown(url)!r} is not an https URL"
    return unsafe_url_problem(url)


def _shown(url: str) -> str:
    """A URL for an error message, without the password or signature that it may contain."""
    return re.sub(r"//.*@", "//...@", re.split(r"[?#]", url)[0])


def authority_problem(url: str) -> str | None:
    """What is wrong with the URL of Microsoft Entra ID, or None."""
    if url.lower().startswith("http://"):
        return f"{_shown(url)!r} must be https, even on this machine: azure-identity signs in only over https"
    return endpoint_problem(url)


class Origin(NamedTuple):
    """The server that a URL leads to."""

    scheme: str
    host: str
    """In lower case; an IPv6 address in brackets."""
    port: int


_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/?][^\x00-\x1f\x7f\\]*)?",
    re.IGNORECASE | re.ASCII,
)


def origin(url: str) -> Origin | None:
    """The server that a URL leads to; None if two libraries might read the URL differently.

    The HTTP libraries parse URLs differently: ``http://evil\\@good/`` leads some to *evil*, others to *good*.
    A URL must therefore not contain a user, a backslash, or anything else that is not part of a host.
    """
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme = match["scheme"].lower()
    port = int(match["port"] or (443 if scheme == "https" else 80))
    if match["host"].startswith("[") and not _is_address(match["host"][1:-1]):
        return None
    return Origin(scheme, match["host"].lower(), port) if 0 < port < 65536 else None


def unsafe_url_problem(url: str) -> str | None:
    """Why no secret may be sent to a URL, or None: it is ambiguous, or plain http to another machine."""
    found = origin(url)
    if found is None:
        return f"{_shown(url)!r} is not an https URL with a plain host and port"
    if found.scheme == "https":
        return None
    place = "/".join(url.split("/")[:3]).partition("?")[0]
    host = found.host.strip("[]")
    if not _is_loopback(host):
        return f"{place!r} is not an https URL; plain http works only for this machine"
    if "http" in getproxies() and not proxy_bypass(host):
        return f"{place!r} is plain http, and HTTP_PROXY would send it elsewhere; add it to NO_PROXY"
    return None


def check_url(url: str) -> None:
    """Raise AzureMLError for a URL to which no secret may be sent, wherever it comes from."""
    problem = unsafe_url_problem(url)
    if problem:
        raise AzureMLError(f"Nothing was sent: {problem}.")


def _is_loopback(host: str) -> bool:
    return ip_address(host).is_loopback if _is_address(host) else host == "localhost"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_same_origin(url: str, base: str) -> bool:
    """Whether two URLs have the same scheme, host and port."""
    found = origin(url)
    return found is not None and found == origin(base)
