"""What azure-ai-ml 1.35.2 registers and submits for Microsoft's files, beside what we do.

The sessions lie beside the project (``../shared/api/sdk-sessions``), not in it; only their requests count.
Names that a client draws (of code, of a job) and hashes of files that are stand-ins here count as the same,
and so does the version of a component that is made of them: its definition stands in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.assets import ensure
from airflow_provider_amlrest.rest.assets.component import Component, component_body
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, NotFoundError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.component_files import read_component, register_component
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.steps import component_steps
from airflow_provider_amlrest.rest.jobs.wire import check_lookups, job_body, looked_up
from airflow_provider_amlrest.rest.reading.documents import read_document
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.contract.schemas import API
from tests.contract.stand_ins import with_stand_ins
from tests.contract.tally import count
from tests.contract.test_golden import meaning
from tests.support.emulated import Emulated
from tests.support.storage import StorageProxy
from tests.support.upload_code import client_of

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


# Every request of a session, beside ours

WHOLE = {
    "automl-classification": "cli/jobs/automl-standalone-jobs/cli-automl-classification-task-bankmarketing"
    "/cli-automl-classification-task-bankmarketing.yml",
    "spark-standalone": SESSIONS["spark-standalone"],
}
TABLES = ("training-mltable-folder", "validation-mltable-folder")
MARK = "azure-ai-ml marks a complete upload on one blob, and looks at that alone; ours lists what is there"
SECRET = "azure-ai-ml asks for a signature; ours writes as the connection's identity, while that is allowed"
ONLY_THEIRS = {
    "automl-classification": {
        "GET datastores/workspaceblobstore": "the same datastore, found by its name",
        "POST datastores/workspaceblobstore/listSecrets": SECRET,
        **{f"HEAD LocalUpload/hash/{table}/MLTable": MARK for table in TABLES},
        **{f"PUT LocalUpload/hash/{table}/MLTable?comp=metadata": MARK for table in TABLES},
    },
    "spark-standalone": {
        "HEAD src/titanic.py": MARK,
        "PUT src/titanic.py?comp=metadata": MARK,
    },
}
ONLY_OURS = {
    "automl-classification": {
        "GET datastores": "the same datastore, found as the default one",
        "GET ?comp=list": MARK,
        # The session stops there, as its stand-in for the test data was missing.
        "PUT LocalUpload/hash/test-mltable-folder/MLTable": "the session has stopped",
        "PUT LocalUpload/hash/test-mltable-folder/x.csv": "the session has stopped",
        "GET computes/cpu-cluster": "the session has stopped",
        "PUT jobs/job": "the session has stopped",
    },
    "spark-standalone": {
        "GET ?comp=list": MARK,
        # The version may be there although the search by hash does not know it.
        "GET codes/code/versions/1": "azure-ai-ml draws a name, ours is known",
    },
}
"""Requests that one of the two makes, and why."""


def requests_of_theirs(session: str) -> set[str]:
    file = json.loads((API / "sdk-sessions" / f"{session}.json").read_text())
    return {request_line(one["method"], one["url"]) for one in file["requests"]}


def request_line(method: str, url: str, comp: str = "") -> str:
    """A request without names that clients draw, hosts, containers and signatures."""
    path, _, query = url.partition("?")
    comp = comp or "".join(re.findall(r"comp=(\w+)", query))
    if "/workspaces/" in path:
        path = re.sub(r".*/workspaces/[^/]+/", "", path)
    else:  # a blob: below the account, if it is in the path, and its container
        path = re.sub(r"^(https://[^/]+|/amlrestemulator)/[^/]+/?", "", path)
    path = re.sub(r"codes/[^/]+/versions(/[^/]+)?", lambda f: f"codes/code/versions{'/1' * bool(f[1])}", path)
    path = re.sub(r"^jobs/.*", "jobs/job", re.sub(r"LocalUpload/[0-9a-f]{64}", "LocalUpload/hash", path))
    return f"{method} {path}{f'?comp={comp}' if comp else ''}"


@pytest.fixture
def storage(training_emulator: Emulated) -> Iterator[StorageProxy]:
    with StorageProxy(training_emulator) as storage:
        yield storage


@pytest.fixture
def client(
    training_emulator: Emulated, storage: StorageProxy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AzureMLClient]:
    """A client whose uploads are all seen, also those to a place of the service's own."""
    own = training_emulator.facts["blob_endpoint"]
    with client_of({**training_emulator.facts, "blob_endpoint": storage.endpoint}) as client:
        ask = client.start_pending_upload

        def start_pending_upload(*names: str) -> Any:
            place = ask(*names)
            return replace(place, sas_uri=place.sas_uri.replace(own, storage.endpoint))

        monkeypatch.setattr(client, "start_pending_upload", start_pending_upload)
        yield client


@pytest.mark.parametrize("session", WHOLE)
def test_our_requests_beside_those_of_azure_ai_ml(
    session: str, tree: Path, client: AzureMLClient, storage: StorageProxy, training_emulator: Emulated
) -> None:
    file = tree / WHOLE[session]
    for table in (*TABLES, "test-mltable-folder") if session.startswith("automl") else ():
        (file.parent / table / "main.py").unlink()
        (file.parent / table / "x.csv").write_text("a\n1\n")
        (file.parent / table / "MLTable").write_text(f"paths:\n- file: ./x.csv\n# {table}\n")
    if session.startswith("spark"):
        (file.parent / "src" / "main.py").rename(file.parent / "src" / "titanic.py")
    mark = training_emulator.mark()
    job, _ = read_job_file(read_document("file", file, file.parent))
    client.create_job(f"session-{session}", looked_up(client, job_body(client.operations.spelling, job)))
    asked = training_emulator.asked(".*", "/workspaces/", since=mark)
    ours = {request_line(one["method"], one["path"]) for one in asked}
    ours |= {request_line(one.method, one.path, one.comp) for one in storage.asked}
    wanted = requests_of_theirs(session)
    assert wanted - ours == set(ONLY_THEIRS[session])
    assert ours - wanted == set(ONLY_OURS[session])
    count("sessions of azure-ai-ml whose every request is beside ours")


def test_a_file_that_is_not_there_is_said_before_anything_is_sent(tree: Path) -> None:
    """azure-ai-ml uploads two of three tables, and then finds that the third is missing."""
    file = tree / WHOLE["automl-classification"]
    other = file.with_name("without.yml")
    other.write_text(file.read_text().replace("./test-mltable-folder", "./nowhere"))
    job, _ = read_job_file(read_document("file", other, other.parent))
    body = job_body(spelling_of("2025-12-01", WORKSPACE), job)
    with pytest.raises(InvalidSpecError, match=r"test_data.*nowhere"):
        check_lookups(body, WORKSPACE)
