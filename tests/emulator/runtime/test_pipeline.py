"""Pipelines whose nodes are processes: what is passed between them, and what becomes of each."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.pipelines import (
    bound,
    children,
    component,
    given,
    literal,
    node,
    of,
    pipeline_job,
    statuses,
)
from tests.emulator.running import Running

FOLDER = {"jobOutputType": "uri_folder"}
ENDED = ("Completed", "Failed", "Canceled")
Run = Callable[..., str]


@pytest.fixture
def run(storing_emulator: Running) -> Run:
    """Run a pipeline to its end; its name."""

    def run(jobs: dict[str, Any], expect: str = "Completed", **changes: Any) -> str:
        name = submit(storing_emulator, jobs, **changes)
        assert storing_emulator.wait_for(name, *ENDED) == expect, logs(storing_emulator, name)
        return name

    return run


def submit(emulator: Running, jobs: dict[str, Any], **changes: Any) -> str:
    name = f"pipe-{uuid.uuid4().hex[:8]}"
    emulator.put(f"jobs/{name}", pipeline_job(emulator, jobs, **changes))
    return name


def logs(emulator: Running, name: str) -> dict[str, str]:
    """What the steps of a pipeline have said."""
    return {step: log(emulator, run["runId"]) for step, run in children(emulator, name).items()}


def log(emulator: Running, run: str, path: str = "user_logs/std_log.txt") -> str:
    files = emulator.history("GET", f"runs/{run}/details").json()["logFiles"]
    return emulator.http.get(files[path], headers={"Authorization": ""}).text if path in files else ""


def writer(emulator: Running, text: str = "written by the first") -> str:
    command = f"echo {text} ${{{{inputs.word}}}} > ${{{{outputs.data}}}}/words.txt"
    return component(
        emulator, "writer", command, {"word": {"type": "string", "default": "alone"}}, {"data": "uri_folder"}
    )


def reader(emulator: Running) -> str:
    command = (
        "cat ${{inputs.data}}/words.txt $[[&& echo rate ${{inputs.rate}}]] $[[&& echo ${{inputs.more}}]]"
    )
    optional = {"type": "number", "optional": True}
    return component(
        emulator, "reader", command, {"data": "uri_folder", "rate": optional, "more": optional}, {}
    )


def failing(emulator: Running, **outputs: str) -> str:
    return component(emulator, "failing", "echo going down; exit 3", outputs=dict(outputs))


def test_data_and_values_are_passed_on(storing_emulator: Running, run: Run) -> None:
    jobs = {
        "first": node(writer(storing_emulator), {"word": given("greeting")}),
        "second": node(reader(storing_emulator), {"data": of("first", "data"), "rate": "0.5"}),
    }
    inputs = {"greeting": {"jobInputType": "literal", "value": "hello"}}
    name = run(jobs, inputs=inputs)
    said = logs(storing_emulator, name)["second"]
    assert said.splitlines() == ["written by the first hello", "rate 0.5"]


def test_data_of_the_pipeline_and_defaults(storing_emulator: Running, run: Run) -> None:
    first = run(
        {"only": node(writer(storing_emulator), outputs={"data": bound("kept")})}, outputs={"kept": FOLDER}
    )
    data = {"jobInputType": "uri_folder", "uri": f"azureml://jobs/{first}/outputs/kept"}
    second = run({"only": node(reader(storing_emulator), {"data": given("raw")})}, inputs={"raw": data})
    assert logs(storing_emulator, second)["only"] == "written by the first alone\n"
    own = {"uri": data["uri"], "job_input_type": "uri_folder", "mode": "Download"}
    third = run({"only": node(reader(storing_emulator), {"data": own, "more": 7})})
    assert logs(storing_emulator, third)["only"] == "written by the first alone\n7\n"


def test_an_output_of_the_pipeline_is_that_of_its_node(storing_emulator: Running, run: Run) -> None:
    jobs = {"only": node(writer(storing_emulator), outputs={"data": bound("kept")})}
    path = f"azureml://datastores/workspaceblobstore/paths/kept/{uuid.uuid4().hex}/${{{{name}}}}/"
    kept = {**FOLDER, "uri": path, "assetName": "kept-words"}
    name = run(jobs, outputs={"kept": kept})
    step = children(storing_emulator, name)["only"]
    shown = storing_emulator.history("GET", f"runs/{name}").json()["outputs"]["kept"]
    assert shown == step["outputs"]["data"]
    assert shown["assetId"].endswith(f"/data/azureml_{step['runId']}_output_data_data/versions/1")
    registered = storing_emulator.get("data/kept-words/versions/1")
    assert registered["dataUri"].endswith(f"/{step['runId']}/")


def test_the_mode_of_an_input(storing_emulator: Running, run: Run) -> None:
    """The node's stands over the component's, and that over the pipeline's."""
    direct = {"type": "uri_folder", "mode": "direct"}
    where = component(storing_emulator, "where", "echo ${{inputs.data}}", {"data": direct})
    mounted = {**literal(of("write", "data")), "mode": "ReadOnlyMount"}
    jobs = {
        "write": node(writer(storing_emulator)),
        "direct": node(where, {"data": given("raw")}),
        "mounted": node(where, {"data": mounted}),
    }
    data = "azureml://datastores/workspaceblobstore/paths/anything/"
    name = run(jobs, inputs={"raw": {"jobInputType": "uri_folder", "uri": data}})
    said = logs(storing_emulator, name)
    assert said["direct"] == f"{data}\n"
    assert said["mounted"].startswith("/")


def test_where_outputs_go(storing_emulator: Running, run: Run) -> None:
    model = f"model-{uuid.uuid4().hex[:8]}"
    path = f"azureml://datastores/workspaceblobstore/paths/own/{model}/${{{{output_name}}}}/"
    named = {"job_output_type": "uri_folder", "name": model, "version": "7"}
    jobs = {
        "default": node(writer(storing_emulator, "default")),
        "own": node(writer(storing_emulator, "own"), outputs={"data": {"uri": path, "mode": "Upload"}}),
        "named": node(writer(storing_emulator, "named"), outputs={"data": named}),
    }
    name = run(jobs, settings={"default_datastore": "azureml:workspaceartifactstore"})
    steps = children(storing_emulator, name)

    def place(step: str) -> str:
        asset = f"data/azureml_{steps[step]['runId']}_output_data_data/versions/1"
        return str(storing_emulator.get(asset)["dataUri"]).partition("/datastores/")[2]

    assert place("default") == f"workspaceartifactstore/paths/azureml/{steps['default']['runId']}/data/"
    assert place("own") == f"workspaceblobstore/paths/own/{model}/data/"
    registered = storing_emulator.get(f"data/{model}/versions/7")
    assert registered["dataUri"].endswith(place("named"))


def test_a_distributed_node(storing_emulator: Running, run: Run) -> None:
    ranks = component(
        storing_emulator,
        "ranks",
        "echo $RANK of $WORLD_SIZE",
        resources={"instance_count": "1"},
        distribution={"type": "pytorch", "process_count_per_instance": "1"},
    )
    both = {"distribution_type": "PyTorch", "process_count_per_instance": 2}
    name = run({"one": node(ranks), "two": node(ranks, distribution=both, resources={"instance_count": 1})})
    steps = children(storing_emulator, name)
    assert log(storing_emulator, steps["one"]["runId"]) == "0 of 1\n"
    second = [
        log(storing_emulator, steps["two"]["runId"], f"user_logs/std_log_process_{n}.txt") for n in (0, 1)
    ]
    assert second == ["0 of 2\n", "1 of 2\n"]


def test_steps_are_runs_below_the_pipeline(storing_emulator: Running, run: Run) -> None:
    command = "echo $AZUREML_RUN_ID $AZUREML_ROOT_RUN_ID $AZUREML_EXPERIMENT_NAME $COLOUR"
    shown = component(storing_emulator, "shown", command)
    name = run({"only": node(shown, environment_variables={"COLOUR": "blue"})}, experimentName="shown")
    step = children(storing_emulator, name)["only"]
    assert (step["runType"], step["parentRunId"], step["rootRunId"]) == ("azureml.StepRun", name, name)
    assert (step["name"], step["displayName"], step["target"]) == ("shown", "only", "cpu-cluster")
    assert step["properties"]["azureml.pipelinerunid"] == name
    assert step["tags"]["azureml.nodeid"] == step["properties"]["azureml.nodeid"]
    assert log(storing_emulator, step["runId"]) == f"{step['runId']} {name} shown blue\n"
    run_of_mlflow = storing_emulator.mlflow("runs/get", run_id=step["runId"]).json()["run"]
    tags = {tag["key"]: tag["value"] for tag in run_of_mlflow["data"]["tags"]}
    assert (tags["mlflow.parentRunId"], tags["mlflow.rootRunId"]) == (name, name)
    pipeline = storing_emulator.history("GET", f"runs/{name}").json()
    assert pipeline["runTypeV2"]["orchestrator"] == "Pipeline"
    assert (pipeline["target"], pipeline["uniqueChildRunComputeTargets"]) == (None, ["cpu-cluster"])
    assert "Execution" in pipeline["properties"]["azureml.pipelines.stages"]
    said = log(storing_emulator, name, "logs/azureml/executionlogs.txt")
    assert f"Completing processing run id {step['runId']}." in said
    assert "Finishing experiment: no runs left and nothing to schedule." in said


def test_a_node_that_fails_ends_the_pipeline(storing_emulator: Running, run: Run) -> None:
    jobs = {
        "first": node(failing(storing_emulator, data="uri_folder")),
        "second": node(reader(storing_emulator), {"data": of("first", "data")}),
    }
    name = run(jobs, "Failed")
    assert statuses(storing_emulator, name) == {"first": "Failed", "second": "Canceled"}
    error = storing_emulator.history("GET", f"runs/{name}").json()["error"]["error"]
    assert error["message"].startswith("Pipeline has failed child jobs. Failed nodes: /first.")
    assert error["referenceCode"] == "PipelineHasStepJobFailed"
    first = children(storing_emulator, name)["first"]
    assert "exited with status code 3" in first["error"]["error"]["message"]
    assert log(storing_emulator, first["runId"]) == "going down\n"


def test_others_go_on_if_they_may(storing_emulator: Running, run: Run) -> None:
    optional = {"type": "uri_folder", "optional": True}
    tolerant = component(
        storing_emulator, "tolerant", "echo without $[[${{inputs.data}}]]", {"data": optional}
    )
    jobs = {
        "first": node(failing(storing_emulator, data="uri_folder")),
        "after": node(reader(storing_emulator), {"data": of("first", "data")}),
        "without": node(tolerant, {"data": of("first", "data")}),
        "beside": node(component(storing_emulator, "beside", "sleep 1")),
        "later": node(reader(storing_emulator), {"data": of("write", "data")}),
        "write": node(writer(storing_emulator, "later")),
    }
    settings = {"continue_on_step_failure": True}
    name = run(jobs, "Failed", settings=settings)
    assert statuses(storing_emulator, name) == {
        "first": "Failed",
        "after": "Canceled",
        "without": "Completed",
        "beside": "Completed",
        "later": "Completed",
        "write": "Completed",
    }
    assert logs(storing_emulator, name)["without"] == "without\n"


def test_nodes_run_side_by_side(storing_emulator: Running, tmp_path: Path, run: Run) -> None:
    def meets(own: str, other: str) -> dict[str, Any]:
        wait = f"touch {tmp_path}/{own}; until [ -e {tmp_path}/{other} ]; do sleep 0.05; done"
        return node(component(storing_emulator, own, wait))

    run({"a": meets("a", "b"), "b": meets("b", "a")})


def test_a_cancel_ends_the_nodes(storing_emulator: Running) -> None:
    long = component(storing_emulator, "long", "echo begun; sleep 300", outputs={"data": "uri_folder"})
    jobs = {"now": node(long), "then": node(reader(storing_emulator), {"data": of("now", "data")})}
    name = submit(storing_emulator, jobs)
    deadline = time.monotonic() + 30
    while statuses(storing_emulator, name).get("now") != "Running" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert storing_emulator.ml("POST", f"jobs/{name}/cancel").status_code == 202
    assert storing_emulator.wait_for(name, *ENDED) == "Canceled"
    assert statuses(storing_emulator, name) == {"now": "Canceled", "then": "Canceled"}


def test_a_cancel_of_one_node_fails_the_pipeline(storing_emulator: Running) -> None:
    jobs = {"only": node(component(storing_emulator, "longer", "sleep 301"))}
    name = submit(storing_emulator, jobs)
    while statuses(storing_emulator, name).get("only") != "Running":
        time.sleep(0.05)
    step = children(storing_emulator, name)["only"]["runId"]
    assert storing_emulator.history("POST", f"runs/{step}/cancel").status_code == 200
    assert storing_emulator.wait_for(name, *ENDED) == "Failed"
    assert statuses(storing_emulator, name) == {"only": "Canceled"}


def test_a_cancel_of_a_node_before_its_turn(storing_emulator: Running, tmp_path: Path) -> None:
    wait = f"until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo > ${{{{outputs.data}}}}/words.txt"
    first = component(storing_emulator, "waits", wait, outputs={"data": "uri_folder"})
    jobs = {"first": node(first), "second": node(reader(storing_emulator), {"data": of("first", "data")})}
    name = submit(storing_emulator, jobs)
    while statuses(storing_emulator, name).get("first") != "Running":
        time.sleep(0.05)
    step = children(storing_emulator, name)["second"]
    assert step["status"] == "NotStarted"
    storing_emulator.history("POST", f"runs/{step['runId']}/cancel")
    (tmp_path / "go").touch()
    assert storing_emulator.wait_for(name, *ENDED) == "Failed"
    assert statuses(storing_emulator, name) == {"first": "Completed", "second": "Canceled"}


def test_a_pipeline_is_deleted_with_its_steps(storing_emulator: Running, run: Run) -> None:
    gone = component(storing_emulator, "gone", f": {uuid.uuid4()}")
    name = run({"only": node(gone)})
    step = children(storing_emulator, name)["only"]["runId"]
    assert storing_emulator.ml("DELETE", f"jobs/{name}").status_code == 200
    assert storing_emulator.history("GET", f"runs/{step}").status_code == 404
    again = run({"only": node(gone)})
    assert "azureml.isreused" not in children(storing_emulator, again)["only"]["properties"]


def test_a_limit_of_a_node(storing_emulator: Running, run: Run) -> None:
    slow = component(storing_emulator, "slow", "sleep 60")
    name = run({"only": node(slow, limits={"timeout": 1})}, "Failed")
    assert statuses(storing_emulator, name) == {"only": "Canceled"}


def test_a_node_whose_source_has_nothing(storing_emulator: Running, run: Run) -> None:
    """Types are only known when values are: the node fails, not the submission."""
    whole = component(storing_emulator, "whole", "echo ${{inputs.n}}", {"n": "integer"})
    jobs = {"first": node(writer(storing_emulator)), "second": node(whole, {"n": of("first", "data")})}
    name = run(jobs, "Failed")
    error = children(storing_emulator, name)["second"]["error"]["error"]
    assert "is of the type integer, and given data" in error["message"]


def test_the_compute_of_a_node(storing_emulator: Running, run: Run) -> None:
    quick = component(storing_emulator, "quick")
    serverless = f"{storing_emulator.workspace}/computes/serverless"
    jobs = {
        "own": node(quick, computeId=f"{storing_emulator.workspace}/computes/gpu-cluster"),
        "given": node(quick, computeId=given("where")),
        "default": node(quick),
        "none": node(quick, computeId=serverless),
    }
    inputs = {"where": {"jobInputType": "literal", "value": "gpu-cluster"}}
    name = run(jobs, inputs=inputs, settings={"force_rerun": True})
    targets = {step: found["target"] for step, found in children(storing_emulator, name).items()}
    assert targets == {"own": "gpu-cluster", "given": "gpu-cluster", "default": "cpu-cluster", "none": None}


def test_literals_keep_their_text(storing_emulator: Running, run: Run) -> None:
    say = component(storing_emulator, "say", "echo ${{inputs.text}}", {"text": "string"})
    name = run({"only": node(say, {"text": literal("a b  c")})})
    assert logs(storing_emulator, name)["only"] == "a b c\n"
