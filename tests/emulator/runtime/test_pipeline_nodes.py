"""Nodes of the other types: pipelines in pipelines, sweeps, entry scripts over mini-batches."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.emulator.pipelines import bound, children, component, given, node, of, pipeline_job, statuses
from tests.emulator.running import Running, said

FOLDER = {"jobOutputType": "uri_folder"}


def run(emulator: Running, jobs: dict[str, Any], expect: str = "Completed", **changes: Any) -> str:
    name = f"nodes-{uuid.uuid4().hex[:8]}"
    emulator.put(f"jobs/{name}", pipeline_job(emulator, jobs, **changes))
    ended = emulator.wait_for(name, "Completed", "Failed", "Canceled")
    assert ended == expect, [log(emulator, run["runId"]) for run in children(emulator, name).values()]
    return name


def log(emulator: Running, run: str) -> str:
    files = emulator.history("GET", f"runs/{run}/details").json()["logFiles"]
    url = files.get("user_logs/std_log.txt")
    return emulator.http.get(url, headers={"Authorization": ""}).text if url else ""


def refused(emulator: Running, jobs: dict[str, Any], status: int = 400) -> str:
    answer = emulator.ml("PUT", "jobs/refused", {"properties": pipeline_job(emulator, jobs)})
    assert answer.status_code == status, answer.text
    return said(answer) if status == 400 else str(answer.json()["error"]["message"])


# pipelines in pipelines


def inner(emulator: Running, **jobs: Any) -> str:
    """A pipeline component that writes what it is given, and passes it on."""
    command = "echo $[[got ${{inputs.word}}]] end > ${{outputs.data}}/word"
    write = component(
        emulator,
        "inner-write",
        command,
        {"word": {"type": "string", "optional": True}},
        {"data": "uri_folder"},
    )
    copy = component(
        emulator,
        "inner-copy",
        "cat ${{inputs.data}}/word > ${{outputs.data}}/copied; echo $AZUREML_ROOT_RUN_ID",
        {"data": "uri_folder"},
        {"data": "uri_folder"},
    )
    nodes = {
        "write": node(write, {"word": given("word")}),
        "copy": node(copy, {"data": of("write", "data")}, outputs={"data": bound("copied")}),
        **jobs,
    }
    optional = {"type": "string", "optional": True}
    return component(
        emulator,
        "inner",
        inputs={"word": optional},
        outputs={"copied": "uri_folder"},
        type="pipeline",
        jobs=nodes,
        command=None,
        environment=None,
    )


def nested(component_id: str, **inputs: Any) -> dict[str, Any]:
    return {**node(component_id, inputs), "type": "pipeline"}


def test_a_pipeline_in_a_pipeline(storing_emulator: Running) -> None:
    show = component(storing_emulator, "show", "cat ${{inputs.data}}/copied", {"data": "uri_folder"})
    own = inner(storing_emulator)
    jobs = {
        "with": {**nested(own, word=given("word")), "outputs": {"copied": bound("kept")}},
        "without": nested(own),
        "show": node(show, {"data": of("with", "copied")}),
        "bare": node(show, {"data": of("without", "copied")}),
    }
    inputs = {"word": {"jobInputType": "literal", "value": "hello"}}
    name = run(storing_emulator, jobs, inputs=inputs, outputs={"kept": FOLDER})
    steps = children(storing_emulator, name)
    assert log(storing_emulator, steps["show"]["runId"]) == "got hello end\n"
    assert log(storing_emulator, steps["bare"]["runId"]) == "end\n"
    assert steps["with"]["properties"]["StepType"] == "SubGraphCloudStep"
    below = children(storing_emulator, steps["with"]["runId"])
    assert set(below) == {"write", "copy"}
    copied = below["copy"]
    assert (copied["parentRunId"], copied["rootRunId"]) == (steps["with"]["runId"], name)
    assert copied["properties"]["azureml.pipelinerunid"] == name
    assert log(storing_emulator, copied["runId"]) == f"{name}\n"
    kept = storing_emulator.history("GET", f"runs/{name}").json()["outputs"]["kept"]
    assert kept == steps["with"]["outputs"]["copied"] == copied["outputs"]["data"]


def test_a_failure_below(storing_emulator: Running) -> None:
    bad = component(storing_emulator, "bad", "exit 4")
    name = run(storing_emulator, {"outer": nested(inner(storing_emulator, bad=node(bad)))}, "Failed")
    outer = children(storing_emulator, name)["outer"]
    assert "Failed nodes: /bad." in outer["error"]["error"]["message"]
    assert statuses(storing_emulator, outer["runId"])["bad"] == "Failed"


def test_a_needed_input_whose_source_is_not_given(storing_emulator: Running) -> None:
    """That the pipeline component may do without it is no help to a node that may not: it fails."""
    needs = component(storing_emulator, "needs", "echo ${{inputs.word}}", {"word": "string"})
    own = inner(storing_emulator, needs=node(needs, {"word": given("word")}))
    name = run(storing_emulator, {"outer": nested(own)}, "Failed")
    below = children(storing_emulator, children(storing_emulator, name)["outer"]["runId"])
    assert "inputs.word': its source has no value" in below["needs"]["error"]["error"]["message"]


def test_a_cancel_reaches_below(storing_emulator: Running) -> None:
    long = component(storing_emulator, "long", "sleep 300")
    name = f"nodes-{uuid.uuid4().hex[:8]}"
    jobs = {"outer": nested(inner(storing_emulator, long=node(long)))}
    storing_emulator.put(f"jobs/{name}", pipeline_job(storing_emulator, jobs))
    below: dict[str, str] = {}
    while below.get("long") != "Running":
        outer = children(storing_emulator, name).get("outer")
        below = statuses(storing_emulator, outer["runId"]) if outer else {}
    storing_emulator.ml("POST", f"jobs/{name}/cancel")
    assert storing_emulator.wait_for(name, "Canceled", "Failed") == "Canceled"
    assert statuses(storing_emulator, name) == {"outer": "Canceled"}
    assert (
        statuses(storing_emulator, children(storing_emulator, name)["outer"]["runId"])["long"] == "Canceled"
    )


def test_a_component_whose_nodes_do_not_fit(storing_emulator: Running) -> None:
    wrong = inner(storing_emulator, more=node(component(storing_emulator, "more"), {"what": given("other")}))
    assert "properties.jobs.outer.jobs.more.inputs.what" in refused(
        storing_emulator, {"outer": nested(wrong)}
    )


# sweeps

LOG_LOSS = """
import json, os, sys, urllib.request, ssl
loss = {'key': 'loss', 'value': float(sys.argv[1]), 'timestamp': 1, 'step': 0}
request = urllib.request.Request(
    os.environ['MLFLOW_TRACKING_URI'] + '/api/2.0/mlflow/runs/log-metric',
    json.dumps({'run_id': os.environ['MLFLOW_RUN_ID'], **loss}).encode(),
    {'Authorization': 'Bearer ' + os.environ['MLFLOW_TRACKING_TOKEN']},
)
tls = ssl.create_default_context(cafile=os.environ['MLFLOW_TRACKING_SERVER_CERT_PATH'])
urllib.request.urlopen(request, context=tls).read()
"""


def swept(emulator: Running, **members: Any) -> dict[str, Any]:
    """A sweep over a component that logs what it is given."""
    command = (
        f'python -c "{LOG_LOSS}" ${{{{inputs.rate}}}}'
        " && echo ${{inputs.rate}} ${{inputs.kind}} > ${{outputs.model}}/rate"
    )
    inputs = {"rate": "number", "kind": {"type": "string", "default": "plain"}}
    trial = component(emulator, "trial", command, inputs, {"model": "uri_folder"})
    return {
        "type": "sweep",
        "trial": {"componentId": trial},
        "objective": {"goal": "minimize", "primary_metric": "loss"},
        "sampling_algorithm": "grid",
        "search_space": {"rate": {"type": "choice", "values": [0.5, 0.25]}},
        "limits": {"max_total_trials": 2, "max_concurrent_trials": 2, "timeout": 600},
        **members,
    }


def test_a_sweep_passes_on_what_its_best_trial_wrote(storing_emulator: Running) -> None:
    show = component(storing_emulator, "show-rate", "cat ${{inputs.model}}/rate", {"model": "uri_folder"})
    jobs = {"sweep": swept(storing_emulator), "show": node(show, {"model": of("sweep", "model")})}
    name = run(storing_emulator, jobs)
    steps = children(storing_emulator, name)
    assert log(storing_emulator, steps["show"]["runId"]) == "0.25 plain\n"
    trials = storing_emulator.history("GET", f"runs/{steps['sweep']['runId']}/children").json()["value"]
    assert [trial["status"] for trial in trials] == ["Completed", "Completed"]
    assert {trial["rootRunId"] for trial in trials} == {name}
    best = steps["sweep"]["properties"]["best_child_run_id"]
    assert f"azureml_{best}_output_data_model" in steps["sweep"]["outputs"]["model"]["assetId"]


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"search_space": {"rate": {"type": "uniform", "min_value": 1}}}, "uniform needs max_value"),
        ({"search_space": {"rate": {"type": "any"}}}, "'any' is none of"),
        ({"search_space": {"other": {"type": "randint", "upper": 3}}}, "no such input"),
        ({"objective": {"goal": "best", "primary_metric": "loss"}}, "objective.goal"),
        ({"sampling_algorithm": "guess"}, "samplingAlgorithmType"),
        ({"limits": {"max_total_trials": "many"}}, "max_total_trials"),
        ({"early_termination": {"policy_type": "none"}}, "policyType"),
    ],
)
def test_a_sweep_that_cannot_be(storing_emulator: Running, members: dict[str, Any], problem: str) -> None:
    jobs = {"sweep": {**swept(storing_emulator), "inputs": {}, **members}}
    if "other" in members.get("search_space", {}):
        jobs["sweep"]["inputs"] = {"rate": {"job_input_type": "literal", "value": "1"}}
    assert problem in refused(storing_emulator, jobs)


# parallel nodes

SCRIPT = """
import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
import helper

def init():
    global prefix
    parser = argparse.ArgumentParser()
    parser.add_argument("--prefix")
    prefix = parser.parse_known_args()[0].prefix
    print("init", os.environ["COLOUR"])

def run(mini_batch):
    names = [os.path.basename(path) for path in mini_batch]
    if "bad.txt" in names:
        raise ValueError("a bad file")
    return [helper.row(prefix, path) for path in mini_batch if not path.endswith("odd.txt")]
"""
HELPER = "def row(prefix, path):\n    return f'{prefix}:{open(path).read().strip()}'\n"


def parallel(emulator: Running, *names: str, **members: Any) -> dict[str, dict[str, Any]]:
    """A node that writes files of these names, and one that runs the script over them."""
    make = "".join(f"echo {name} > ${{{{outputs.data}}}}/{name}.txt; " for name in names)
    writer = component(emulator, "files", f"{make}: {uuid.uuid4()}", outputs={"data": "uri_folder"})
    task = {
        "type": "run_function",
        "code": code(emulator),
        "entry_script": "score.py",
        "program_arguments": "--prefix ${{inputs.prefix}}",
        "append_row_to": "${{outputs.rows}}",
        "environment": emulator.environment(),
    }
    own = component(
        emulator,
        "scores",
        inputs={"data": "uri_folder", "prefix": "string"},
        outputs={"rows": "uri_file"},
        type="parallel",
        command=None,
        environment=None,
        task=task,
        input_data="${{inputs.data}}",
        mini_batch_size="2",
        max_concurrency_per_instance=2,
        resources={"instance_count": 2},
    )
    show = component(emulator, "rows", "sort ${{inputs.rows}}", {"rows": "uri_file"})
    score = {
        **node(own, {"data": of("files", "data"), "prefix": "scored"}),
        "type": "parallel",
        "environment_variables": {"COLOUR": "blue"},
        **members,
    }
    return {"files": node(writer), "score": score, "show": node(show, {"rows": of("score", "rows")})}


def code(emulator: Running) -> str:
    """The id of the entry script's code."""
    name = str(uuid.uuid4())
    path = f"codes/{name}/versions/1"
    upload = emulator.ml(
        "POST", f"{path}/startPendingUpload", {"pendingUploadType": "TemporaryBlobReference"}
    ).json()["blobReferenceForConsumption"]
    base, _, token = upload["credential"]["sasUri"].partition("?")
    for file, content in {"score.py": SCRIPT, "helper.py": HELPER}.items():
        headers = {"x-ms-blob-type": "BlockBlob", "Authorization": ""}
        put = emulator.http.put(f"{base}/{file}?{token}", content=content, headers=headers)
        assert put.status_code == 201, put.text
    emulator.put(path, {"codeUri": upload["blobUri"]})
    return f"azureml:{emulator.workspace}/{path}"


def test_mini_batches_over_a_folder(storing_emulator: Running) -> None:
    name = run(storing_emulator, parallel(storing_emulator, "a", "b", "c", "d", "e"))
    steps = children(storing_emulator, name)
    rows = log(storing_emulator, steps["show"]["runId"])
    assert rows.splitlines() == [f"scored:{letter}" for letter in "abcde"]
    driver = log(storing_emulator, steps["score"]["runId"])
    assert "5 files in 3 mini-batches, 3 workers" in driver
    assert driver.count("init blue") == 3


def test_mini_batches_that_fail(storing_emulator: Running) -> None:
    files = ("a", "b", "bad", "c")
    tolerant = parallel(storing_emulator, *files, mini_batch_error_threshold=1)
    name = run(storing_emulator, tolerant)
    steps = children(storing_emulator, name)
    assert log(storing_emulator, steps["show"]["runId"]).splitlines() == ["scored:a", "scored:b"]
    driver = log(storing_emulator, steps["score"]["runId"])
    assert driver.count("ValueError: a bad file") == 3, "a mini-batch is tried again, twice by default"
    strict = {"mini_batch_error_threshold": 0, "retry_settings": {"max_retries": 0}}
    failed = run(storing_emulator, parallel(storing_emulator, *files, **strict), "Failed")
    steps = children(storing_emulator, failed)
    assert steps["score"]["status"] == "Failed"
    assert log(storing_emulator, steps["score"]["runId"]).count("ValueError: a bad file") == 1


def test_items_that_are_left_out(storing_emulator: Running) -> None:
    run(storing_emulator, parallel(storing_emulator, "a", "odd"))
    run(storing_emulator, parallel(storing_emulator, "a", "odd", error_threshold=1))
    run(storing_emulator, parallel(storing_emulator, "a", "odd", error_threshold=0), "Failed")


def test_what_parallel_nodes_do_not_do(storing_emulator: Running) -> None:
    jobs = parallel(storing_emulator, "a", partition_keys='["Store"]')
    assert "partition_keys" in refused(storing_emulator, jobs, 501)
    jobs = parallel(storing_emulator, "a", input_data="${{inputs.other}}")
    assert "is not one of its inputs" in refused(storing_emulator, jobs)
    jobs = parallel(storing_emulator, "a", mini_batch_size="10kb")
    assert "mini_batch_size" in refused(storing_emulator, jobs)
    jobs = parallel(storing_emulator, "a", task={"type": "run_function"})
    assert "entry_script" in refused(storing_emulator, jobs)
