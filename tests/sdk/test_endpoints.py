"""azure-ai-ml, unchanged, deploys to endpoints of both kinds of the emulator, asks them, and deletes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sdk.conftest import PYTHON, Session
from tests.support.emulated import Emulated
from tools.proxy import LoopbackProxy

pytestmark = pytest.mark.sdk

ENVIRONMENT = "AzureML-any:1"


@pytest.fixture(scope="module")
def session(training_emulator: Emulated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Operations on endpoints and deployments take no time, besides what a process needs."""
    assert PYTHON.exists(), "make test-sdk makes the environment of azure-ai-ml"
    folder = tmp_path_factory.mktemp("endpoints")
    with LoopbackProxy() as proxy, training_emulator.setting("operation_seconds", 0):
        yield Session(training_emulator, proxy, folder, "endpoints.py")


SCORE = """
import json, os, pathlib

def init():
    global weight
    model = pathlib.Path(os.environ["AZUREML_MODEL_DIR"], "weights", "weight.txt")
    weight = int(model.read_text())
    print("init of", os.environ["WHO"])

def run(data):
    return {"who": os.environ["WHO"], "product": weight * json.loads(data)["x"]}
"""


@pytest.fixture
def scoring(tmp_path: Path) -> dict[str, str]:
    """Local code, a local model, and a request."""
    files = {"src/score.py": SCORE, "weights/weight.txt": "3", "request.json": '{"x": 2}'}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    return {"code": str(tmp_path / "src"), "model": str(tmp_path / "weights"), "environment": ENVIRONMENT}


def test_an_online_endpoint_that_serves(session: Session, scoring: dict[str, str], tmp_path: Path) -> None:
    request = str(tmp_path / "request.json")
    made = session("endpoint", name="sdk-shop", tags={"a": "1"})
    assert made["scoring_uri"].endswith("/inference/sdk-shop/score")
    assert (made["state"], made["listed"], made["tags"]) == ("Succeeded", ["sdk-shop"], {"a": "1"})
    for name in ("blue", "green"):
        deployed = session("deployment", endpoint="sdk-shop", name=name, **scoring)
        assert deployed["state"] == "Succeeded", deployed
    assert (deployed["instances"], deployed["listed"]) == (1, ["blue", "green"])
    shares = {"blue": 100, "green": 0}
    set_to = session("traffic", endpoint="sdk-shop", shares=shares, mirror={})
    assert set_to == {"traffic": shares, "mirror": {}}
    assert session("invoke", endpoint="sdk-shop", request=request) == {"who": "blue", "product": 6}
    named = session("invoke", endpoint="sdk-shop", request=request, deployment="green")
    assert named["who"] == "green"
    mirrored = session("traffic", endpoint="sdk-shop", shares={"blue": 100}, mirror={"green": 10})
    assert mirrored["mirror"] == {"green": 10}
    assert session("scale", endpoint="sdk-shop", name="green") == 2
    assert "init of green" in session("container_logs", endpoint="sdk-shop", name="green")
    # Recorded: the operation of new keys is not found. The key is another one all the same.
    assert session("keys", endpoint="sdk-shop") == {
        "status": 404,
        "primary": True,
        "secondary": False,
    }
    assert session("delete_deployment", endpoint="sdk-shop", name="blue") == {"refused": 400}
    session("traffic", endpoint="sdk-shop", shares={"blue": 100}, mirror={})
    assert session("delete_deployment", endpoint="sdk-shop", name="green") == {"left": ["blue"]}
    assert session("delete_endpoint", name="sdk-shop") == []


def test_a_deployment_whose_init_fails(session: Session, scoring: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "src" / "score.py").write_text(SCORE.replace("weight = int(", "weight = undefined("))
    session("endpoint", name="sdk-broken")
    failed = session("deployment", endpoint="sdk-broken", name="blue", **scoring)
    assert failed["state"] == "Failed"
    assert "(None) ResourceNotReady: User container has crashed or terminated." in failed["error"]
    said = session("container_logs", endpoint="sdk-broken", name="blue")
    assert "name 'undefined' is not defined" in said
    assert session("delete_endpoint", name="sdk-broken") == []


BATCH_SCORE = """
import os, pathlib

def init():
    global weight
    weight = int(pathlib.Path(os.environ["AZUREML_MODEL_DIR"], "weights", "weight.txt").read_text())

def run(mini_batch):
    return [f"{weight * int(pathlib.Path(path).read_text())}" for path in mini_batch]
"""
PIPELINE = """
$schema: https://azuremlschemas.azureedge.net/latest/pipelineComponent.schema.json
name: sdk_batch_pipeline
version: "1"
type: pipeline
inputs:
  word: {type: string}
outputs:
  score: {type: uri_folder}
jobs:
  write:
    type: command
    inputs: {word: "${{parent.inputs.word}}"}
    outputs: {said: "${{parent.outputs.score}}"}
    component:
      type: command
      environment: azureml:ENVIRONMENT
      command: echo ${{inputs.word}} > ${{outputs.said}}/predictions.csv
      inputs: {word: {type: string}}
      outputs: {said: {type: uri_folder}}
"""


def test_a_batch_endpoint_that_scores(session: Session, scoring: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "src" / "score.py").write_text(BATCH_SCORE)
    (tmp_path / "data").mkdir()
    for number in (1, 2, 3):
        (tmp_path / "data" / f"{number}.txt").write_text(str(number))
    out = "azureml://datastores/workspaceblobstore/paths/sdk-batch/predictions.csv"
    assert session("batch_endpoint", name="sdk-night")["listed"] == ["sdk-night"]
    deployed = session("batch_deployment", endpoint="sdk-night", name="first", **scoring)
    assert deployed == {"mini_batch_size": 2, "listed": ["first"]}
    made = session("batch_endpoint", name="sdk-night", default="first")
    assert made["default"] == "first"
    assert made["scoring_uri"].endswith("/batch/sdk-night/jobs")
    scored = session("batch_invoke", endpoint="sdk-night", data=str(tmp_path / "data"), output=out)
    name = scored.pop("name")
    assert scored == {
        "status": "Completed",
        "type": "pipeline",
        "tag": "first",
        "listed": [name],
        "children": ["batchscoring"],
        "among_jobs": True,
    }
    [rows] = session("written", uri=out, folder=str(tmp_path / "scored"))
    assert sorted(rows.split()) == ["3", "6", "9"]


def test_a_batch_endpoint_that_runs_a_pipeline(session: Session, tmp_path: Path) -> None:
    (tmp_path / "pipeline.yml").write_text(PIPELINE.replace("ENVIRONMENT", ENVIRONMENT))
    session("batch_endpoint", name="sdk-words")
    component = str(tmp_path / "pipeline.yml")
    assert session("batch_pipeline", endpoint="sdk-words", name="said", component=component) == ["said"]
    out = "azureml://datastores/workspaceblobstore/paths/sdk-words/"
    values = {"word": "hello"}
    done = session("batch_invoke", endpoint="sdk-words", deployment="said", values=values, output=out)
    assert (done["status"], done["tag"]) == ("Completed", "said")
    assert session("written", uri=out, folder=str(tmp_path / "said")) == ["hello\n"]
    gone = session("delete_batch", endpoint="sdk-words", name="said")
    assert gone["left"] == []
    assert "sdk-words" not in gone["endpoints"]
