"""What azure-ai-ml 1.35.2 sends to register models, beside what we send.

Ours has more in two places: the property that says what the model was made of, and the job that wrote it.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_amlrest.rest.assets import model_versions
from airflow_provider_amlrest.rest.assets.model import Model, model_body
from airflow_provider_amlrest.rest.assets.model_files import read_files, read_members, read_model_file
from airflow_provider_amlrest.rest.assets.model_versions import CONTENT, ensure_model
from airflow_provider_amlrest.rest.assets.upload.ways import Uploaded, datastore_path
from airflow_provider_amlrest.rest.assets.uris import one_spelling
from airflow_provider_amlrest.rest.http.errors import NotFoundError
from airflow_provider_amlrest.rest.reading.documents import Document, read_document
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.contract.schemas import API
from tests.contract.tally import count
from tests.contract.test_golden import meaning
from tests.contract.test_sessions import WORKSPACE

SPELLING = spelling_of("2025-12-01", WORKSPACE)
AUTO = {
    "name": "auto-model2",
    "path": "azureml://datastores/workspaceblobstore/paths/m/",
    "stage": "Production",
}
OF_A_JOB = {
    "name": "run-model",
    "path": "azureml://jobs/myjob/outputs/artifacts/paths/model/",
    "type": "mlflow_model",
}
SESSIONS: dict[str, dict[str, Any] | str] = {
    "model-auto-version": AUTO,
    "model-create-from-job-output": OF_A_JOB,
    "model-create-local-mlflow": "local-mlflow.yml",
}

pytestmark = pytest.mark.skipif(
    not (API / "sdk-sessions").is_dir(), reason="the reference data (../shared) is not on this machine"
)


class Workspace:
    """Has no model, and takes every one."""

    def __init__(self) -> None:
        self.operations = SimpleNamespace(spelling=SPELLING, workspace=WORKSPACE)

    def list_models(self, name: str) -> list[Model]:
        raise NotFoundError("GET", 404)

    def create_model(self, model: Model) -> Model:
        return model


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Microsoft's files, with a file that makes their folder a model."""
    shutil.copytree(
        API / "yaml" / "cli" / "assets" / "model", tmp_path / "model", copy_function=shutil.copyfile
    )
    folder = tmp_path / "model" / "mlflow-model"
    folder.chmod(0o755)
    (folder / "MLmodel").write_text("flavors: {}\n")
    return tmp_path / "model"


def written(source: dict[str, Any] | str, tree: Path) -> Document:
    if isinstance(source, str):
        return read_document("file", tree / source, tree)
    return Document(source, tree)


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """The hash of files that are not the session's counts as the same, and so does another spelling."""
    uri = one_spelling(body["modelUri"], WORKSPACE)
    return {**body, "modelUri": re.sub(r"LocalUpload/[0-9a-f]{64}", "LocalUpload/hash", uri)}


@pytest.mark.parametrize("session", SESSIONS)
def test_we_register_what_azure_ai_ml_registers(
    session: str, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        model_versions,
        "upload_to_datastore",
        lambda client, content: Uploaded("", "workspaceblobstore", datastore_path(content)),
    )
    document = written(SESSIONS[session], tree)
    model = read_model_file(document)
    content = read_files(model, document.folder)
    workspace: Any = Workspace()
    made, new = ensure_model(workspace, model, content)
    requests = json.loads((API / "sdk-sessions" / f"{session}.json").read_text())["requests"]
    [put] = [one for one in requests if one["method"] == "PUT" and "/models/" in one["url"]]
    assert new
    assert f"/models/{made.name}/versions/{made.version}?" in put["url"]
    ours, theirs = meaning(model_body(SPELLING, made)), meaning(put["body"]["properties"])
    assert list(ours.pop("properties")) == [CONTENT]
    assert ours.pop("jobName", None) == ("myjob" if session == "model-create-from-job-output" else None)
    assert comparable(ours) == comparable(theirs)
    count("sessions of azure-ai-ml that ours equal")


def test_the_job_of_a_run() -> None:
    run = read_members({"name": "m", "path": "runs:/train_7/model"})
    assert (run.job_name, model_body(SPELLING, run)["jobName"]) == ("train_7", "train_7")
    assert replace(run, uri="x").job_name == "train_7"
