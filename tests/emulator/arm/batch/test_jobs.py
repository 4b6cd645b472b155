"""Requests to batch endpoints: the job that each makes, what is answered of it, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.emulator.batch import (
    DATA,
    deployment_body,
    endpoint_body,
    invoke,
    make_endpoint,
    put,
    started,
    studio_token,
)
from tests.emulator.pipelines import bound, component, given, node
from tests.emulator.running import Running, said

LITERAL = {"jobInputType": "Literal", "value": 3}


@pytest.fixture
def night(quick: Running) -> Running:
    quick.admin("PATCH", "settings", {"job_seconds": 0})
    make_endpoint(quick, "night", "first", "second")
    return quick


def test_the_answer_is_as_recorded(night: Running) -> None:
    answer = invoke(night, "night")
    assert answer.status_code == 201
    assert answer.headers["azureml-model-deployment"] == "first"
    assert "/batchEndpoints/night/deployments/first?api-version=2020-09-01" in answer.headers["location"]
    body = answer.json()
    assert body["name"].startswith("batchjob-")
    assert body["id"].endswith(f"/batchEndpoints/night/deployments/first/jobs/{body['name']}")
    properties = body["properties"]
    assert properties["inputData"]["in"] == {"description": None, "mode": "ReadOnlyMount", **DATA["in"]}
    assert properties["compute"]["target"].endswith("/computes/cpu-cluster")
    assert properties["tags"]["azureml.batchrun"] == "true"
    assert properties["tags"]["azureml.deploymentname"] == "first"
    parameters = json.loads(properties["properties"]["azureml.parameters"])
    assert (parameters["run_invocation_timeout"], parameters["append_row_file_name"]) == (
        "30",
        "predictions.csv",
    )


def test_its_job_is_one_like_others(night: Running) -> None:
    name = started(night, "night")
    assert night.wait_for(name, "Completed") == "Completed"
    job = night.get(f"jobs/{name}")
    assert (job["jobType"], job["experimentName"]) == ("Pipeline", "night")
    assert list(job["outputs"]) == ["score"]
    listed = night.ml("GET", "jobs", _tag="azureml.batchrun").json()["value"]
    assert name in [found["name"] for found in listed]
    assert night.history("GET", f"runs/{name}").json()["tags"]["azureml.jobtype"] == "azureml.batchjob"
    [child] = night.history("GET", f"runs/{name}/children").json()["value"]
    assert child["displayName"] == "batchscoring"


def test_a_script_says_how_it_goes(night: Running) -> None:
    night.admin("POST", "scripts", {"job": "night", "outcome": "failed", "times": 1})
    assert night.wait_for(started(night, "night"), "Failed", "Completed") == "Failed"
    night.admin("DELETE", "scripts")


def test_one_can_be_canceled(night: Running) -> None:
    night.admin("POST", "scripts", {"job": "night", "outcome": "stuck", "times": 1})
    name = started(night, "night")
    assert night.ml("POST", f"jobs/{name}/cancel").status_code == 202
    assert night.wait_for(name, "Canceled") == "Canceled"
    night.admin("DELETE", "scripts")


def test_what_a_request_says_stands_over_its_deployment(night: Running) -> None:
    outputs = {
        "score": {"jobOutputType": "UriFile", "uri": "azureml://datastores/workspaceblobstore/paths/o/p.csv"}
    }
    said_instead: dict[str, Any] = {
        "outputData": outputs,
        "miniBatchSize": 2,
        "errorThreshold": 5,
        "retrySettings": {"maxRetries": 1},
        "compute": {"target": f"{night.workspace}/computes/gpu-cluster", "instanceCount": 1},
        "properties": {"experimentName": "mine"},
    }
    answer = invoke(night, "night", headers={"azureml-model-deployment": "second"}, **said_instead)
    assert answer.headers["azureml-model-deployment"] == "second"
    properties = answer.json()["properties"]
    assert properties["retrySettings"] == {"maxRetries": 1, "timeout": "PT30S"}
    assert properties["outputData"]["score"]["uri"].endswith("/o/p.csv")
    parameters = json.loads(properties["properties"]["azureml.parameters"])
    assert (parameters["mini_batch_size"], parameters["error_threshold"]) == ("2", "5")
    job = night.get(f"jobs/{answer.json()['name']}")
    assert (job["computeId"].rpartition("/")[2], job["experimentName"]) == ("gpu-cluster", "mine")
    assert job["outputs"]["score"]["uri"] == outputs["score"]["uri"]


def test_a_request_is_told_by_its_id_only_if_the_setting_says_so(night: Running) -> None:
    def ask(header: str = "repeatability-request-id", value: str = "one") -> str:
        return str(invoke(night, "night", headers={header: value}).json()["name"])

    assert ask() != ask()
    night.admin("PATCH", "settings", {"honours_repeatability": True})
    first = ask(value="two")
    assert ask(value="two") == first
    # azure-ai-ml 1.35.2 spells it so.
    assert ask("repeatability_request-id", "two") == first
    assert ask(value="three") != first
    assert night.admin("PATCH", "settings", {"honours_repeatability": 1}).status_code == 400


def test_an_answer_that_is_lost_leaves_its_job(night: Running) -> None:
    night.admin("POST", "faults", {"method": "POST", "path": "/batch/", "when": "after", "drop": True})
    with pytest.raises(httpx.HTTPError):
        invoke(night, "night")
    listed = night.http.get("/batch/night/jobs", headers=studio_token(night)).json()["value"]
    assert len(listed) == 1


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"inputs": {}}, 400, "scores one input"),
    ({"inputs": {**DATA, "n": LITERAL}}, 400, "scores one input"),
    ({"inputs": {"in": {"jobInputType": "Table", "uri": "x"}}}, 400, "jobInputType"),
    ({"inputs": {"in": {"jobInputType": "UriFolder"}}}, 400, "uri"),
    ({"color": "blue"}, 400, "Could not find member 'color' on object of type 'BatchJob'"),
    ({"dataset": {"path": "x"}}, 501, "inputData"),
    ({"headers": {"azureml-model-deployment": "none"}}, 400, "no deployment 'none'"),
]


@pytest.mark.parametrize(("members", "status", "problem"), REFUSED)
def test_requests_that_there_cannot_be(
    night: Running, members: dict[str, Any], status: int, problem: str
) -> None:
    before = len(night.ml("GET", "jobs").json()["value"])
    refused = invoke(night, "night", **members)
    assert refused.status_code == status
    assert problem in refused.text
    assert len(night.ml("GET", "jobs").json()["value"]) == before


def test_an_endpoint_without_a_default(quick: Running) -> None:
    make_endpoint(quick, "night")
    put(quick, "batchEndpoints/night/deployments/first", deployment_body(quick))
    refused = invoke(quick, "night")
    assert refused.status_code == 400
    assert "no default deployment" in said(refused)
    assert invoke(quick, "none").status_code == 404


def test_a_pipeline_component_runs_with_the_requests_inputs(night: Running) -> None:
    own = component(night, "inner", "true", {"text": "string", "n": "integer"}, {"out": "uri_folder"})
    graph = {"step": node(own, {"text": given("text"), "n": given("n")}, outputs={"out": bound("out")})}
    outer = component(
        night,
        "outer",
        command=None,  # type: ignore[arg-type]
        environment=None,
        type="pipeline",
        inputs={"text": "string", "n": {"type": "integer", "default": 2, "optional": False}},
        outputs={"out": "uri_folder"},
        jobs=graph,
    )
    configuration = {
        "deploymentConfigurationType": "PipelineComponent",
        "componentId": {"referenceType": "Id", "assetId": outer},
        "settings": {"default_compute": "cpu-cluster"},
    }
    body = {"location": "eastus", "properties": {"deploymentConfiguration": configuration}}
    put(night, "batchEndpoints/night/deployments/third", body)
    put(night, "batchEndpoints/night", endpoint_body("third"))
    inputs = {"text": {"jobInputType": "Literal", "value": "hello"}, "n": LITERAL}
    name = started(night, "night", inputs)
    assert night.wait_for(name, "Completed", "Failed") == "Completed"
    job = night.get(f"jobs/{name}")
    assert job["settings"] == {"default_compute": "cpu-cluster"}
    assert list(job["jobs"]) == ["outer"]
    wrong = invoke(night, "night", {"other": LITERAL})
    assert wrong.status_code == 400
    assert "no such input" in wrong.text
