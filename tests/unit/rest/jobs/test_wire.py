from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_amlrest.rest.assets.environment import BuildContext, Environment
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.job import DataInput, Input, Job, LiteralInput, Output
from airflow_provider_amlrest.rest.jobs.sweep import EarlyTermination, SamplingAlgorithm, SweepJob
from airflow_provider_amlrest.rest.versions import words
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS
from tests.support.codec import codec_for
from tests.unit.answers import recorded
from tests.unit.jobs import CODE, DATA, ENVIRONMENT, FULL, FULL_SWEEP, PLAIN, SWEEP, WORKSPACE, arm_id

codec = codec_for("2025-12-01", WORKSPACE)


PASCAL = codec_for("2022-02-01-preview", WORKSPACE)
V2_VERSIONS = API_VERSIONS[1:]


def resource(identifier: str, properties: Any) -> dict[str, Any]:
    return {"id": identifier, "name": identifier.rsplit("/", 1)[-1], "properties": properties}


def test_environment_round_trip() -> None:
    body = codec.environment_body(ENVIRONMENT)
    assert set(body) == {"image", "condaFile", "osType", "description", "tags"}
    identifier = arm_id("environments", "sk", "1")
    # The service gives the conda file back as JSON.
    body["condaFile"] = json.dumps(ENVIRONMENT.conda, indent=2)
    assert codec.read_environment(resource(identifier, body)) == replace(ENVIRONMENT, id=identifier)


def test_build_environment_round_trip() -> None:
    environment = Environment("b", "1", build=BuildContext("https://a/b/", "docker/Dockerfile"))
    body = codec.environment_body(environment)
    assert body == {
        "build": {"contextUri": "https://a/b/", "dockerfilePath": "docker/Dockerfile"},
        "osType": "Linux",
    }
    # As recorded: no image, an empty conda file, and nulls where nothing is.
    answer = body | {"condaFile": "", "tags": None, "description": None}
    identifier = arm_id("environments", "b", "1")
    assert codec.read_environment(resource(identifier, answer)) == replace(environment, id=identifier)


def test_code_round_trip() -> None:
    body = codec.code_body(CODE)
    assert body == {
        "codeUri": CODE.uri,
        "properties": {"hash_sha256": "ab12", "hash_version": "202208"},
        "description": "what it is for",
        "tags": {"team": "ml"},
    }
    identifier = arm_id("codes", "train", "1")
    # Where in a datastore it lies is no part of this version's answer.
    assert codec.read_code(resource(identifier, body)) == replace(
        CODE, id=identifier, datastore=None, path=None
    )


def test_code_of_others_has_no_hash() -> None:
    found = codec.read_code(resource(arm_id("codes", "c", "1"), {"codeUri": "https://a", "properties": None}))
    assert found.content_hash is None


@pytest.mark.parametrize("version", V2_VERSIONS)
@pytest.mark.parametrize("kind", ["uri_file", "uri_folder", "mltable"])
def test_data_round_trip(version: str, kind: str) -> None:
    spoken = codec_for(version, WORKSPACE)
    data = replace(DATA, type=kind, id=arm_id("data", "iris", "1"))
    assert spoken.read_data(resource(data.id, spoken.data_body(data))) == data


@pytest.mark.parametrize(
    "uri",
    [
        "azureml://datastores/d/paths/p/",
        "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/p/",
        "azureml://workspaces/00000000-0000-0000-0000-000000000001/datastores/d/paths/p/",
    ],
)
def test_a_data_uri_is_read_as_it_is(uri: str) -> None:
    read = codec.read_data(resource(arm_id("data", "d", "1"), {"dataUri": uri, "dataType": None, "new": 1}))
    assert (read.uri, read.type) == (uri, "uri_folder")


def test_an_asset_without_properties() -> None:
    for reader, kind in (("read_environment", "environments"), ("read_code", "codes"), ("read_data", "data")):
        for properties in (None, {}):
            asset = getattr(codec, reader)(resource(arm_id(kind, "a", "1"), properties))
            assert (asset.name, asset.version, asset.tags, asset.description) == ("a", "1", {}, None)
    assert codec.read_datastore({"name": "d", "properties": None}).type == ""


def test_command_job_says_everything() -> None:
    assert codec.job_body(FULL) == {
        "jobType": "Command",
        "command": FULL.command,
        "environmentId": FULL.environment,
        "codeId": FULL.code,
        "computeId": FULL.compute,
        "environmentVariables": {"A": "b"},
        "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 4},
        "resources": {
            "instanceCount": 2,
            "instanceType": "Standard_E4s_v3",
            "shmSize": "2g",
            "dockerArgs": "--ipc=host",
        },
        "limits": {"jobLimitsType": "Command", "timeout": "PT3601S"},
        "inputs": {
            "iris": {"jobInputType": "uri_file", "uri": arm_id("data", "iris", "1"), "mode": "Download"},
            "lr": {"jobInputType": "literal", "value": "0.1"},
        },
        "outputs": {
            "model": {
                "jobOutputType": "custom_model",
                "mode": "Upload",
                "uri": "azureml://datastores/workspaceblobstore/paths/models/m",
            },
            "table": {"jobOutputType": "mltable", "mode": "Direct", "assetName": "registered"},
        },
        "experimentName": "exp",
        "displayName": "Train",
        "description": "what it is for",
        "tags": {"dag_id": "d"},
        "properties": {"p": "q"},
        "identity": {"identityType": "UserIdentity"},
        "services": {
            "ssh": {"jobServiceType": "SSH", "nodes": {"nodesValueType": "All"}},
            "board": {"jobServiceType": "TensorBoard", "port": 6006, "properties": {"logDir": "logs"}},
        },
        "queueSettings": {"jobTier": "Spot"},
    }


def test_only_the_first_version_spells_types_in_another_way() -> None:
    inputs: dict[str, Input] = {
        kind: DataInput(kind, "azureml://datastores/d/paths/p", "direct") for kind in words.TYPES_2022_02
    }
    inputs["literal"] = LiteralInput("1")
    outputs = {kind: Output(kind) for kind in words.TYPES_2022_02 if kind != "literal"}
    job = replace(PLAIN, inputs=inputs, outputs=outputs)
    body = PASCAL.job_body(job)
    assert {kind: value["jobInputType"] for kind, value in body["inputs"].items()} == {
        "uri_file": "UriFile",
        "uri_folder": "UriFolder",
        "mltable": "MLTable",
        "literal": "Literal",
        "custom_model": "CustomModel",
        "mlflow_model": "MLFlowModel",
        "triton_model": "TritonModel",
    }
    assert {kind: value["jobOutputType"] for kind, value in body["outputs"].items()} == {
        kind: value["jobInputType"] for kind, value in body["inputs"].items() if kind != "literal"
    }
    assert PASCAL.data_body(DATA)["dataType"] == "UriFile"
    assert PASCAL.read_job(resource(arm_id("jobs", "j"), body)).outputs == outputs
    for kind, value in body["inputs"].items():
        value["jobInputType"] = kind
    for kind, value in body["outputs"].items():
        value["jobOutputType"] = kind
    assert body == codec.job_body(job)


@pytest.mark.parametrize("version", V2_VERSIONS[1:])
def test_what_a_version_can_say_it_says_as_the_others_do(version: str) -> None:
    spoken = codec_for(version, WORKSPACE)
    for job in (PLAIN, SWEEP):
        assert spoken.job_body(job) == codec.job_body(job)
    assert spoken.environment_body(ENVIRONMENT) == codec.environment_body(ENVIRONMENT)
    assert spoken.code_body(CODE) == codec.code_body(CODE)
    assert spoken.data_body(DATA) == codec.data_body(DATA)


def test_smallest_command_job() -> None:
    job = CommandJob(command="true", environment="azureml:sk:1")
    assert codec.job_body(job) == {
        "jobType": "Command",
        "command": "true",
        "environmentId": "azureml:sk:1",
        "resources": {"instanceCount": 1},
    }


def test_sweep_says_everything() -> None:
    body = codec.job_body(FULL_SWEEP)
    assert body == {
        "jobType": "Sweep",
        "trial": {
            "command": FULL_SWEEP.trial.command,
            "environmentId": FULL_SWEEP.trial.environment,
            "codeId": FULL_SWEEP.trial.code,
            "environmentVariables": {"A": "b"},
            "distribution": {"distributionType": "Mpi", "processCountPerInstance": 2},
            "resources": {"instanceCount": 2, "shmSize": "2g"},
        },
        "searchSpace": {"lr": ["uniform", [0.01, 0.9]], "depth": ["choice", [[3, 5]]]},
        "objective": {"goal": "Maximize", "primaryMetric": "accuracy"},
        "samplingAlgorithm": {"samplingAlgorithmType": "Random", "rule": "Sobol", "seed": 7},
        "limits": {
            "jobLimitsType": "Sweep",
            "maxTotalTrials": 20,
            "maxConcurrentTrials": 4,
            "timeout": "PT7200S",
            "trialTimeout": "PT90S",
        },
        "earlyTermination": {
            "policyType": "TruncationSelection",
            "evaluationInterval": 1,
            "delayEvaluation": 5,
            "truncationPercentage": 20,
        },
        "computeId": FULL_SWEEP.compute,
        "inputs": {
            "iris": {
                "jobInputType": "uri_folder",
                "uri": arm_id("data", "iris", "1"),
                "mode": "ReadOnlyMount",
            }
        },
        "outputs": {"model": {"jobOutputType": "mlflow_model", "mode": "ReadWriteMount"}},
        "experimentName": "exp",
        "identity": {"identityType": "AMLToken"},
    }


def test_seed_zero_and_delay_zero_are_said() -> None:
    sweep = replace(
        SWEEP,
        sampling_algorithm=SamplingAlgorithm("random", seed=0),
        early_termination=EarlyTermination("median_stopping", delay_evaluation=0),
    )
    body = codec.job_body(sweep)
    assert body["samplingAlgorithm"] == {"samplingAlgorithmType": "Random", "seed": 0}
    assert body["earlyTermination"] == {"policyType": "MedianStopping", "delayEvaluation": 0}


@pytest.mark.parametrize("job", [PLAIN, FULL, SWEEP, FULL_SWEEP])
def test_a_job_reads_back_what_a_job_tells(job: CommandJob | SweepJob) -> None:
    answer = resource(arm_id("jobs", "j"), codec.job_body(job) | {"status": "Running"})
    read = codec.read_job(answer)
    assert (read.id, read.name, read.status) == (arm_id("jobs", "j"), "j", "Running")
    assert (read.display_name, read.experiment_name, read.compute) == (job.display_name, "exp", job.compute)
    assert (read.tags, read.properties, read.outputs) == (job.tags, job.properties, job.outputs)
    if isinstance(job, SweepJob):
        assert (read.type, read.goal, read.primary_metric) == ("Sweep", "maximize", "accuracy")


def test_a_pipelines_child_has_no_properties() -> None:
    read = codec.read_job({"id": "/x", "name": "c", "type": "t", "systemData": {"createdAt": "2023"}})
    assert (read.status, read.type, read.created_at, read.tags) == ("Unknown", "", "2023", {})


def test_all_nulls() -> None:
    names = ("jobType", "status", "tags", "properties", "outputs", "services", "objective", "computeId")
    read = codec.read_job({"id": "/x", "name": "c", "properties": dict.fromkeys(names), "systemData": None})
    assert (read.status, read.type, read.tags, read.outputs, read.goal) == ("Unknown", "", {}, {}, None)
    nulls = {"outputs": {"o": None}, "services": {"Studio": None}, "objective": {"goal": None}}
    read = codec.read_job({"id": "/x", "name": "c", "properties": nulls})
    assert (read.outputs, read.studio_url, read.goal) == ({"o": Output()}, None, None)


@pytest.mark.parametrize("topic", ["command_job", "sweep_job", "failed_job", "pipeline_job"])
def test_recorded_jobs_are_read(topic: str) -> None:
    read = 0
    for exchange in recorded(topic):
        body = exchange["response_body"]
        if exchange["status"] >= 300 or not isinstance(body, dict) or "/jobs/" not in str(body.get("id")):
            continue
        job = codec.read_job(body)
        properties = body.get("properties") or {}
        assert job.name == body["name"]
        assert job.status == properties.get("status", "Unknown")
        assert job.type == properties.get("jobType", "")
        studio = ((properties.get("services") or {}).get("Studio") or {}).get("endpoint")
        assert job.studio_url == studio
        assert all(isinstance(value, str) for value in [*job.tags.values(), *job.properties.values()])
        assert "default" not in job.output_uris()
        read += 1
    assert read


@pytest.mark.parametrize(
    ("topic", "reader", "kind"),
    [
        ("environment", "read_environment", "environments"),
        ("code", "read_code", "codes"),
        ("data", "read_data", "data"),
    ],
)
def test_recorded_assets_are_read(topic: str, reader: str, kind: str) -> None:
    read = 0
    for exchange in recorded(topic):
        body = exchange["response_body"]
        if exchange["status"] >= 300 or not isinstance(body, dict) or f"/{kind}/" not in str(body.get("id")):
            continue
        if "/versions/" not in body["id"]:
            continue
        asset = getattr(codec, reader)(body)
        assert asset.id == body["id"]
        assert f"{asset.name}/versions/{asset.version}" in body["id"]
        sent = (exchange["request_body"] or {}).get("properties", {})
        if "condaFile" in sent:
            import yaml

            assert asset.conda == yaml.safe_load(sent["condaFile"])
        read += 1
    assert read


def test_recorded_datastore() -> None:
    store = codec.read_datastore(recorded("datastore")[0]["response_body"])
    assert (store.name, store.type, store.protocol, store.endpoint) == (
        "workspaceblobstore",
        "AzureBlob",
        "https",
        "core.windows.net",
    )
    assert store.container_name.startswith("azureml-blobstore-")


def test_output_uris() -> None:
    job = Job(
        "/x",
        "j",
        "Command",
        "Completed",
        outputs={
            "default": Output(uri="azureml://a"),
            "m": Output(uri="https://u"),
            "n": Output(),
        },
    )
    assert job.output_uris() == {
        "m": "https://u",
        "n": "azureml://datastores/workspaceblobstore/paths/azureml/j/n/",
    }
