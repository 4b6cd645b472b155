from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.assets.model_files import (
    is_local,
    read_files,
    read_members,
    read_model_file,
)
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.documents import read_document

GIVEN = {"name": "iris", "path": "model.txt"}


def test_all_members(tmp_path: Path) -> None:
    file = tmp_path / "model.yml"
    file.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json\n"
        "name: iris\nversion: 3\npath: azureml://jobs/train/outputs/model/paths/\ntype: mlflow_model\n"
        "description: what\ntags: {team: ml, n: 1}\nproperties: {made: by hand}\nstage: Production\n"
        "flavors: {sklearn: {sklearn_version: 1.5}}\n"
    )
    assert read_model_file(read_document("model", file, tmp_path)) == Model(
        "iris",
        "3",
        "mlflow_model",
        "azureml://jobs/train/outputs/model/paths/",
        "what",
        {"team": "ml", "n": "1"},
        {"made": "by hand"},
        "Production",
        {"sklearn": {"sklearn_version": "1.5"}},
        "train",
    )


def test_a_mistake_is_said_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "model.yml"
    file.write_text("name: iris\npath: x\nstag: Production\n")
    with pytest.raises(InvalidSpecError, match=r"model.yml, line 3, stag: unknown key 'stag'; .* 'stage'"):
        read_model_file(read_document("model", file, tmp_path))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"name": None}, "name: '' is not a valid name"),
        ({"name": "a b"}, "name: 'a b' is not a valid name"),
        ({"path": ""}, "path: it is missing"),
        ({"type": "onnx"}, "type: 'onnx' is not one of: custom_model, mlflow_model, triton_model"),
        ({"version": "1/2"}, "version: '1/2' is not a valid version"),
        ({"flavors": {"sklearn": {"a": []}}}, r"flavors.sklearn.a: \[\] must be text or a number"),
        ({"flavors": "sklearn"}, "flavors: 'sklearn'"),
    ],
)
def test_mistakes(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=f"^{problem}"):
        read_members(GIVEN | given)


@pytest.mark.parametrize(
    ("path", "run"),
    [
        ("runs:/train_3/model", "train_3"),
        ("azureml://jobs/train/outputs/artifacts/paths/model/", "train"),
        ("azureml://datastores/d/paths/jobs/x", None),
        ("jobs/x", None),
    ],
)
def test_the_job_that_wrote_it(path: str, run: str | None) -> None:
    model = read_members(GIVEN | {"path": path})
    assert (model.job_name, is_local(model)) == (run, path == "jobs/x")


@pytest.mark.parametrize("path", ["azureml:job:output", "mlflow-model://x", "ftp://h/x"])
def test_a_uri_that_no_model_can_have(path: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpecError, match=r"^path: .* must be local, runs:/<run>/<path>, or one of"):
        read_files(read_members(GIVEN | {"path": path}), tmp_path)


def test_local_files_fit_the_type(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.txt").touch()

    def read(path: str, type_: str) -> Any:
        return read_files(read_members(GIVEN | {"path": path, "type": type_}), tmp_path)

    with pytest.raises(InvalidSpecError, match=r"^type: 'mlflow_model' is a folder with a file 'MLmodel'"):
        read("model", "mlflow_model")
    with pytest.raises(InvalidSpecError, match=r"^type: 'triton_model' is a folder, which 'model/model.txt'"):
        read("model/model.txt", "triton_model")
    (tmp_path / "model" / "MLmodel").touch()
    assert read("model", "mlflow_model").is_folder
    assert not read("model/model.txt", "custom_model").is_folder
    assert read("azureml://datastores/d/paths/model", "mlflow_model") is None
