"""azure-storage-blob as it is, sync and async, with each kind of credential that Azure's storage takes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.identity import CertificateCredential, ClientSecretCredential
from azure.identity.aio import CertificateCredential as AsyncCertificateCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from azure.storage.blob import ContainerClient
from azure.storage.blob.aio import ContainerClient as AsyncContainerClient

from tests.emulator.running import Running

ACCESSES = ("sas", "key", "secret", "certificate")
CONTENT = bytes(range(256)) * 40


def container_url(emulator: Running, access: str) -> str:
    """A container of the workspace's storage; with a signature for those who come with nothing else."""
    if access == "sas":
        body = {"pendingUploadType": "TemporaryBlobReference"}
        answer = emulator.ml("POST", "codes/c/versions/1/startPendingUpload", body).json()
        return str(answer["blobReferenceForConsumption"]["credential"]["sasUri"])
    store = emulator.get("datastores/workspaceblobstore")
    return f"{emulator.facts['blob_endpoint']}/{store['containerName']}"


def key(emulator: Running) -> AzureNamedKeyCredential:
    store = emulator.get("datastores/workspaceblobstore")
    secrets = emulator.ml("POST", "datastores/workspaceblobstore/listSecrets").json()
    return AzureNamedKeyCredential(store["accountName"], secrets["key"])


def identity(emulator: Running, access: str, secret: type[Any], certificate: type[Any]) -> Any:
    facts = emulator.facts
    options = {
        "authority": facts["authority_host"],
        "disable_instance_discovery": True,
        "connection_verify": facts["ca_bundle"],
    }
    if access == "certificate":
        return certificate(
            facts["tenant_id"], facts["client_id"], certificate_path=facts["client_certificate"], **options
        )
    return secret(facts["tenant_id"], facts["client_id"], facts["client_secret"], **options)


@contextmanager
def opened(emulator: Running, access: str) -> Iterator[ContainerClient]:
    """The container, opened by one kind of access."""
    url, verify = container_url(emulator, access), emulator.facts["ca_bundle"]
    if access in ("sas", "key"):
        credential = key(emulator) if access == "key" else None
        with ContainerClient.from_container_url(url, credential, connection_verify=verify) as container:
            yield container
        return
    with (
        identity(emulator, access, ClientSecretCredential, CertificateCredential) as credential,
        ContainerClient.from_container_url(url, credential, connection_verify=verify) as container,
    ):
        yield container


@asynccontextmanager
async def opened_async(emulator: Running, access: str) -> AsyncIterator[AsyncContainerClient]:
    """The same, async."""
    url, verify = container_url(emulator, access), emulator.facts["ca_bundle"]
    if access in ("sas", "key"):
        credential = key(emulator) if access == "key" else None
        async with AsyncContainerClient.from_container_url(
            url, credential, connection_verify=verify
        ) as container:
            yield container
        return
    async with (
        identity(emulator, access, AsyncClientSecretCredential, AsyncCertificateCredential) as credential,
        AsyncContainerClient.from_container_url(url, credential, connection_verify=verify) as container,
    ):
        yield container


@pytest.mark.parametrize("access", ACCESSES)
def test_blobs(storing_emulator: Running, access: str) -> None:
    """What the SDK's own upload does: a blob that must be new, its metadata, its parts."""
    folder = str(uuid.uuid4())
    with opened(storing_emulator, access) as container:
        blob = container.upload_blob(f"{folder}/data.bin", CONTENT, overwrite=False)
        with pytest.raises(ResourceExistsError):
            container.upload_blob(f"{folder}/data.bin", b"other", overwrite=False)
        blob.set_blob_metadata({"upload_status": "completed"})
        assert blob.get_blob_properties().metadata == {"upload_status": "completed"}
        assert blob.download_blob(offset=256, length=10).readall() == bytes(range(10))
        assert blob.download_blob().readall() == CONTENT
        assert [found.name for found in container.list_blobs(f"{folder}/")] == [f"{folder}/data.bin"]


@pytest.mark.parametrize("access", ACCESSES)
async def test_blobs_async(storing_emulator: Running, access: str) -> None:
    folder = str(uuid.uuid4())
    async with opened_async(storing_emulator, access) as container:
        blob = await container.upload_blob(f"{folder}/data.bin", CONTENT, overwrite=False)
        with pytest.raises(ResourceExistsError):
            await container.upload_blob(f"{folder}/data.bin", b"other", overwrite=False)
        await blob.set_blob_metadata({"upload_status": "completed"})
        assert (await blob.get_blob_properties()).metadata == {"upload_status": "completed"}
        assert await (await blob.download_blob(offset=256, length=10)).readall() == bytes(range(10))
        assert await (await blob.download_blob()).readall() == CONTENT
        names = [found.name async for found in container.list_blobs(f"{folder}/")]
        assert names == [f"{folder}/data.bin"]


# To a wrong key Azure says 403, Azurite 400.
@pytest.mark.parametrize(("access", "status"), [("sas", 403), ("key", 400), ("nothing", 403)])
async def test_what_opens_nothing(storing_emulator: Running, access: str, status: int) -> None:
    url = container_url(storing_emulator, access).replace("sig=", "sig=A")
    account = storing_emulator.get("datastores/workspaceblobstore")["accountName"]
    credential = AzureNamedKeyCredential(account, "QUFBQQ==") if access == "key" else None
    verify = storing_emulator.facts["ca_bundle"]
    with (
        ContainerClient.from_container_url(url, credential, connection_verify=verify) as container,
        pytest.raises(HttpResponseError) as refused,
    ):
        container.upload_blob("x", b"x")
    async with AsyncContainerClient.from_container_url(url, credential, connection_verify=verify) as other:
        with pytest.raises(HttpResponseError) as refused_async:
            await other.upload_blob("x", b"x")
    assert (refused.value.status_code, refused_async.value.status_code) == (status, status)
