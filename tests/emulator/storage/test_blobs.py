"""Blob storage: pending uploads, keys, SAS, tokens, and a job's log."""

from __future__ import annotations

import os
import ssl
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import psutil
import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobClient, BlobServiceClient, ContainerClient

from tests.emulator.running import VERSION, Running


def test_pending_upload_is_a_fresh_container_with_a_sas(storing_emulator: Running) -> None:
    emulator = storing_emulator
    answers = [
        emulator.ml(
            "POST", "codes/c/versions/1/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}
        )
        for _ in range(2)
    ]
    places = [answer.json()["blobReferenceForConsumption"] for answer in answers]
    assert places[0]["blobUri"] != places[1]["blobUri"]
    assert places[0]["blobUri"].startswith(
        f"{emulator.facts['blob_endpoint']}/{emulator.get('')['workspaceId'][:10]}-"
    )
    assert places[0]["credential"]["credentialType"] == "SAS"
    assert emulator.ml("GET", "codes/c/versions/1").status_code == 404
    ca = emulator.facts["ca_bundle"]
    with ContainerClient.from_container_url(
        places[0]["credential"]["sasUri"], connection_verify=ca
    ) as container:
        container.upload_blob("src/train.py", b"print(1)")
        assert [blob.name for blob in container.list_blobs()] == ["src/train.py"]
        with pytest.raises(HttpResponseError) as refused:
            container.delete_blob("src/train.py")
    assert refused.value.status_code == 403
    bad = emulator.ml(
        "POST", "codes/c/versions/1/startPendingUpload", {"pendingUploadType": "Carrier pigeon"}
    )
    assert bad.status_code == 400


def test_the_same_id_is_answered_with_the_same_container(storing_emulator: Running) -> None:
    def container(version: str, upload_id: str | None) -> str:
        body = {"pendingUploadType": "TemporaryBlobReference", "pendingUploadId": upload_id}
        answer = storing_emulator.ml("POST", f"codes/c/versions/{version}/startPendingUpload", body).json()
        assert answer["pendingUploadId"] == (upload_id or answer["pendingUploadId"])
        return str(answer["blobReferenceForConsumption"]["blobUri"])

    assert container("1", "one") == container("1", "one")
    others = [
        container("1", "one"),
        container("1", "two"),
        container("2", "one"),
        container("1", None),
        container("1", None),
    ]
    assert len(set(others)) == 5


def test_signatures_live_as_long_as_they_are_told_to(storing_emulator: Running) -> None:
    emulator = storing_emulator
    emulator.admin("PATCH", "settings", {"sas_lifetime_seconds": 0})
    pending = {"pendingUploadType": "TemporaryBlobReference"}
    try:
        answer = emulator.ml("POST", "codes/c/versions/1/startPendingUpload", pending).json()
    finally:
        emulator.admin("PATCH", "settings", {"sas_lifetime_seconds": 28800})
    with (
        ContainerClient.from_container_url(
            answer["blobReferenceForConsumption"]["credential"]["sasUri"],
            connection_verify=emulator.facts["ca_bundle"],
        ) as container,
        pytest.raises(HttpResponseError) as refused,
    ):
        container.upload_blob("a", b"")
    assert refused.value.status_code == 403


def test_key_of_the_default_datastore(storing_emulator: Running) -> None:
    emulator = storing_emulator
    store = emulator.get("datastores/workspaceblobstore")
    secrets = emulator.ml("POST", "datastores/workspaceblobstore/listSecrets").json()
    assert secrets["secretsType"] == "AccountKey"
    with BlobServiceClient(
        emulator.facts["blob_endpoint"],
        credential=AzureNamedKeyCredential(store["accountName"], secrets["key"]),
        connection_verify=emulator.facts["ca_bundle"],
    ) as service:
        blob = service.get_blob_client(store["containerName"], f"{uuid.uuid4()}.txt")
        blob.upload_blob(b"hello")
        assert blob.download_blob().readall() == b"hello"


@pytest.mark.parametrize("version", ["2024-10-01", "2024-07-01-preview", VERSION])
def test_a_signature_in_the_keys_place(storing_emulator: Running, version: str) -> None:
    emulator = storing_emulator
    asked = {"expirableSecret": True, "expireAfterHours": 2}
    path = "datastores/workspaceblobstore/listSecrets"
    secrets = emulator.ml("POST", path, asked, version=version).json()
    assert set(secrets) == {"secretsType", "sasToken"}
    assert secrets["secretsType"] == "Sas"
    query = parse_qs(secrets["sasToken"])
    left = datetime.fromisoformat(query["se"][0]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=50) < left <= timedelta(hours=2)
    store = emulator.get("datastores/workspaceblobstore")
    with ContainerClient(
        emulator.facts["blob_endpoint"],
        store["containerName"],
        credential=secrets["sasToken"],
        connection_verify=emulator.facts["ca_bundle"],
    ) as container:
        name = f"{uuid.uuid4()}.txt"
        container.upload_blob(name, b"hello")
        assert [blob.name for blob in container.list_blobs(name)] == [name]
        container.delete_blob(name)


@pytest.mark.parametrize(
    ("body", "version"),
    [({"expirableSecret": False}, VERSION), (None, VERSION), ({"expirableSecret": True}, "2024-04-01")],
)
def test_the_key_where_no_signature_is_asked_for(storing_emulator: Running, body: Any, version: str) -> None:
    answer = storing_emulator.ml("POST", "datastores/workspaceblobstore/listSecrets", body, version=version)
    assert answer.json()["secretsType"] == "AccountKey"
    asked = {"expirableSecret": True}
    answer = storing_emulator.ml("POST", "datastores/workspaceartifactstore/listSecrets", asked)
    assert answer.json()["secretsType"] == "AccountKey", "clients sign URLs of logs with it"


@pytest.mark.parametrize(
    "body",
    [{"expirableSecret": "yes"}, {"expirableSecret": True, "expireAfterHours": 0}, {"expires": 1}, ["now"]],
)
def test_impossible_signatures_are_refused(storing_emulator: Running, body: Any) -> None:
    answer = storing_emulator.ml("POST", "datastores/workspaceblobstore/listSecrets", body)
    assert answer.status_code == 400, answer.text


def test_entra_token_opens_the_storage(storing_emulator: Running) -> None:
    facts = storing_emulator.facts
    credential = ClientSecretCredential(
        facts["tenant_id"],
        facts["client_id"],
        facts["client_secret"],
        authority=facts["authority_host"],
        disable_instance_discovery=True,
        connection_verify=facts["ca_bundle"],
    )
    with BlobServiceClient(
        facts["blob_endpoint"], credential=credential, connection_verify=facts["ca_bundle"]
    ) as service:
        assert "azureml" in {container.name for container in service.list_containers()}


def test_log_of_a_job_that_ran(storing_emulator: Running) -> None:
    emulator = storing_emulator
    emulator.put("jobs/ran", emulator.command_job(command="echo one; echo two >&2; exit 3"))
    assert emulator.wait_for("ran", "Completed", "Failed") == "Failed"
    details = emulator.history("GET", "runs/ran/details").json()
    assert "3" in details["error"]["error"]["message"]
    url = details["logFiles"]["user_logs/std_log.txt"]
    tls = ssl.create_default_context(cafile=emulator.facts["ca_bundle"])
    assert set(httpx.get(url, verify=tls).text.split()) >= {"one", "two"}
    ranged = httpx.get(url, verify=tls, headers={"Range": "bytes=1-2"})
    assert (ranged.status_code, len(ranged.content)) == (206, 2)
    with BlobClient.from_blob_url(url, connection_verify=emulator.facts["ca_bundle"]) as blob:
        assert blob.download_blob().readall()
    assert httpx.get(url.partition("?")[0], verify=tls).status_code in (401, 403, 404)


def test_job_token_is_good_for_its_own_run_only(storing_emulator: Running) -> None:
    """The token comes out of a real job, which prints its length and uses it; the log never shows it."""
    emulator = storing_emulator
    emulator.put("jobs/neighbour", emulator.command_job())
    script = (
        "import json, os, ssl, urllib.request as u\n"
        "base = os.environ['MLFLOW_TRACKING_URI'] + '/api/2.0/mlflow/'\n"
        "tls = ssl.create_default_context(cafile=os.environ['MLFLOW_TRACKING_SERVER_CERT_PATH'])\n"
        "def ask(url, body=None):\n"
        "    data = json.dumps(body).encode() if body is not None else None\n"
        "    r = u.Request(url, data, {'Authorization': 'Bearer ' + os.environ['MLFLOW_TRACKING_TOKEN']})\n"
        "    try:\n"
        "        with u.urlopen(r, context=tls) as a: return a.status, json.load(a)\n"
        "    except u.HTTPError as e: return e.code, {}\n"
        "me = os.environ['MLFLOW_RUN_ID']\n"
        "made = ask(base + 'runs/create', {'run_name': 'child'})[1]['run']['info']['run_id']\n"
        "print('statuses', ask(base + 'runs/get?run_id=' + me)[0],\n"
        "      ask(base + 'runs/get?run_id=neighbour')[0],\n"
        "      ask(base + 'runs/log-metric', {'run_id': made, 'key': 'm', 'value': 1})[0],\n"
        "      ask(base + 'runs/log-metric', {'run_id': 'neighbour', 'key': 'm', 'value': 1})[0],\n"
        "      ask(base.partition('/mlflow')[0] + base.partition('v1.0')[2].partition('/api/')[0]\n"
        "          + '?api-version=2025-12-01')[0])\n"
    )
    command = f"cat > probe.py <<'EOF'\n{script}EOF\npython probe.py"
    emulator.put("jobs/probe", emulator.command_job(command=command))
    status = emulator.wait_for("probe", "Completed", "Failed")
    details = emulator.history("GET", "runs/probe/details").json()
    tls = ssl.create_default_context(cafile=emulator.facts["ca_bundle"])
    log = httpx.get(details["logFiles"]["user_logs/std_log.txt"], verify=tls).text
    assert status == "Completed", log
    assert "statuses 200 403 200 403 401" in log
    children = emulator.history("GET", "runs/probe/children").json()["value"]
    assert [child["displayName"] for child in children] == ["child"]


def test_storage_key_and_tokens_lie_in_no_file(storing_emulator: Running) -> None:
    emulator = storing_emulator
    emulator.put("jobs/leak", emulator.command_job(command="echo done"))
    emulator.wait_for("leak", "Completed")
    key = emulator.ml("POST", "datastores/workspaceblobstore/listSecrets").json()["key"]
    pending = {"pendingUploadType": "TemporaryBlobReference"}
    upload = emulator.ml("POST", "codes/c/versions/1/startPendingUpload", pending).json()
    sas = upload["blobReferenceForConsumption"]["credential"]["sasUri"].partition("sig=")[2].partition("&")[0]
    secrets = [
        key,
        emulator.facts["client_secret"],
        emulator.facts["admin_key"],
        emulator.token(),
        sas,
        "sig=",
    ]
    files = [path for path in [emulator.log, *emulator.data_dir.rglob("*")] if path.is_file()]
    assert len(files) > 10
    for path in files:
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path


def _list_secrets(emulator: Running) -> httpx.Response:
    return emulator.ml("POST", "datastores/workspaceblobstore/listSecrets")


def _start_upload(emulator: Running) -> httpx.Response:
    return emulator.ml(
        "POST", "codes/c/versions/1/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}
    )


def _storage_token(emulator: Running) -> httpx.Response:
    return emulator.ask_token(scope="https://storage.azure.com/.default")


needs = pytest.mark.parametrize("need", [_list_secrets, _start_upload, _storage_token])


@needs
def test_where_jobs_are_states_storage_starts_when_it_is_needed(
    tmp_path: Path, need: Callable[[Running], httpx.Response]
) -> None:
    emulator = Running(tmp_path / "data", "--runtime", "simulated")
    try:
        assert emulator.admin("GET", "state").json()["blob_storage"] is False
        endpoint = emulator.facts["blob_endpoint"]
        tls = ssl.create_default_context(cafile=emulator.facts["ca_bundle"])
        with pytest.raises(httpx.ConnectError):
            httpx.get(endpoint, verify=tls)
        assert need(emulator).status_code == 200
        assert emulator.admin("GET", "state").json()["blob_storage"] is True
        assert httpx.get(endpoint, verify=tls).headers["server"].startswith("Azurite")
        assert need(emulator).status_code == 200
        emulator.stop()
        emulator = Running(tmp_path / "data", "--runtime", "simulated")
        # A SAS that somebody has kept goes on to be good.
        assert httpx.get(endpoint, verify=tls).headers["server"].startswith("Azurite")
    finally:
        assert emulator.stop() == 0


def test_storage_that_is_needed_twice_at_once_starts_once(tmp_path: Path) -> None:
    emulator = Running(tmp_path / "data", "--runtime", "simulated")
    try:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(_start_upload, [emulator] * 4))
        assert [answer.status_code for answer in answers] == [200] * 4
        assert len(psutil.Process(emulator.process.pid).children()) == 1
    finally:
        assert emulator.stop() == 0


@needs
def test_storage_that_cannot_be_installed_says_why(
    tmp_path: Path, need: Callable[[Running], httpx.Response]
) -> None:
    nowhere = {
        "AMLREST_EMULATOR_CACHE": str(tmp_path / "cache"),
        "npm_config_cache": str(tmp_path / "npm"),
        "npm_config_registry": "http://127.0.0.1:1",
        "npm_config_fetch_retries": "0",
    }
    emulator = Running(tmp_path / "data", "--runtime", "simulated", environment={**os.environ, **nowhere})
    try:
        answer = need(emulator)
        assert answer.status_code == 501
        assert "npm could not install Azurite" in answer.json()["error"]["message"]
        assert emulator.ml("GET", "jobs").status_code == 200
    finally:
        assert emulator.stop() == 0
