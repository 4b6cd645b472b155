"""Files of runs and of models, by run history and the artifacts' service."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.emulator.running import Running

RUN = "experiments/any/runs/files/artifacts"


def service(emulator: Running, method: str, place: str, body: Any = None, **query: str) -> httpx.Response:
    url = f"/artifact/v2.0{emulator.workspace}/artifacts/{place}"
    return emulator.http.request(method, url, json=body, params=query)


def of_run(emulator: Running, place: str = "", **query: str) -> httpx.Response:
    return emulator.http.get(f"/history/v1.0{emulator.workspace}/{RUN}{place}", params=query)


def write(emulator: Running, answer: httpx.Response, content: str) -> None:
    """Write to the URLs that an answer has handed out."""
    for place in answer.json()["artifactContentInformation"].values():
        headers = {"Authorization": "", "x-ms-blob-type": "BlockBlob"}
        assert emulator.http.put(place["contentUri"], content=content, headers=headers).status_code == 201


@pytest.fixture(scope="module")
def files(storing_emulator: Running) -> Running:
    """The emulator with a run ``files``, and two files of it."""
    emulator = storing_emulator
    emulator.put("jobs/files", emulator.command_job(computeId=None))
    body = {"paths": [{"path": "model/MLmodel"}, {"path": "model/data/w"}]}
    answer = emulator.history("POST", f"{RUN}/batch/metadata", body)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()["artifacts"]) == {"model/MLmodel", "model/data/w"}
    write(emulator, answer, "flavors: {}")
    return emulator


def paths(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [
        artifact["path"]
        for artifact in answer.json()["value"]
        if not artifact["path"].startswith("user_logs/")
    ]


def test_files_of_a_run(files: Running) -> None:
    assert paths(of_run(files)) == ["model/MLmodel", "model/data/w"]
    assert paths(of_run(files, "/path", path="model/data")) == ["model/data/w"]
    assert paths(of_run(files, "/path", path="mod")) == []
    found = of_run(files, "/prefix/contentinfo", path="model")
    assert paths(found) == ["model/MLmodel", "model/data/w"]
    url = found.json()["value"][0]["contentUri"]
    assert files.http.get(url, headers={"Authorization": ""}).text == "flavors: {}"
    one = of_run(files, "/contentinfo", path="model/MLmodel").json()
    assert (one["origin"], one["container"]) == ("ExperimentRun", "dcid.files")
    assert of_run(files, "/contentinfo", path="model").status_code == 404
    assert paths(service(files, "GET", "ExperimentRun/dcid.files")) == ["model/MLmodel", "model/data/w"]
    assert service(files, "GET", "ExperimentRun/dcid.none").status_code == 404


def test_a_model_of_them_is_registered_and_found_again(files: Running) -> None:
    """As Microsoft's plugin does it: the files, the model, its files."""
    files.put("models/of-files/versions/1", {"modelUri": "runs:/files/model", "modelType": "mlflow_model"})
    query = {"name": "of-files", "version": "1"}
    uri = files.mlflow("model-versions/get-download-uri", **query).json()["artifact_uri"]
    assert uri == "azureml://artifacts/ExperimentRun/dcid.files/model"
    assert paths(service(files, "GET", "ExperimentRun/dcid.files", path="model"))


def test_files_beside_the_runs(files: Running) -> None:
    """A local folder that MLflow registers is uploaded beside the runs."""
    body = {"paths": [{"path": "local/MLmodel"}]}
    write(files, service(files, "POST", "LocalUpload/261130T120000-ab/batch/metadata", body), "x")
    files.mlflow("registered-models/create", {"name": "local"})
    source = {"name": "local", "source": "azureml://artifacts/LocalUpload/261130T120000-ab/local"}
    made = files.mlflow("model-versions/create", source)
    assert made.status_code == 200, made.text
    uri = files.mlflow("model-versions/get-download-uri", name="local", version="1").json()["artifact_uri"]
    assert uri == source["source"]
    assert paths(service(files, "GET", "LocalUpload/261130T120000-ab")) == ["local/MLmodel"]


def test_files_of_a_datastore(files: Running) -> None:
    """What a client has uploaded for Resource Manager, MLflow downloads too."""
    command = "echo w > ${{outputs.m}}/w"
    output = {"jobOutputType": "mlflow_model", "assetName": "of-store"}
    files.put("jobs/stores", files.command_job(command=command, computeId=None, outputs={"m": output}))
    assert files.wait_for("stores", "Completed", "Failed") == "Completed"
    uri = files.mlflow("model-versions/get-download-uri", name="of-store", version="1").json()["artifact_uri"]
    assert uri == "azureml://artifacts/workspaceblobstore/azureml/stores/m"
    _, _, _, origin, container, path = uri.split("/", 5)
    assert paths(service(files, "GET", f"{origin}/{container}", path=path)) == ["stores/m/w"]
    copied = files.mlflow("model-versions/create", {"name": "of-store", "source": uri}).json()
    assert copied["model_version"]["source"].endswith("/workspaceblobstore/paths/azureml/stores/m")


@pytest.mark.parametrize("path", ["../other/f", "/f", ""])
def test_paths_stay_in_their_folder(files: Running, path: str) -> None:
    assert files.history("POST", f"{RUN}/batch/metadata", {"paths": [{"path": path}]}).status_code == 400


def test_a_jobs_token_is_good_for_its_own_files_only(emulator: Running) -> None:
    assert emulator.history("GET", "runs/none/artifacts").status_code == 404
    emulator.put("jobs/no-files", emulator.command_job())
    assert paths(emulator.history("GET", "runs/no-files/artifacts")) == []
