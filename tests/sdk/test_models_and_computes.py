"""azure-ai-ml, unchanged, with models and computes of the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sdk.conftest import PYTHON, Session
from tests.support.emulated import Emulated
from tools.proxy import LoopbackProxy

pytestmark = pytest.mark.sdk


@pytest.fixture(scope="module")
def session(training_emulator: Emulated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Operations on computes take no time: the client asks again after 30 seconds."""
    assert PYTHON.exists(), "make test-sdk makes the environment of azure-ai-ml"
    folder = tmp_path_factory.mktemp("models")
    with LoopbackProxy() as proxy, training_emulator.setting("compute_seconds", 0):
        yield Session(training_emulator, proxy, folder, "models_and_computes.py")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The local folder of a model."""
    folder = tmp_path / "weights"
    for name, content in {"w.txt": "1 2 3", "deep/more.txt": "4"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_versions_of_a_model(session: Session, weights: Path, tmp_path: Path) -> None:
    found = session("models", name="sdk-weights", path=str(weights), folder=str(tmp_path / "left"))
    assert "/datastores/workspaceblobstore/paths/LocalUpload/" in found.pop("path")
    assert found == {
        "versions": ["1", "2", "2"],
        "latest": ["Production", "the better one", {"a": "1"}],
        "shown": ["2"],
        "archived": ["1"],
        "restored": ["1", "2"],
        "in_stage": ["2"],
        "downloaded": {"sdk-weights/weights/deep/more.txt": "4", "sdk-weights/weights/w.txt": "1 2 3"},
    }


def test_a_model_archived_as_a_whole(session: Session, weights: Path) -> None:
    found = session("archived_models", name="sdk-archived", path=str(weights))
    assert found == [["sdk-archived"], [], ["sdk-archived"]]


def test_a_model_of_a_job(session: Session, weights: Path) -> None:
    source = "mkdir -p outputs && echo trained > outputs/model.txt"
    session("submit", name="sdk-trains", code=str(weights), source=source, environment="AzureML-any:1")
    session("stream", name="sdk-trains")
    made = session("job_model", name="sdk-trained", job="sdk-trains", output="artifacts")
    assert made["job"] == "sdk-trains"
    assert made["path"].endswith("/workspaceartifactstore/paths/ExperimentRun/dcid.sdk-trains/outputs/")


def test_a_model_of_mlflow(session: Session, tmp_path: Path) -> None:
    flavors = {
        "sklearn": {"sklearn_version": "1.5.0"},
        "python_function": {"loader_module": "mlflow.sklearn"},
    }
    (tmp_path / "MLmodel").write_text("flavors: {sklearn: {}}")
    made = session("mlflow_model", name="sdk-mlflow", path=str(tmp_path), flavors=flavors)
    assert made == {"type": "mlflow_model", "flavors": flavors}


def test_a_model_that_there_is_not(session: Session) -> None:
    missing, empty = session("missing_model", name="sdk-none")
    assert missing[0] == 404
    assert empty[0] == 400
    assert "ModelAssetPathNotFoundInStorage" in empty[1]


def test_a_promotion(session: Session, weights: Path) -> None:
    session("archived_models", name="sdk-promoted", path=str(weights))
    found = session("share_model", registry="emulator-registry", name="sdk-promoted", version="1")
    assert [entry["status"] for entry in session.emulated.asked("POST", ".*/import$")] == [202]
    assert found["id"] == "azureml://registries/emulator-registry/models/sdk-promoted-shared/versions/5"
    assert found["path"].startswith(session.emulated.facts["blob_endpoint"])
    assert found["path"].endswith("/weights")


def test_a_cluster(session: Session) -> None:
    found = session("cluster", name="sdk-cluster")
    assert found.pop("gone") == "Operation returned an invalid status 'Not Found'"
    assert found == {
        "made": ["STANDARD_DS3_V2", "low_priority", "Succeeded", {"a": "1"}],
        "scaled": [1, 4, 200.0],
        "nodes": ["idle"],
        "shown": [[name, "amlcompute"] for name in ("cpu-cluster", "gpu-cluster", "sdk-cluster")],
    }


def test_an_instance(session: Session) -> None:
    found = session("instance", name="sdk-instance")
    assert found.pop("refused").startswith("(StartComputeInstanceOnlyAllowedInStoppedState)")
    assert found == {
        "states": ["Running", "Stopped", "Running", "Running"],
        "last": ["Start", "StartFailed"],
        "gone": "Operation returned an invalid status 'Not Found'",
    }
