"""Proxies and authorities to trust, on every path: Resource Manager, Entra ID and blobs, sync and async."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_amlrest.connection import ConnectionSettings
from airflow_provider_amlrest.rest import AsyncAzureMLClient, AzureMLClient
from airflow_provider_amlrest.rest.assets.ensure import ensure_code
from airflow_provider_amlrest.rest.assets.upload.content import read_content
from airflow_provider_amlrest.rest.assets.upload.ways import upload_to_datastore
from airflow_provider_amlrest.rest.http.cloud import Cloud
from airflow_provider_amlrest.rest.http.credentials import async_credential, sync_credential
from airflow_provider_amlrest.rest.http.errors import AzureMLError, UnreachableError
from airflow_provider_amlrest.rest.runs.run import Run
from tests.identity.asking import KINDS, opened, read_workspace, settings
from tests.support.emulated import Emulated
from tools.proxy import LoopbackProxy

HOST = "amlrestemulator.blob.core.localhost"
"""A name in the emulator's certificate that few machines can resolve: who reaches it has used the proxy."""

CERTIFICATE = {"credential": "client_certificate", "password": None}


def port(url: str) -> int:
    return urlsplit(url).port or 443


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackProxy]:
    """HTTPS_PROXY names a proxy, and NO_PROXY nothing."""
    for name in ("no_proxy", "https_proxy", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with LoopbackProxy() as server:
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        yield server


def named(emulator: Emulated, **changes: str | None) -> ConnectionSettings:
    """A connection whose endpoints have a name that only the proxy knows."""
    place = f"https://{HOST}:{port(emulator.facts['arm_endpoint'])}"
    return settings(
        emulator, **{"resource_manager": place, "authority": place, "scope": scope(emulator), **changes}
    )


def scope(emulator: Emulated) -> str:
    return f"{emulator.facts['arm_endpoint']}/.default"


@pytest.mark.parametrize("kind", KINDS)
async def test_resource_manager_and_entra_by_the_proxy(
    emulator: Emulated, proxy: LoopbackProxy, kind: str
) -> None:
    assert (await read_workspace(kind, named(emulator))).name
    there = f"{HOST}:{port(emulator.facts['arm_endpoint'])}"
    # Tokens and Resource Manager have connections of their own.
    assert proxy.asked.count(there) >= 2


@pytest.mark.parametrize("kind", KINDS)
async def test_a_certificate_by_the_proxy(emulator: Emulated, proxy: LoopbackProxy, kind: str) -> None:
    """The client assertion names the real authority: only its name may be another."""
    connection = settings(emulator, **CERTIFICATE, certificate_path=emulator.facts["client_certificate"])
    assert (await read_workspace(kind, connection)).name
    assert proxy.asked.count(f"127.0.0.1:{port(emulator.facts['arm_endpoint'])}") >= 2


@pytest.mark.parametrize("kind", KINDS)
async def test_no_proxy_is_heeded(
    emulator: Emulated, proxy: LoopbackProxy, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.1")
    assert (await read_workspace(kind, settings(emulator))).name
    assert proxy.asked == []


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(f"print({request.node.name!r})")
    return tmp_path / "code"


def run_with(file: str, container_url: str) -> Run:
    """A run that has this log."""
    return Run("r", "Failed", log_files={file: container_url.replace("?", f"/{file}?")})


async def test_blobs_by_the_proxy(training_emulator: Emulated, proxy: LoopbackProxy, folder: Path) -> None:
    blob_port = port(training_emulator.facts["blob_endpoint"])
    connection = named(training_emulator, blob_endpoint=f"https://{HOST}:{blob_port}")
    async with opened("sync", connection) as client:
        content = read_content("code", folder)
        # With the datastore's key, to the connection's endpoint.
        upload_to_datastore(client, content)
        assert proxy.asked.count(f"{HOST}:{blob_port}") >= 1
        # With a signature, to where the service says.
        assert ensure_code(client, content)[1]
        assert proxy.asked.count(f"127.0.0.1:{blob_port}") == 1
        url = client.start_pending_upload("c", "1").sas_uri
        with pytest.raises(AzureMLError, match="GET log nothing"):
            client.read_log_end(run_with("nothing", url), "nothing", 100)
        assert proxy.asked.count(f"127.0.0.1:{blob_port}") == 2


async def test_blobs_heed_no_proxy(
    training_emulator: Emulated, proxy: LoopbackProxy, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with opened("sync", settings(training_emulator)) as client:
        ensure_code(client, read_content("code", folder))
    assert proxy.asked == []


# Certificate authorities


REFUSED = r"(?is)No answer to {}.*certificate.verify.failed.*Set ca_bundle in the connection to a file"


def strangers(emulator: Emulated) -> tuple[ConnectionSettings, Cloud]:
    """The emulator's connection, and its cloud seen by somebody who trusts the usual authorities alone."""
    connection = settings(emulator)
    return connection, connection.cloud.trusting(None, connection.cloud.blob_endpoint)


@pytest.mark.usefixtures("no_pauses")
def test_untrusted_resource_manager(emulator: Emulated) -> None:
    connection, stranger = strangers(emulator)
    with (
        sync_credential(connection.identity, connection.cloud) as credential,
        AzureMLClient(credential, connection.workspace, cloud=stranger) as client,
        pytest.raises(UnreachableError, match=REFUSED.format("GET workspace")),
    ):
        client.get_workspace()


@pytest.mark.usefixtures("no_pauses")
async def test_untrusted_resource_manager_async(emulator: Emulated) -> None:
    connection, stranger = strangers(emulator)
    async with (
        async_credential(connection.identity, connection.cloud) as credential,
        AsyncAzureMLClient(credential, connection.workspace, cloud=stranger) as client,
    ):
        with pytest.raises(UnreachableError, match=REFUSED.format("GET workspace")):
            await client.get_workspace()


def changes_of(emulator: Emulated) -> dict[str, dict[str, Any]]:
    certificate = {"certificate_path": emulator.facts["client_certificate"]}
    return {
        "client_secret": {},
        "client_certificate": {**CERTIFICATE, **certificate},
        "workload_identity": {
            "password": None,
            "credential": "workload_identity",
            "workload_identity_file": emulator.facts["federated_token_file"],
        },
    }


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("credential", ["client_secret", "client_certificate", "workload_identity"])
async def test_untrusted_entra(emulator: Emulated, kind: str, credential: str) -> None:
    connection = settings(emulator, ca_bundle=None, **changes_of(emulator)[credential])
    with pytest.raises(UnreachableError, match=REFUSED.format("the sign-in for GET workspace")):
        await read_workspace(kind, connection)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    "send",
    [
        lambda client, content: ensure_code(client, content),
        lambda client, content: upload_to_datastore(client, content),
    ],
)
def test_untrusted_blobs(
    training_emulator: Emulated, folder: Path, send: Callable[[AzureMLClient, Any], Any]
) -> None:
    connection, stranger = strangers(training_emulator)
    with (
        sync_credential(connection.identity, connection.cloud) as credential,
        AzureMLClient(credential, connection.workspace, cloud=connection.cloud) as client,
    ):
        # Resource Manager is trusted, the storage account is not.
        client.operations.cloud = stranger
        with pytest.raises(UnreachableError, match=REFUSED.format("GET blobs of ")):
            send(client, read_content("code", folder))


@pytest.mark.usefixtures("no_pauses")
def test_untrusted_log(training_emulator: Emulated) -> None:
    connection, stranger = strangers(training_emulator)
    with (
        sync_credential(connection.identity, connection.cloud) as credential,
        AzureMLClient(credential, connection.workspace, cloud=connection.cloud) as client,
    ):
        url = client.start_pending_upload("log", "1").sas_uri
        with (
            AzureMLClient(credential, connection.workspace, cloud=stranger) as other,
            pytest.raises(UnreachableError, match=REFUSED.format("GET log a.txt")),
        ):
            other.read_log_end(run_with("a.txt", url), "a.txt", 100)
