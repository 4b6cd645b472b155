"""What azure-ai-ml 1.35.2 asks of models, endpoints, deployments and computes, beside what we ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.assets.model_files import read_files, read_model_file
from airflow_provider_amlrest.rest.assets.model_versions import ensure_model
from airflow_provider_amlrest.rest.http.call import Call
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.reading.documents import Document, read_document
from airflow_provider_amlrest.rest.resources import batch, online
from airflow_provider_amlrest.rest.resources.batch_request import read_batch_request
from airflow_provider_amlrest.rest.resources.compute import deleted, read_compute, started, stopped
from airflow_provider_amlrest.rest.resources.endpoints import (
    DefaultDeployment,
    check_is_idle,
    read_endpoint_place,
)
from airflow_provider_amlrest.rest.resources.goal import Absent
from airflow_provider_amlrest.rest.resources.registries import in_registry, origin
from airflow_provider_amlrest.rest.resources.spec import ResourceSpec
from airflow_provider_amlrest.rest.resources.traffic import Traffic
from tests.contract.beside import FOLDER, MNIST, SAMPLE, SCORING_HOST, Asked, asked, check, files
from tests.contract.test_sessions import WORKSPACE
from tests.unit.answers import Answered

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the reference data (../shared) is not on this machine"
)

Wire = dict[str, Any]


class Recorded(AzureMLClient):
    """A client of a workspace that has only what is there, and takes all that is sent."""

    def __init__(self, there: Mapping[str, Wire], api_version: str = "2025-12-01") -> None:
        super().__init__(None, WORKSPACE, api_version=api_version)
        self.there = there
        self.asked: list[Asked] = []

    def _send(self, call: Call) -> Any:
        request = call.request
        body = json.loads(request.content) if request.content else None
        one = asked(request.method, request.url, body, request.headers)
        self.asked.append(one)
        method, _, path = one.line.partition(" ")
        named = {"id": str(WORKSPACE.resource("models", "m", "1")), "name": "m"}
        if method != "GET":
            return Answered({**named, "primaryKey": "k", **(body or {})})
        if path in self.there:
            return Answered({**named, **self.there[path]})
        return Answered({"error": {"code": "NotFound", "message": "There is none."}}, 404)


def properties(**members: Any) -> Wire:
    return {"id": "/id", "properties": {"provisioningState": "Succeeded", **members}}


WORKSPACE_WIRE = {
    "name": "ws",
    "location": "westeurope",
    "properties": {"workspaceId": "guid", "discoveryUrl": "https://westeurope.api.azureml.ms/discovery"},
}
ENDPOINT = "onlineEndpoints/my-endpoint"
BLUE = f"{ENDPOINT}/deployments/blue"
OF_ENDPOINT = {
    "location": "westeurope",
    "identity": {"type": "SystemAssigned"},
    "tags": {},
    **properties(
        authMode="Key",
        scoringUri=f"https://my-endpoint.westeurope{SCORING_HOST}/score",
        traffic={"blue": 100},
        properties={
            "createdBy": "x",
            "createdAt": "2026-01-01T00:00:00.000000+0000",
            "lastModifiedAt": "2026-01-01T00:00:00.000000+0000",
        },
    ),
}
OF_BATCH = {
    "location": "westeurope",
    "tags": {"type": "deep-learning"},
    **properties(
        authMode="aadToken",
        description="A batch endpoint for scoring images from the MNIST dataset.",
        scoringUri=f"https://mnist-batch.westeurope{SCORING_HOST}/jobs",
    ),
}
THERE: dict[str, Wire] = {
    ".": WORKSPACE_WIRE,
    "discovery": {"api": "https://westeurope.api.azureml.ms"},
    "registries/reg/discovery": {
        "primaryRegionResourceProviderUri": "https://cert-westeurope.experiments.azureml.net",
        "subscriptionId": "00000000-0000-0000-0000-000000000001",
        "resourceGroup": "rgr",
    },
}
CLUSTER = {
    "computes/low-pri-example": properties(
        computeType="AmlCompute", properties={"scaleSettings": {"maxNodeCount": 2}}
    )
}


def instance(state: str) -> dict[str, Wire]:
    return {"computes/ci": properties(computeType="ComputeInstance", properties={"state": state})}


def spec(read: Callable[[Given], ResourceSpec], file: Path, **instead: Any) -> ResourceSpec:
    document = read_document("file", file, file.parent)
    given = {name: value for name, value in document.values.items() if name != "$schema"} | instead
    return read(Given(given, document.folder))


def bring(client: AzureMLClient, one: ResourceSpec) -> None:
    client.bring(one.goal(client, {}, {}))


def register(client: AzureMLClient, given: Wire | Path) -> None:
    document = (
        read_document("file", given, given.parent) if isinstance(given, Path) else Document(given, Path())
    )
    model = read_model_file(document)
    ensure_model(client, model, read_files(model, document.folder))


def scale(client: AzureMLClient, tree: Path) -> None:
    sample = json.loads((FOLDER / "online-deployment-scale.json").read_text())["requests"][-1]["body"]
    there = sample["properties"]
    instead = {
        "model": there["model"],
        "environment": there["environmentId"],
        "code_configuration": {"code": there["codeConfiguration"]["codeId"], "scoring_script": "score.py"},
        "instance_count": 2,
    }
    bring(client, spec(online.read_deployment, tree / SAMPLE / "blue-deployment.yml", **instead))


def delete_deployment(client: AzureMLClient, tree: Path) -> None:
    check_is_idle(client.get_resource(ENDPOINT), "green")
    client.bring(Absent(BLUE, "it"))


def shift(client: AzureMLClient, tree: Path) -> None:
    list(client.list_resources(f"{ENDPOINT}/deployments"))
    client.bring(Traffic(ENDPOINT, "it", {"blue": 90, "green": 10}, ({"blue": 100},)))


def invoke(client: AzureMLClient, deployment: str | None) -> None:
    access = client.get_access(client.get_resource(ENDPOINT))
    client.score(access, {"data": [[1, 2, 3]]}, deployment)


def invoke_batch(client: AzureMLClient, inputs: Wire, outputs: Wire | None) -> None:
    place = read_endpoint_place("mnist-batch", "batch")
    request = read_batch_request(place, None, inputs, outputs, Path())
    access = client.get_access(client.get_resource(place.path))
    client.invoke_batch(access, request.body(client, "of-the-task"), None, "id")


def promote(client: AzureMLClient, tree: Path) -> None:
    workspace = client.get_workspace()
    source = ("auto-model2", "1")
    comes_from = origin(workspace.location, "11111111-2222-3333-4444-555555555555", *source)
    client.bring(in_registry("2023-04-01", "reg", ("auto-model", "1"), source, comes_from))


Run = Callable[[AzureMLClient, Path], object]

RUNS: dict[str, tuple[dict[str, Wire], Run]] = {
    "compute-create": (
        {},
        lambda c, tree: bring(c, spec(read_compute, tree / "cli/resources/compute/cluster-low-priority.yml")),
    ),
    "compute-instance-create": (
        {},
        lambda c, tree: bring(c, spec(read_compute, tree / "cli/resources/compute/instance-basic.yml")),
    ),
    "compute-scale": (
        CLUSTER,
        lambda c, tree: bring(
            c, spec(read_compute, tree / "cli/resources/compute/cluster-low-priority.yml", max_instances=4)
        ),
    ),
    "compute-delete": (CLUSTER, lambda c, tree: c.bring(deleted("low-pri-example"))),
    "compute-start": (instance("Stopped"), lambda c, tree: c.bring(started("ci"))),
    "compute-stop": (instance("Running"), lambda c, tree: c.bring(stopped("ci"))),
    "model-auto-version": (
        {},
        lambda c, tree: register(
            c,
            {
                "name": "auto-model2",
                "path": "azureml://datastores/workspaceblobstore/paths/m/",
                "stage": "Production",
            },
        ),
    ),
    "model-create-from-job-output": (
        {},
        lambda c, tree: register(
            c,
            {
                "name": "run-model",
                "path": "azureml://jobs/myjob/outputs/artifacts/paths/model/",
                "type": "mlflow_model",
            },
        ),
    ),
    "model-share-to-registry": ({}, promote),
    "online-endpoint-create": (
        {},
        lambda c, tree: bring(c, spec(online.read_endpoint, tree / SAMPLE / "endpoint.yml")),
    ),
    "online-endpoint-traffic": ({ENDPOINT: OF_ENDPOINT, f"{ENDPOINT}/deployments": {"value": []}}, shift),
    "online-endpoint-delete": ({ENDPOINT: OF_ENDPOINT}, lambda c, tree: c.bring(Absent(ENDPOINT, "it"))),
    "online-deployment-scale": ({BLUE: {"sku": {"capacity": 1}, **properties()}}, scale),
    "online-deployment-delete": ({ENDPOINT: OF_ENDPOINT, BLUE: properties()}, delete_deployment),
    "online-invoke-key": ({ENDPOINT: OF_ENDPOINT}, lambda c, tree: invoke(c, None)),
    "online-invoke-deployment": ({ENDPOINT: OF_ENDPOINT}, lambda c, tree: invoke(c, "blue")),
    "online-logs": ({}, lambda c, tree: c.get_deployment_log(BLUE, 50)),
    "batch-endpoint-create": (
        {},
        lambda c, tree: bring(c, spec(batch.read_endpoint, tree / MNIST / "endpoint.yml")),
    ),
    "batch-endpoint-default": (
        {"batchEndpoints/mnist-batch": OF_BATCH},
        lambda c, tree: c.bring(DefaultDeployment("batchEndpoints/mnist-batch", "it", "mnist-torch-dpl")),
    ),
    "batch-invoke": (
        {"batchEndpoints/mnist-batch": OF_BATCH},
        lambda c, tree: invoke_batch(
            c,
            {"in": {"type": "uri_folder", "path": "https://x.blob.core.windows.net/c/p"}},
            {"score": "azureml://datastores/workspaceblobstore/paths/out/predictions.csv"},
        ),
    ),
    "batch-invoke-asset": (
        {"batchEndpoints/mnist-batch": OF_BATCH},
        lambda c, tree: invoke_batch(
            c,
            {
                "in": {"type": "uri_folder", "path": "azureml://datastores/workspaceblobstore/paths/x/"},
                "n": 3,
            },
            None,
        ),
    ),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return files(tmp_path_factory.mktemp("yaml"))


@pytest.mark.parametrize("session", RUNS)
def test_our_requests_beside_those_of_azure_ai_ml(session: str, tree: Path) -> None:
    there, run = RUNS[session]
    client = Recorded({**THERE, **there})
    run(client, tree)
    check(session, client.asked)
