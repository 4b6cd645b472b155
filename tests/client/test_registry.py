"""Jobs that name assets of a registry, read from their files and run by the emulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.wire import job_body, looked_up
from airflow_provider_amlrest.rest.reading.documents import read_document
from tests.support.emulated import Emulated
from tests.support.waiting import wait_for

REGISTRY = "azureml://registries/emulator-registry"
ENVIRONMENT = f"{REGISTRY}/environments/client-tools/versions/1"
COMMAND = f"""
type: command
command: echo from the registry
environment: {ENVIRONMENT}
compute: azureml:cpu-cluster
"""
PIPELINE = f"""
type: pipeline
settings: {{default_compute: azureml:cpu-cluster}}
inputs:
  text: {{type: uri_file, path: "{REGISTRY}/data/client-text/versions/1"}}
jobs:
  count:
    type: command
    component: {REGISTRY}/components/client-count/labels/latest
    inputs: {{text: "${{{{parent.inputs.text}}}}"}}
"""


@pytest.fixture
def shared(training_emulator: Emulated, client: AzureMLClient, tmp_path: Path) -> None:
    """A registry with an environment, data and a component."""
    facts = training_emulator.facts
    group = f"/subscriptions/{facts['subscription_id']}/resourceGroups/{facts['resource_group']}/providers"
    registry = f"{facts['arm_endpoint']}{group}/Microsoft.MachineLearningServices/registries"

    def ask(method: str, url: str, body: Any) -> Any:
        token = client.credential.get_token(client.operations.cloud.scope).token
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(
            method, url, json=body, headers=headers, verify=facts["ca_bundle"], timeout=30
        )
        answer.raise_for_status()
        return answer.json()

    def put(path: str, properties: dict[str, Any]) -> None:
        url = f"{registry}/emulator-registry/{path}/versions/1?api-version=2024-04-01"
        ask("PUT", url, {"properties": properties})

    place = ask(
        "POST",
        f"{registry}/emulator-registry/data/client-text/versions/1/startPendingUpload?api-version=2024-04-01",
        {"pendingUploadType": "TemporaryBlobReference"},
    )["blobReferenceForConsumption"]
    container, _, signature = place["credential"]["sasUri"].partition("?")
    requests.put(
        f"{container}/text.txt?{signature}",
        data=b"one two three",
        headers={"x-ms-blob-type": "BlockBlob"},
        verify=facts["ca_bundle"],
        timeout=30,
    ).raise_for_status()
    put("data/client-text", {"dataType": "uri_file", "dataUri": f"{place['blobUri']}/text.txt"})
    put("environments/client-tools", {"image": "img:1"})
    spec = {
        "name": "client-count",
        "type": "command",
        "command": "grep -c two ${{inputs.text}}",
        "environment": ENVIRONMENT,
        "inputs": {"text": {"type": "uri_file"}},
    }
    put("components/client-count", {"componentSpec": spec})


@pytest.mark.usefixtures("shared")
def test_jobs_of_a_registrys_assets(client: AzureMLClient, tmp_path: Path) -> None:
    names = {"of-registry-command": COMMAND, "of-registry-pipeline": PIPELINE}
    for name, text in names.items():
        (tmp_path / "job.yml").write_text(text)
        job, _ = read_job_file(read_document("job", tmp_path / "job.yml", tmp_path))
        client.create_job(name, looked_up(client, job_body(client.operations.spelling, job)))
    for name in names:
        wait_for(lambda name=name: client.get_job(name).status in ("Completed", "Failed"))  # type: ignore[misc]
        assert client.get_job(name).status == "Completed", name
