"""Jobs: what comes back, what is refused, lists, cancel and delete."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.emulator.running import SLOW, Running, inner_codes, said, sweep_job


def test_new_command_job_is_filled_in(emulator: Running) -> None:
    properties = emulator.command_job(
        INPUTS={
            "iris": {"jobInputType": "URI_FILE", "uri": "https://a/x.csv"},
            "lr": {"jobInputType": "literal", "value": "0.1"},
        },
        outputs={"model": {"jobOutputType": "uri_folder"}},
    )
    answer = emulator.ml("PUT", "jobs/filled", {"properties": properties})
    job = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == str(answer.url)
    assert set(job) == {"id", "name", "type", "properties", "systemData"}
    assert job["type"] == "Microsoft.MachineLearningServices/workspaces/jobs"
    assert set(job["systemData"]) == {"createdAt", "createdBy", "createdByType"}
    got = job["properties"]
    assert got["status"] == "Starting"
    assert got["experimentName"] == "Default"
    assert got["inputs"]["iris"]["mode"] == "ReadOnlyMount"
    assert got["inputs"]["iris"]["jobInputType"] == "uri_file"
    assert got["outputs"]["model"]["mode"] == "ReadWriteMount"
    uri = "azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.filled"
    assert got["outputs"]["default"]["uri"] == uri
    assert (got["resources"]["instanceCount"], got["resources"]["shmSize"]) == (1, "2g")
    assert (got["codeId"], got["distribution"], got["limits"], got["identity"]) == (None, None, None, None)
    assert got["properties"] == {"_azureml.ComputeTargetType": "amlctrain"}
    assert got["services"]["Tracking"]["endpoint"].endswith("?")
    assert got["services"]["Studio"]["endpoint"].startswith(
        "https://ml.azure.com/runs/filled?wsid=/subscriptions/"
    )


def test_new_sweep_is_normalised(emulator: Running) -> None:
    got = emulator.put("jobs/swept", sweep_job(emulator))
    assert got["status"] == "Running"
    assert got["objective"] == {"primaryMetric": "loss", "goal": "Minimize"}
    assert got["samplingAlgorithm"] == {"samplingAlgorithmType": "Random", "rule": "Random", "seed": None}
    assert got["trial"]["environmentId"] == f"{emulator.workspace}/environments/env/versions/1"
    assert got["limits"]["jobLimitsType"] == "Sweep"
    assert set(got["services"]) == {"Studio"}
    assert json.loads(got["properties"]["primary_metric_config"]) == {"name": "loss", "goal": "minimize"}
    assert emulator.wait_for("swept", "Completed") == "Completed"
    done = emulator.get("jobs/swept")
    best = done["properties"]["best_child_run_id"]
    assert best in {f"swept_{index}" for index in range(3)}
    trials = [name for name in done["tags"] if name.startswith("_aml_system_swept_")]
    assert len(trials) == 3
    assert set(json.loads(done["tags"][trials[0]])) == {"lr", "boosting"}


def test_command_job_ends(emulator: Running) -> None:
    emulator.put("jobs/good", emulator.command_job(tags={"emulator.seconds": "0.1"}))
    emulator.put(
        "jobs/bad", emulator.command_job(tags={"emulator.seconds": "0.1", "emulator.outcome": "failed"})
    )
    assert emulator.wait_for("good", "Completed", "Failed") == "Completed"
    assert emulator.wait_for("bad", "Completed", "Failed") == "Failed"
    details = emulator.history("GET", "runs/bad/details").json()
    assert details["error"]["error"]["code"] == "UserError"
    assert details["error"]["error"]["message"]
    assert details["startTimeUtc"] <= details["endTimeUtc"]
    assert "error" not in emulator.get("jobs/bad")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"command": None}, "properties.command"),
        ({"command": " "}, "properties.command"),
        ({"environmentId": None}, "properties.environmentId"),
        ({"jobType": "Dance"}, "properties.jobType"),
        ({"inputs": {"n": {"jobInputType": "literal", "value": 0.1}}}, "properties.inputs.n.value"),
        ({"inputs": {"n": {"jobInputType": "uri_file"}}}, "properties.inputs.n.uri"),
        (
            {"inputs": {"n": {"jobInputType": "UriFile", "uri": "https://a"}}},
            "properties.inputs.n.jobInputType",
        ),
        (
            {"inputs": {"n": {"jobInputType": "uri_file", "uri": "u", "mode": "Fly"}}},
            "properties.inputs.n.mode",
        ),
        ({"outputs": {"o": {"jobOutputType": "literal"}}}, "properties.outputs.o.jobOutputType"),
        ({"limits": {"jobLimitsType": "Command", "timeout": 3600}}, "properties.limits.timeout"),
        ({"limits": {"jobLimitsType": "Command", "timeout": "1h"}}, "properties.limits.timeout"),
        ({"resources": {"instanceCount": 0}}, "properties.resources.instanceCount"),
        ({"environmentVariables": {"A": {}}}, "properties.environmentVariables.A"),
        ({"tags": ["a"]}, "properties.tags"),
        ({"computeId": "nope"}, "Compute Not Found"),
        ({"environmentId": "my-env"}, "my-env"),
    ],
)
def test_bad_command_job_is_400_and_names_the_field(
    emulator: Running, changes: dict[str, Any], field: str
) -> None:
    answer = emulator.ml("PUT", "jobs/refused", {"properties": emulator.command_job(**changes)})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "UserError"
    assert field in said(answer)
    assert emulator.ml("GET", "jobs/refused").status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"searchSpace": {}}, "properties.searchSpace"),
        (
            {"searchSpace": {"lr": {"type": "uniform", "min_value": 0, "max_value": 1}}},
            "properties.searchSpace.lr",
        ),
        ({"searchSpace": {"lr": ["triangular", [0, 1]]}}, "triangular"),
        ({"searchSpace": {"lr": ["uniform", [0]]}}, "properties.searchSpace.lr"),
        ({"searchSpace": {"lr": ["choice", ["a", "b"]]}}, "properties.searchSpace.lr"),
        ({"objective": {"primaryMetric": "loss", "goal": "shrink"}}, "properties.objective.goal"),
        ({"samplingAlgorithm": {"samplingAlgorithmType": "Guess"}}, "samplingAlgorithmType"),
        ({"trial": {"command": "x"}}, "properties.trial.environmentId"),
        ({"earlyTermination": {"policyType": "Never"}}, "policyType"),
    ],
)
def test_bad_sweep_is_400_and_names_the_field(emulator: Running, changes: dict[str, Any], field: str) -> None:
    answer = emulator.ml("PUT", "jobs/refused", {"properties": sweep_job(emulator, **changes)})
    assert answer.status_code == 400, answer.text
    assert field in said(answer)


@pytest.mark.parametrize("name", ["-a", "_a", "a.b", "a:b", "a" * 256])
def test_impossible_job_names(emulator: Running, name: str) -> None:
    assert emulator.ml("PUT", f"jobs/{name}", {"properties": emulator.command_job()}).status_code == 400


def test_missing_environment_and_code_are_404_on_the_put(emulator: Running) -> None:
    for changes in (
        {"environmentId": "azureml:none:1"},
        {"environmentId": f"{emulator.workspace}/environments/env/versions/99"},
        {"codeId": f"{emulator.workspace}/codes/none/versions/1"},
    ):
        answer = emulator.ml("PUT", "jobs/refused", {"properties": emulator.command_job(**changes)})
        assert (answer.status_code, inner_codes(answer)) == (404, ["NotFoundError"])


def test_missing_input_is_no_matter_of_the_put(emulator: Running) -> None:
    inputs = {"x": {"jobInputType": "uri_file", "uri": f"{emulator.workspace}/data/none/versions/1"}}
    emulator.put("jobs/missing-input", emulator.command_job(inputs=inputs))


def test_registries_and_curated_environments_are_taken(emulator: Running) -> None:
    for index, reference in enumerate(
        ("azureml:AzureML-sklearn:33", "azureml://registries/azureml/environments/e")
    ):
        got = emulator.put(f"jobs/curated{index}", emulator.command_job(environmentId=reference))
        assert got["environmentId"] == reference


def test_an_environment_of_the_registry_must_be_there(emulator: Running) -> None:
    shared = emulator.share("environments/tools/versions/1", {"image": "img:1"})
    latest = shared.replace("versions/1", "labels/latest")
    for index, reference in enumerate((shared, latest)):
        emulator.put(f"jobs/shared{index}", emulator.command_job(environmentId=reference))
    missing = emulator.command_job(environmentId=shared.replace("versions/1", "versions/2"))
    answer = emulator.ml("PUT", "jobs/shared-missing", {"properties": missing})
    assert answer.status_code == 404
    assert "No environment exists for name: tools, version: 2" in said(answer)


def test_same_job_again_is_200_and_merges_tags(emulator: Running) -> None:
    properties = emulator.command_job(tags={"a": "1"}, properties={"p": "1"})
    emulator.put("jobs/again", properties)
    second = emulator.ml("PUT", "jobs/again", {"properties": {**properties, "tags": {"b": "2"}}})
    assert second.status_code == 200
    assert "location" not in second.headers
    tags = second.json()["properties"]["tags"].items()
    assert {(name, tag) for name, tag in tags if not name.startswith("_aml_system_")} == {
        ("a", "1"),
        ("b", "2"),
    }
    answered = emulator.get("jobs/again")
    # Clients send back what they were answered, with the service's own additions in it.
    assert emulator.put("jobs/again", {**answered, "description": "d"}, 200)["description"] == "d"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"command": "false"}, "Command"),
        ({"inputs": {"n": {"jobInputType": "literal", "value": "2"}}}, "InputBindings"),
        ({"experimentName": "other"}, "ExperimentName"),
        ({"properties": {"p": "2"}}, "Properties"),
    ],
)
def test_changed_job_is_immutable(emulator: Running, changes: dict[str, Any], name: str) -> None:
    properties = emulator.command_job(properties={"p": "1"}, tags=SLOW)
    emulator.ml("PUT", "jobs/constant", {"properties": properties})
    answer = emulator.ml("PUT", "jobs/constant", {"properties": {**properties, **changes}})
    assert answer.status_code == 400
    assert inner_codes(answer) == ["Immutable", "JobPropertyImmutable"]
    assert answer.json()["error"]["message"].startswith("A job with this name already exists.")
    parameters = answer.json()["error"]["additionalInfo"][-1]["info"]["value"]
    assert parameters == {"property": f" {name}"}


def test_unknown_job(emulator: Running) -> None:
    answer = emulator.ml("GET", "jobs/none")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "Job none not found."
    assert inner_codes(answer) == ["NotFound", "JobNotFound"]
    assert answer.headers["x-ms-response-type"] == "error"


def test_job_lists_are_paged_and_filtered(tuned: Running) -> None:
    tuned.admin("PATCH", "settings", {"page_size": 2})
    for index in range(5):
        tags = {"list": "yes", "index": str(index)}
        tuned.put(f"jobs/listed{index}", tuned.command_job(tags=tags, properties={"p": str(index % 2)}))
    tuned.put("jobs/listed-sweep", sweep_job(tuned, tags={"list": "yes"}))

    def names(**query: str) -> list[str]:
        answer, found = tuned.ml("GET", "jobs", **query).json(), []
        while True:
            found += [item["name"] for item in answer["value"]]
            if "nextLink" not in answer:
                return found
            assert len(answer["value"]) == 2
            answer = tuned.http.get(answer["nextLink"]).json()

    assert names(tag="list=yes", jobType="Command") == [f"listed{index}" for index in (4, 3, 2, 1, 0)]
    assert names(tag="list", jobType="sweep") == ["listed-sweep"]
    assert names(tag="index=3") == ["listed3"]
    assert names(tag="list=yes", properties="p=1") == ["listed3", "listed1"]
    archived = tuned.command_job(isArchived=True, properties={"p": "0"})
    tuned.put("jobs/listed2", archived, 200)
    assert names(tag="index") == ["listed4", "listed3", "listed1", "listed0"]
    assert names(tag="index", listViewType="ArchivedOnly") == ["listed2"]


def test_cancel_walks_over_its_location(emulator: Running) -> None:
    emulator.put("jobs/cancelled", emulator.command_job(tags=SLOW))
    emulator.wait_for("cancelled", "Running", "Queued")
    answer = emulator.ml("POST", "jobs/cancelled/cancel")
    assert (answer.status_code, answer.content) == (202, b"null")
    assert answer.headers["x-ms-async-operation-timeout"] == "PT1H"
    assert not {"retry-after", "azure-asyncoperation"} & set(answer.headers)
    assert (
        f"/mfeOperationResults/jc:{emulator.get('')['workspaceId']}:cancelled?" in answer.headers["location"]
    )
    polls = []
    for _ in range(1000):
        poll = emulator.http.get(answer.headers["location"])
        polls.append((poll.status_code, poll.content))
        if poll.status_code == 200:
            break
        assert poll.headers["location"] == answer.headers["location"]
        time.sleep(0.05)
    assert polls[-1] == (200, b"")
    assert set(polls[:-1]) <= {(202, b"{}")}
    assert emulator.wait_for("cancelled", "Canceled") == "Canceled"
    assert emulator.ml("POST", "jobs/cancelled/cancel").status_code == 200
    assert emulator.ml("POST", "jobs/none/cancel").status_code == 404


def test_delete(emulator: Running) -> None:
    emulator.put("jobs/deleted", emulator.command_job(tags=SLOW))
    assert emulator.ml("DELETE", "jobs/deleted").status_code == 400
    emulator.ml("POST", "jobs/deleted/cancel")
    emulator.wait_for("deleted", "Canceled")
    assert emulator.ml("DELETE", "jobs/deleted").status_code == 200
    assert emulator.ml("DELETE", "jobs/deleted").status_code == 204
    assert emulator.ml("GET", "jobs/deleted").status_code == 404


def test_fields_appear_with_the_version_that_brought_them(emulator: Running) -> None:
    outputs = {"m": {"jobOutputType": "uri_folder", "assetName": "a"}}
    new = emulator.put("jobs/gated", emulator.command_job(outputs=outputs, queueSettings={"jobTier": "spot"}))
    assert (new["outputs"]["m"]["assetName"], new["queueSettings"]) == ("a", {"jobTier": "Spot"})
    old = emulator.get("jobs/gated", version="2022-05-01")
    assert "assetName" not in old["outputs"]["m"]
    assert not {"queueSettings", "notificationSetting"} & set(old)
    refused = emulator.ml(
        "PUT", "jobs/gated-old", {"properties": emulator.command_job(outputs=outputs)}, version="2023-04-01"
    )
    assert refused.status_code == 400
    assert "'assetName' on object of type 'UriFolderJobOutput'" in said(refused)
