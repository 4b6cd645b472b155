"""Same content and same job, same version: whoever registers, and wherever the service puts the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_amlrest.rest.assets import model_versions
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.assets.model_versions import CONTENT, ensure_model, next_number
from airflow_provider_amlrest.rest.assets.upload.content import LocalContent, read_content
from airflow_provider_amlrest.rest.assets.upload.ways import Uploaded, datastore_path
from airflow_provider_amlrest.rest.http.errors import (
    ConflictError,
    InvalidSpecError,
    NotFoundError,
    ResponseError,
)
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.unit.jobs import WORKSPACE

URI = "azureml://jobs/train/outputs/model/paths/"
LONG = f"azureml:/{WORKSPACE}/datastores/d/paths/".replace("/providers/Microsoft.MachineLearningServices", "")
WANTED = Model("iris", "", "custom_model", URI, job_name="train")


class Workspace:
    """Its models, newest first. It moves the files of each, and refuses a version that exists otherwise."""

    def __init__(self, api_version: str = "2025-12-01") -> None:
        spelling = spelling_of(api_version, WORKSPACE)
        self.operations = SimpleNamespace(spelling=spelling, workspace=WORKSPACE)
        self.models: list[Model] = []
        self.hidden = 0
        """How many of them are registered just after the list was read."""
        self.refusal = 409

    def list_models(self, name: str) -> list[Model]:
        if not self.models[self.hidden :]:
            raise NotFoundError("GET", 404)
        return self.models[self.hidden :]

    def get_model(self, name: str, version: str) -> Model:
        for model in self.models:
            if model.version == version:
                return model
        raise NotFoundError("GET", 404)

    def create_model(self, model: Model) -> Model:
        moved = replace(model, uri=model.uri.replace("/paths/", "/paths/ServiceReplicated/guid/"))
        if any(other.version == model.version and other.uri != model.uri for other in self.models):
            error = ConflictError if self.refusal == 409 else ResponseError
            raise error("PUT", self.refusal, message="Asset paths cannot be updated.")
        self.models.insert(0, moved)
        return moved


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalContent:
    monkeypatch.setattr(
        model_versions,
        "upload_to_datastore",
        lambda client, content: Uploaded("", "workspaceblobstore", datastore_path(content)),
    )
    (tmp_path / "model.txt").write_text("trees")
    return read_content("path", tmp_path / "model.txt")


def ensure(
    workspace: Workspace, wanted: Model = WANTED, content: LocalContent | None = None
) -> tuple[str, bool]:
    client: Any = workspace
    model, new = ensure_model(client, wanted, content)
    return model.version, new


def test_versions_are_numbers_and_each_content_has_one() -> None:
    workspace = Workspace()
    other = replace(WANTED, uri="azureml://jobs/other/outputs/model/paths/", job_name="other")
    assert ensure(workspace) == ("1", True)
    assert ensure(workspace) == ("1", False)
    assert ensure(workspace, other) == ("2", True)
    assert ensure(workspace) == ("1", False)
    assert ensure(workspace, replace(WANTED, type="mlflow_model")) == ("3", True)
    # Neither tags nor stage are its content.
    assert ensure(workspace, replace(WANTED, stage="Production", tags={"a": "b"})) == ("1", False)


def test_the_recipe_of_the_content_is_frozen() -> None:
    # Golden: another recipe would register everything anew.
    workspace = Workspace()
    ensure(workspace)
    assert workspace.models[0].properties == {CONTENT: "6af44382da1ad6cb"}


def test_files_of_this_machine_are_found_wherever_the_service_moves_them(content: LocalContent) -> None:
    workspace = Workspace()
    local = replace(WANTED, uri="model.txt", job_name=None)
    assert ensure(workspace, local, content) == ("1", True)
    assert "/ServiceReplicated/guid/LocalUpload/" in workspace.models[0].uri
    assert ensure(workspace, local, content) == ("1", False)
    content.root.write_text("other trees")
    assert ensure(workspace, local, read_content("path", content.root)) == ("2", True)


def test_what_azure_ai_ml_has_registered_is_found(content: LocalContent) -> None:
    workspace = Workspace()
    moved = LONG.replace("/datastores/d/", "/datastores/workspaceblobstore/") + "ServiceReplicated/guid/"
    theirs = Model("iris", "7", "custom_model", f"{moved}LocalUpload/{content.hash}/model.txt")
    workspace.models = [replace(theirs, version="8", uri=f"{LONG}m"), theirs]
    assert ensure(workspace, replace(theirs, version="", uri="model.txt"), content) == ("7", False)
    short = replace(theirs, version="", uri="azureml://datastores/d/paths/m/")
    assert ensure(workspace, short) == ("8", False)
    # At the same place, but of a job: what that job has written is another content.
    assert ensure(workspace, replace(short, job_name="train")) == ("9", True)


@pytest.mark.parametrize("refusal", [400, 409])
def test_who_loses_a_number_takes_the_next_one(refusal: int) -> None:
    workspace = Workspace()
    workspace.refusal = refusal
    theirs = replace(WANTED, uri="https://h/theirs", properties={CONTENT: "theirs"})
    workspace.models = [replace(theirs, version=str(number)) for number in (3, 2, 1)]
    workspace.hidden = 2
    assert ensure(workspace) == ("4", True)
    # What lost its number to the same content is that.
    workspace.hidden = 1
    assert ensure(workspace) == ("4", False)


def test_a_refusal_for_another_reason_is_raised() -> None:
    workspace = Workspace()

    def refuse(model: Model) -> Model:
        raise ResponseError("PUT", 400, message="no")

    workspace.create_model = refuse  # type: ignore[method-assign]
    with pytest.raises(ResponseError, match="no"):
        ensure(workspace)


def test_a_version_that_was_asked_for() -> None:
    workspace = Workspace()
    asked = replace(WANTED, version="v1")
    assert ensure(workspace, asked) == ("v1", True)
    assert ensure(workspace, asked) == ("v1", False)
    with pytest.raises(ConflictError, match="This version exists with another type, job or content"):
        ensure(workspace, replace(asked, uri="https://h/other"))
    # It does not count.
    assert ensure(workspace, replace(WANTED, uri="https://h/other")) == ("1", True)


def test_numbers() -> None:
    assert next_number([]) == 1
    assert next_number([replace(WANTED, version=version) for version in ("2", "10", "v99", "3")]) == 11


def test_what_the_version_cannot_say_is_refused_before_the_upload(
    content: LocalContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_versions, "upload_to_datastore", lambda *args: pytest.fail("it was uploaded"))
    with pytest.raises(InvalidSpecError, match="stage: api-version 2022-10-01 cannot say"):
        ensure(Workspace("2022-10-01"), replace(WANTED, uri="model.txt", stage="Production"), content)
