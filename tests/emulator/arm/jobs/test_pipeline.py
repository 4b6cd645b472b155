"""Pipeline jobs on the wire: what is answered, and which graphs are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.pipelines import bound, component, given, node, of, pipeline_job
from tests.emulator.running import SLOW, Running, inner_codes, said

FOLDER = {"jobOutputType": "uri_folder"}


@pytest.fixture
def make(emulator: Running) -> str:
    return component(emulator, "make", outputs={"data": "uri_folder"})


@pytest.fixture
def use(emulator: Running) -> str:
    inputs = {"data": "uri_folder", "rate": {"type": "number", "default": "0.1"}}
    return component(emulator, "use", inputs=inputs, outputs={"model": "uri_folder"})


def test_a_pipeline_is_answered_as_it_was_sent(emulator: Running, make: str, use: str) -> None:
    jobs = {
        "first": node(make),
        "second": node(use, {"data": of("first", "data")}, outputs={"model": bound("model")}),
    }
    settings = {"continue_on_step_failure": True, "_source": "YAML.JOB"}
    sent = pipeline_job(emulator, jobs, outputs={"model": FOLDER}, settings=settings, tags=SLOW)
    answer = emulator.put("jobs/wire", sent)
    assert answer["jobs"] == sent["jobs"]
    assert answer["settings"] == settings
    assert list(answer["outputs"]) == ["model"]
    assert answer["inputs"] is None
    assert answer["status"] in ("NotStarted", "Preparing", "Running")
    assert "queueSettings" not in answer
    emulator.wait_for("wire", "Running")
    added = emulator.get("jobs/wire")["properties"]
    assert added["azureml.runsource"] == "azureml.PipelineRun"
    assert added["azureml.continue_on_step_failure"] == "True"
    emulator.ml("POST", "jobs/wire/cancel")
    emulator.wait_for("wire", "Canceled")


def test_a_late_cancel_is_refused(emulator: Running, make: str) -> None:
    emulator.put("jobs/late", pipeline_job(emulator, {"only": node(make)}, tags={"emulator.seconds": "0"}))
    emulator.wait_for("late", "Completed")
    answer = emulator.ml("POST", "jobs/late/cancel")
    assert answer.status_code == 400
    assert inner_codes(answer) == ["BadArgument", "ArgumentInvalid", "CancelPipelineRunInTerminalStatus"]


def test_steps_are_not_listed_and_have_no_properties(emulator: Running, make: str) -> None:
    emulator.put("jobs/steps", pipeline_job(emulator, {"only": node(make)}, tags={"emulator.seconds": "0"}))
    emulator.wait_for("steps", "Completed")
    [step] = emulator.history("GET", "runs/steps/children").json()["value"]
    answer = emulator.ml("GET", f"jobs/{step['runId']}")
    assert answer.status_code == 200
    assert sorted(answer.json()) == ["id", "name", "systemData", "type"]
    listed = [job["name"] for job in emulator.ml("GET", "jobs").json()["value"]]
    assert "steps" in listed
    assert step["runId"] not in listed


def test_a_component_that_there_is_not(emulator: Running) -> None:
    missing = f"{emulator.workspace}/components/none/versions/7"
    body = {"properties": pipeline_job(emulator, {"only": node(missing)})}
    answer = emulator.ml("PUT", "jobs/none", body)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "NotFound"
    assert said(answer).startswith(f"key: {missing}, Message: Not found component none (version: 7).")
    assert inner_codes(answer) == []


@pytest.mark.parametrize("reference", ["azureml:use@latest", "azureml:{name}:{version}", "azureml:{id}"])
def test_other_names_of_a_component(emulator: Running, make: str, use: str, reference: str) -> None:
    name, version = use.split("/")[-3], use.split("/")[-1]
    jobs = {
        "first": node(make),
        "second": node(reference.format(id=use, name=name, version=version), {"data": of("first", "data")}),
    }
    emulator.put(f"jobs/named-{len(reference)}", pipeline_job(emulator, jobs))


def refused(emulator: Running, jobs: dict[str, Any], status: int = 400, **changes: Any) -> str:
    body = {"properties": pipeline_job(emulator, jobs, **changes)}
    answer = emulator.ml("PUT", "jobs/refused", body)
    assert answer.status_code == status, answer.text
    assert emulator.ml("GET", "jobs/refused").status_code == 404
    return said(answer) if "details" in answer.json()["error"] else str(answer.json()["error"]["message"])


def test_an_input_that_has_no_value(emulator: Running, use: str) -> None:
    assert "properties.jobs.only.inputs.data" in refused(emulator, {"only": node(use)})


def test_names_that_there_are_not(emulator: Running, make: str, use: str) -> None:
    def second(source: str, **outputs: Any) -> dict[str, Any]:
        return {"first": node(make), "second": node(use, {"data": source}, outputs=outputs)}

    assert "no node 'third'" in refused(emulator, second(of("third", "data")))
    assert "no output 'other'" in refused(emulator, second(of("first", "other")))
    assert "no input 'raw'" in refused(emulator, second(given("raw")))
    assert "no output 'result'" in refused(emulator, second(of("first", "data"), model=bound("result")))
    assert "no such output" in refused(emulator, second(of("first", "data"), nothing=bound("model")))
    assert "no such input" in refused(emulator, {"first": node(make, {"rate": 1})})


def test_a_pipeline_without_nodes(emulator: Running) -> None:
    assert "needs a node" in refused(emulator, {})
    assert "of a source job" in refused(emulator, {}, 501, sourceJobId=f"{emulator.workspace}/jobs/j")
    assert "of a component" in refused(emulator, {}, 501, componentId=f"{emulator.workspace}/components/c")


def test_a_circle(emulator: Running, use: str) -> None:
    jobs = {"a": node(use, {"data": of("b", "model")}), "b": node(use, {"data": of("a", "model")})}
    assert "wait for each other: a, b" in refused(emulator, jobs)


def test_what_a_node_refers_to(emulator: Running, make: str) -> None:
    compute = f"{emulator.workspace}/computes/none"
    assert "Compute Not Found" in refused(emulator, {"only": node(make, computeId=compute)})
    settings = {"default_datastore": "none"}
    assert "Could not find datastore: none" in refused(emulator, {"only": node(make)}, 404, settings=settings)
    limits = {"timeout": "soon"}
    assert "limits.timeout" in refused(emulator, {"only": node(make, limits=limits)})


def test_a_node_that_says_too_little(emulator: Running, make: str) -> None:
    assert "properties.jobs.only.type" in refused(emulator, {"only": {"componentId": make}})
    assert "properties.jobs.only.componentId" in refused(emulator, {"only": {"type": "command"}})
    jobs = {"only": node(make, inputs={"x": {"mode": "Direct"}})}
    assert "no such input" in refused(emulator, jobs)


def test_a_component_of_another_type(emulator: Running) -> None:
    other = component(emulator, "spark", type="spark", command=None)
    assert "needs a component of the type command" in refused(emulator, {"only": node(other)})


@pytest.mark.parametrize("kind", ["spark", "automl", "if_else", "do_while", "import"])
def test_other_nodes_are_not_emulated(emulator: Running, make: str, kind: str) -> None:
    assert f"nodes of the type {kind}" in refused(emulator, {"only": {**node(make), "type": kind}}, 501)


def test_what_is_not_emulated_of_a_node(emulator: Running, make: str, use: str) -> None:
    jobs = {"first": node(make), "second": node(use, {"data": of("first", "data") + "/part"})}
    assert "more than one expression" in refused(emulator, jobs, 501)
    assert "the setting on_finalize" in refused(
        emulator, {"only": node(make)}, 501, settings={"on_finalize": "only"}
    )
    control = component(emulator, "control", outputs={"go": "boolean"})
    assert "outputs of the type boolean" in refused(emulator, {"only": node(control)}, 501)


def test_a_component_of_the_registry(emulator: Running) -> None:
    spec = {"type": "command", "command": "true", "environment": "azureml:AzureML-any:1"}
    shared = emulator.share("components/lent/versions/1", {"componentSpec": {**spec, "name": "lent"}})
    for index, reference in enumerate((shared, shared.replace("versions/1", "labels/latest"))):
        job = pipeline_job(emulator, {"only": node(reference)}, tags={"emulator.seconds": "0"})
        emulator.put(f"jobs/lent{index}", job)
        emulator.wait_for(f"lent{index}", "Completed")


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("azureml://registries/emulator-registry/components/none/versions/3", "component none (version: 3)."),
        ("azureml://registries/emulator-registry/components/none/labels/latest", "(version: latest)."),
        (
            "azureml://registries/nobodys/components/c/versions/1",
            "no registry 'nobodys'; it has emulator-reg",
        ),
    ],
)
def test_a_component_that_no_registry_has(emulator: Running, reference: str, words: str) -> None:
    assert words in refused(emulator, {"only": node(reference)}, 404)


def test_the_first_api_version_has_no_pipelines(emulator: Running, make: str) -> None:
    body = {"properties": pipeline_job(emulator, {"only": node(make)})}
    assert emulator.ml("PUT", "jobs/old", body, version="2021-03-01-preview").status_code == 400
    emulator.put("jobs/early", body["properties"], version="2022-02-01-preview")
