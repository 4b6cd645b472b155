"""What a person reads when the connection, the network or the rights are wrong: one paragraph that helps."""

from __future__ import annotations

import datetime
import json
import re
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook, redact

from airflow_provider_amlrest.connection import InvalidConnectionError
from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.operators import AzureMLRegisterDataOperator, AzureMLSubmitCommandJobOperator
from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    AzureMLError,
    NotFoundError,
    UnreachableError,
)
from airflow_provider_amlrest.sensors import AzureMLJobSensor
from tests.support.emulated import Emulated
from tests.support.tasks import Try

Connect = Callable[..., None]

STRANGER = (
    trustme.CA()
    .issue_cert(common_name="stranger", key_type=trustme.KeyType.RSA)
    .private_key_and_cert_chain_pem.bytes()
    .decode()
)


@pytest.fixture
def connect(emulator: Emulated, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Make the default connection that of the emulator, with changes."""

    def connect(**changes: str | None) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri(**changes))

    return connect


def closed_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def submit() -> Any:
    return Try(
        AzureMLSubmitCommandJobOperator(
            task_id="submit", command="x", environment="AzureML-x:1", compute="cpu-cluster"
        )
    ).execute()


WRONG: dict[str, tuple[dict[str, str], type[AzureMLError], str, str]] = {
    "secret": (
        {"password": "wrong-secret-canary"},
        AuthenticationError,
        r"AADSTS7000215.*The client secret is wrong",
        "Not signed in",
    ),
    "tenant": (
        {"tenant_id": str(uuid.UUID(int=1))},
        AuthenticationError,
        r"AADSTS90002|[Tt]enant",
        "Not signed in",
    ),
    "client": ({"login": str(uuid.UUID(int=2))}, AuthenticationError, "AADSTS700016", "Not signed in"),
    "workspace": (
        {"workspace_name": "elsewhere"},
        NotFoundError,
        r"elsewhere.*Check workspace_name and resource_group",
        "there is no workspace 'elsewhere'",
    ),
    "group": ({"resource_group": "nobody"}, NotFoundError, "nobody.*Check resource_group", "no workspace"),
    "subscription": (
        {"subscription_id": str(uuid.UUID(int=3))},
        NotFoundError,
        "Check subscription_id",
        "no workspace",
    ),
    "host": (
        {"authority": f"https://127.0.0.1:{closed_port()}"},
        UnreachableError,
        "No answer to .*refused",
        "could not be reached",
    ),
    "name": (
        {"authority": "https://no-such-host.invalid"},
        UnreachableError,
        "No answer to .*no-such-host.invalid",
        "could not be reached",
    ),
}


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("what", WRONG)
def test_a_submit_says_what_is_wrong(connect: Connect, emulator: Emulated, what: str, said: Any) -> None:
    changes, error, message, _ = WRONG[what]
    connect(**changes)
    mark = emulator.mark()
    with pytest.raises(error, match=message) as caught:
        submit()
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 1200
    assert "wrong-secret-canary" not in text + said()
    assert emulator.asked("PUT", since=mark) == []


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("what", WRONG)
def test_the_connection_test_says_what_is_wrong(connect: Connect, what: str) -> None:
    changes, _, _, message = WRONG[what]
    connect(**changes)
    good, text = AzureMLHook().test_connection()
    assert not good
    assert message in text


def test_the_connection_test_reads_the_workspace_once(connect: Connect, emulator: Emulated) -> None:
    connect()
    mark = emulator.mark()
    good, text = AzureMLHook().test_connection()
    assert good
    assert f"workspace {emulator.facts['workspace_name']} in {emulator.facts['location']}" in text
    assert len(emulator.asked("GET", "/workspaces/", since=mark)) == 1


def test_a_private_network_is_explained(connect: Connect, emulator: Emulated) -> None:
    connect()
    message = "Access to workspace was denied based on workspace private link configuration."
    body = {"error": {"code": "UserError", "message": message}}
    with emulator.fault("/workspaces/[^/]+$", status=502, body=body, times=None):
        good, text = AzureMLHook().test_connection()
    assert not good
    assert "not to this machine's network" in text
    assert "AzureML Data Scientist" not in text


def test_rights_are_explained(connect: Connect, emulator: Emulated) -> None:
    connect()
    body = {
        "error": {"code": "AuthorizationFailed", "message": "The client 'x' does not have authorization."}
    }
    with emulator.fault("/workspaces/[^/]+$", status=403, body=body, times=None):
        good, text = AzureMLHook().test_connection()
    assert not good
    assert "may not read the workspace" in text
    assert "AzureML Data Scientist" in text


@pytest.mark.usefixtures("no_pauses")
def test_an_untrusted_certificate(connect: Connect) -> None:
    connect(ca_bundle=None)
    with pytest.raises(AzureMLError, match=r"(?i)certificate"):
        submit()


def test_all_that_is_wrong_with_a_connection_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {
        "conn_type": "azureml",
        "password": "a-wrong-password",
        "extra": {"cloud": "mars", "api_version": "1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", json.dumps(connection))
    with pytest.raises(InvalidConnectionError) as caught:
        AzureMLHook().settings  # noqa: B018
    for field in ("subscription_id", "resource_group", "workspace_name", "login", "tenant_id", "mars", "'1'"):
        assert field in str(caught.value)
    with pytest.raises(AirflowFailException, match="subscription_id is missing"):
        submit()


def test_the_api_version_is_the_hooks_else_the_connections(connect: Connect, emulator: Emulated) -> None:
    connect(api_version="2021-03-01-preview")
    mark = emulator.mark()
    for hook in (AzureMLHook(), AzureMLHook(api_version="2024-10-01"), AzureMLHook(api_version="2027-01-01")):
        assert hook.test_connection()[0]
    versions = [entry["api_version"] for entry in emulator.asked("GET", "/workspaces/", since=mark)]
    assert versions == ["2021-03-01-preview", "2024-10-01", "2026-05-01"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            "{{ '2021-07' }}-01",
            "api_version: '2021-07-01' is not one of 2021-03-01-preview, 2022-02-01-preview,",
        ),
        (datetime.date(2025, 12, 1), "api_version: datetime.date(2025, 12, 1) must be text."),
    ],
)
def test_an_operator_with_a_bad_api_version_asks_nobody_and_fails_for_good(
    connect: Connect, emulator: Emulated, given: Any, words: str
) -> None:
    connect()
    mark = emulator.mark()
    for task in (
        AzureMLSubmitCommandJobOperator(
            task_id="job", command="true", environment="e:1", compute="cpu-cluster", api_version=given
        ),
        AzureMLRegisterDataOperator(task_id="data", name="d", path="https://h/p/", api_version=given),
        AzureMLJobSensor(task_id="sensor", job_name="j", poke_interval=0.2, api_version=given),
    ):
        with pytest.raises(AirflowFailException, match=re.escape(words)):
            Try(task).execute()
    assert emulator.asked(since=mark) == []


@pytest.mark.parametrize(
    ("version", "field", "arguments"),
    [
        ("2022-05-01", "shm_size", {"shm_size": "2g"}),
        ("2023-04-01", "queue_settings", {"queue_settings": {"job_tier": "spot"}}),
        ("2021-03-01-preview", "inputs.x", {"inputs": {"x": {"path": "https://h/p", "type": "uri_file"}}}),
        ("2021-03-01-preview", "compute", {"compute": None}),
    ],
)
def test_what_the_api_version_cannot_say_is_refused_before_anything_is_asked(
    connect: Connect, emulator: Emulated, version: str, field: str, arguments: dict[str, Any]
) -> None:
    connect()
    mark = emulator.mark()
    most = {"compute": "cpu-cluster", "code": __file__, "inputs": {"d": "azureml:d:1"}, **arguments}
    task = AzureMLSubmitCommandJobOperator(
        task_id="job", command="true", environment="e:1", api_version=version, **most
    )
    with pytest.raises(AirflowFailException, match=f"^{re.escape(field)}: api-version {version} cannot say"):
        Try(task).execute()
    assert emulator.asked(since=mark) == []


def test_an_operators_api_version_is_a_template(connect: Connect, emulator: Emulated) -> None:
    connect()
    mark = emulator.mark()
    task = AzureMLRegisterDataOperator(
        task_id="data", name="versioned", path="https://h/p/", api_version="{{ '2022-10' }}-01"
    )
    Try(task).execute()
    assert {entry["api_version"] for entry in emulator.asked(path="/data/", since=mark)} == {"2022-10-01"}


# What the test says of each credential


def explained_by_test() -> str:
    good, text = AzureMLHook().test_connection()
    assert not good
    assert "\n" not in text
    return text


REFUSED_CREDENTIALS: dict[str, tuple[dict[str, str | None], str]] = {
    "client_secret": ({"password": "wrong"}, "Check client ID, tenant_id and the client secret: its value"),
    "client_certificate": (
        {"certificate_private_key": STRANGER, "password": None},
        "that the application has this certificate; it may have expired. .*AADSTS700027",
    ),
    "managed_identity": (
        {"login": None, "password": None},
        "Does this machine have a managed identity",
    ),
    "workload_identity": (
        {"password": None, "workload_identity_file": __file__},
        "issuer, subject and audience of the token in the file. .*AADSTS50027",
    ),
    "azure_cli": ({"login": None, "password": None}, "Is the command az on this machine's PATH"),
    "chain": (
        {"login": None, "password": None, "credential_chain": "azure_cli,managed_identity"},
        "tried in the order of credential_chain.*AzureCliCredential: Azure CLI not found",
    ),
    "default": ({"login": None, "password": None}, "The machine's own identities were tried"),
}


@pytest.mark.parametrize("credential", REFUSED_CREDENTIALS)
def test_the_connection_test_explains_each_credential(
    connect: Connect, emulator: Emulated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, credential: str
) -> None:
    changes, words = REFUSED_CREDENTIALS[credential]
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("IDENTITY_ENDPOINT", emulator.facts["identity_endpoint"])
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    connect(credential=credential, **changes)
    text = explained_by_test()
    assert text.startswith(f"Not signed in by the credential {credential}. ")
    assert re.search(words, text), text


def test_the_connection_test_explains_what_is_no_certificate(connect: Connect) -> None:
    connect(credential="client_certificate", password=None, certificate_private_key="canary")
    text = explained_by_test()
    assert text.startswith("credential client_certificate: it cannot be used: ")
    assert "canary" not in text
    with pytest.raises(AirflowFailException, match="credential client_certificate"):
        submit()


@pytest.mark.usefixtures("no_pauses")
def test_the_connection_test_explains_an_unknown_authority(connect: Connect) -> None:
    connect(ca_bundle=None)
    assert re.search(r"(?i)certificate.verify.failed.* ca_bundle in the connection", explained_by_test())


def test_secrets_of_the_connection_are_masked(connect: Connect) -> None:
    """By Airflow because of their names; and by the hook, in whatever form they are used."""
    lines = STRANGER.splitlines()
    connect(
        credential="client_certificate",
        password=None,
        certificate_private_key=" ".join(lines),
        certificate_password="password-canary",
    )
    extra = BaseHook.get_connection("azureml_default").extra_dejson
    shown = redact(extra)
    assert shown["certificate_private_key"] == shown["certificate_password"] == "***"
    assert shown["authority"] == extra["authority"]
    identity: Any = AzureMLHook().settings.identity
    assert identity.pem != " ".join(lines)
    for secret in (identity.pem, identity.password, " ".join(lines)):
        assert redact(f"so {secret} it is") == "so *** it is"
