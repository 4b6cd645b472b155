from __future__ import annotations

import pytest

from airflow_provider_amlrest.rest.http.cloud import (
    CHINA,
    CLOUDS,
    PUBLIC,
    US_GOVERNMENT,
    authority_problem,
    custom_cloud,
    endpoint_problem,
    is_same_origin,
    unsafe_url_problem,
)


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


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


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:8443/path",
        "http://127.0.0.1:8443/path",
        "http://127.9.9.9",
        "http://[::1]:8443",
        "http://localhost:8443",
        "http://LOCALHOST",
    ],
)
def test_endpoints_that_are_taken(url: str, no_proxies: None) -> None:
    assert endpoint_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1",
        "http://128.0.0.1",
        "http://0.0.0.0",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://example.com#127.0.0.1",
        "http://[::ffff:10.0.0.1]",
        "http://2130706433",
        "HTTP://example.com",
    ],
)
def test_plain_http_that_is_refused(url: str, no_proxies: None) -> None:
    problem = unsafe_url_problem(f"{url}/path?sig=CANARY")
    assert problem is not None
    assert "CANARY" not in problem


def test_plain_http_by_a_proxy(monkeypatch: pytest.MonkeyPatch, no_proxies: None) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    assert "NO_PROXY" in str(unsafe_url_problem("http://127.0.0.1"))
    assert unsafe_url_problem("https://127.0.0.1") is None
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert unsafe_url_problem("http://127.0.0.1") is None


def test_entra_is_https_everywhere() -> None:
    assert "azure-identity signs in only over https" in str(authority_problem("http://127.0.0.1:1"))
    assert authority_problem("https://127.0.0.1:1") is None
    assert authority_problem("login.example.com")


def test_another_scope() -> None:
    assert US_GOVERNMENT.asking_for("api://x/.default").scope == "api://x/.default"
    assert US_GOVERNMENT.asking_for("").scope == US_GOVERNMENT.scope


def test_the_studio_of_a_custom_cloud() -> None:
    assert custom_cloud("https://a", "https://b").studio == "https://ml.azure.com"
    assert (
        custom_cloud("https://a", "https://b", "https://ml.example.com/").studio == "https://ml.example.com"
    )


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
