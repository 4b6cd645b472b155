from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.connection import (
    FIELDS,
    ConnectionSettings,
    InvalidConnectionError,
    read_connection,
)
from airflow_provider_amlrest.rest.cloud import CHINA, PUBLIC
from airflow_provider_amlrest.rest.codecs.versions import API_VERSIONS
from airflow_provider_amlrest.rest.credentials import Ambient, ClientSecret
from airflow_provider_amlrest.rest.ids import WorkspaceId

SECRET = "CANARY"
EXTRA = {"tenant_id": "t", "subscription_id": "s", "resource_group": "g", "workspace_name": "w"}
CUSTOM = {"cloud": "custom", "resource_manager": "https://arm.local:1/", "authority": "https://login.local:2"}


def read(login: str | None = "client", password: str | None = SECRET, **extra: Any) -> ConnectionSettings:
    return read_connection("azureml_default", login, password, EXTRA | extra)


def problems(login: str | None = "client", password: str | None = SECRET, **extra: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidConnectionError) as caught:
        read(login, password, **extra)
    assert "CANARY" not in str(caught.value)
    assert str(caught.value).startswith("The Airflow connection 'azureml_default' cannot be used: (1) ")
    return caught.value.problems


def test_client_secret() -> None:
    settings = read()
    assert settings == ConnectionSettings(
        WorkspaceId("s", "g", "w"), PUBLIC, "2025-12-01", ClientSecret("t", "client", "CANARY"), "t"
    )
    assert "CANARY" not in repr(settings)


def test_ambient_identity() -> None:
    assert read(None, None).identity == Ambient()
    assert read("", "", tenant_id=None, managed_identity_client_id=" m ").identity == Ambient("m")


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
    bundle.touch()
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
        "no client ID (login)",
        "tenant_id is missing; a client secret needs it",
        "cloud 'mars' is not one of public, china, us_government, custom",
        "api_version '2021-07-01' is not one of 2021-03-01-preview, 2022-02-01-preview, 2022-05-01,",
        "ca_bundle '/gone.pem' is no file",
    ):
        assert words in text
    assert len(caught.value.problems) == 8
    assert "(8)" in text
    assert "CANARY" not in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": None}, "there is a client ID (login), but no client secret"),
        ({"login": None}, "there is a client secret (password), but no client ID"),
        ({"managed_identity_client_id": "m"}, "managed_identity_client_id contradicts the client secret"),
        ({"resource_manager": "https://arm.local"}, "resource_manager is given, but cloud is not 'custom'"),
        ({"cloud": "china", "authority": "https://a"}, "authority is given, but cloud is not 'custom'"),
        (CUSTOM | {"authority": ""}, "authority is missing; the cloud 'custom' needs it"),
        (
            CUSTOM | {"resource_manager": "http://127.0.0.1:1"},
            "resource_manager 'http://127.0.0.1:1' is not an https URL",
        ),
        (CUSTOM | {"authority": "login.local"}, "authority 'login.local' is not an https URL"),
        ({"blob_endpoint": "http://127.0.0.1:10000/acct"}, "is not an https URL"),
    ],
)
def test_contradictions(changes: dict[str, Any], words: str) -> None:
    [problem] = problems(**changes)
    assert words in problem


def test_names_are_the_forms() -> None:
    assert [field.name for field in FIELDS] == [
        "tenant_id",
        "subscription_id",
        "resource_group",
        "workspace_name",
        "cloud",
        "resource_manager",
        "authority",
        "ca_bundle",
        "blob_endpoint",
        "api_version",
        "managed_identity_client_id",
    ]
