"""Steps that are not run again, and those that are."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.pipelines import bound, children, component, node, of, pipeline_job
from tests.emulator.running import Running

FOLDER = {"jobOutputType": "uri_folder"}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(storing_emulator: Running) -> Run:
    """Run a pipeline to its end; its steps."""

    def run(jobs: dict[str, Any], **changes: Any) -> dict[str, Any]:
        name = f"again-{uuid.uuid4().hex[:8]}"
        storing_emulator.put(f"jobs/{name}", pipeline_job(storing_emulator, jobs, **changes))
        assert storing_emulator.wait_for(name, "Completed", "Failed") == "Completed"
        return children(storing_emulator, name)

    return run


def made(emulator: Running, **spec: Any) -> str:
    """A component that no other test has, and whose result differs each time it runs."""
    command = f"date +%N > ${{{{outputs.data}}}}/now # {uuid.uuid4()}"
    return component(emulator, "made", command, outputs={"data": "uri_folder"}, **spec)


def is_reused(step: dict[str, Any]) -> bool:
    return bool(step["properties"].get("azureml.isreused") == "true")


def test_the_same_again_is_reused_with_all_that_follows(storing_emulator: Running, run: Run) -> None:
    show = component(storing_emulator, "show", "cat ${{inputs.data}}/now", {"data": "uri_folder"})
    jobs = {"make": node(made(storing_emulator)), "show": node(show, {"data": of("make", "data")})}
    first, second = run(jobs), run(jobs)
    earlier, later = first["make"], second["make"]
    assert not is_reused(earlier)
    assert later["status"] == "Completed"
    assert later["runId"] != earlier["runId"]
    marks = {name: value for name, value in later["properties"].items() if "reused" in name}
    assert marks == {
        "azureml.isreused": "true",
        "azureml.reusedrunid": earlier["runId"],
        "azureml.reusednodeid": earlier["properties"]["azureml.nodeid"],
        "azureml.reusedpipeline": earlier["parentRunId"],
        "azureml.reusedpipelinerunid": earlier["parentRunId"],
    }
    assert later["properties"]["azureml.nodeid"] != earlier["properties"]["azureml.nodeid"]
    assert later["dataContainerId"] == f"dcid.{earlier['runId']}"
    assert later["outputs"]["data"] == earlier["outputs"]["data"]
    assert is_reused(second["show"])
    details = storing_emulator.history("GET", f"runs/{second['show']['runId']}/details").json()
    url = details["logFiles"]["user_logs/std_log.txt"]
    assert f"dcid.{first['show']['runId']}/" in url
    third = run(jobs)["make"]
    assert third["properties"]["azureml.reusedrunid"] == earlier["runId"]


def test_a_metric_is_that_of_the_first_run(storing_emulator: Running, run: Run) -> None:
    first = run({"make": node(made(storing_emulator))})["make"]
    jobs = {"make": node(f"azureml:{first['name']}:{first['properties']['azureml.moduleVersion']}")}
    metric = {"run_id": first["runId"], "key": "loss", "value": 0.5, "timestamp": 1, "step": 0}
    storing_emulator.mlflow("runs/log-metric", metric)
    second = run(jobs)["make"]
    found = storing_emulator.mlflow("runs/get", run_id=second["runId"]).json()["run"]
    assert found["data"]["metrics"][0]["value"] == 0.5
    assert found["info"]["artifact_uri"].endswith(f"/runs/{first['runId']}/artifacts")


@pytest.mark.parametrize(
    "change",
    [
        {"environment_variables": {"A": "1"}},
        {"resources": {"instance_count": 2}},
        {"inputs": {"rate": {"job_input_type": "literal", "value": "2"}}},
        {"outputs": {"data": {"job_output_type": "uri_folder", "mode": "Upload"}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_makes_it_another(storing_emulator: Running, run: Run, change: dict[str, Any]) -> None:
    rate = {"rate": {"type": "number", "default": 1}}
    plain = node(made(storing_emulator, inputs=rate))
    run({"make": plain})
    assert not is_reused(run({"make": {**plain, **change}})["make"])
    assert is_reused(run({"make": {**plain, "display_name": "another"}})["another"])


def test_components_that_are_not_deterministic(storing_emulator: Running, run: Run) -> None:
    jobs = {"make": node(made(storing_emulator, is_deterministic=False))}
    run(jobs)
    assert not is_reused(run(jobs)["make"])


def test_a_forced_run_neither_reuses_nor_is_reused(storing_emulator: Running, run: Run) -> None:
    jobs, forced = {"make": node(made(storing_emulator))}, {"force_rerun": True}
    run(jobs, settings=forced)
    first = run(jobs)["make"]
    assert not is_reused(first)
    assert not is_reused(run(jobs, settings=forced)["make"])
    assert run(jobs)["make"]["properties"]["azureml.reusedrunid"] == first["runId"]


def test_a_reused_output_of_the_pipeline(storing_emulator: Running, run: Run) -> None:
    jobs = {"make": node(made(storing_emulator), outputs={"data": bound("kept")})}
    first = run(jobs, outputs={"kept": FOLDER})["make"]
    second = run(jobs, outputs={"kept": FOLDER})["make"]
    pipeline = storing_emulator.history("GET", f"runs/{second['parentRunId']}").json()
    assert pipeline["outputs"]["kept"] == first["outputs"]["data"]
