"""Online endpoints and their deployments in a running emulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient, ContainerClient

from tests.emulator.running import Running
from tests.support.waiting import wait_for

ENDPOINT = {"location": "eastus", "identity": {"type": "SystemAssigned"}}


def endpoint_body(**properties: Any) -> dict[str, Any]:
    return {**ENDPOINT, "properties": {"authMode": "Key", **properties}}


def deployment_body(
    emulator: Running, tags: dict[str, str] | None = None, **properties: Any
) -> dict[str, Any]:
    code = emulator.ml("GET", "codes/score/versions/1")
    if code.status_code == 404:
        emulator.put("codes/score/versions/1", {"codeUri": "https://account/container/score"})
    return {
        "location": "eastus",
        "sku": {"name": "Default", "capacity": 1},
        "tags": tags or {},
        "properties": {
            "endpointComputeType": "Managed",
            "codeConfiguration": {
                "codeId": f"{emulator.workspace}/codes/score/versions/1",
                "scoringScript": "score.py",
            },
            "instanceType": "Standard_DS3_v2",
            **properties,
        },
    }


def put(emulator: Running, path: str, body: dict[str, Any], **query: str) -> httpx.Response:
    answer = emulator.ml("PUT", path, body, **query)
    assert answer.status_code == 201, answer.text
    return answer


def wait_until(emulator: Running, path: str, state: str) -> dict[str, Any]:
    return (
        wait_for(lambda: found if (found := emulator.get(path))["provisioningState"] == state else None) or {}
    )


def operation(
    emulator: Running, answer: httpx.Response, header: str = "azure-asyncoperation"
) -> dict[str, Any]:
    """What the URL of an answer's operation says, once it has ended."""

    def ended() -> dict[str, Any] | None:
        found = emulator.http.get(answer.headers[header])
        assert found.status_code in (200, 202), found.text
        body = dict(found.json())
        return body if body["status"] != "Updating" else None

    return wait_for(ended) or {}


def make_endpoint(emulator: Running, name: str, *deployments: str, **properties: Any) -> None:
    """An endpoint, its deployments, and then its properties, such as their traffic."""
    path = f"onlineEndpoints/{name}"
    put(emulator, path, endpoint_body(authMode=properties.get("authMode", "Key")))
    wait_until(emulator, path, "Succeeded")
    for deployment in deployments:
        put(emulator, f"{path}/deployments/{deployment}", deployment_body(emulator))
        wait_until(emulator, f"{path}/deployments/{deployment}", "Succeeded")
    if properties:
        put(emulator, path, endpoint_body(**properties))
        wait_until(emulator, path, "Succeeded")


def score(
    emulator: Running, name: str, body: Any = None, *, key: str | None = None, **headers: str
) -> httpx.Response:
    """Score with the primary key, or another one."""
    if key is None:
        key = emulator.ml("POST", f"onlineEndpoints/{name}/listKeys").json()["primaryKey"]
    sent = {"Authorization": f"Bearer {key}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return emulator.http.post(f"/inference/{name}/score", json=body, headers=sent)


@contextmanager
def default_container(emulator: Running) -> Iterator[ContainerClient]:
    """The container of the default datastore."""
    store = emulator.get("datastores/workspaceblobstore")
    key = emulator.ml("POST", "datastores/workspaceblobstore/listSecrets").json()["key"]
    credential = AzureNamedKeyCredential(store["accountName"], key)
    endpoint, bundle = emulator.facts["blob_endpoint"], emulator.facts["ca_bundle"]
    with BlobServiceClient(endpoint, credential=credential, connection_verify=bundle) as service:
        yield service.get_container_client(store["containerName"])


def upload(emulator: Running, path: str, files: dict[str, str]) -> str:
    """Put files below a path of the default datastore; its URI."""
    with default_container(emulator) as container:
        for name, content in files.items():
            container.upload_blob(f"{path}/{name}", content, overwrite=True)
    return f"azureml://datastores/workspaceblobstore/paths/{path}"


def serving_body(emulator: Running, name: str, script: str, **properties: Any) -> dict[str, Any]:
    """A deployment of a scoring script, and of a model of one file, ``weights.txt``."""
    code = upload(emulator, f"code/{name}/src", {"score.py": script})
    emulator.ml("DELETE", f"codes/{name}/versions/1")
    emulator.put(f"codes/{name}/versions/1", {"codeUri": code})
    if emulator.ml("GET", "models/weights/versions/1").status_code == 404:
        model = upload(emulator, "models/weights", {"weights.txt": "3"})
        emulator.put("models/weights/versions/1", {"modelUri": f"{model}/weights.txt"})
    return deployment_body(
        emulator,
        codeConfiguration={
            "codeId": f"{emulator.workspace}/codes/{name}/versions/1",
            "scoringScript": "score.py",
        },
        model=f"{emulator.workspace}/models/weights/versions/1",
        **properties,
    )
