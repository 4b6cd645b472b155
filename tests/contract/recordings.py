"""The recorded exchanges with the real service, and what several of them name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS, DEFAULT_API_VERSION
from tests.contract.schemas import published
from tests.unit.answers import Answered, drive

WORKSPACE = WorkspaceId("00000000-0000-0000-0000-000000000", "00000", "00000")
SHORT = "azureml://subscriptions/00000000-0000-0000-0000-000000000/resourcegroups/00000/workspaces/00000"
BLOBS = "azureml://datastores/workspaceblobstore/paths/LocalUpload"
LONG_BLOBS = f"{SHORT}/datastores/workspaceblobstore/paths/LocalUpload"
ZEROS = "0" * 32
CURATED = "azureml:AzureML-sklearn-1.0-ubuntu20.04-py38-cpu:33"


def exchange(topic: str, index: int) -> dict[str, Any]:
    return dict(published(f"recorded/{topic}.json")[index])


def version_of(recorded: dict[str, Any]) -> str:
    """The api-version of a recording; today's for a preview's, which we do not speak."""
    [version] = parse_qs(urlsplit(recorded["url"]).query).get("api-version", [DEFAULT_API_VERSION])
    return version if version in API_VERSIONS else DEFAULT_API_VERSION


def answer(topic: str, index: int) -> Answered:
    recorded = exchange(topic, index)
    return Answered(recorded["response_body"], recorded["status"], recorded["response_headers"])


def operations(topic: str, index: int, on_secret: Callable[[str], None] = print) -> Operations:
    return Operations(WORKSPACE, PUBLIC, version_of(exchange(topic, index)), on_secret)


def decoded(flow: Any, *answers: Answered) -> Any:
    """What an operation makes of these answers. That it stumbles over them is a failure, not a crash."""
    try:
        return drive(flow, *answers)[0]
    except AzureMLError:
        raise
    except Exception as error:
        raise AssertionError(f"{answers[-1].body} is not read: {error!r}") from error


def arm_id(kind: str, name: str, version: str | None = None) -> str:
    return str(WORKSPACE.resource(kind, name, version))


CONDA = {
    "channels": ["conda-forge"],
    "dependencies": [
        "python=3.8",
        "pip",
        {"pip": ["nbgitpuller", "sphinx-gallery", "pandas", "matplotlib"]},
    ],
    "name": "example-environment",
}
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
CONTEXT = (
    "https://sagh4dshas62md4.blob.core.windows.net/azureml-blobstore-ef5fd6ab-1b1a-4f8e-9635-014821c166f8"
    "/LocalUpload/a6608b241a224b7b627d2297fa49231d/environment_files/"
)
CODE_URI = (
    "https://saevqdskf66m6am.blob.core.windows.net/azureml-blobstore-bee21b35-9695-4616-ba22-4ebb55a05e7f"
    "/LocalUpload/000000000000000000000"
)
CODE_HASH = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
SWEPT = (
    "python ./sweep_script.py --lr ${{search_space.lr}} --conv_size ${{search_space.conv_size}} "
    "--dropout_rate ${{search_space.dropout_rate}}"
)
SPACE = {
    "lr": SearchDistribution("uniform", (0.001, 0.1)),
    "conv_size": SearchDistribution("choice", ((2, 5, 7),)),
    "dropout_rate": SearchDistribution("uniform", (0.1, 0.5)),
}
SNAPSHOT = arm_id("codes", "3f8da52e-b145-44b7-8fc2-399e3d40f070", "1")
COMPUTE = arm_id("computes", "testCompute")
