"""Plain http: to this machine, and nowhere else, whoever names the place."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest import AsyncAzureMLClient, AzureMLClient
from airflow_provider_amlrest.rest.assets.ensure import ensure_code
from airflow_provider_amlrest.rest.assets.upload.content import read_content
from airflow_provider_amlrest.rest.assets.upload.ways import upload_to_datastore
from airflow_provider_amlrest.rest.http.cloud import Cloud, custom_cloud
from airflow_provider_amlrest.rest.http.credentials import async_credential, sync_credential
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.runs.run import Run
from tests.identity.asking import KINDS, answer, settings
from tests.support.emulated import Emulated

ELSEWHERE = "http://elsewhere.example"
WORKSPACE = WorkspaceId("s", "g", "w")
REFUSED = r"Nothing was sent: 'http://elsewhere.example' is not an https URL"


class Service(ThreadingHTTPServer):
    """Resource Manager over plain http: answers by the end of the path, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Any] = {"/workspaces/w": self.workspace()}
        self.authorized: list[str] = []
        self.failures = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def workspace(self, **properties: str) -> dict[str, Any]:
        places = {"discoveryUrl": f"{self.url}/discovery", "mlFlowTrackingUri": f"{self.url}/mlflow"}
        return {"id": str(WORKSPACE), "name": "w", "properties": {**places, **properties}}


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.authorized.append(self.headers.get("Authorization", ""))
        path = self.path.partition("?")[0]
        found = [body for end, body in self.server.answers.items() if path.endswith(end)]
        content = json.dumps(found[0] if found else {"error": {"code": "NotFound", "message": path}}).encode()
        self.send_response(503 if self.server.failures else 200 if found else 404)
        self.server.failures = max(0, self.server.failures - 1)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def cloud(service: Service, emulator: Emulated) -> Cloud:
    """The service, with the emulator's tokens."""
    facts = emulator.facts
    cloud = custom_cloud(service.url, facts["authority_host"]).asking_for(f"{facts['arm_endpoint']}/.default")
    return cloud.trusting(facts["ca_bundle"], None)


@pytest.fixture(params=KINDS)
async def client(cloud: Cloud, emulator: Emulated, request: pytest.FixtureRequest) -> Any:
    identity = settings(emulator).identity
    if request.param == "sync":
        with (
            sync_credential(identity, cloud) as credential,
            AzureMLClient(credential, WORKSPACE, cloud=cloud) as one,
        ):
            yield one
    else:
        async with (
            async_credential(identity, cloud) as credential,
            AsyncAzureMLClient(credential, WORKSPACE, cloud=cloud) as one,
        ):
            yield one


@pytest.fixture
def sync(cloud: Cloud, emulator: Emulated) -> Iterator[AzureMLClient]:
    with (
        sync_credential(settings(emulator).identity, cloud) as credential,
        AzureMLClient(credential, WORKSPACE, cloud=cloud) as one,
    ):
        yield one


async def test_this_machine_gets_the_token(client: Any, service: Service) -> None:
    assert (await answer(client.get_workspace())).name == "w"
    [authorization] = service.authorized
    assert authorization.startswith("Bearer ey")


async def test_a_retry_is_not_refused(client: Any, service: Service) -> None:
    """The exception for this machine lasts as long as the request does."""
    service.failures = 1
    assert (await answer(client.get_workspace())).name == "w"
    assert len(service.authorized) == 2


async def test_a_proxy_would_carry_it_elsewhere(
    client: Any, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    with pytest.raises(AzureMLError, match=r"HTTP_PROXY would send it elsewhere; add it to NO_PROXY"):
        await answer(client.get_workspace())
    assert service.authorized == []
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert (await answer(client.get_workspace())).name == "w"


# What the service names


@pytest.mark.parametrize("name", ["discoveryUrl", "mlFlowTrackingUri"])
async def test_endpoints_of_the_workspace(client: Any, service: Service, name: str) -> None:
    service.answers = {
        "/workspaces/w": service.workspace(**{name: f"{ELSEWHERE}/{name}"}),
        "/discovery": {"api": service.url},
    }
    with pytest.raises(AzureMLError, match=REFUSED):
        await answer(client.get_metrics("run"))


async def test_the_host_of_run_history(client: Any, service: Service) -> None:
    service.answers["/discovery"] = {"api": ELSEWHERE}
    with pytest.raises(AzureMLError, match=REFUSED):
        await answer(client.get_run("run"))


async def test_the_next_page(client: Any, service: Service) -> None:
    job = {"id": str(WORKSPACE.resource("jobs", "j")), "name": "j", "properties": {"status": "Running"}}
    service.answers["/jobs"] = {"value": [job], "nextLink": f"{ELSEWHERE}/jobs?$skip=1"}
    jobs = client.list_jobs()
    taken = anext(jobs) if hasattr(jobs, "__aiter__") else next(jobs)
    assert (await answer(taken)).name == "j"
    with pytest.raises(AzureMLError, match=r"next page is at another host: http://elsewhere.example/jobs"):
        await answer(anext(jobs) if hasattr(jobs, "__aiter__") else next(jobs))


@pytest.fixture
def content(tmp_path: Path) -> Any:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("print()")
    return read_content("code", tmp_path / "code")


def datastore(protocol: str) -> dict[str, Any]:
    properties = {
        "datastoreType": "AzureBlob",
        "accountName": "acct",
        "containerName": "c",
        "endpoint": "core.storage.example",
        "protocol": protocol,
    }
    return {"id": str(WORKSPACE.resource("datastores", "d")), "name": "d", "properties": properties}


def test_a_datastore(sync: AzureMLClient, service: Service, content: Any) -> None:
    service.answers["/datastores"] = {"value": [datastore("http")]}
    service.answers["/listSecrets"] = {"key": "Y2FuYXJ5LWNhbmFyeQ==", "secretsType": "AccountKey"}
    with pytest.raises(AzureMLError, match=r"Nothing was sent: 'http://acct.blob.core.storage.example'"):
        upload_to_datastore(sync, content)


def test_a_place_for_an_upload(sync: AzureMLClient, service: Service, content: Any) -> None:
    place = {"sasUri": f"{ELSEWHERE}/c?sig=CANARY"}
    service.answers["/versions"] = {"value": []}
    service.answers["/startPendingUpload"] = {"blobReferenceForConsumption": {"credential": place}}
    with pytest.raises(AzureMLError, match=REFUSED) as caught:
        ensure_code(sync, content)
    assert "CANARY" not in str(caught.value)


async def test_a_log(client: Any) -> None:
    run = Run("r", "Failed", log_files={"log.txt": f"{ELSEWHERE}/c/log.txt?sig=CANARY"})
    with pytest.raises(AzureMLError, match=REFUSED) as caught:
        await answer(client.read_log_end(run, "log.txt", 100))
    assert "CANARY" not in str(caught.value)
