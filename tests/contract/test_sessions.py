"""What azure-ai-ml 1.35.2 registers and submits for Microsoft's files, beside what we do.

The sessions lie beside the project (``../shared/api/sdk-sessions``), not in it; only their requests count.
Names that a client draws (of code, of a job) and hashes of files that are stand-ins here count as the same,
and so does the version of a component that is made of them: its definition stands in its place.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_amlrest.rest.assets import ensure
from airflow_provider_amlrest.rest.assets.component import Component, component_body
from airflow_provider_amlrest.rest.http.errors import NotFoundError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.component_files import read_component, register_component
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.steps import component_steps
from airflow_provider_amlrest.rest.jobs.wire import job_body, looked_up
from airflow_provider_amlrest.rest.reading.documents import read_document
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.contract.schemas import API
from tests.contract.stand_ins import with_stand_ins
from tests.contract.tally import count
from tests.contract.test_golden import meaning

COMPONENTS = "cli/jobs/pipelines-with-components"
SESSIONS = {
    "pipeline-hello-io": "cli/jobs/basics/hello-pipeline-io.yml",
    "pipeline-inline-components": "cli/jobs/pipelines/cifar-10/pipeline.yml",
    "pipeline-local-components": f"{COMPONENTS}/basics/1a_e2e_local_components/pipeline.yml",
    "pipeline-parallel": "cli/jobs/parallel/2a_iris_batch_prediction/pipeline.yml",
    "pipeline-sweep": f"{COMPONENTS}/pipeline_with_hyperparameter_sweep/pipeline.yml",
    "spark-standalone": "cli/jobs/spark/serverless-spark-standalone-default-identity.yml",
    "component-create": f"{COMPONENTS}/basics/1b_e2e_registered_components/train.yml",
}
WORKSPACE = WorkspaceId("00000000-0000-0000-0000-000000000001", "rg", "ws")
OF_THE_SDK_ALONE = {"experimentName": "frontier"}
"""The folder in which the session ran: azure-ai-ml's name for an experiment that the file does not name."""

pytestmark = pytest.mark.skipif(
    not (API / "sdk-sessions").is_dir(), reason="the reference data (../shared) is not on this machine"
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_stand_ins(tmp_path_factory.mktemp("yaml") / "yaml")


class Workspace:
    """Takes whatever is registered, and has none of it before."""

    def __init__(self) -> None:
        spelling = spelling_of("2025-12-01", WORKSPACE)
        self.operations = SimpleNamespace(spelling=spelling, workspace=WORKSPACE)
        self.components: dict[str, Any] = {}

    def get_compute(self, name: str) -> Any:
        return SimpleNamespace(name=name)

    def get_component(self, name: str, version: str) -> Component:
        raise NotFoundError("GET", 404)

    def create_component(self, component: Component) -> Component:
        id_ = str(WORKSPACE.resource("components", component.name, component.version))
        self.components[id_] = component_body(self.operations.spelling, component)["componentSpec"]
        return Component(component.name, component.version, component.spec, id=id_)


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Any:
    code = str(WORKSPACE.resource("codes", "code", "1"))
    monkeypatch.setattr(ensure, "ensure_code", lambda client, content: (SimpleNamespace(id=code), True))
    environment = lambda client, wanted, context: (  # noqa: E731
        SimpleNamespace(id=str(WORKSPACE.resource("environments", wanted.name, wanted.version))),
        True,
    )
    monkeypatch.setattr(ensure, "ensure_environment", environment)
    monkeypatch.setattr(
        ensure,
        "ensure_uploaded",
        lambda client, content: (
            "azureml://datastores/workspaceblobstore/paths/"
            f"LocalUpload/{content.hash}/{content.root.resolve().name}{'/' if content.is_folder else ''}"
        ),
    )
    return Workspace()


def theirs(session: str) -> tuple[Any, dict[str, Any]]:
    """The body of the job's PUT, or of the component's if there is no job; and the components by id."""
    file = json.loads((API / "sdk-sessions" / f"{session}.json").read_text())
    puts = [one for one in file.get("requests") or file["exchanges"] if one["method"] == "PUT"]
    components = {
        one["url"].partition("?")[0]: one["body"]["properties"]["componentSpec"]
        for one in puts
        if "/components/" in one["url"]
    }
    jobs = [one["body"] for one in puts if re.search(r"/jobs/[^/]+\?", one["url"])]
    last = next(
        one["body"] for one in reversed(puts) if "/components/" in one["url"] or "/jobs/" in one["url"]
    )
    return (jobs or [last])[-1], components


def comparable(value: Any, components: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {
            name: comparable(member, components)
            for name, member in value.items()
            if OF_THE_SDK_ALONE.get(name) != member and name != "version"
        }
    if isinstance(value, list):
        return [comparable(member, components) for member in value]
    if isinstance(value, str) and value in components:
        return comparable(components[value], components)
    if isinstance(value, str):
        value = re.sub(r"/codes/[^/]+/versions/[^/]+", "/codes/code/versions/1", value)
        return re.sub(r"LocalUpload/[0-9a-f]{64}", "LocalUpload/hash", value)
    return value


def ours(path: Path, workspace: Any) -> Any:
    document = read_document("file", path, path.parent)
    if "omponent" in document.values["$schema"]:
        component, _ = register_component(workspace, read_component(document, component_steps))
        return {"properties": {"componentSpec": dict(component.spec)}}
    job, _ = read_job_file(document)
    return {"properties": looked_up(workspace, job_body(workspace.operations.spelling, job))}


@pytest.mark.parametrize("session", SESSIONS)
def test_we_submit_what_azure_ai_ml_submits(session: str, tree: Path, workspace: Any) -> None:
    body = ours(tree / SESSIONS[session], workspace)
    wanted, components = theirs(session)
    if "jobType" not in wanted["properties"]:
        wanted = {"properties": {"componentSpec": wanted["properties"]["componentSpec"]}}
    job_name = {"displayName": wanted["properties"].get("displayName")} if session.startswith("spark") else {}
    found = meaning(comparable(body, workspace.components))
    found["properties"] |= {name: member for name, member in job_name.items() if member}
    assert found == meaning(comparable(wanted, components))
    count("sessions of azure-ai-ml that ours equal")
