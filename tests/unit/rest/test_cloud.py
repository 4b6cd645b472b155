from __future__ import annotations

import pytest

from airflow_provider_amlrest.rest.cloud import (
    CHINA,
    CLOUDS,
    PUBLIC,
    US_GOVERNMENT,
    custom_cloud,
    endpoint_problem,
    is_same_origin,
)


def test_the_three_clouds_are_those_of_azures_own_libraries() -> None:
    from azure.core import AzureClouds
    from azure.identity import AzureAuthorityHosts
    from azure.mgmt.core.tools import get_arm_endpoints

    for cloud, name, authority in (
        (PUBLIC, AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
        (CHINA, AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
        (US_GOVERNMENT, AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
    ):
        theirs = get_arm_endpoints(name)
        assert f"{cloud.resource_manager}/" == theirs["resource_manager"]
        assert [cloud.scope] == theirs["credential_scopes"]
        assert cloud.authority == f"https://{authority}"
    assert set(CLOUDS) == {"public", "china", "us_government"}


def test_custom_cloud() -> None:
    cloud = custom_cloud("https://arm.example.com/", "https://login.example.com/").trusting(
        "/ca.pem", "https://blob.example.com/acct/"
    )
    assert cloud.resource_manager == "https://arm.example.com"
    assert cloud.scope == "https://arm.example.com/.default"
    assert cloud.authority == "https://login.example.com"
    assert cloud.blob_endpoint == "https://blob.example.com/acct"
    assert cloud.verify == "/ca.pem"


def test_certificates_are_verified_unless_told_whom_to_trust() -> None:
    assert PUBLIC.verify is True
    assert PUBLIC.trusting(None, None).verify is True


@pytest.mark.parametrize(
    "url",
    [
        "http://arm.example.com",
        "arm.example.com",
        "https://",
        "ftp://x",
        "https://u:p@x",
        "https://x?a=b",
        "https://x#f",
    ],
)
def test_endpoints_that_are_refused(url: str) -> None:
    assert endpoint_problem(url)


def test_endpoints_that_are_taken() -> None:
    assert endpoint_problem("https://127.0.0.1:8443/path") is None


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://management.azure.com/x?y", True),
        ("https://management.azure.com:443/x", True),
        ("https://MANAGEMENT.azure.com/x", True),
        ("https://management.azure.com:8443/x", False),
        ("http://management.azure.com/x", False),
        ("https://management.azure.com.evil.example/x", False),
        ("https://management.azure.com@evil.example/x", False),
        ("/x", False),
    ],
)
def test_same_origin(url: str, same: bool) -> None:
    assert is_same_origin(url, PUBLIC.resource_manager) is same
