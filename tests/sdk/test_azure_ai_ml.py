"""Microsoft's own client, azure-ai-ml, unchanged, pointed at the emulator by environment variables.

What the emulator answers is what that client understands, and code that one of the two clients has uploaded
is found by the other.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.operators import AzureMLUploadCodeOperator
from tests.sdk.conftest import Session
from tests.support.emulated import Emulated
from tests.support.tasks import Try

pytestmark = pytest.mark.sdk

ENVIRONMENT = "AzureML-any:1"


@pytest.fixture
def code(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A code folder whose content no other test has, and whose hash is easily got wrong."""
    folder = tmp_path / "src"
    files = {
        "train.py": f"import sys\nprint({request.node.name!r}, *sys.argv[1:])\n",
        "Zoo.txt": "upper case sorts late",
        "a/b/deep.txt": "",
        "a-b.txt": "before the folder of its name",
        "left_out.log": "of no interest",
        ".amlignore": "\ufeff*.log\n",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_the_workspace(session: Session) -> None:
    found = session("workspace")
    assert found["name"] == session.emulated.facts["workspace_name"]
    assert found["computes"] == ["cpu-cluster", "gpu-cluster"]


def test_environments(session: Session, tmp_path: Path) -> None:
    conda = tmp_path / "conda.yml"
    conda.write_text("dependencies:\n- python=3.11\n- pip:\n  - six\n")
    made = session("environment", name="sdk-conda", conda=str(conda))
    assert made["id"].endswith("/environments/sdk-conda/versions/1")
    assert (made["version"], made["image"]) == ("1", "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04")
    assert session("changed_environment", name="sdk-changing") == ["1", "2"]


def test_data_on_the_web(session: Session) -> None:
    found = session("data", name="sdk-web", path="https://example.com/iris.csv")
    assert found == {"path": "https://example.com/iris.csv", "type": "uri_file"}


def test_data_on_this_machine(session: Session, tmp_path: Path) -> None:
    (tmp_path / "iris.csv").write_text("5.1,setosa\n")
    found = session("data", name="sdk-local", path=str(tmp_path / "iris.csv"))
    assert found["path"].endswith("/iris.csv")
    assert "/datastores/workspaceblobstore/paths/LocalUpload/" in found["path"]


def test_a_job_with_local_code_followed_to_its_end(session: Session, code: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    source = (
        "python train.py ${{inputs.rate}} && mkdir -p outputs && echo kept > outputs/model.txt"
        f" && until [ -e {go} ]; do sleep 0.1; done"
    )
    submitted = session("submit", name="sdk-job", code=str(code), source=source, environment=ENVIRONMENT)
    assert submitted["status"] in ("Starting", "Queued", "Running")
    with ThreadPoolExecutor(1) as follower:
        streamed = follower.submit(session, "stream", name="sdk-job")
        while not session.emulated.asked("GET", "/runs/sdk-job/details$") and not streamed.done():
            time.sleep(0.2)
        go.touch()
    assert streamed.result() == {"status": "Completed"}
    assert "Streaming user_logs/std_log.txt" in session.said
    assert "test_a_job_with_local_code_followed_to_its_end 0.1" in session.said
    left = session("download", name="sdk-job", folder=str(tmp_path / "left"))
    assert {"artifacts/user_logs/std_log.txt", "artifacts/outputs/model.txt"} <= set(left)


def test_a_job_that_fails(session: Session, code: Path) -> None:
    session("submit", name="sdk-failing", code=str(code), source="exit 3", environment=ENVIRONMENT)
    ended = session("stream", name="sdk-failing")
    assert ended["status"] == "Failed"
    assert "exited with status code 3" in ended["error"]


def test_a_sweep(session: Session, code: Path) -> None:
    source = "python train.py ${{inputs.rate}}"
    ended = session("sweep", name="sdk-sweep", code=str(code), source=source, environment=ENVIRONMENT)
    assert ended == {"type": "sweep", "status": "Completed"}


def test_a_spark_job(simulated: Session, code: Path) -> None:
    assert simulated("spark_job", name="sdk-spark", code=str(code)) == {
        "type": "spark",
        "status": "Completed",
        "entry": "train.py",
        "executors": "2",
        "runtime": "3.4",
    }


def test_an_automl_job(simulated: Session, tmp_path: Path) -> None:
    (tmp_path / "MLTable").write_text("paths: [{file: ./t.csv}]\ntransformations: [{read_delimited: {}}]\n")
    (tmp_path / "t.csv").write_text("x,y\n1,a\n2,b\n")
    done = simulated("automl_job", name="sdk-automl", table=str(tmp_path))
    assert done.pop("best") in ("sdk-automl_0", "sdk-automl_1", "sdk-automl_2")
    assert done == {
        "type": "automl",
        "status": "Completed",
        "task": "Classification",
        "metric": "Accuracy",
        "trials": 3,
        "children": ["sdk-automl_0", "sdk-automl_1", "sdk-automl_2"],
    }


COMPONENTS = {
    "prepare.yml": """
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: sdk_prepare
version: "1"
display_name: Prepare
inputs:
  raw: {type: uri_file}
  upper: {type: boolean, optional: true}
outputs:
  words: {type: uri_folder}
code: ./src
environment: azureml:ENVIRONMENT
command: >-
  until [ -e FOLDER/go ]; do sleep 0.1; done;
  python prepare.py ${{inputs.raw}} ${{outputs.words}} $[[--upper ${{inputs.upper}}]]
""",
    "count.yml": """
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: sdk_count
inputs:
  words: {type: uri_folder}
  least: {type: integer, default: 1}
outputs:
  counts: {type: uri_folder}
environment: azureml:ENVIRONMENT
command: >-
  wc -w < ${{inputs.words}}/words.txt > ${{outputs.counts}}/count.txt && echo least ${{inputs.least}}
  && cat ${{inputs.words}}/words.txt
""",
    "pipeline.yml": """
$schema: https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json
type: pipeline
experiment_name: sdk
inputs:
  text: {type: uri_file, path: ./text.txt}
  least: 2
outputs:
  counts: {type: uri_folder}
settings:
  default_compute: azureml:cpu-cluster
jobs:
  prepare:
    type: command
    component: ./prepare.yml
    inputs:
      raw: ${{parent.inputs.text}}
      upper: true
  count:
    type: command
    component: ./count.yml
    inputs:
      words: ${{parent.jobs.prepare.outputs.words}}
      least: ${{parent.inputs.least}}
    outputs:
      counts: ${{parent.outputs.counts}}
""",
    "src/prepare.py": """
import sys
text = open(sys.argv[1]).read()
open(sys.argv[2] + "/words.txt", "w").write(text.upper() if "--upper" in sys.argv else text)
""",
    "text.txt": "one two three\n",
}


@pytest.fixture
def components(tmp_path: Path) -> Path:
    """A folder with two components, their code and data, and a pipeline of both."""
    for name, content in COMPONENTS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        content = content.lstrip().replace("ENVIRONMENT", ENVIRONMENT).replace("FOLDER", str(tmp_path))
        (tmp_path / name).write_text(content)
    return tmp_path


def test_a_component(session: Session, components: Path) -> None:
    made = session("component", path=str(components / "prepare.yml"))
    assert made["versions"] == ["1", "1", "1"]
    assert made["command"].endswith("$[[--upper ${{inputs.upper}}]]")
    assert "sdk_prepare" in made["listed"]
    numbered = session("component", path=str(components / "count.yml"))
    assert numbered["versions"] == ["1", "1", "1"]


def test_a_pipeline_of_local_components(session: Session, components: Path, tmp_path: Path) -> None:
    path = str(components / "pipeline.yml")
    made = session("pipeline", name="sdk-pipeline", path=path)
    assert made["type"] == "pipeline"
    assert all("azureml_anonymous" in name for name in made["components"].values())
    with ThreadPoolExecutor(1) as follower:
        streamed = follower.submit(session, "stream", name="sdk-pipeline")
        while not session.emulated.asked("GET", "/runs/sdk-pipeline/details$") and not streamed.done():
            time.sleep(0.2)
        (tmp_path / "go").touch()
    assert streamed.result() == {"status": "Completed"}
    assert "Streaming logs/azureml/executionlogs.txt" in session.said
    steps = session("steps", name="sdk-pipeline")
    assert {name: step["status"] for name, step in steps.items()} == {
        "prepare": "Completed",
        "count": "Completed",
    }
    assert {step["type"] for step in steps.values()} == {"base"}, "a run without a job of its own"
    folder = str(tmp_path / "counts")
    counts = session("download_output", name=steps["count"]["name"], output="counts", folder=folder)
    assert {name.rpartition("/")[2]: text.strip() for name, text in counts.items()} == {"count.txt": "3"}
    left = session("download", name=steps["count"]["name"], folder=str(tmp_path / "left"))
    assert "artifacts/user_logs/std_log.txt" in left
    said = (tmp_path / "left" / "artifacts" / "user_logs" / "std_log.txt").read_text()
    assert said == "least 2\nONE TWO THREE\n"
    # The same again: its nodes are reused, and downloads lead to the first run's.
    session("pipeline", name="sdk-pipeline-again", path=path)
    session("stream", name="sdk-pipeline-again")
    again = session("steps", name="sdk-pipeline-again")
    assert {name: step["reused"] for name, step in again.items()} == {"prepare": "true", "count": "true"}
    same = session("download", name=again["count"]["name"], folder=str(tmp_path / "again"))
    assert "artifacts/user_logs/std_log.txt" in same


def test_a_cancel(session: Session, code: Path) -> None:
    session("submit", name="sdk-long", code=str(code), source="sleep 300", environment=ENVIRONMENT)
    assert session("cancel", name="sdk-long") == "Canceled"
    assert ["sdk-long", "Canceled"] in session("listed")


def test_a_job_that_runs_as_its_user(session: Session) -> None:
    ended = session("user_identity", name="sdk-user", environment=ENVIRONMENT)
    assert ended == {"status": "Completed", "identity": "UserIdentityConfiguration"}


def test_a_signature_for_transfers(session: Session) -> None:
    assert session("datastore_secrets") == ["sasToken", "secretsType"]


def test_what_is_not_emulated_is_refused_as_that(session: Session) -> None:
    refused = session("not_emulated")
    assert refused == {"import": [501, "NotImplemented"]}
    assert all(":443" not in name for name in session.proxy.asked), "names of this cloud lead to the emulator"


def test_a_job_that_there_is_not(session: Session) -> None:
    assert session("missing") == 404


# Assets of a registry

REGISTRY = "azureml://registries/emulator-registry"


def test_a_registry_that_there_is_not(session: Session) -> None:
    status, said = session("unknown_registry", name="nobodys")
    assert status == 403
    assert "User/tenant/subscription is not allowed to access registry nobodys" in said


def test_an_environment_of_a_registry(session: Session) -> None:
    made = session("shared_environment", registry="emulator-registry", name="sdk-shared")
    assert made == {
        "id": f"{REGISTRY}/environments/sdk-shared/versions/1",
        "image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
        "listed": ["1"],
    }


def test_a_model_of_a_registry(session: Session, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("weights")
    path = str(tmp_path / "model.txt")
    made = session("shared_model", registry="emulator-registry", name="sdk-model", path=path)
    model_id = f"{REGISTRY}/models/sdk-model/versions/1"
    assert made == {"id": model_id, "type": "custom_model", "file": "model.txt"}


def test_a_pipeline_of_a_registrys_assets(session: Session, components: Path, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    registry = "emulator-registry"
    session("shared_environment", registry=registry, name="sdk-tools")
    environment = f"{REGISTRY}/environments/sdk-tools/versions/1"
    made = {}
    for name in ("prepare", "count"):
        path = str(components / f"{name}.yml")
        made[name] = session("shared_component", registry=registry, path=path, environment=environment)
    text = session("shared_data", registry=registry, name="sdk-text", path=str(tmp_path / "text.txt"))
    assert made["prepare"]["id"] == f"{REGISTRY}/components/sdk_prepare/versions/1"
    assert made["prepare"]["code"].startswith(f"{REGISTRY}/codes/")
    assert made["count"]["listed"] == ["sdk_count", "sdk_prepare"]
    assert text["id"] == f"{REGISTRY}/data/sdk-text/versions/1"
    pipeline = (components / "pipeline.yml").read_text()
    for name, asset in (("prepare", "sdk_prepare"), ("count", "sdk_count")):
        pipeline = pipeline.replace(f"./{name}.yml", f"{REGISTRY}/components/{asset}/versions/1")
    (components / "pipeline.yml").write_text(pipeline.replace("./text.txt", text["id"]))
    session("pipeline", name="sdk-of-registry", path=str(components / "pipeline.yml"))
    assert session("stream", name="sdk-of-registry") == {"status": "Completed"}


# Code that the other client has uploaded


def uploads(emulated: Emulated, since: int) -> list[dict[str, Any]]:
    return emulated.asked("POST", "/startPendingUpload$", since=since)


def upload_with_ours(code: Path) -> str:
    task = AzureMLUploadCodeOperator(task_id="upload", path=str(code))
    return str(Try(task).execute()["id"])


@pytest.fixture
def connected(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", session.emulated.connection_uri())


@pytest.mark.usefixtures("connected")
def test_code_of_the_sdk_is_found_by_ours(session: Session, code: Path) -> None:
    submitted = session("submit", name="sdk-first", code=str(code), source="true", environment=ENVIRONMENT)
    mark = session.emulated.mark()
    assert upload_with_ours(code) == submitted["code"]
    assert uploads(session.emulated, mark) == []
    (code / "train.py").write_text("print('changed')")
    assert upload_with_ours(code) != submitted["code"]
    assert len(uploads(session.emulated, mark)) == 1


@pytest.mark.usefixtures("connected")
def test_code_of_ours_is_found_by_the_sdk(session: Session, code: Path) -> None:
    ours = upload_with_ours(code)
    mark = session.emulated.mark()
    submitted = session("submit", name="ours-first", code=str(code), source="true", environment=ENVIRONMENT)
    assert submitted["code"] == ours
    assert uploads(session.emulated, mark) == []
    assert session("stream", name="ours-first") == {"status": "Completed"}
    with AzureMLHook().client() as client:
        assert client.get_job("ours-first").status == "Completed"
