from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.job import LiteralInput, Output
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution
from airflow_provider_amlrest.rest.jobs.sweep import SweepJob
from airflow_provider_amlrest.rest.workspace.resources import Datastore
from tests.support.codec import codec_for
from tests.unit.jobs import CODE, DATA, ENVIRONMENT, PLAIN, SWEEP, WORKSPACE, arm_id

codec = codec_for("2021-03-01-preview", WORKSPACE)
STORE = arm_id("datastores", "workspaceblobstore")


def resource(identifier: str, properties: Any) -> dict[str, Any]:
    return {"id": identifier, "name": identifier.rsplit("/", 1)[-1], "properties": properties}


def test_environment_round_trip() -> None:
    body = codec.environment_body(ENVIRONMENT)
    assert body["docker"] == {
        "dockerSpecificationType": "Image",
        "dockerImageUri": "docker.io/library/python:3.11",
        "platform": {"operatingSystemType": "Linux"},
    }
    body["condaFile"] = json.dumps(ENVIRONMENT.conda)
    identifier = arm_id("environments", "sk", "1")
    assert codec.read_environment(resource(identifier, body)) == replace(ENVIRONMENT, id=identifier)


def test_code_round_trip() -> None:
    body = codec.code_body(CODE)
    assert body == {
        "datastoreId": STORE,
        "path": "LocalUpload/ab12/src",
        "properties": {"hash_sha256": "ab12"},
        "description": "what it is for",
        "tags": {"team": "ml"},
    }
    identifier = arm_id("codes", "train", "1")
    assert codec.read_code(resource(identifier, body)) == replace(CODE, id=identifier, uri="")
    elsewhere = replace(CODE, datastore=None, path=None)
    assert codec.code_body(elsewhere)["path"] == CODE.uri
    assert codec.read_code(resource(identifier, codec.code_body(elsewhere))) == replace(
        elsewhere, id=identifier
    )


@pytest.mark.parametrize("type_", ["uri_file", "uri_folder"])
@pytest.mark.parametrize("uri", [DATA.uri, "https://host/data"])
def test_data_round_trip(type_: str, uri: str) -> None:
    data = replace(DATA, type=type_, uri=uri)
    body = codec.data_body(data)
    assert body["datasetType"] == "Simple"
    identifier = arm_id("data", "iris", "1")
    assert codec.read_data(resource(identifier, body)) == replace(data, id=identifier)


def test_data_of_others_has_no_tag_that_says_what_it_is() -> None:
    file = codec.read_data(
        resource(arm_id("data", "a", "1"), {"path": "data/iris.csv", "datastoreId": STORE, "tags": None})
    )
    folder = codec.read_data(resource(arm_id("data", "a", "1"), {"path": "data/iris/", "datastoreId": STORE}))
    assert (file.type, folder.type) == ("uri_file", "uri_folder")


def test_command_job_has_the_articles_shape() -> None:
    assert codec.job_body(PLAIN) == {
        "jobType": "Command",
        "command": "python main.py --csv $AZURE_ML_INPUT_iris --lr 0.1 --out $AZURE_ML_OUTPUT_model",
        "environmentId": PLAIN.environment,
        "codeId": PLAIN.code,
        "environmentVariables": {"A": "b"},
        # Over all nodes in this version, per node in later ones: 2 x 4.
        "distribution": {"distributionType": "PyTorch", "processCount": 8},
        "inputDataBindings": {"iris": {"dataId": arm_id("data", "iris", "1"), "mode": "Download"}},
        "outputDataBindings": {
            "model": {"datastoreId": STORE, "pathOnDatastore": "models/m", "mode": "Upload"},
        },
        "timeout": "PT3601S",
        "compute": {"target": PLAIN.compute, "instanceCount": 2, "instanceType": "Standard_E4s_v3"},
        "experimentName": "exp",
        "description": "what it is for",
        "tags": {"dag_id": "d"},
        "properties": {"p": "q"},
        "identity": {"identityType": "Managed", "clientId": "00000000-0000-0000-0000-000000000001"},
    }


def test_sweep_has_the_articles_shape() -> None:
    assert codec.job_body(SWEEP) == {
        "jobType": "Sweep",
        "algorithm": "Random",
        "objective": {"goal": "Maximize", "primaryMetric": "accuracy"},
        "searchSpace": {"--lr": ["uniform", [0.01, 0.9]], "--depth": ["choice", [[3, 5]]]},
        "trial": {
            "command": "python main.py --csv $AZURE_ML_INPUT_iris",
            "environmentId": SWEEP.trial.environment,
            "codeId": SWEEP.trial.code,
            "environmentVariables": {"A": "b"},
            "distribution": {"distributionType": "Mpi", "processCountPerInstance": 2},
            "inputDataBindings": {"iris": {"dataId": arm_id("data", "iris", "1"), "mode": "ReadOnlyMount"}},
            "timeout": "PT2M",
        },
        "maxTotalTrials": 20,
        "maxConcurrentTrials": 4,
        "timeout": "PT120M",
        "earlyTermination": {
            "policyType": "Bandit",
            "evaluationInterval": 1,
            "delayEvaluation": 5,
            "slackFactor": 0.1,
        },
        "compute": {"target": SWEEP.compute, "instanceCount": 1},
        "experimentName": "exp",
        "identity": {"identityType": "AMLToken"},
    }


def command_of(command: str, *names: str) -> tuple[str, list[str]]:
    space = {name: SearchDistribution("uniform", (0, 1)) for name in names}
    body = codec.job_body(replace(SWEEP, trial=replace(SWEEP.trial, command=command), search_space=space))
    return body["trial"]["command"], list(body["searchSpace"])


@pytest.mark.parametrize(
    ("command", "rest", "keys"),
    [
        ("t --lr ${{search_space.lr}}", "t", ["--lr", "--lr2"]),
        ("t -r ${{ search_space.lr }} x", "t x", ["-r", "--lr2"]),
        ('t --rate="${{search_space.lr}}" --b ${{search_space.lr2}}', "t", ["--rate", "--b"]),
        ("t --b ${{search_space.lr2}}", "t", ["--lr", "--b"]),
        ("pip install x && t --lr ${{search_space.lr}}", "pip install x && t", ["--lr", "--lr2"]),
    ],
)
def test_arguments_become_keys(command: str, rest: str, keys: list[str]) -> None:
    assert command_of(command, "lr", "lr2") == (rest, keys)


@pytest.mark.parametrize(
    "command",
    [
        "t ${{search_space.lr}}",
        "t --lr ${{search_space.lr}} --again ${{search_space.lr}}",
        "t --lr ${{search_space.lr}} && u ${{search_space.lr}}",
        "LR=${{search_space.lr}} t",
        "t --lr ${{search_space.lr}} && echo done",
        "t --lr ${{search_space.lr}} | tee log",
        "t --lr ${{search_space.lr}}\necho done",
    ],
)
def test_parameters_that_cannot_be_appended_are_refused(command: str) -> None:
    with pytest.raises(
        InvalidSpecError, match=r"^search_space\.lr: api-version 2021-03-01-preview passes parameters only"
    ):
        command_of(command, "lr")


def test_literals_are_one_word_each() -> None:
    job = replace(PLAIN, inputs={"lr": LiteralInput("a b; rm")}, command="t ${{inputs.lr}}", outputs={})
    assert codec.job_body(job)["command"] == "t 'a b; rm'"


@pytest.mark.parametrize("group", ["inputs", "outputs"])
def test_a_name_that_no_variable_can_have_is_refused(group: str) -> None:
    job = replace(
        PLAIN,
        command=f"t ${{{{{group}.my-data}}}}",
        inputs={"my-data": PLAIN.inputs["iris"]},
        outputs={"my-data": Output()},
    )
    with pytest.raises(InvalidSpecError, match=r"cannot be part of an environment variable's") as caught:
        codec.job_body(job)
    assert caught.value.field == f"{group}.my-data"


@pytest.mark.parametrize("job", [PLAIN, SWEEP])
def test_a_job_reads_back_what_a_job_tells(job: CommandJob | SweepJob) -> None:
    extra = {
        "status": "Running",
        "interactionEndpoints": {"Studio": {"endpoint": "https://ml.azure.com/runs/j"}},
    }
    read = codec.read_job(resource(arm_id("jobs", "j"), codec.job_body(job) | extra))
    assert (read.name, read.status, read.compute) == ("j", "Running", job.compute)
    assert read.studio_url == "https://ml.azure.com/runs/j"
    assert (read.tags, read.properties) == (job.tags, job.properties)
    assert {name: (o.uri, o.mode) for name, o in read.outputs.items()} == {
        name: (o.uri, o.mode) for name, o in job.outputs.items()
    }


def test_nulls() -> None:
    names = ("interactionEndpoints", "outputDataBindings", "compute", "trial", "tags", "properties", "status")
    read = codec.read_job(resource(arm_id("jobs", "j"), dict.fromkeys(names)))
    assert (read.status, read.outputs, read.compute) == ("Unknown", {}, None)
    read = codec.read_job(resource(arm_id("jobs", "j"), {"outputDataBindings": {"o": None}}))
    assert read.outputs == {"o": Output()}
    environment = codec.read_environment(
        resource(arm_id("environments", "e", "1"), {"docker": None, "condaFile": None})
    )
    assert (environment.image, environment.conda, environment.os_type) == (None, None, "Linux")


def test_datastore_lies_in_contents() -> None:
    contents = {
        "contentsType": "AzureBlob",
        "accountName": "a",
        "containerName": "c",
        "endpoint": None,
        "protocol": None,
    }
    store = codec.read_datastore({"name": "workspaceblobstore", "properties": {"contents": contents}})
    assert store == Datastore("workspaceblobstore", "AzureBlob", "a", "c", "https", "core.windows.net")
