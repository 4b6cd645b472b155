"""The article's api-version, 2021-03-01-preview: its words in, its words out, one job underneath."""

from __future__ import annotations

from typing import Any

from tests.emulator.running import Running

OLD = "2021-03-01-preview"


def _assets(emulator: Running) -> dict[str, str]:
    """What the article registers; the ARM ids."""
    store = f"{emulator.workspace}/datastores/workspaceblobstore"
    docker = {"dockerSpecificationType": "image", "dockerImageUri": "img:1"}
    bodies: dict[str, Any] = {
        "environments/old/versions/1": {"docker": docker, "condaFile": "dependencies:\n- python=3.11\n"},
        "data/old/versions/1": {"datasetType": "Simple", "datastoreId": store, "path": "data/iris.csv"},
        "codes/old/versions/1": {"description": "code", "datastoreId": store, "path": "src"},
    }
    for path, properties in bodies.items():
        answer = emulator.ml("PUT", path, {"properties": properties}, version=OLD)
        assert answer.status_code in (200, 201), answer.text
    return {path.split("/")[0]: f"{emulator.workspace}/{path}" for path in bodies}


def test_assets_are_answered_in_old_words(emulator: Running) -> None:
    ids = _assets(emulator)
    environment = emulator.get("environments/old/versions/1", version=OLD)
    assert environment["docker"]["dockerImageUri"] == "img:1"
    assert environment["docker"]["dockerSpecificationType"] == "Image"
    assert environment["environmentSpecificationType"] == "UserCreated"
    data = emulator.get("data/old/versions/1", version=OLD)
    store = f"{emulator.workspace}/datastores/workspaceblobstore"
    assert (data["datastoreId"], data["path"], data["datasetType"]) == (store, "data/iris.csv", "Simple")
    code = emulator.get("codes/old/versions/1", version=OLD)
    assert (code["datastoreId"], code["path"]) == (store, "src")
    assert "isArchived" not in code
    # ... and in the current ones to those who ask in them.
    assert emulator.get("environments/old/versions/1")["image"] == "img:1"
    assert emulator.get("data/old/versions/1")["dataType"] == "uri_file"
    assert emulator.get("data/old/versions/1")["dataUri"].endswith("/workspaceblobstore/paths/data/iris.csv")
    assert emulator.get("codes/old/versions/1")["codeUri"].endswith("/src")
    assert set(ids) == {"environments", "data", "codes"}


def test_dockerfile_text_is_content(emulator: Running) -> None:
    def body(text: str) -> Any:
        return {"properties": {"docker": {"dockerSpecificationType": "Build", "dockerfile": text}}}

    first = emulator.ml("PUT", "environments/old-build/versions/1", body("FROM a"), version=OLD)
    assert first.status_code == 201
    assert first.json()["properties"]["docker"]["dockerfile"] == "FROM a"
    assert (
        emulator.ml("PUT", "environments/old-build/versions/1", body("FROM b"), version=OLD).status_code
        == 409
    )


def test_datastores_have_nested_contents(emulator: Running) -> None:
    (store,) = emulator.ml("GET", "datastores", version=OLD, isDefault="true").json()["value"]
    contents = store["properties"]["contents"]
    assert contents["contentsType"] == "AzureBlob"
    assert contents["accountName"]
    assert contents["containerName"].startswith("azureml-blobstore-")
    assert "accountName" not in store["properties"]


def test_command_job(emulator: Running) -> None:
    ids = _assets(emulator)
    sent = {
        "jobType": "command",
        "command": "python main.py --iris-csv $AZURE_ML_INPUT_iris",
        "codeId": ids["codes"],
        "environmentId": ids["environments"],
        "inputDataBindings": {"iris": {"dataId": ids["data"], "mode": "Download"}},
        "experimentName": "lightgbm-iris",
        "compute": {"target": f"{emulator.workspace}/computes/cpu-cluster", "instanceCount": 1},
        "timeout": "PT1H",
    }
    job = emulator.put("jobs/old-command", sent, version=OLD)
    assert job["jobType"] == "Command"
    assert (job["status"], job["provisioningState"]) == ("Starting", "InProgress")
    assert job["inputDataBindings"]["iris"]["dataId"] == ids["data"]
    assert (job["compute"]["instanceCount"], job["timeout"]) == (1, "PT1H")
    assert job["interactionEndpoints"]["Studio"]["jobEndpointType"] == "Studio"
    assert job["output"]["path"] == "ExperimentRun/dcid.old-command"
    assert not {"services", "computeId", "inputs", "displayName", "limits"} & set(job)
    new = emulator.get("jobs/old-command")
    assert new["inputs"] == {
        "iris": {"description": None, "uri": ids["data"], "mode": "Download", "jobInputType": "uri_file"}
    }
    assert new["limits"] == {"jobLimitsType": "Command", "timeout": "PT1H"}
    assert new["computeId"] == sent["compute"]["target"]  # type: ignore[index]
    assert emulator.wait_for("old-command", "Completed") == "Completed"
    assert emulator.get("jobs/old-command", version=OLD)["provisioningState"] == "Succeeded"
    assert emulator.ml("PUT", "jobs/old-command", {"properties": sent}, version=OLD).status_code == 200
    changed = emulator.ml("PUT", "jobs/old-command", {"properties": {**sent, "command": "x"}}, version=OLD)
    assert changed.status_code == 400


def test_sweep_job(emulator: Running) -> None:
    ids = _assets(emulator)
    sent = {
        "jobType": "Sweep",
        "algorithm": "random",
        "objective": {"primaryMetric": "test-multi_logloss", "goal": "minimize"},
        "searchSpace": {
            "--learning_rate": ["uniform", [0.01, 0.9]],
            "--boosting": ["choice", [["gbdt", "dart"]]],
        },
        "trial": {
            "codeId": ids["codes"],
            "environmentId": ids["environments"],
            "command": "python main.py --iris-csv $AZURE_ML_INPUT_iris",
            "inputDataBindings": {"iris": {"dataId": ids["data"]}},
            "timeout": "PT20M",
        },
        "compute": {"target": f"{emulator.workspace}/computes/cpu-cluster", "instanceCount": 1},
        "maxTotalTrials": 2,
        "maxConcurrentTrials": 2,
        "timeout": "PT120M",
        "earlyTermination": {"policyType": "medianstopping", "delayEvaluation": 5, "evaluationInterval": 1},
    }
    job = emulator.put("jobs/old-sweep", sent, version=OLD)
    assert (job["algorithm"], job["objective"]["goal"], job["status"]) == ("Random", "Minimize", "Running")
    assert set(job["searchSpace"]) == {"--learning_rate", "--boosting"}
    assert job["trial"]["command"] == sent["trial"]["command"]  # type: ignore[index]
    new = emulator.get("jobs/old-sweep")
    assert set(new["searchSpace"]) == {"learning_rate", "boosting"}
    assert new["trial"]["command"].endswith(
        " --learning_rate ${{search_space.learning_rate}} --boosting ${{search_space.boosting}}"
    )
    assert new["inputs"]["iris"]["uri"] == ids["data"]
    assert new["limits"] == {
        "jobLimitsType": "Sweep",
        "maxTotalTrials": 2,
        "maxConcurrentTrials": 2,
        "timeout": "PT120M",
        "trialTimeout": "PT20M",
    }
    assert new["earlyTermination"]["policyType"] == "MedianStopping"
    assert emulator.wait_for("old-sweep", "Completed") == "Completed"
    assert emulator.get("jobs/old-sweep", version=OLD)["properties"]["best_child_run_id"]


def test_jobs_of_newer_versions_are_told_in_old_words(emulator: Running) -> None:
    limits = {"jobLimitsType": "Command", "timeout": "PT1H"}
    emulator.put("jobs/new-to-old", emulator.command_job(limits=limits, tags={"emulator.seconds": "600"}))
    old = emulator.get("jobs/new-to-old", version=OLD)
    assert (old["command"], old["timeout"]) == ("true", "PT1H")
    assert old["compute"]["target"] == f"{emulator.workspace}/computes/cpu-cluster"
    cancel = emulator.ml("POST", "jobs/new-to-old/cancel", version=OLD)
    assert (cancel.status_code, cancel.content) == (200, b"")
    assert "new-to-old" in [j["name"] for j in emulator.ml("GET", "jobs", version=OLD).json()["value"]]
