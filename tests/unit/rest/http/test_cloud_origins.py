"""Where a URL leads is judged as the libraries judge that connect: no token goes to another host."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.util import parse_url
from yarl import URL

from airflow_provider_amlrest.rest import AsyncAzureMLClient, AzureMLClient
from airflow_provider_amlrest.rest.assets.upload.blobs import open_container
from airflow_provider_amlrest.rest.http.cloud import PUBLIC, Origin, check_url, is_same_origin, origin
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.operations import Operations
from tests.unit.answers import Answered, drive
from tests.unit.jobs import WORKSPACE, arm_id

GOOD = "management.azure.com"
ODD = [
    rf"https://evil\@{GOOD}/",
    rf"https://evil\\@{GOOD}/",
    rf"https:\\evil@{GOOD}/",
    f"https://{GOOD}@evil/",
    f"https://{GOOD}:443@evil/",
    f"https://evil#@{GOOD}/",
    rf"https://{GOOD}\.evil/",
    f"https://{GOOD}%2f.evil/",
    f"https://{GOOD}\t.evil/",
    f"https://{GOOD} .evil/",
    f"https://{GOOD}\n/",
    f"https:///{GOOD}/",
    f"https:{GOOD}/",
    f"//{GOOD}/",
    f" https://{GOOD}/",
    f"https://{GOOD}:/",
    f"https://{GOOD}:0/",
    f"https://{GOOD}:99999/",
    f"https://{GOOD}:x/",
    f"https://{GOOD}:-1/",
    f"https://{GOOD}:4 43/",
    "https://[::1/",
    "https://[evil]/",
    "https://[::1%25eth0]/",
    "https://\u212a.example/",
    "https://",
    "",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("url", ODD)
def test_odd_urls_lead_nowhere(url: str) -> None:
    assert origin(url) is None
    assert not is_same_origin(url, f"https://{GOOD}")
    with pytest.raises(AzureMLError, match="Nothing was sent"):
        check_url(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"https://{GOOD}", Origin("https", GOOD, 443)),
        (f"HTTPS://{GOOD.upper()}:443/x?a=b c#d", Origin("https", GOOD, 443)),
        (f"https://{GOOD}?$skip=a@b", Origin("https", GOOD, 443)),
        ("http://127.0.0.1:8080/x@y", Origin("http", "127.0.0.1", 8080)),
        ("http://[::1]", Origin("http", "[::1]", 80)),
    ],
)
def test_plain_urls(url: str, expected: Origin) -> None:
    assert origin(url) == expected


@given(st.text(alphabet="ab.:/@\\?#[]%01 \t-_\u00e9", max_size=20).map("https://a".__add__))
@example("https://a.b:1/@c")
def test_the_libraries_connect_to_whom_it_says(url: str) -> None:
    found = origin(url)
    if found is None:
        return
    by_requests, by_aiohttp = parse_url(url), URL(url)
    assert (by_requests.scheme, by_requests.host, by_requests.port or 443) == found
    assert (by_aiohttp.scheme, by_aiohttp.raw_host, by_aiohttp.port) == found
    assert by_requests.auth is None
    assert by_aiohttp.user is None


@pytest.fixture
def operations() -> Operations:
    return Operations(WORKSPACE, PUBLIC, "2025-12-01")


HOME = {"id": arm_id("", "w"), "name": "w"}
FINE = f"https://{GOOD}/x"


@pytest.mark.parametrize("url", ODD[:-3])
class TestWhoeverNamesIt:
    def test_the_next_page(self, operations: Operations, url: str) -> None:
        for flow in (operations.list_jobs(next_link=url), operations.poll_jobs(url)):
            with pytest.raises(AzureMLError, match="at another host"):
                next(flow)

    @pytest.mark.parametrize("name", ["discoveryUrl", "mlFlowTrackingUri"])
    def test_the_workspace(self, operations: Operations, url: str, name: str) -> None:
        home = HOME | {"properties": {"discoveryUrl": FINE, "mlFlowTrackingUri": FINE, name: url}}
        with pytest.raises(AzureMLError, match="Nothing was sent"):
            drive(operations.get_metrics("r"), Answered(home), Answered({"api": FINE}))

    def test_discovery(self, operations: Operations, url: str) -> None:
        home = HOME | {"properties": {"discoveryUrl": FINE}}
        with pytest.raises(AzureMLError, match="Nothing was sent"):
            drive(operations.get_run("r"), Answered(home), Answered({"api": url}))

    def test_a_place_for_uploads(self, operations: Operations, url: str) -> None:
        place = {"blobReferenceForConsumption": {"blobUri": url, "credential": {"sasUri": f"{url}?sig=x"}}}
        with pytest.raises(AzureMLError, match="Nothing was sent"):
            drive(operations.start_pending_upload("c", "1"), Answered(place))
        with pytest.raises(AzureMLError, match="Nothing was sent"):
            open_container(PUBLIC, url)

    def test_a_log(self, operations: Operations, url: str) -> None:
        from airflow_provider_amlrest.rest.runs.log_parts import log_part

        with (
            AzureMLClient(_nobody(), WORKSPACE) as client,
            pytest.raises(AzureMLError, match="Nothing was sent"),
        ):
            client._send(log_part(url, "std_log.txt", (0, 1)))

    async def test_a_log_in_an_event_loop(self, operations: Operations, url: str) -> None:
        from airflow_provider_amlrest.rest.runs.log_parts import log_part

        async with AsyncAzureMLClient(_nobody(), WORKSPACE) as client:
            with pytest.raises(AzureMLError, match="Nothing was sent"):
                await client._send(log_part(url, "std_log.txt", (0, 1)))


def _nobody() -> Any:
    """A credential that is never asked."""
    return object()
