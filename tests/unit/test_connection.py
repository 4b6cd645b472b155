from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trustme

from airflow_provider_amlrest.connection import (
    FIELDS,
    ConnectionSettings,
    InvalidConnectionError,
    read_connection,
)
from airflow_provider_amlrest.rest.http.cloud import CHINA, PUBLIC
from airflow_provider_amlrest.rest.http.credentials import (
    Ambient,
    AzureCli,
    Chain,
    ClientCertificate,
    ClientSecret,
    ManagedIdentity,
    WorkloadIdentity,
)
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS

SECRET = "CANARY"
EXTRA = {"tenant_id": "t", "subscription_id": "s", "resource_group": "g", "workspace_name": "w"}
CUSTOM = {"cloud": "custom", "resource_manager": "https://arm.local:1/", "authority": "https://login.local:2"}


def read(login: str | None = "client", password: str | None = SECRET, **extra: Any) -> ConnectionSettings:
    return read_connection("azureml_default", login, password, EXTRA | extra)


def problems(login: str | None = "client", password: str | None = SECRET, **extra: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidConnectionError) as caught:
        read(login, password, **extra)
    assert "CANARY" not in str(caught.value)
    found = caught.value.problems
    said = f"(1) {found[0]}; (2) " if len(found) > 1 else f"{found[0]}."
    assert str(caught.value).startswith(f"The Airflow connection 'azureml_default' cannot be used: {said}")
    return found


def test_client_secret() -> None:
    settings = read()
    assert settings == ConnectionSettings(
        WorkspaceId("s", "g", "w"), PUBLIC, "2025-12-01", ClientSecret("t", "client", "CANARY"), "t", ""
    )
    assert "CANARY" not in repr(settings)
    assert read(deployment=" staging ").deployment == "staging"


def test_ambient_identity() -> None:
    assert read(None, None).identity == Ambient()
    assert read("", "", tenant_id=None, managed_identity_client_id=" m ").identity == Ambient("m")


def test_an_extra_that_is_not_used_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert read(api_verison="2026-05-01", other="CANARY") == read()
    said = [record.getMessage() for record in caplog.records]
    start = "The Airflow connection 'azureml_default' has an extra"
    assert said == [
        f"{start} 'api_verison', which is not used. Did you mean api_version?",
        f"{start} 'other', which is not used.",
    ]


def test_what_forms_leave_empty_is_not_given() -> None:
    assert read(cloud="", api_version=None, authority="", ca_bundle="  ") == read()


@pytest.mark.parametrize("version", ["2022-02-01-preview", "2026-05-01", "2031-01-01", "2031-01-01-preview"])
def test_known_and_newer_api_versions_are_taken(version: str) -> None:
    assert read(api_version=version).api_version == version


def test_the_form_names_the_api_versions() -> None:
    [field] = [field for field in FIELDS if field.name == "api_version"]
    assert not field.choices, "a newer version has to be writable"
    assert all(version in field.description for version in API_VERSIONS)


def test_clouds(tmp_path: Path) -> None:
    assert read(cloud="china").cloud == CHINA
    bundle = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(bundle))
    cloud = read(**CUSTOM, ca_bundle=str(bundle), blob_endpoint="https://blob.local:3/acct/").cloud
    assert (cloud.resource_manager, cloud.authority) == ("https://arm.local:1", "https://login.local:2")
    assert (cloud.scope, cloud.verify) == ("https://arm.local:1/.default", str(bundle))
    assert cloud.blob_endpoint == "https://blob.local:3/acct"


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(InvalidConnectionError) as caught:
        read_connection(
            "c", "", "CANARY", {"cloud": "mars", "api_version": "2021-07-01", "ca_bundle": "/gone.pem"}
        )
    text = str(caught.value)
    for words in (
        "subscription_id is missing",
        "resource_group is missing",
        "workspace_name is missing",
        "client ID (login) is missing; the credential client_secret needs it",
        "tenant_id is missing; the credential client_secret needs it",
        "cloud 'mars' is not one of public, china, us_government, custom",
        "api_version '2021-07-01' is not one of 2021-03-01-preview, 2022-02-01-preview, 2022-05-01,",
        "ca_bundle '/gone.pem' is not a file",
    ):
        assert words in text
    assert len(caught.value.problems) == 8
    assert "(8)" in text
    assert "CANARY" not in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"managed_identity_client_id": "m"}, "managed_identity_client_id is given, but the credential"),
        ({"resource_manager": "https://arm.local"}, "resource_manager is given, but cloud is not 'custom'"),
        ({"cloud": "china", "authority": "https://a"}, "authority is given, but cloud is not 'custom'"),
        (CUSTOM | {"authority": ""}, "authority is missing; the cloud 'custom' needs it"),
        ({"studio": "https://ml.example.com"}, "studio is given, but cloud is not 'custom'"),
        ({"scope": "https://management.azure.com"}, "scope 'https://management.azure.com' does not end with"),
        (
            CUSTOM | {"resource_manager": "http://arm.example.com"},
            "resource_manager 'http://arm.example.com' is not an https URL; plain http works only for this",
        ),
        (CUSTOM | {"authority": "http://127.0.0.1:2"}, "authority 'http://127.0.0.1:2' must be https, even"),
        (CUSTOM | {"authority": "login.local"}, "authority 'login.local' is not an https URL"),
        ({"blob_endpoint": "http://10.0.0.1:10000/acct"}, "is not an https URL; plain http works only for"),
        ({"ca_bundle": "-----BEGIN CERTIFICATE----- CANARY"}, "ca_bundle holds a PEM text"),
        ({"ca_bundle": __file__}, "test_connection.py' has no readable certificates"),
        (
            {"blob_endpoint": "https://acct.blob.core.windows.net/c?sv=2024&sig=CANARY"},
            "blob_endpoint 'https://acct.blob.core.windows.net/c' must be a plain URL",
        ),
        ({"blob_endpoint": "https://u:CANARY@host"}, "'https://...@host' must be a plain URL"),
        (
            {"blob_endpoint": "https://u:p/CANARY@host"},
            "blob_endpoint 'https://...@host' must be a plain URL",
        ),
        (CUSTOM | {"authority": "http://u:CANARY@host"}, "authority 'http://...@host' must be https, even"),
        ({"blob_endpoint": "https://[::1"}, "blob_endpoint 'https://[::1' is not an https URL"),
        (CUSTOM | {"resource_manager": "https://arm:99999"}, "'https://arm:99999' is not an https URL"),
    ],
)
def test_contradictions(changes: dict[str, Any], words: str) -> None:
    [problem] = problems(**changes)
    assert words in problem


def test_names_are_the_forms() -> None:
    assert [field.name for field in FIELDS] == [
        "subscription_id",
        "resource_group",
        "workspace_name",
        "credential",
        "tenant_id",
        "certificate_path",
        "certificate_private_key",
        "certificate_password",
        "managed_identity_client_id",
        "workload_identity_file",
        "credential_chain",
        "cloud",
        "resource_manager",
        "authority",
        "studio",
        "scope",
        "ca_bundle",
        "blob_endpoint",
        "api_version",
        "deployment",
    ]


def test_plain_http_to_this_machine_is_taken() -> None:
    cloud = read(
        **CUSTOM | {"resource_manager": "http://127.0.0.1:1"}, blob_endpoint="http://[::1]:2/a"
    ).cloud
    assert (cloud.resource_manager, cloud.blob_endpoint) == ("http://127.0.0.1:1", "http://[::1]:2/a")


def test_the_scope_and_the_studio_of_a_cloud() -> None:
    scope = "https://management.usgovcloudapi.net/.default"
    assert read(cloud="us_government", scope=scope).cloud.scope == scope
    assert read(cloud="us_government").cloud.scope == "https://management.core.usgovcloudapi.net/.default"
    custom = read(**CUSTOM, scope="api://arm/.default", studio="https://studio.example.com/").cloud
    assert (custom.scope, custom.studio) == ("api://arm/.default", "https://studio.example.com")


# Credentials by name


PEM = "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "file"
    path.touch()
    return str(path)


def test_each_credential_by_its_name(file: str) -> None:
    def identity(credential: str, login: str | None = "client", **extra: str) -> Any:
        return read(login, extra.pop("password", None), credential=credential, **extra).identity

    assert identity("client_secret", password=SECRET) == ClientSecret("t", "client", SECRET)
    assert identity("client_certificate", certificate_path=file) == ClientCertificate("t", "client", file)
    certificate = identity("client_certificate", certificate_private_key=PEM, certificate_password="CANARY2")
    assert certificate == ClientCertificate("t", "client", None, PEM, "CANARY2")
    assert certificate.secrets == (PEM, "CANARY2")
    assert "CANARY" not in repr(certificate)
    assert identity("managed_identity", None) == ManagedIdentity()
    assert identity("managed_identity", None, managed_identity_client_id="m") == ManagedIdentity("m")
    assert identity("workload_identity", workload_identity_file=file) == WorkloadIdentity("t", "client", file)
    assert identity("azure_cli", None) == AzureCli("t")
    assert identity("azure_cli", None, tenant_id="") == AzureCli()
    assert identity("default", None, managed_identity_client_id="m") == Ambient("m")


def test_workload_identity_of_the_environment(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant of the cluster")
    monkeypatch.setenv("AZURE_CLIENT_ID", "client of the cluster")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", file)
    settings = read(None, None, credential="workload_identity", tenant_id="")
    assert settings.identity == WorkloadIdentity("tenant of the cluster", "client of the cluster", file)
    mine = read("mine", None, credential="workload_identity").identity
    assert mine == WorkloadIdentity("t", "mine", file)


def test_a_chain_keeps_its_order(file: str) -> None:
    chain = read(
        "client",
        None,
        credential="chain",
        credential_chain="managed_identity, workload_identity,azure_cli default",
        workload_identity_file=file,
        managed_identity_client_id="m",
    ).identity
    assert chain == Chain(
        (ManagedIdentity("m"), WorkloadIdentity("t", "client", file), AzureCli("t"), Ambient("m"))
    )


def test_a_chain_goes_without_what_this_machine_has_not() -> None:
    chosen = {"credential": "chain", "credential_chain": "workload_identity,azure_cli"}
    assert read(None, None, **chosen).identity == Chain((AzureCli("t"),))
    chosen["credential_chain"] = "workload_identity"
    assert len(problems(None, None, **chosen)) == 2


def test_line_breaks_of_a_certificate_are_restored() -> None:
    def pem(text: str) -> str | None:
        chosen = {"credential": "client_certificate", "certificate_private_key": text}
        identity: Any = read("client", None, **chosen).identity
        return str(identity.pem)

    both = PEM + PEM.replace("PRIVATE KEY", "CERTIFICATE")
    assert pem(both.replace("\n", "\\n")).split() == both.split()
    assert pem(both.replace("\n", " ")).split() == both.split()
    assert pem(both.replace("\n", "")).split() == both.split()


@pytest.mark.parametrize(
    ("login", "password", "extra", "words"),
    [
        (
            "client",
            None,
            {},
            "client secret (password) is missing; the credential client_secret needs it, which",
        ),
        (
            None,
            SECRET,
            {},
            "client ID (login) is missing; the credential client_secret needs it, which a client",
        ),
        (
            "client",
            None,
            {"credential": "client_secret"},
            "(password) is missing; the credential client_secret",
        ),
        (None, None, {"credential": "magic"}, "credential 'magic' is not one of client_secret, client_cert"),
        (
            "client",
            None,
            {"credential": "client_certificate"},
            "certificate_path or certificate_private_key is missing",
        ),
        (
            "client",
            None,
            {"credential": "client_certificate", "certificate_path": "/gone.pem"},
            "certificate_path '/gone.pem' is not a file on this machine",
        ),
        (
            "client",
            None,
            {"credential": "client_certificate", "certificate_path": PEM},
            "certificate_path holds a PEM text, which may be a secret",
        ),
        (
            "client",
            None,
            {
                "credential": "client_certificate",
                "certificate_private_key": PEM,
                "certificate_path": __file__,
            },
            "certificate_path and certificate_private_key are given",
        ),
        (
            None,
            SECRET,
            {"credential": "managed_identity"},
            "client secret (password) is given, but the credential",
        ),
        (
            "client",
            None,
            {"credential": "azure_cli"},
            "client ID (login) is given, but the credential azure_cli",
        ),
        (
            None,
            None,
            {"certificate_private_key": PEM},
            "certificate_private_key is given, but the credential default does not use it",
        ),
        (
            "client",
            None,
            {"credential": "workload_identity"},
            "workload_identity_file is missing here and AZURE_FEDERATED_TOKEN_FILE in the environment",
        ),
        (
            "client",
            None,
            {"credential": "workload_identity", "workload_identity_file": "/gone"},
            "workload_identity_file '/gone' is not a file on this machine",
        ),
        (None, None, {"credential": "chain"}, "credential_chain is missing; give some of client_secret, "),
        (
            None,
            None,
            {"credential_chain": "default"},
            "credential_chain is given, but credential is not 'chain'",
        ),
        (
            None,
            None,
            {"credential": "chain", "credential_chain": "azure_cli,chain"},
            "credential_chain has 'chain', which is not one of client_secret",
        ),
        (
            None,
            None,
            {"credential": "chain", "credential_chain": "azure_cli,azure_cli"},
            "credential_chain names a credential twice",
        ),
        (
            None,
            SECRET,
            {"credential": "chain", "credential_chain": "azure_cli,managed_identity"},
            "is given, but the credential azure_cli and managed_identity does not use it",
        ),
    ],
)
def test_credentials_that_make_no_sense(
    login: str | None, password: str | None, extra: dict[str, str], words: str
) -> None:
    [problem] = problems(login, password, **extra)
    assert words in problem


def test_airflow_hides_the_secrets_by_their_names() -> None:
    from airflow_provider_amlrest.identity import FIELDS_OF_CREDENTIALS

    hidden = {"password", "private_key", "secret", "token", "passphrase"}
    """Of the words that Airflow 2.11 and 3 hide extras by, in any part of a name."""
    for field in FIELDS:
        assert any(word in field.name for word in hidden) is field.secret, field.name
    assert {field.name for field in FIELDS if field.secret} < set(FIELDS_OF_CREDENTIALS)
