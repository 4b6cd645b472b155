"""The workspace's storage account."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

ACCOUNT = "amlrestemulator"
CLOCK_SKEW = timedelta(minutes=10)
"""SAS tokens start this much in the past, as those of the service do."""


class BlobStorage:
    """A blob account over TLS, in path style: ``https://127.0.0.1:<port>/<account>/<container>/<blob>``.

    Its addresses are known before it runs. What needs azure-storage-blob imports it late: most emulators
    of jobs that are only states never store a blob, and its import takes as long as the rest of their start.

    :param launch: starts what serves the account; returns when it listens.
    :param containers: made at the start.
    """

    def __init__(
        self,
        port: int,
        key: str,
        ca_bundle: Path,
        *,
        launch: Callable[[], None] = lambda: None,
        containers: Iterable[str] = (),
    ) -> None:
        self.account = ACCOUNT
        self.endpoint = f"https://127.0.0.1:{port}/{ACCOUNT}"
        self.suffix = f"core.localhost:{port}"
        """What a datastore answers as ``endpoint``: ``https://<account>.blob.<suffix>`` is the same account
        for a client whose machine resolves that name to 127.0.0.1."""
        self.key = key
        self.ca_bundle = ca_bundle
        self._launch = launch
        self._containers = tuple(containers)
        self._lock = threading.Lock()
        self.running = False

    def start(self) -> None:
        """Start it, if it does not run yet. Safe to call from several threads.

        Raises:
            AzuriteError: it cannot be started; the next call tries again.
        """
        with self._lock:
            if not self.running:
                self._launch()
                for name in self._containers:
                    self.ensure_container(name)
                self.running = True

    def close(self) -> None:
        """Close the connections: an open one delays the end of Azurite."""
        if "service" in self.__dict__:
            self.service.close()

    @cached_property
    def service(self) -> BlobServiceClient:
        from azure.core.credentials import AzureNamedKeyCredential
        from azure.storage.blob import BlobServiceClient

        credential = AzureNamedKeyCredential(ACCOUNT, self.key)
        return BlobServiceClient(self.endpoint, credential=credential, connection_verify=str(self.ca_bundle))

    def ensure_container(self, name: str) -> None:
        from azure.core.exceptions import ResourceExistsError

        try:
            self.service.create_container(name)
        except ResourceExistsError:
            return

    def blob_sas(self, container: str, path: str, permission: str = "r", hours: float = 8) -> str:
        """URL of one blob that needs no other credential."""
        from azure.storage.blob import generate_blob_sas

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
        return f"{self.endpoint}/{container}?{self.container_token(container, permission, hours)}"

    def container_token(self, container: str, permission: str, hours: float) -> str:
        """The query of that URL."""
        from azure.storage.blob import generate_container_sas

        now = datetime.now(UTC)
        return generate_container_sas(
            ACCOUNT,
            container,
            account_key=self.key,
            permission=permission,
            start=now - CLOCK_SKEW,
            expiry=now + timedelta(hours=hours),
        )
