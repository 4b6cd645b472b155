"""Copies of models in other workspaces: found first, never replaced, whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_amlrest.rest.assets import copying, model_versions
from airflow_provider_amlrest.rest.assets.copying import ORIGIN, copy_model
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.assets.model_versions import CONTENT
from airflow_provider_amlrest.rest.assets.upload.ways import Uploaded, datastore_path
from airflow_provider_amlrest.rest.http.errors import ConflictError, NotFoundError
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.unit.jobs import WORKSPACE, arm_id

SOURCE = Model(
    "iris",
    "3",
    "mlflow_model",
    "azureml://datastores/d/paths/runs/model/",
    description="trees",
    tags={"team": "ml"},
    properties={CONTENT: "of the source", "a": "b"},
    stage="Production",
    flavors={"sklearn": {"version": "1"}},
    job_name="train",
    is_archived=True,
    id=arm_id("models", "iris", "3"),
)


class There:
    """The other workspace."""

    def __init__(self, *models: Model, api_version: str = "2025-12-01") -> None:
        spelling = spelling_of(api_version, WORKSPACE)
        self.operations = SimpleNamespace(spelling=spelling, workspace=WORKSPACE)
        self.models = {(model.name, model.version): model for model in models}

    def get_model(self, name: str, version: str) -> Model:
        if (name, version) not in self.models:
            raise NotFoundError("GET", 404)
        return self.models[name, version]

    def create_model(self, model: Model) -> Model:
        self.models[model.name, model.version] = made = replace(model, id="/made")
        return made


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files that a download brings."""
    brought = {"MLmodel": "flavors: {}", "data/m": "m"}

    def download(client: Any, model: Model, target: Path) -> bool:
        for name, content in brought.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_text(content)
        return True

    def upload(client: Any, content: Any) -> Uploaded:
        assert {file.name for file in content.files} == set(brought)
        return Uploaded("https://blob", "workspaceblobstore", datastore_path(content))

    monkeypatch.setattr(copying, "download_model", download)
    monkeypatch.setattr(model_versions, "upload_to_datastore", upload)
    return brought


def copy(there: There, source: Model = SOURCE, name: str = "iris", version: str = "3") -> Any:
    other: Any = there
    return copy_model(SimpleNamespace(), source, other, name, version)  # type: ignore[arg-type]


def test_a_copy_is_the_same_model_without_stage_and_job(files: dict[str, str]) -> None:
    there = There()
    made, new = copy(there)
    assert new
    assert made.uri.startswith("azureml://datastores/workspaceblobstore/paths/LocalUpload/")
    assert made.properties == {"a": "b", ORIGIN: SOURCE.id, CONTENT: made.properties[CONTENT]}
    assert made.properties[CONTENT] != SOURCE.properties[CONTENT]
    expected = replace(SOURCE, stage=None, job_name=None, is_archived=False, id="/made")
    assert replace(made, uri=SOURCE.uri, properties=SOURCE.properties) == expected


def test_a_copy_is_found_and_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "download_model", None)
    there = There(replace(SOURCE, properties={ORIGIN: SOURCE.id.upper()}, id="/there"))
    assert copy(there) == (there.get_model("iris", "3"), False)


def test_a_version_of_elsewhere_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "download_model", None)
    with pytest.raises(ConflictError, match=r"iris.*3.*origin"):
        copy(There(SOURCE))


def test_a_model_that_is_one_file_stays_one(files: dict[str, str]) -> None:
    files.clear()
    files["m.txt"] = "m"
    source = replace(SOURCE, type="custom_model", uri="azureml://datastores/d/paths/m.txt")
    made, _ = copy(There(), source, "iris-prod", "7")
    assert (made.name, made.version, made.uri.endswith("/m.txt")) == ("iris-prod", "7", True)


def test_a_workspace_that_is_gone_is_no_missing_version() -> None:
    there = There()
    gone = NotFoundError("GET", 404, code="ResourceNotFound")
    assert gone.has_no_workspace
    there.get_model = lambda name, version: (_ for _ in ()).throw(gone)  # type: ignore[method-assign]
    with pytest.raises(NotFoundError):
        copy(there)
