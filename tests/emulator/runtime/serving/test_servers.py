"""Which server a deployment's process is; in environments from the index, Microsoft's and MLflow's own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.runtime.environments import Interpreter
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.serving.servers import MICROSOFTS, server_of
from tests.emulator.online import (
    deployment_body,
    make_endpoint,
    operation,
    put,
    score,
    serving_body,
    upload,
)
from tests.emulator.running import Running

HOST = Interpreter(Path(sys.prefix))


def prefix(folder: Path, *packages: str) -> Interpreter:
    for package in packages:
        (folder / "lib" / "python3.12" / "site-packages" / package).mkdir(parents=True)
    return Interpreter(folder)


def test_microsofts_server_is_taken_where_it_is_installed(tmp_path: Path) -> None:
    code, model = tmp_path / "code", tmp_path / "models" / "m" / "1" / "files"
    with_it = server_of(prefix(tmp_path, MICROSOFTS), code, "score.py", model)
    assert with_it.command(5)[1:] == [
        *(with_it.command(5)[1], "--entry_script", str(code / "score.py"), "--port", "5")
    ]
    assert with_it.command(5)[1].endswith("microsofts_server.py")
    assert with_it.variables["AZUREML_MODEL_DIR"] == str(model.parent)
    without = server_of(prefix(tmp_path / "other", "flask"), code, "score.py", None)
    assert without.command(5)[1].endswith("scoring_server.py")
    assert "AZUREML_MODEL_DIR" not in without.variables


def test_a_model_of_mlflow_is_served_without_code(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").touch()
    server = server_of(HOST, None, None, tmp_path)
    assert (server.speaks, server.health) == ("mlflow", "/ping")
    assert "127.0.0.1" in server.command(7)


def test_what_is_neither_says_so(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="no file MLmodel"):
        server_of(HOST, None, None, tmp_path)


CONDA = "dependencies: [{{pip: [{}]}}]".format
SCRIPT = """
import json, os

def init():
    print("init with", sorted(os.listdir(os.environ["AZUREML_MODEL_DIR"])))

def run(data):
    return {"sum": sum(json.loads(data)["x"])}
"""


@pytest.mark.demo
def test_microsofts_server(tmp_path: Path) -> None:
    running = Running(tmp_path / "data", "--runtime", "venv")
    try:
        running.admin("PATCH", "settings", {"operation_seconds": 0})
        make_endpoint(running, "real")
        path = "onlineEndpoints/real/deployments/blue"
        environment = {"image": "img", "condaFile": CONDA("azureml-inference-server-http")}
        running.put("environments/inference/versions/1", environment)
        body = serving_body(running, "blue-code", SCRIPT, environmentId="azureml:inference:1")
        ended = operation(running, put(running, path, body))
        said = running.ml("POST", f"{path}/getLogs").json()["content"]
        assert ended["status"] == "Succeeded", said
        assert "Azure ML Inferencing HTTP server v" in said
        assert "init with ['weights.txt']" in said
        answer = score(running, "real", {"x": [1, 2]}, azureml_model_deployment="blue")
        assert answer.json() == {"sum": 3}
        failing = serving_body(
            running,
            "bad-code",
            SCRIPT.replace("os.environ", "os.nothing"),
            environmentId="azureml:inference:1",
        )
        ended = operation(running, put(running, path, failing))
        assert ended["error"]["message"].startswith("ResourceNotReady")
        assert "has no attribute 'nothing'" in running.ml("POST", f"{path}/getLogs").json()["content"]
    finally:
        assert running.stop() == 0


PYFUNC = """
import mlflow, sys

class Doubler(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input["a"] * 2).tolist()

mlflow.pyfunc.save_model(sys.argv[1], python_model=Doubler(), pip_requirements=["mlflow", "pandas"])
"""


@pytest.mark.demo
def test_mlflows_server(tmp_path: Path) -> None:
    running = Running(tmp_path / "data", "--runtime", "venv")
    try:
        running.admin("PATCH", "settings", {"operation_seconds": 0})
        # The model is made by a job, in the same environment as it is served in.
        running.put("environments/mlflow/versions/1", {"image": "img", "condaFile": CONDA("mlflow, pandas")})
        code = upload(running, "code/make", {"make.py": PYFUNC})
        running.put("codes/make/versions/1", {"codeUri": code})
        job: dict[str, Any] = running.command_job(
            command="python make.py ${{outputs.model}}/doubler",
            codeId=f"{running.workspace}/codes/make/versions/1",
            environmentId=f"{running.workspace}/environments/mlflow/versions/1",
            outputs={"model": {"jobOutputType": "uri_folder"}},
        )
        running.put("jobs/make", job)
        assert running.wait_for("make", "Completed", "Failed") == "Completed"
        uri = "azureml://jobs/make/outputs/model/paths/doubler"
        running.put("models/doubler/versions/1", {"modelUri": uri, "modelType": "mlflow_model"})
        make_endpoint(running, "real")
        path = "onlineEndpoints/real/deployments/blue"
        model = f"{running.workspace}/models/doubler/versions/1"
        body = deployment_body(running, codeConfiguration=None, model=model, environmentId="azureml:mlflow:1")
        ended = operation(running, put(running, path, body))
        assert ended["status"] == "Succeeded", running.ml("POST", f"{path}/getLogs").json()["content"]
        asked = {"input_data": {"columns": ["a"], "index": [0, 1], "data": [[1], [4]]}}
        answer = score(running, "real", asked, azureml_model_deployment="blue")
        assert json.loads(answer.text) == {"predictions": [2, 8]}
    finally:
        assert running.stop() == 0
