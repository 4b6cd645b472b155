"""The same as test_resource_sessions.py, where files are uploaded: to the emulator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.http.call import Call
from airflow_provider_amlrest.rest.resources import batch, online
from tests.contract import fidelity
from tests.contract.beside import FOLDER, MNIST, SAMPLE, Asked, alike, asked, check, files
from tests.contract.resource_sessions import NOT_OFFERED, SESSIONS, page
from tests.contract.test_resource_sessions import RUNS, Recorded, Run, bring, register, spec
from tests.support.emulated import Emulated
from tests.support.storage import StorageProxy
from tests.support.upload_code import client_of

KINDS = ("batch", "compute", "model", "online", "registry-model")
"""How the names of these sessions begin."""

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the reference data (../shared) is not on this machine"
)


class Emulating(Recorded):
    """The same; what is looked up is asked of the emulator, and what is uploaded goes there."""

    def __init__(self, client: AzureMLClient) -> None:
        super().__init__({})
        self.operations, self.credential = client.operations, client.credential
        self._client = client

    def _send(self, call: Call) -> Any:
        one = asked(call.request.method, call.request.url)
        if re.search(r"(online|batch)Endpoints/", one.line):
            return super()._send(call)
        body = json.loads(call.request.content) if call.request.content else None
        self.asked.append(Asked(one.line, alike(body)))
        return self._client._send(call)


UPLOADING: dict[str, Run] = {
    "model-create-local-mlflow": lambda c, tree: register(c, tree / "cli/assets/model/local-mlflow.yml"),
    "online-deployment-create": lambda c, tree: bring(
        c, spec(online.read_deployment, tree / SAMPLE / "blue-deployment.yml")
    ),
    "batch-deployment-create": lambda c, tree: bring(
        c,
        spec(
            batch.read_deployment,
            tree / MNIST / "deployment-torch/deployment.yml",
            compute="azureml:cpu-cluster",
        ),
    ),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return files(tmp_path_factory.mktemp("yaml"))


@pytest.fixture
def storage(training_emulator: Emulated) -> Iterator[StorageProxy]:
    with StorageProxy(training_emulator) as storage:
        yield storage


@pytest.mark.parametrize("session", UPLOADING)
def test_our_uploads_beside_those_of_azure_ai_ml(
    session: str,
    tree: Path,
    training_emulator: Emulated,
    storage: StorageProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = training_emulator.facts["blob_endpoint"]
    with client_of({**training_emulator.facts, "blob_endpoint": storage.endpoint}) as emulated:
        client = Emulating(emulated)
        ask = client.start_pending_upload

        def start_pending_upload(*names: str) -> Any:
            place = ask(*names)
            return replace(place, sas_uri=place.sas_uri.replace(own, storage.endpoint))

        monkeypatch.setattr(client, "start_pending_upload", start_pending_upload)
        UPLOADING[session](client, tree)
    urls = [f"{one.path}?comp={one.comp}" if one.comp else one.path for one in storage.asked]
    blobs = [asked(one.method, url) for one, url in zip(storage.asked, urls, strict=True)]
    check(session, [*blobs, *client.asked])


def test_every_session_is_beside_ours_or_not_offered() -> None:
    sessions = {file.stem for file in FOLDER.glob("*.json") if file.stem.startswith(KINDS)}
    assert sessions == {*RUNS, *UPLOADING, *NOT_OFFERED}
    assert set(SESSIONS) == {*RUNS, *UPLOADING}


def test_the_page_says_the_same() -> None:
    assert fidelity.PAGE.read_text() == page(), "run python -m tests.contract.resource_sessions"
