"""Models: where their files lie, whether there are any, and how versions are listed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.running import VERSION, Running, said


def long(emulator: Running, datastore: str, path: str) -> str:
    facts = emulator.facts
    return (
        f"azureml://subscriptions/{facts['subscription_id']}/resourceGroups/{facts['resource_group']}"
        f"/workspaces/{facts['workspace_name']}/datastores/{datastore}/paths/{path}"
    )


@pytest.mark.parametrize(
    ("sent", "datastore", "path", "job"),
    [
        ("azureml://jobs/j1/outputs/artifacts/paths/m/", "workspaceartifactstore", "dcid.j1/m/", "j1"),
        ("azureml://jobs/j1/outputs/default/paths/m", "workspaceartifactstore", "dcid.j1/m", "j1"),
        ("azureml://artifacts/ExperimentRun/dcid.j1/m", "workspaceartifactstore", "dcid.j1/m", None),
        (
            "azureml://h:1/mlflow/v2.0/subscriptions/s/experiments/e/runs/j1/artifacts/m/n",
            "workspaceartifactstore",
            "dcid.j1/m/n",
            None,
        ),
        ("runs:/j1/m", "workspaceartifactstore", "dcid.j1/m", "j1"),
    ],
)
def test_uris_of_runs_become_places(
    emulator: Running, sent: str, datastore: str, path: str, job: str | None
) -> None:
    name = f"of-run-{abs(hash(sent))}"
    answer = emulator.put(f"models/{name}/versions/1", {"ModelUri": sent, "modelType": "mlflow_model"})
    path = path.rstrip("/") if not sent.endswith("/") else path
    assert answer["modelUri"].rstrip("/") == long(emulator, datastore, f"ExperimentRun/{path}").rstrip("/")
    assert answer["jobName"] == job
    # The same again is the same; so is what was answered, with other words.
    emulator.put(f"models/{name}/versions/1", {"modelUri": sent, "modelType": "mlflow_model"}, 200)
    again = emulator.put(f"models/{name}/versions/1", {**answer, "tags": {"a": "1"}}, 200)
    assert again == {**answer, "tags": {"a": "1"}}


def test_the_job_that_was_sent_stays(emulator: Running) -> None:
    sent = {"modelUri": "runs:/j1/m", "jobName": "other"}
    assert emulator.put("models/of-other/versions/1", sent)["jobName"] == "other"


def test_a_named_output_of_a_job(emulator: Running) -> None:
    job = emulator.command_job(outputs={"best": {"jobOutputType": "mlflow_model"}})
    emulator.put("jobs/with-output", job)
    sent = {"modelUri": "azureml://jobs/with-output/outputs/best/paths/sub", "modelType": "mlflow_model"}
    answer = emulator.put("models/of-output/versions/1", sent)
    assert answer["modelUri"] == long(emulator, "workspaceblobstore", "azureml/with-output/best/sub")
    assert answer["jobName"] == "with-output"


def test_a_uri_that_means_nothing(emulator: Running) -> None:
    for uri in ("azureml://jobs/none/outputs/best/paths/m", "./model", "ftp://a/b"):
        answer = emulator.ml("PUT", "models/bad/versions/1", {"properties": {"modelUri": uri}})
        assert answer.status_code == 400, answer.text
        assert "properties.modelUri" in said(answer)
    assert emulator.ml("GET", "models/bad").status_code == 404


def detail(emulator: Running, uri: str, version: str = "1") -> Any:
    """The code and the message of the refusal of a model without files."""
    answer = emulator.ml("PUT", f"models/missing/versions/{version}", {"properties": {"modelUri": uri}})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"] == "The request is invalid."
    [found] = answer.json()["error"]["details"]
    return found["code"], found["message"]


def test_files_that_are_not_there(storing_emulator: Running) -> None:
    emulator = storing_emulator
    emulator.put("jobs/empty", emulator.command_job(computeId=None))
    emulator.wait_for("empty", "Completed")
    assert detail(emulator, "azureml://jobs/empty/outputs/artifacts/paths/outputs/model.pkl") == (
        "NoMatchingArtifactsFoundFromJob",
        "No artifacts matching outputs/model.pkl found from Job.",
    )
    assert detail(emulator, "azureml://datastores/workspaceblobstore/paths/no/model/") == (
        "ModelAssetPathNotFoundInStorage",
        "No blobs found in storage at model asset path: no/model/",
    )
    assert detail(emulator, "azureml://datastores/none/paths/no")[0] == "ModelAssetPathNotFoundInStorage"
    assert emulator.ml("GET", "models/missing").status_code == 404


def test_files_that_are_there(storing_emulator: Running) -> None:
    emulator = storing_emulator
    command = "mkdir -p outputs/model && echo weights > outputs/model/w && echo one > outputs/one.pkl"
    emulator.put("jobs/leaves", emulator.command_job(command=command, computeId=None))
    assert emulator.wait_for("leaves", "Completed", "Failed") == "Completed"
    for version, path in (("1", "outputs/model"), ("2", "outputs/model/"), ("3", "outputs/one.pkl")):
        uri = f"azureml://jobs/leaves/outputs/artifacts/paths/{path}"
        emulator.put(f"models/left/versions/{version}", {"modelUri": uri})
    # What begins alike is not the same.
    beginning = "azureml://jobs/leaves/outputs/artifacts/paths/outputs/mod"
    assert detail(emulator, beginning)[0] == "NoMatchingArtifactsFoundFromJob"
    # Words of a version that is there can change, whatever has become of its files.
    emulator.put("models/elsewhere/versions/1", {"modelUri": "https://example.com/m"})
    emulator.put("models/elsewhere/versions/1", {"modelUri": "https://example.com/m", "stage": "Prod"}, 200)


def test_stage_and_archive(emulator: Running) -> None:
    uri = "azureml://datastores/workspaceblobstore/paths/m"
    answer = emulator.put("models/staged/versions/1", {"modelUri": uri, "stage": "Development"})
    emulator.put("models/staged/versions/2", {"modelUri": uri})
    assert (answer["stage"], emulator.get("models/staged")["nextVersion"]) == ("Development", "3")
    answer = emulator.put(
        "models/staged/versions/1", {**answer, "isArchived": True, "stage": "Archived"}, 200
    )
    assert emulator.get("models/staged/versions/1") == answer

    def listed(**query: str) -> list[str]:
        answer = emulator.ml("GET", "models/staged/versions", **query)
        return [item["name"] for item in answer.json()["value"]]

    assert listed() == ["2"]
    assert listed(listViewType="ArchivedOnly") == ["1"]
    assert listed(listViewType="All") == ["2", "1"]
    assert listed(listViewType="All", stage="Archived") == ["1"]
    container = emulator.get("models/staged")
    emulator.put("models/staged", {"isArchived": True})
    assert emulator.get("models/staged") == {**container, "isArchived": True}
    assert "staged" not in [item["name"] for item in pages(emulator, "models")]
    assert "staged" in [item["name"] for item in pages(emulator, "models", listViewType="ArchivedOnly")]


def pages(emulator: Running, path: str, **query: str) -> list[dict[str, Any]]:
    answer = emulator.ml("GET", path, **query).json()
    items = list(answer["value"])
    while link := answer.get("nextLink"):
        answer = emulator.http.get(link).json()
        items += answer["value"]
    return items


def test_lists_have_the_filters_of_models(emulator: Running) -> None:
    words: dict[str, dict[str, Any]] = {
        "1": {"tags": {"champion": "yes"}, "description": "Trained on Monday"},
        "2": {"tags": {"champion": "no"}, "properties": {"origin": "dag"}},
        "3": {"properties": {"origin": "hand"}},
    }
    for version, properties in words.items():
        emulator.put(f"models/many/versions/{version}", {"modelUri": "https://a/m", **properties})

    def found(**query: str) -> list[str]:
        return [item["name"] for item in pages(emulator, "models/many/versions", **query)]

    assert found() == ["3", "2", "1"]
    assert found(tags="champion") == ["2", "1"]
    assert found(tags="champion=yes") == ["1"]
    assert found(properties="origin=dag") == ["2"]
    wanted = {"api-version": VERSION, "version": "3"}
    one = emulator.http.get(f"{emulator.workspace}/models/many/versions", params=wanted).json()["value"]
    assert [item["name"] for item in one] == ["3"]
    assert found(description="monday") == ["1"]
    assert found(offset="1") == ["2", "1"]
    assert found(_orderBy="createdtime asc", offset="1") == ["2", "3"]
    assert found(_top="2") == ["3", "2"]
    assert emulator.ml("GET", "models/many/versions", offset="x").status_code == 400
    assert emulator.ml("GET", "models/many/versions", feed="f").status_code == 501


def test_count_is_the_size_of_a_page(emulator: Running) -> None:
    for name in ("counted-1", "counted-2", "counted-3"):
        emulator.put(f"models/{name}/versions/1", {"modelUri": "https://a/m"})
    first = emulator.ml("GET", "models", count="2").json()
    assert [item["name"] for item in first["value"]] == ["counted-3", "counted-2"]
    assert emulator.http.get(first["nextLink"]).json()["value"][0]["name"] == "counted-1"
    assert emulator.ml("GET", "models", count="0").status_code == 400
