"""MLflow's model registry and Resource Manager's models: the same, whoever registers and changes them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.emulator.running import Running

URI = "azureml://datastores/workspaceblobstore/paths/m"


def call(emulator: Running, method: str, operation: str, body: Any = None, **query: Any) -> httpx.Response:
    url = f"/mlflow/v2.0{emulator.workspace}/api/2.0/mlflow/{operation}"
    return emulator.http.request(method, url, json=body, params=query)


def registered(emulator: Running, name: str, source: str = URI, **more: Any) -> dict[str, Any]:
    """A version that MLflow has registered, of a model that it has made."""
    call(emulator, "POST", "registered-models/create", {"name": name})
    answer = call(emulator, "POST", "model-versions/create", {"name": name, "source": source, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["model_version"])


def version(emulator: Running, name: str, number: str = "1") -> dict[str, Any]:
    answer = call(emulator, "GET", "model-versions/get", name=name, version=number)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["model_version"])


def test_what_mlflow_registers_resource_manager_lists(emulator: Running) -> None:
    made = call(emulator, "POST", "registered-models/create", {"name": "by-mlflow", "description": "d"})
    assert made.json()["registered_model"]["description"] == "d"
    assert emulator.get("models/by-mlflow")["latestVersion"] is None
    again = call(emulator, "POST", "registered-models/create", {"name": "by-mlflow"})
    assert (again.status_code, again.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    emulator.put("jobs/by-job", emulator.command_job(experimentName="registering"))
    tags = [{"key": "a", "value": "1"}]
    first = registered(emulator, "by-mlflow", "runs:/by-job/model", run_id="by-job", tags=tags)
    second = registered(emulator, "by-mlflow")
    assert [first["version"], second["version"]] == ["1", "2"]
    assert (first["run_id"], first["status"], first["current_stage"]) == ("by-job", "READY", "None")
    properties = emulator.get("models/by-mlflow/versions/1")
    assert properties["jobName"] == "by-job"
    assert properties["modelType"] == "mlflow_model"
    assert properties["modelUri"].endswith("/workspaceartifactstore/paths/ExperimentRun/dcid.by-job/model")
    assert properties["tags"] == {"a": "1"}
    container = emulator.get("models/by-mlflow")
    assert (container["latestVersion"], container["nextVersion"]) == ("2", "3")
    assert container["description"] == "d"
    # It may be sent back as it was answered.
    emulator.put("models/by-mlflow/versions/1", properties, 200)


def test_the_source_may_be_that_of_a_run_or_of_another_model(emulator: Running) -> None:
    emulator.put("jobs/of-run", emulator.command_job(experimentName="a-b"))
    run = emulator.mlflow("runs/get", run_id="of-run").json()["run"]["info"]
    assert run["artifact_uri"].endswith("/experiments/a-b/runs/of-run/artifacts")
    source = f"{run['artifact_uri']}/model"
    uri = registered(emulator, "of-run", source, run_id="of-run")["source"]
    assert uri.endswith("/datastores/workspaceartifactstore/paths/ExperimentRun/dcid.of-run/model")
    assert registered(emulator, "copied", "models:/of-run/1")["source"] == uri


def test_what_resource_manager_registers_mlflow_finds(emulator: Running) -> None:
    emulator.put("models/by-arm/versions/1", {"modelUri": URI, "stage": "Production", "description": "d"})
    emulator.put("models/by-arm/versions/2", {"modelUri": "https://a/m", "jobName": "j", "tags": {"b": "2"}})
    assert version(emulator, "by-arm")["current_stage"] == "Production"
    second = version(emulator, "by-arm", "2")
    assert (second["run_id"], second["source"]) == ("j", "https://a/m")
    assert second["tags"] == [{"key": "b", "value": "2"}]
    model = call(emulator, "GET", "registered-models/get", name="by-arm").json()["registered_model"]
    assert [latest["version"] for latest in model["latest_versions"]] == ["2", "1"]


def test_stages(emulator: Running) -> None:
    for _ in range(3):
        registered(emulator, "staged-by-mlflow")
    move = "model-versions/transition-stage"

    def moved(number: str, stage: str, **more: Any) -> httpx.Response:
        body = {"name": "staged-by-mlflow", "version": number, "stage": stage, **more}
        return call(emulator, "POST", move, body)

    assert moved("1", "production").json()["model_version"]["current_stage"] == "Production"
    assert emulator.get("models/staged-by-mlflow/versions/1")["stage"] == "Production"
    assert moved("2", "Production", archive_existing_versions=True).status_code == 200
    stages = [version(emulator, "staged-by-mlflow", number)["current_stage"] for number in "123"]
    assert stages == ["Archived", "Production", "None"]
    assert emulator.get("models/staged-by-mlflow/versions/1")["isArchived"] is False

    latest = "registered-models/get-latest-versions"
    for method, given in (
        ("POST", {"body": {"name": "staged-by-mlflow", "stages": ["Production", "None"]}}),
    ):
        answer = call(emulator, method, latest, **given)
        assert [v["version"] for v in answer.json()["model_versions"]] == ["3", "2"]
    query = {"name": "staged-by-mlflow", "stages": ["Archived", "Production"]}
    answer = call(emulator, "GET", latest, **query)
    assert [v["version"] for v in answer.json()["model_versions"]] == ["2", "1"]

    for wrong in (moved("1", "Retired"), moved("1", "None", archive_existing_versions=True)):
        assert (wrong.status_code, wrong.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    # "None" is MLflow's word for none.
    moved("2", "None")
    assert emulator.get("models/staged-by-mlflow/versions/2")["stage"] is None


def test_words_and_tags(emulator: Running) -> None:
    registered(emulator, "worded")
    which = {"name": "worded", "version": "1"}
    call(emulator, "PATCH", "model-versions/update", {**which, "description": "new"})
    call(emulator, "POST", "model-versions/set-tag", {**which, "key": "k", "value": "v"})
    call(emulator, "POST", "model-versions/set-tag", {**which, "key": "gone", "value": "v"})
    call(emulator, "DELETE", "model-versions/delete-tag", {**which, "key": "gone"})
    properties = emulator.get("models/worded/versions/1")
    assert (properties["description"], properties["tags"]) == ("new", {"k": "v"})
    call(emulator, "PATCH", "registered-models/update", {"name": "worded", "description": "model"})
    call(emulator, "POST", "registered-models/set-tag", {"name": "worded", "key": "k", "value": "v"})
    call(emulator, "POST", "registered-models/set-tag", {"name": "worded", "key": "gone", "value": "v"})
    call(emulator, "DELETE", "registered-models/delete-tag", {"name": "worded", "key": "gone"})
    container = emulator.get("models/worded")
    assert (container["description"], container["tags"]) == ("model", {"k": "v"})


def test_search(emulator: Running) -> None:
    for name in ("search-a", "search-a", "search-b"):
        registered(emulator, name, run_id=f"run-of-{name}")
    call(
        emulator,
        "POST",
        "model-versions/set-tag",
        {"name": "search-b", "version": "1", "key": "k", "value": "v"},
    )

    def versions(text: str, **query: Any) -> list[list[str]]:
        answer = call(emulator, "GET", "model-versions/search", filter=text, **query).json()
        return [[found["name"], found["version"]] for found in answer["model_versions"]]

    assert versions("name = 'search-a'") == [["search-a", "2"], ["search-a", "1"]]
    assert versions("name='search-a'", order_by="version_number ASC") == [
        ["search-a", "1"],
        ["search-a", "2"],
    ]
    assert versions("run_id = 'run-of-search-b'") == [["search-b", "1"]]
    assert versions("name LIKE 'search-%' and tags.k = 'v'") == [["search-b", "1"]]
    first = call(
        emulator, "GET", "model-versions/search", filter="name LIKE 'search-%'", max_results=2
    ).json()
    rest = {"filter": "name LIKE 'search-%'", "page_token": first["next_page_token"]}
    assert len(call(emulator, "GET", "model-versions/search", **rest).json()["model_versions"]) == 1
    assert call(emulator, "GET", "model-versions/search", filter="name ~ 'x'").status_code == 400

    archived = emulator.get("models/search-a/versions/1")
    emulator.put("models/search-a/versions/1", {**archived, "isArchived": True}, 200)
    assert versions("name = 'search-a'") == [["search-a", "2"]]

    wanted = "tag.`mlflow.prompt.is_prompt` != 'true' and name ILIKE 'SEARCH-%'"
    answer = call(emulator, "GET", "registered-models/search", filter=wanted).json()
    assert [model["name"] for model in answer["registered_models"]] == ["search-a", "search-b"]


def test_deletion(emulator: Running) -> None:
    for _ in range(2):
        registered(emulator, "dropped")
    call(emulator, "DELETE", "model-versions/delete", {"name": "dropped", "version": "1"})
    assert emulator.ml("GET", "models/dropped/versions/1").status_code == 404
    # Its number is not given again, as long as a later one is there.
    assert registered(emulator, "dropped")["version"] == "3"
    call(emulator, "DELETE", "registered-models/delete", {"name": "dropped"})
    assert emulator.ml("GET", "models/dropped").status_code == 404
    gone = call(emulator, "GET", "registered-models/get", name="dropped")
    assert (gone.status_code, gone.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("method", "operation", "body", "code"),
    [
        ("POST", "model-versions/create", {"name": "none", "source": URI}, "RESOURCE_DOES_NOT_EXIST"),
        ("POST", "model-versions/create", {"source": URI}, "INVALID_PARAMETER_VALUE"),
        ("POST", "model-versions/create", {"name": "there", "source": "./here"}, "INVALID_PARAMETER_VALUE"),
        (
            "POST",
            "model-versions/create",
            {"name": "there", "source": "models:/x/1"},
            "RESOURCE_DOES_NOT_EXIST",
        ),
        ("DELETE", "model-versions/delete", {"name": "there", "version": "9"}, "RESOURCE_DOES_NOT_EXIST"),
        ("POST", "registered-models/create", {}, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_what_cannot_be(emulator: Running, method: str, operation: str, body: Any, code: str) -> None:
    registered(emulator, "there")
    answer = call(emulator, method, operation, body)
    assert answer.json()["error_code"] == code, answer.text


def test_a_model_without_files(storing_emulator: Running) -> None:
    emulator = storing_emulator
    call(emulator, "POST", "registered-models/create", {"name": "fileless"})
    body = {"name": "fileless", "source": "runs:/none/model"}
    answer = call(emulator, "POST", "model-versions/create", body)
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "No artifacts matching model found from Job." in answer.json()["message"]


@pytest.mark.parametrize(("method", "operation"), [("POST", "rename"), ("POST", "alias"), ("GET", "alias")])
def test_names_and_aliases_are_not_emulated(emulator: Running, method: str, operation: str) -> None:
    assert call(emulator, method, f"registered-models/{operation}").status_code == 501
