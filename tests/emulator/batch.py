"""Batch endpoints and their deployments in a running emulator."""

from __future__ import annotations

from typing import Any

import httpx
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient

from tests.emulator.online import upload, wait_until
from tests.emulator.running import Running

DATA = {"in": {"jobInputType": "UriFolder", "uri": "azureml://datastores/workspaceblobstore/paths/in"}}
MODEL_URI = "azureml://datastores/workspaceblobstore/paths/models/weights/weights.txt"


def endpoint_body(default: str | None = None, **members: Any) -> dict[str, Any]:
    defaults = {"deploymentName": default} if default else None
    return {
        "location": "eastus",
        "tags": {},
        "properties": {"authMode": "aadToken", "defaults": defaults, **members},
    }


def deployment_body(emulator: Running, **properties: Any) -> dict[str, Any]:
    """A deployment of a scoring script and of a model of one file, whose files need not be there."""
    for path, kept in (
        ("codes/batch/versions/1", {"codeUri": "https://account/container/batch"}),
        ("models/weights/versions/1", {"modelUri": MODEL_URI}),
    ):
        if emulator.ml("GET", path).status_code == 404:
            emulator.put(path, kept)
    return {
        "location": "eastus",
        "properties": {
            "compute": f"{emulator.workspace}/computes/cpu-cluster",
            "codeConfiguration": {
                "codeId": f"{emulator.workspace}/codes/batch/versions/1",
                "scoringScript": "score.py",
            },
            "environmentId": emulator.environment(),
            "model": {
                "referenceType": "Id",
                "assetId": f"{emulator.workspace}/models/weights/versions/1",
            },
            **properties,
        },
    }


def put(emulator: Running, path: str, body: dict[str, Any]) -> httpx.Response:
    answer = emulator.ml("PUT", path, body)
    assert answer.status_code == 201, answer.text
    wait_until(emulator, path, "Succeeded")
    return answer


def make_endpoint(emulator: Running, name: str, *deployments: str, **properties: Any) -> None:
    """An endpoint and its deployments; the first is its default."""
    put(emulator, f"batchEndpoints/{name}", endpoint_body())
    for deployment in deployments:
        put(
            emulator,
            f"batchEndpoints/{name}/deployments/{deployment}",
            deployment_body(emulator, **properties),
        )
    if deployments:
        put(emulator, f"batchEndpoints/{name}", endpoint_body(deployments[0]))


def studio_token(emulator: Running) -> dict[str, str]:
    return {"Authorization": f"Bearer {emulator.token('https://ml.azure.com/.default')}"}


def invoke(
    emulator: Running, name: str, inputs: Any = None, *, headers: dict[str, str] | None = None, **members: Any
) -> httpx.Response:
    body = {"properties": {"inputData": DATA if inputs is None else inputs, **members}}
    sent = {**studio_token(emulator), **(headers or {})}
    return emulator.http.post(f"/batch/{name}/jobs", json=body, headers=sent)


def started(emulator: Running, name: str, inputs: Any = None, **members: Any) -> str:
    """The name of the job that a request makes."""
    answer = invoke(emulator, name, inputs, **members)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["name"])


def make_scoring(emulator: Running, name: str, script: str, **properties: Any) -> None:
    """An endpoint whose deployment really scores, with a script and a model of one file: 3."""
    code = upload(emulator, f"code/{name}/src", {"score.py": script})
    emulator.ml("DELETE", f"codes/{name}/versions/1")
    emulator.put(f"codes/{name}/versions/1", {"codeUri": code})
    upload(emulator, "models/weights", {"weights.txt": "3"})
    own = {
        "codeConfiguration": {
            "codeId": f"{emulator.workspace}/codes/{name}/versions/1",
            "scoringScript": "score.py",
        },
        **properties,
    }
    make_endpoint(emulator, name, "only", **own)


def text_at(emulator: Running, uri: str) -> str:
    """The content of a blob of the default datastore."""
    path = uri.partition("/paths/")[2]
    store = emulator.get("datastores/workspaceblobstore")
    key = emulator.ml("POST", "datastores/workspaceblobstore/listSecrets").json()["key"]
    credential = AzureNamedKeyCredential(store["accountName"], key)
    endpoint, bundle = emulator.facts["blob_endpoint"], emulator.facts["ca_bundle"]
    with BlobServiceClient(endpoint, credential=credential, connection_verify=bundle) as service:
        blob = service.get_blob_client(store["containerName"], path)
        return str(blob.download_blob(encoding="utf-8").readall())


def step_log(emulator: Running, job: str) -> str:
    """The log of the step that scores; why it has failed, if there is no log."""
    [child] = emulator.history("GET", f"runs/{job}/children").json()["value"]
    details = emulator.history("GET", f"runs/{child['runId']}/details").json()
    url = details["logFiles"].get("user_logs/std_log.txt")
    log = emulator.http.get(url, headers={"Authorization": ""}).text if url else ""
    return log or str(details["error"])
