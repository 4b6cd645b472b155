"""The workspace's storage account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient, generate_blob_sas, generate_container_sas

ACCOUNT = "amlrestemulator"
CLOCK_SKEW = timedelta(minutes=10)
"""SAS tokens start this much in the past, as those of the service do."""


class BlobStorage:
    """A blob account over TLS, in path style: ``https://127.0.0.1:<port>/<account>/<container>/<blob>``."""

    def __init__(self, port: int, key: str, ca_bundle: Path) -> None:
        self.account = ACCOUNT
        self.endpoint = f"https://127.0.0.1:{port}/{ACCOUNT}"
        self.suffix = f"core.localhost:{port}"
        """What a datastore answers as ``endpoint``: ``https://<account>.blob.<suffix>`` is the same account
        for a client whose machine resolves that name to 127.0.0.1."""
        self.key = key
        self.service = BlobServiceClient(
            self.endpoint, credential=AzureNamedKeyCredential(ACCOUNT, key), connection_verify=str(ca_bundle)
        )

    def ensure_container(self, name: str) -> None:
        try:
            self.service.create_container(name)
        except ResourceExistsError:
            return

    def blob_sas(self, container: str, path: str, permission: str = "r", hours: float = 8) -> str:
        """URL of one blob that needs no other credential."""
        now = datetime.now(UTC)
        token = generate_blob_sas(
            ACCOUNT,
            container,
            path,
            account_key=self.key,
            permission=permission,
            start=now - CLOCK_SKEW,
            expiry=now + timedelta(hours=hours),
        )
        return f"{self.endpoint}/{container}/{quote(path)}?{token}"

    def container_sas(self, container: str, permission: str = "rcwl", hours: float = 8) -> str:
        """URL of a container that needs no other credential."""
        now = datetime.now(UTC)
        token = generate_container_sas(
            ACCOUNT,
            container,
            account_key=self.key,
            permission=permission,
            start=now - CLOCK_SKEW,
            expiry=now + timedelta(hours=hours),
        )
        return f"{self.endpoint}/{container}?{token}"
