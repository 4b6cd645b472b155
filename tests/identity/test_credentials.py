"""Every credential that a connection can name signs in at the emulator, by azure-identity, sync and async."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from airflow_provider_amlrest.rest.http.credentials import Chain
from airflow_provider_amlrest.rest.http.errors import AuthenticationError, InvalidSpecError
from tests.identity.asking import KINDS, read_workspace, settings
from tests.support.emulated import Emulated

NOBODY: dict[str, str | None] = {"login": None, "password": None, "tenant_id": None}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def pem(emulator: Emulated, password: bytes | None = None) -> bytes:
    """The service principal's certificate, its key encrypted if there is a password."""
    text = Path(emulator.facts["client_certificate"]).read_bytes()
    key: Any = serialization.load_pem_private_key(text, None)
    certificate = x509.load_pem_x509_certificate(text)
    hiding = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return bytes(key.private_bytes(*form, hiding) + certificate.public_bytes(serialization.Encoding.PEM))


def pfx(emulator: Emulated, password: bytes) -> bytes:
    text = Path(emulator.facts["client_certificate"]).read_bytes()
    key: Any = serialization.load_pem_private_key(text, None)
    certificate = x509.load_pem_x509_certificate(text)
    hiding = serialization.BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(b"airflow", key, certificate, None, hiding)


async def test_client_secret(emulator: Emulated, kind: str) -> None:
    assert (await read_workspace(kind, settings(emulator, credential="client_secret"))).name


async def test_client_certificate_by_path(emulator: Emulated, kind: str) -> None:
    path = emulator.facts["client_certificate"]
    chosen = {"credential": "client_certificate", "password": None, "certificate_path": path}
    assert (await read_workspace(kind, settings(emulator, **chosen))).name


@pytest.mark.parametrize("make", [pem, pfx])
async def test_client_certificate_with_a_password(
    emulator: Emulated, kind: str, tmp_path: Path, make: Any
) -> None:
    path = tmp_path / "encrypted"
    path.write_bytes(make(emulator, b"the password"))
    chosen = {"credential": "client_certificate", "password": None, "certificate_path": str(path)}
    assert (
        await read_workspace(kind, settings(emulator, **chosen, certificate_password="the password"))
    ).name
    for wrong in (None, "another"):
        with pytest.raises(InvalidSpecError, match=r"^credential client_certificate: it cannot be used: "):
            await read_workspace(kind, settings(emulator, **chosen, certificate_password=wrong))


@pytest.mark.parametrize("breaks", ["\n", "\\n", " ", ""])
async def test_client_certificate_as_text(emulator: Emulated, kind: str, breaks: str) -> None:
    text = pem(emulator).decode().replace("\n", breaks)
    chosen = {"credential": "client_certificate", "password": None, "certificate_private_key": text}
    assert (await read_workspace(kind, settings(emulator, **chosen))).name


async def test_a_certificate_that_the_application_has_not(emulator: Emulated, kind: str) -> None:
    made = trustme.CA().issue_cert(common_name="somebody", key_type=trustme.KeyType.RSA)
    text = (made.private_key_pem.bytes() + made.cert_chain_pems[0].bytes()).decode()
    chosen = {"credential": "client_certificate", "password": None, "certificate_private_key": text}
    with pytest.raises(AuthenticationError, match="AADSTS700027"):
        await read_workspace(kind, settings(emulator, **chosen))


@pytest.mark.parametrize(
    "text",
    [
        "nonsense-canary",
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
        trustme.CA().issue_cert(common_name="c").private_key_and_cert_chain_pem.bytes().decode(),
    ],
)
async def test_what_is_no_certificate(emulator: Emulated, kind: str, text: str) -> None:
    chosen = {"credential": "client_certificate", "password": None, "certificate_private_key": text}
    mark = emulator.mark()
    with pytest.raises(
        InvalidSpecError, match=r"^credential client_certificate: it cannot be used: "
    ) as caught:
        await read_workspace(kind, settings(emulator, **chosen))
    assert "canary" not in str(caught.value)
    assert text.splitlines()[-2:][0] not in str(caught.value)
    assert emulator.asked(since=mark) == []


# Managed identity


@pytest.fixture(params=["IDENTITY", "MSI"])
def machine(emulator: Emulated, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """This machine has a managed identity, as App Service or Azure ML give one."""
    secret = "IDENTITY_HEADER" if request.param == "IDENTITY" else "MSI_SECRET"
    monkeypatch.setenv(f"{request.param}_ENDPOINT", emulator.facts["identity_endpoint"])
    monkeypatch.setenv(secret, emulator.facts["identity_header"])


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("user_assigned", [False, True])
async def test_managed_identity(emulator: Emulated, kind: str, user_assigned: bool) -> None:
    chosen = {**NOBODY, "credential": "managed_identity"}
    if user_assigned:
        chosen["managed_identity_client_id"] = emulator.facts["client_id"]
    mark = emulator.mark()
    assert (await read_workspace(kind, settings(emulator, **chosen))).name
    assert emulator.asked("GET", "^/msi/token$", since=mark)
    assert not emulator.asked("POST", "oauth2", since=mark)


@pytest.mark.usefixtures("machine")
async def test_a_managed_identity_that_the_machine_has_not(emulator: Emulated, kind: str) -> None:
    other = "11111111-0000-0000-0000-000000000000"
    chosen = {**NOBODY, "credential": "managed_identity", "managed_identity_client_id": other}
    with pytest.raises(AuthenticationError, match=r"(?s)sign-in for GET workspace was refused"):
        await read_workspace(kind, settings(emulator, **chosen))


# Workload identity


async def test_workload_identity_of_the_connection(emulator: Emulated, kind: str) -> None:
    file = emulator.facts["federated_token_file"]
    chosen = {"credential": "workload_identity", "password": None, "workload_identity_file": file}
    assert (await read_workspace(kind, settings(emulator, **chosen))).name


@pytest.fixture
def cluster(emulator: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine is a pod with a workload identity."""
    monkeypatch.setenv("AZURE_TENANT_ID", emulator.facts["tenant_id"])
    monkeypatch.setenv("AZURE_CLIENT_ID", emulator.facts["client_id"])
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", emulator.facts["federated_token_file"])


@pytest.mark.usefixtures("cluster")
async def test_workload_identity_of_the_environment(emulator: Emulated, kind: str) -> None:
    chosen = {**NOBODY, "credential": "workload_identity"}
    assert (await read_workspace(kind, settings(emulator, **chosen))).name


async def test_a_token_that_nobody_trusts(emulator: Emulated, kind: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2NsdXN0ZXIuZXhhbXBsZSJ9.")
    chosen = {"credential": "workload_identity", "password": None, "workload_identity_file": str(file)}
    with pytest.raises(AuthenticationError, match=r"AADSTS700211.*'https://cluster.example'"):
        await read_workspace(kind, settings(emulator, **chosen))


async def test_a_token_whose_file_is_gone(emulator: Emulated, kind: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch()
    chosen = {"credential": "workload_identity", "password": None, "workload_identity_file": str(file)}
    connection = settings(emulator, **chosen)
    file.unlink()
    with pytest.raises(AuthenticationError, match=rf"sign-in for GET workspace .* No such file.*'{file}'"):
        await read_workspace(kind, connection)


# Azure CLI


def install_cli(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    """A command ``az`` on the PATH; the file that it writes its arguments to."""
    folder.mkdir(exist_ok=True)
    called = folder / "called"
    command = folder / "az"
    command.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(called)!r}, 'w').write(' '.join(sys.argv[1:]))\n{body}"
    )
    command.chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return called


def signed_in(emulator: Emulated) -> str:
    """What a signed in ``az`` does: print a token, which it has got by its own ways."""
    import requests

    facts = emulator.facts
    answer = requests.post(
        f"{facts['authority_host']}/{facts['tenant_id']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": facts["client_id"],
            "client_secret": facts["client_secret"],
            "scope": f"{facts['arm_endpoint']}/.default",
        },
        verify=facts["ca_bundle"],
        timeout=10,
    )
    token = {
        "accessToken": answer.json()["access_token"],
        "expiresOn": time.strftime("%Y-%m-%d %H:%M:%S.000000", time.localtime(time.time() + 3600)),
        "expires_on": int(time.time()) + 3600,
        "tokenType": "Bearer",
    }
    return f"print({json.dumps(token)!r})\n"


async def test_azure_cli(
    emulator: Emulated, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = install_cli(tmp_path / "bin", monkeypatch, signed_in(emulator))
    chosen = {"login": None, "password": None, "credential": "azure_cli"}
    assert (await read_workspace(kind, settings(emulator, **chosen))).name
    arguments = called.read_text()
    assert f"--resource {emulator.facts['arm_endpoint']}" in arguments
    assert f"--tenant {emulator.facts['tenant_id']}" in arguments


async def test_azure_cli_that_is_not_signed_in(
    emulator: Emulated, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "sys.exit('ERROR: Please run \"az login\" to setup account.')\n"
    install_cli(tmp_path / "bin", monkeypatch, body)
    with pytest.raises(AuthenticationError, match="az login"):
        await read_workspace(kind, settings(emulator, **NOBODY, credential="azure_cli"))


async def test_azure_cli_that_is_not_there(
    emulator: Emulated, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AuthenticationError, match="Azure CLI not found on path"):
        await read_workspace(kind, settings(emulator, **NOBODY, credential="azure_cli"))


# azure-identity's default, and chains


async def test_default_takes_a_secret_of_the_environment(
    emulator: Emulated, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", emulator.facts["tenant_id"])
    monkeypatch.setenv("AZURE_CLIENT_ID", emulator.facts["client_id"])
    monkeypatch.setenv("AZURE_CLIENT_SECRET", emulator.facts["client_secret"])
    for chosen in ({}, {"credential": "default"}):
        assert (await read_workspace(kind, settings(emulator, **NOBODY, **chosen))).name


async def test_a_named_credential_never_becomes_another(
    emulator: Emulated, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The environment would do for the default: whoever names another one is told that it does not work."""
    monkeypatch.setenv("AZURE_TENANT_ID", emulator.facts["tenant_id"])
    monkeypatch.setenv("AZURE_CLIENT_ID", emulator.facts["client_id"])
    monkeypatch.setenv("AZURE_CLIENT_SECRET", emulator.facts["client_secret"])
    monkeypatch.setenv("PATH", str(tmp_path))
    mark = emulator.mark()
    with pytest.raises(AuthenticationError, match="Azure CLI not found on path"):
        await read_workspace(kind, settings(emulator, **NOBODY, credential="azure_cli"))
    assert emulator.asked(since=mark) == []


@pytest.mark.usefixtures("cluster")
async def test_a_chain_takes_the_first_that_is_there(
    emulator: Emulated, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    chosen = {"credential": "chain", "credential_chain": "azure_cli, workload_identity, managed_identity"}
    connection = settings(emulator, **NOBODY, **chosen)
    assert isinstance(connection.identity, Chain)
    mark = emulator.mark()
    assert (await read_workspace(kind, connection)).name
    assert len(emulator.asked("POST", "oauth2/v2.0/token", since=mark)) == 1
    assert not emulator.asked("GET", "^/msi/token$", since=mark)


async def test_a_chain_of_nothing_says_what_it_tried(
    emulator: Emulated, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("IDENTITY_ENDPOINT", emulator.facts["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    chosen = {"credential": "chain", "credential_chain": "azure_cli, managed_identity"}
    with pytest.raises(
        AuthenticationError, match=r"AzureCliCredential.*not found.*ManagedIdentityCredential"
    ):
        await read_workspace(kind, settings(emulator, **NOBODY, **chosen))
