from __future__ import annotations

import pytest

from airflow_provider_amlrest.rest.http.cloud import CHINA, Cloud, custom_cloud
from airflow_provider_amlrest.rest.http.credentials import (
    Ambient,
    ClientSecret,
    async_credential,
    sync_credential,
)

SECRET = ClientSecret("tenant", "client", "CANARY")


def test_a_secret_is_not_printed() -> None:
    assert "CANARY" not in f"{SECRET} {SECRET!r}"


@pytest.mark.parametrize(
    "cloud", [CHINA, custom_cloud("https://arm.example.com", "https://login.example.com:8443")]
)
def test_credentials_are_made_without_asking_anyone(cloud: Cloud) -> None:
    from azure.identity import ClientSecretCredential, DefaultAzureCredential
    from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
    from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential

    assert type(sync_credential(SECRET, cloud)) is ClientSecretCredential
    assert type(async_credential(SECRET, cloud)) is AsyncClientSecretCredential
    for source in (Ambient(), Ambient("client")):
        assert type(sync_credential(source, cloud)) is DefaultAzureCredential
        assert type(async_credential(source, cloud)) is AsyncDefaultAzureCredential
