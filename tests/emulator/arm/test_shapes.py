"""Requests that do not fit their type in their api-version, refused as the service does."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.emulator.running import Running, inner_codes, said

OUTPUTS = {
    "test1": {"jobOutputType": "uri_folder"},
    "test2": {
        "assetName": "test2_output",
        "assetVersion": "2",
        "mode": "Upload",
        "jobOutputType": "uri_folder",
    },
    "test3": {
        "assetName": "test3_output",
        "assetVersion": "3",
        "mode": "ReadWriteMount",
        "jobOutputType": "uri_folder",
    },
}
"""Recorded with api-version 2025-01-01-preview in March 2026 (Azure/azure-sdk-assets,
python/sdk/ml/azure-ai-ml/tests/recordings/command_job, test_command_job_register_output)."""


def test_the_recorded_refusal(emulator: Running) -> None:
    answer = emulator.ml(
        "PUT",
        "jobs/refused",
        {"properties": emulator.command_job(outputs=OUTPUTS)},
        version="2025-01-01-preview",
    )
    error = answer.json()["error"]
    assert (answer.status_code, answer.headers["x-ms-response-type"]) == (400, "error")
    assert (error["code"], error["message"]) == ("UserError", "Request is invalid and/or missing fields.")
    position = r", line 1, position (\d+)\."
    places = [int(re.search(position, detail["message"])[1]) for detail in error["details"]]  # type: ignore[index]
    for detail in error["details"]:
        detail["message"] = re.sub(position, "", detail["message"])
    text = "Could not find member 'assetVersion' on object of type 'UriFolderJobOutput'. Path 'assetVersion'"
    assert (
        error["details"]
        == [{"code": "RequestInvalid", "message": text, "details": [], "additionalInfo": []}] * 2
    )
    # The two were recorded at 604 and 705; what stands before them is of another length here.
    assert places[1] - places[0] == 705 - 604
    assert inner_codes(answer) == ["RequestInvalid"]
    kinds = ["ComponentName", "Correlation", "Environment", "Location", "Time", "InnerError", "MessageFormat"]
    assert [entry["type"] for entry in error["additionalInfo"]] == kinds


def test_the_position_is_that_in_compact_json(emulator: Running) -> None:
    body = {"properties": {**emulator.command_job(), "tags": {"ü": "1"}, "resources": {"gpus": 1}}}
    answer = emulator.ml("PUT", "jobs/refused", body)
    compact = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    position = compact.index('"gpus":') + len('"gpus":')
    assert f"Path 'resources.gpus', line 1, position {position}." in said(answer)


SWEEP: dict[str, Any] = {
    "jobType": "Sweep",
    "objective": {"primaryMetric": "loss", "goal": "minimize"},
    "samplingAlgorithm": {"samplingAlgorithmType": "random"},
    "searchSpace": {"lr": ["uniform", [0.01, 0.9]]},
    "trial": {"command": "x", "environmentId": "azureml:env:1"},
}
COMMAND: dict[str, Any] = {"jobType": "Command", "command": "x", "environmentId": "azureml:env:1"}
OLD_COMMAND = {**COMMAND, "compute": {"target": "cpu-cluster"}}


@pytest.mark.parametrize(
    ("version", "path", "properties", "type_name", "member"),
    [
        ("2025-12-01", "jobs/x", {**COMMAND, "comand": "x"}, "CommandJob", "comand"),
        ("2025-12-01", "jobs/x", {**SWEEP, "maxTotalTrials": 3}, "SweepJob", "maxTotalTrials"),
        ("2025-12-01", "jobs/x", {**SWEEP, "resources": {}}, "SweepJob", "resources"),
        (
            "2025-12-01",
            "jobs/x",
            {**SWEEP, "trial": {**SWEEP["trial"], "inputs": {}}},
            "TrialComponent",
            "trial.inputs",
        ),
        (
            "2025-12-01",
            "jobs/x",
            {**COMMAND, "inputs": {"a": {"jobInputType": "literal", "value": "1", "uri": "u"}}},
            "LiteralJobInput",
            "uri",
        ),
        (
            "2025-12-01",
            "jobs/x",
            {**COMMAND, "identity": {"identityType": "AMLToken", "clientId": "c"}},
            "AmlToken",
            "clientId",
        ),
        (
            "2025-12-01",
            "jobs/x",
            {**COMMAND, "distribution": {"distributionType": "PyTorch", "processCount": 1}},
            "PyTorch",
            "processCount",
        ),
        ("2024-04-01", "jobs/x", {**COMMAND, "parentJobName": "p"}, "CommandJob", "parentJobName"),
        ("2023-10-01", "jobs/x", {**COMMAND, "notificationSetting": {}}, "CommandJob", "notificationSetting"),
        (
            "2023-04-01",
            "jobs/x",
            {**COMMAND, "queueSettings": {"jobTier": "Spot"}},
            "CommandJob",
            "queueSettings",
        ),
        (
            "2025-12-01",
            "jobs/x",
            {**COMMAND, "queueSettings": {"priority": 1}},
            "QueueSettings",
            "queueSettings.priority",
        ),
        (
            "2022-05-01",
            "jobs/x",
            {**COMMAND, "resources": {"shmSize": "1g"}},
            "JobResourceConfiguration",
            "resources.shmSize",
        ),
        ("2022-05-01", "jobs/x", {**COMMAND, "schedule": None}, "CommandJob", "schedule"),
        (
            "2023-02-01-preview",
            "jobs/x",
            {**COMMAND, "notificationSetting": {"webhooks": {}}},
            "NotificationSetting",
            "notificationSetting.webhooks",
        ),
        (
            "2024-07-01-preview",
            "jobs/x",
            {**COMMAND, "outputs": {"o": {"jobOutputType": "uri_file", "assetName": "a"}}},
            "UriFileJobOutput",
            "assetName",
        ),
        (
            "2025-01-01-preview",
            "environments/x/versions/1",
            {"image": "i", "inferenceConfig": {"startupRoute": {"path": "/", "port": 1}}},
            "InferenceContainerProperties",
            "properties.inferenceConfig.startupRoute",
        ),
        ("2021-03-01-preview", "jobs/x", {**OLD_COMMAND, "displayName": "d"}, "CommandJob", "displayName"),
        (
            "2021-03-01-preview",
            "codes/x/versions/1",
            {"path": "p", "codeUri": "u"},
            "CodeVersion",
            "properties.codeUri",
        ),
        (
            "2025-12-01",
            "codes/x/versions/1",
            {"codeUri": "https://a/b", "path": "p"},
            "CodeVersion",
            "properties.path",
        ),
        (
            "2022-05-01",
            "environments/x/versions/1",
            {"image": "i", "stage": "s"},
            "EnvironmentVersion",
            "properties.stage",
        ),
        (
            "2025-12-01",
            "environments/x/versions/1",
            {"build": {"contextUri": "https://a/", "dockerfile": "D"}},
            "BuildContext",
            "properties.build.dockerfile",
        ),
        (
            "2025-12-01",
            "data/x/versions/1",
            {"dataType": "uri_file", "dataUri": "https://a", "referencedUris": []},
            "UriFileDataVersion",
            "referencedUris",
        ),
        ("2025-12-01", "data/x", {"dataType": "uri_file", "path": "p"}, "DataContainer", "properties.path"),
    ],
)
def test_unknown_members(
    emulator: Running, version: str, path: str, properties: Any, type_name: str, member: str
) -> None:
    answer = emulator.ml("PUT", path, {"properties": properties}, version=version)
    assert answer.status_code == 400, answer.text
    name = member.rpartition(".")[2]
    assert f"Could not find member '{name}' on object of type '{type_name}'. Path '{member}'," in said(answer)
    assert emulator.ml("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("version", "properties", "words"),
    [
        (
            "2023-10-01",
            {**COMMAND, "outputs": {"o": {"jobOutputType": "uri_file", "mode": "Direct"}}},
            "Field: properties.outputs.o.mode. Allowed values: ReadWriteMount,Upload.",
        ),
        (
            "2022-02-01-preview",
            {**COMMAND, "inputs": {"i": {"jobInputType": "uri_file", "uri": "u"}}},
            "Field: properties.inputs.i.jobInputType. Allowed values: Literal,UriFile,",
        ),
        (
            "2023-04-01-preview",
            {**COMMAND, "queueSettings": {"jobTier": "Null"}},
            "Field: properties.queueSettings.jobTier. Allowed values: Spot,Basic,Standard,Premium.",
        ),
        (
            "2024-07-01-preview",
            {**COMMAND, "jobType": "FineTuning"},
            "Field: properties.jobType. Allowed values: Command,Sweep,",
        ),
        ("2025-12-01", {"command": "x"}, "The properties.jobType field is required."),
        ("2025-12-01", {**COMMAND, "environmentId": None}, "The properties.environmentId field is required."),
        ("2025-12-01", {**COMMAND, "tags": "a=b"}, "'properties.tags': must be an object, not a string"),
        (
            "2025-12-01",
            {**COMMAND, "displayName": "x" * 257},
            "'properties.displayName': must have at most 256",
        ),
        (
            "2025-12-01",
            {**SWEEP, "description": "x" * 5001},
            "'properties.description': must have at most 5000",
        ),
        (
            "2025-12-01",
            {**COMMAND, "tags": {"x" * 101: ""}},
            "'properties.tags': must have names of 1 to 100",
        ),
        ("2025-12-01", {**COMMAND, "tags": {" ": ""}}, "'properties.tags': must have names of 1 to 100"),
        ("2025-12-01", {**SWEEP, "properties": {"x": "x" * 1001}}, "values of 1000 at most"),
        ("2025-12-01", {**COMMAND, "tags": {str(n): "" for n in range(51)}}, "at most 50 members, not 51"),
        ("2025-12-01", {**SWEEP, "searchSpace": {"lr": None}}, "'properties.searchSpace.lr': must look like"),
        ("2025-12-01", {**SWEEP, "searchSpace": {"lr": [[], []]}}, "'properties.searchSpace.lr': [] is none"),
    ],
)
def test_what_does_not_fit_is_named(emulator: Running, version: str, properties: Any, words: str) -> None:
    answer = emulator.ml("PUT", "jobs/x", {"properties": properties}, version=version)
    assert (answer.status_code, inner_codes(answer)) == (400, ["RequestInvalid"])
    assert words in said(answer)


@pytest.mark.parametrize("name", ["feature/x", "_iris", "my iris", "a" * 257])
@pytest.mark.parametrize("version", ["2021-03-01-preview", "2025-12-01"])
def test_a_name_that_no_experiment_has(emulator: Running, version: str, name: str) -> None:
    job = OLD_COMMAND if version.startswith("2021") else COMMAND
    properties = {**job, "experimentName": name}
    answer = emulator.ml("PUT", "jobs/x", {"properties": properties}, version=version)
    assert answer.status_code == 400
    assert "Experiment name must be 1-256 characters, start with a letter or a number" in answer.text


def test_null_in_a_map_is_as_good_as_not_sent(emulator: Running) -> None:
    """Such a job can be read, and listed with the others, in every version."""
    nulls = {name: {"default": None} for name in ("inputs", "outputs", "services", "tags")}
    emulator.put("jobs/nulls", emulator.command_job(**nulls, environmentVariables={"A": None}))
    got = emulator.get("jobs/nulls")
    assert (got["inputs"], got["environmentVariables"]) == ({}, {})
    assert (set(got["outputs"]), "default" in got["services"]) == ({"default"}, False)
    for version in ("2021-03-01-preview", "2025-12-01"):
        assert emulator.ml("GET", "jobs/nulls", version=version).status_code == 200
        assert emulator.ml("GET", "jobs", version=version).status_code == 200


def test_everything_wrong_is_told_at_once(emulator: Running) -> None:
    wrong = {**COMMAND, "comand": "x", "inputs": {"a": {"jobInputType": "uri_file", "uri": "u", "path": "p"}}}
    answer = emulator.ml("PUT", "jobs/x", {"properties": {**wrong, "limits": {"jobLimitsType": "x"}}})
    assert [detail["message"].partition(".")[0] for detail in answer.json()["error"]["details"]] == [
        "Could not find member 'comand' on object of type 'CommandJob'",
        "Could not find member 'path' on object of type 'UriFileJobInput'",
        "The value provided is not a valid enum value",
    ]


@pytest.mark.parametrize(
    ("version", "properties"),
    [
        ("2024-01-01-preview", {**COMMAND, "jobType": "FineTuning"}),
        ("2024-01-01-preview", {**COMMAND, "distribution": {"distributionType": "Ray", "port": 1}}),
        ("2024-04-01-preview", {**COMMAND, "services": {"s": {"nodes": {"nodesValueType": "Custom"}}}}),
        ("2022-02-01-preview", {**COMMAND, "schedule": {"scheduleType": "Cron", "expression": "0 0 * * *"}}),
    ],
)
def test_what_the_service_takes_and_the_emulator_does_not_is_501(
    emulator: Running, version: str, properties: Any
) -> None:
    answer = emulator.ml("PUT", "jobs/x", {"properties": properties}, version=version)
    assert answer.status_code == 501
    assert emulator.ml("GET", "jobs/x").status_code == 404


def test_members_that_never_became_general_are_taken_by_the_previews_that_had_them(emulator: Running) -> None:
    """What azure-ai-ml sends in the preview that it uses for sweeps."""
    emulator.environment()
    sent = {
        **SWEEP,
        "resources": {"instanceCount": 1},
        "queueSettings": {"jobTier": "Standard", "priority": 2},
    }
    got = emulator.put("jobs/preview-sweep", sent, version="2024-01-01-preview")
    assert (got["queueSettings"], got["secretsConfiguration"]) == (
        {"jobTier": "Standard", "priority": 2},
        None,
    )
    general = emulator.get("jobs/preview-sweep")
    assert general["queueSettings"] == {"jobTier": "Standard"}
    assert not {"secretsConfiguration", "resources", "componentConfiguration"} & set(general)
