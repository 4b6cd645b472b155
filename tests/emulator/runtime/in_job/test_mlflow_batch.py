"""Batch scoring by an MLflow model: its lines; and for real, in an environment from the package index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.runtime.in_job import mlflow_batch
from tests.emulator.batch import endpoint_body, put, started, step_log, text_at
from tests.emulator.online import upload
from tests.emulator.running import Running


class Model:
    """Predicts how long a file's name is, once for each of two rows."""

    def predict(self, table: Any) -> Any:
        return [len(table), len(table) + 1]


def test_a_line_per_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_batch, "model", Model())
    monkeypatch.setattr(mlflow_batch, "_table", lambda path: path.name)
    assert mlflow_batch.run(["/in/a.csv"]) == ["0,5,a.csv", "1,6,a.csv"]


def test_files_of_other_kinds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", object())
    with pytest.raises(ValueError, match=r"picture\.png is neither"):
        mlflow_batch._table(Path("picture.png"))


PYFUNC = """
import mlflow, sys

class Doubler(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input["a"] * 2).tolist()

mlflow.pyfunc.save_model(sys.argv[1], python_model=Doubler(), pip_requirements=["mlflow", "pandas"])
"""
CONDA = "dependencies: [{pip: [mlflow, pandas]}]"


@pytest.mark.demo
def test_an_mlflow_model_scores_without_code(tmp_path: Path) -> None:
    running = Running(tmp_path / "data", "--runtime", "venv")
    try:
        running.admin("PATCH", "settings", {"operation_seconds": 0})
        running.put("environments/mlflow/versions/1", {"image": "img", "condaFile": CONDA})
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
        put(running, "batchEndpoints/night", endpoint_body())
        model = {"referenceType": "Id", "assetId": f"{running.workspace}/models/doubler/versions/1"}
        properties = {"compute": f"{running.workspace}/computes/cpu-cluster", "model": model}
        body = {"location": "eastus", "properties": properties}
        put(running, "batchEndpoints/night/deployments/only", body)
        put(running, "batchEndpoints/night", endpoint_body("only"))
        rows = upload(running, "batch/rows", {"rows.csv": "a\n1\n4\n"})
        out = "azureml://datastores/workspaceblobstore/paths/batch/scored/predictions.csv"
        outputs = {"score": {"jobOutputType": "UriFile", "uri": out}}
        name = started(
            running, "night", {"in": {"jobInputType": "UriFolder", "uri": rows}}, outputData=outputs
        )
        assert running.wait_for(name, "Completed", "Failed") == "Completed", step_log(running, name)
        assert text_at(running, out) == "0,2,rows.csv\n1,8,rows.csv\n"
    finally:
        assert running.stop() == 0
