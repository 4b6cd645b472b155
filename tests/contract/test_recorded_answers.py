"""Recorded answers of the real service, fed to the client: they mean to us what they mean.

What they mean is written here by hand, from the notes that come with the recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_amlrest.rest.assets.environment import BuildContext
from airflow_provider_amlrest.rest.http import errors
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.job import Output
from airflow_provider_amlrest.rest.jobs.status import Outcome
from airflow_provider_amlrest.rest.operations import Operations
from tests.contract.recordings import (
    CODE_HASH,
    CODE_URI,
    COMPUTE,
    CONDA,
    CONTEXT,
    CURATED,
    IMAGE,
    LONG_BLOBS,
    SNAPSHOT,
    WORKSPACE,
    ZEROS,
    answer,
    arm_id,
    decoded,
    exchange,
    operations,
)
from tests.contract.schemas import published
from tests.contract.tally import count
from tests.unit.answers import Answered, drive

ANY_JOB = CommandJob(command="true", environment=CURATED)


def job(name: str, **members: Any) -> dict[str, Any]:
    return {"id": arm_id("jobs", name), "name": name, **members}


def logs_of(name: str) -> Output:
    """The output that the service adds to every job."""
    return Output(uri=f"azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.{name}")


def studio(name: str) -> str:
    subscription = WORKSPACE.subscription_id
    return (
        f"https://ml.azure.com/runs/{name}?wsid=/subscriptions/{subscription}"
        "/resourcegroups/00000/workspaces/00000"
    )


def command(name: str, status: str, outcome: Outcome, **members: Any) -> dict[str, Any]:
    return job(name, type="Command", status=status, outcome=outcome, studio_url=studio(name), **members)


RAY = {
    "experiment_name": "ray-test",
    "display_name": "test_92541083814",
    "compute": COMPUTE,
    "created_at": "2023-05-03T04:15:27.3938668+00:00",
    "outputs": {"default": logs_of("test_92541083814")},
}
SWEEP = job("test_372297463163", type="Sweep", status="Running", outcome=Outcome.ACTIVE)
SWEEP |= {"goal": "maximize", "primary_metric": "accuracy", "best_trial_name": None, "compute": COMPUTE}
SERVERLESS = command("test_259569344068", "Starting", Outcome.ACTIVE, compute=None)
MINUTE = "2023-02-23T21:45:21."
CHILDREN = [
    {
        "name": "963d5430-390c-4802-a4b3-9d2b97738fee",
        "status": "Completed",
        "start_time": f"{MINUTE}6893428+00:00",
        "end_time": f"{MINUTE}7373525+00:00",
        "error": None,
        "warnings": (),
    },
    {
        "name": "3b1793b9-f785-41d9-8490-6eb4398bf6b7",
        "status": "Completed",
        "start_time": f"{MINUTE}7310003+00:00",
        "end_time": f"{MINUTE}7849718+00:00",
        "error": None,
    },
]

Call = Callable[[Operations], Any]
JOBS: dict[tuple[str, int], dict[str, Any]] = {
    ("command_job", 0): command(
        "test_829867244508",
        "Starting",
        Outcome.ACTIVE,
        properties={"_azureml.ComputeTargetType": "amlctrain"},
        outputs={
            "test1": Output(),
            "test2": Output(mode="upload", name="test2_output"),
            "test3": Output(name="test3_output"),
            "default": logs_of("test_829867244508"),
        },
    ),
    ("command_job", 1): command("test_678714524976", "Starting", Outcome.ACTIVE, compute=COMPUTE),
    ("command_job", 2): command("test_92541083814", "Starting", Outcome.ACTIVE, **RAY),
    ("command_job", 3): command("test_92541083814", "Queued", Outcome.ACTIVE, **RAY),
    ("command_job", 4): command("test_92541083814", "Running", Outcome.ACTIVE, **RAY),
    ("command_job", 5): command("test_92541083814", "Completed", Outcome.SUCCEEDED, **RAY),
    ("command_job", 6): SERVERLESS,
    ("command_job", 7): SERVERLESS,
    ("command_job", 8): command(
        "test_551947383965",
        "Starting",
        Outcome.ACTIVE,
        properties={
            "_azureml.ComputeTargetType": "amlctrain",
            "ContentSnapshotId": "144a3d48-0f23-4186-8528-d1e8540d335c",
        },
    ),
    ("sweep_job", 0): SWEEP | {"display_name": "test_372297463163"},
    ("sweep_job", 1): SWEEP | {"experiment_name": "azure-ai-ml"},
    ("sweep_job", 2): SWEEP | job("test_884316075920", experiment_name="sdk-cli-v2"),
    # A kind that we do not submit, with a null among its properties: read all the same.
    ("failed_job", 0): job("0" * 21, type="AutoML", status="Failed", outcome=Outcome.FAILED, outputs={}),
    ("pipeline_job", 0): job(
        "test_513304655485",
        type="Pipeline",
        status="Preparing",
        outcome=Outcome.ACTIVE,
        outputs={"job_out_path_1": Output()},
    ),
    ("pipeline_job", 1): job("test_513304655485", status="Running", outcome=Outcome.ACTIVE),
    # A pipeline's child has no properties at all.
    ("pipeline_job", 2): job(
        "3b1793b9-f785-41d9-8490-6eb4398bf6b7", status="Unknown", outcome=Outcome.ACTIVE, type=""
    ),
    ("pipeline_job", 3): job("0" * 21, status="NotStarted", outcome=Outcome.ACTIVE, outputs={}),
}


def environment(name: str, version: str, **members: Any) -> dict[str, Any]:
    found = {"image": None, "conda": None, "build": None, "os_type": "Linux", **members}
    return {"id": arm_id("environments", name, version), "name": name, "version": version, **found}


def data(name: str, version: str, type_: str, uri: str, **members: Any) -> dict[str, Any]:
    identity = {"id": arm_id("data", name, version), "name": name, "version": version}
    return {**identity, "type": type_, "uri": uri, "tags": {}, **members}


BUILT = environment(
    "env-test-7927186",
    "1",
    build=BuildContext(CONTEXT, "DockerfileNonDefault"),
    description="Docker context environment",
    tags={"test": "test"},
)
FOO_CONDA = {
    **CONDA,
    "dependencies": ["python=3.8", "pip", {"pip": [*CONDA["dependencies"][2]["pip"], "mlflow"]}],  # type: ignore[index]
}
TRAIN = f"{LONG_BLOBS}/{ZEROS}/simple_train.py"
TRAIN_DATA = data("test_369006372062", "1", "uri_file", TRAIN, description="this is a test dataset")
SAMPLE = data("test_602857110540", "4", "uri_file", f"{LONG_BLOBS}/{'0' * 21}/sample1.csv")
FOUND_CODE = {
    "id": SNAPSHOT,
    "name": "3f8da52e-b145-44b7-8fc2-399e3d40f070",
    "uri": "https://samcw32zcnpjldw.blob.core.windows.net:443/72e8eff8-1-f68d1fc5-4a72-5cb1-8957-e144c2edbab9"
    "/python",
}
BLOBSTORE = {"name": "workspaceblobstore", "type": "AzureBlob", "protocol": "https"}
BLOBSTORE |= {"endpoint": "core.windows.net"}
CLUSTER = {"name": "cpu-cluster", "type": "AmlCompute", "state": "Succeeded", "location": "centraluseuap"}
OTHER_CLUSTER = {"name": "test277906499132", "type": "AmlCompute", "location": "eastus"}

DECODED: dict[tuple[str, int], tuple[Call, dict[str, Any]]] = {
    **{key: (lambda o: o.get_job("j"), wanted) for key, wanted in JOBS.items()},
    **{
        ("environment", index): (lambda o: o.get_environment("e", "1"), wanted)
        for index, wanted in enumerate(
            [
                environment(
                    "CliV2AnonymousEnvironment",
                    "6bacc0d892cc968bcd98bcbbea577d56",
                    image="rayproject/ray:latest",
                ),
                environment(
                    "env-test-7231524", "1", image=IMAGE, conda=CONDA, description="This is description"
                ),
                environment("test_281837473308", "foo", image=IMAGE, conda=FOO_CONDA),
                BUILT,
                BUILT,
                environment(
                    "env-test-610408", "1", image="mcr.microsoft.com/azureml/openmpi3.1.2-ubuntu18.04"
                ),
            ]
        )
    },
    ("code", 2): (lambda o: o.get_code("c", "1"), {"content_hash": "0" * 13}),
    ("code", 3): (
        lambda o: o.find_code("a4"),
        FOUND_CODE | {"content_hash": "a4e91c079c2a271d699ffac5ca5441abc8034151356913e57bff8f483c3d3a3b"},
    ),
    ("code", 4): (lambda o: o.get_code("c", "1"), FOUND_CODE),
    ("code", 5): (lambda o: o.get_code("c", "1"), {"content_hash": CODE_HASH, "uri": CODE_URI}),
    **{
        ("data", index): (lambda o: o.get_data("d", "1"), wanted)
        for index, wanted in {
            0: data("list_data_v2_test", "1", "uri_folder", "https://bla/"),
            1: data("list_data_v2_test", "1", "uri_folder", "https://bla/"),
            4: SAMPLE,
            5: SAMPLE,
            6: TRAIN_DATA,
            7: TRAIN_DATA,
            8: TRAIN_DATA,
            10: data("test_426175221604", "1", "mltable", f"{LONG_BLOBS}/{ZEROS}/tmp_folder/"),  # noqa: S108 - recorded,
        }.items()
    },
    ("datastore", 1): (
        lambda o: o.list_datastore_secrets("d"),
        {"account_key": "REDACTED", "sas_token": None},
    ),
    **{
        ("compute", index): (lambda o: o.get_compute("c"), wanted)
        for index, wanted in {
            0: CLUSTER,
            1: CLUSTER,
            5: OTHER_CLUSTER | {"state": "Succeeded"},
            6: OTHER_CLUSTER | {"state": "Succeeded"},
        }.items()
    },
    ("lists", 0): (lambda o: o.get_latest_environment("e"), {"version": "foo", "name": "test_281837473308"}),
    ("lists", 1): (lambda o: o.get_latest_environment("e"), {"version": "bar", "name": "test_281837473308"}),
    # In lists the place is said in a third way.
    ("lists", 2): (lambda o: o.get_latest_data("d"), {"version": "2", "name": "test_369006372062"}),
    ("lists", 3): (lambda o: o.get_latest_data("d"), {"version": "2", "name": "test_369006372062"}),
    ("lists", 6): (lambda o: o.get_default_datastore(), BLOBSTORE),
    ("workspace", 0): (
        lambda o: o.get_workspace(),
        {
            "id": str(WORKSPACE),
            "name": "00000",
            "location": "eastus2",
            "discovery_url": "https://eastus2.api.azureml.ms/discovery",
            "mlflow_tracking_uri": f"azureml://eastus2.api.azureml.ms/mlflow/v1.0{WORKSPACE}",
        },
    ),
}

REFUSED: dict[tuple[str, int], tuple[Call, type[Exception], dict[str, Any], str]] = {
    ("errors", 0): (
        lambda o: o.get_data("list_data_v2_test", "1"),
        errors.NotFoundError,
        {
            "code": "UserError",
            "inner_code": "NotFoundError",
            "correlation_id": "281c13d57a830fb7f4063b2267821330",
        },
        "Data version list_data_v2_test:1 (dataContainerName:version) not found.",
    ),
    ("errors", 1): (
        lambda o: o.get_job("test_594403285257"),
        errors.NotFoundError,
        {
            "code": "UserError",
            "inner_code": "JobNotFound",
            "correlation_id": "f98e140ad5e5cd643aee133c890dfca8",
        },
        "Job test_594403285257 not found.",
    ),
    # Nothing in it: who asked knows what for, and the header has the id.
    ("errors", 2): (
        lambda o: o.get_compute("cpu-cluster-non-existent"),
        errors.NotFoundError,
        {"code": "", "inner_code": "", "correlation_id": "cce786b3-7128-4560-b6f3-383d5f753ca2"},
        "",
    ),
    ("errors", 3): (
        lambda o: o.create_job("test_289875445202", ANY_JOB),
        errors.NotFoundError,
        {"code": "NotFound", "inner_code": "NotFound", "correlation_id": "432ea6ee7593a6071fcfcc65925050e5"},
        "key: "
        + arm_id("components", "microsoftsamplescommandcomponentbasic_nopaths_test", "non_existent")
        + ", Message: Not found component microsoftsamplescommandcomponentbasic_nopaths_test "
        "(version: non_existent).",
    ),
    ("errors", 4): (
        lambda o: o.get_environment("env-test-5840116", "1"),
        errors.NotFoundError,
        {
            "code": "UserError",
            "inner_code": "NotFoundError",
            "correlation_id": "523fa24bce4657cd74a29c86760eb891",
        },
        "No environment exists for name: env-test-5840116, version: , label:",
    ),
    ("errors", 5): (
        lambda o: o.list_datastore_secrets("test_191128436424"),
        errors.NotFoundError,
        {
            "code": "UserError",
            "inner_code": "NotFoundError",
            "correlation_id": "ae08c00ac38ddd895953399f5321d90a",
        },
        "Could not find datastore: test_191128436424.",
    ),
    ("errors", 6): (
        lambda o: o.create_job("string", ANY_JOB),
        errors.NotFoundError,
        {
            "code": "ParentResourceNotFound",
            "inner_code": "ParentResourceNotFound",
            "correlation_id": "86be4031-32d1-4fce-b3ae-59766783ee55",
        },
        "Can not perform requested operation on nested resource. "
        "Parent resource 'myworkspacenamexxx' not found.",
    ),
}

OURS_ELSEWHERE = {
    *[("cancel", index) for index in (0, 1, 3, 6)],
    *[("run_history", index) for index in (0, 1, 2)],
}
"""Answers that a test of their own, below, feeds to the client."""

NEVER_ASKED = {
    "polls of a cancel's progress: the job's own status is what counts": [
        ("cancel", index) for index in (2, 4, 5, 7, 8)
    ],
    "uploads, which are azure-storage-blob's": [("code", 0), ("code", 1), ("data", 2), ("data", 3)],
    "registries' own routes": [("code", 6), ("code", 7), ("code", 8)],
    "components and models": [("component", 0), ("component", 1), ("model", 0), ("model", 1), ("lists", 5)],
    "creation, change and end of computes and datastores": [
        *[("compute", index) for index in (2, 3, 4, 7, 8)],
        *[("datastore", index) for index in (3, 4)],
    ],
    "containers of assets": [("data", 9)],
    "other datastores than the default one": [("datastore", 0), ("datastore", 2), ("lists", 4)],
    "blobs of a run, which azure-storage-blob reads": [("logs", index) for index in range(4)],
    "other services behind the run history": [("run_history", 3), ("run_history", 4)],
}


TOPICS = {
    "cancel": 9,
    "code": 9,
    "command_job": 9,
    "component": 2,
    "compute": 9,
    "data": 11,
    "datastore": 5,
    "environment": 6,
    "errors": 7,
    "failed_job": 1,
    "lists": 7,
    "logs": 4,
    "model": 2,
    "pipeline_job": 4,
    "run_history": 5,
    "sweep_job": 3,
    "workspace": 1,
}
"""How many exchanges there are of each."""


def test_every_exchange_has_its_place() -> None:
    places = [*DECODED, *REFUSED, *OURS_ELSEWHERE, *[key for keys in NEVER_ASKED.values() for key in keys]]
    assert sorted(places) == [(topic, index) for topic in sorted(TOPICS) for index in range(TOPICS[topic])]
    assert {topic: len(published(f"recorded/{topic}.json")) for topic in TOPICS} == TOPICS


@pytest.mark.parametrize(("topic", "index"), DECODED)
def test_answers_decode(topic: str, index: int) -> None:
    call, wanted = DECODED[topic, index]
    found = decoded(call(operations(topic, index)), answer(topic, index))
    assert {member: getattr(found, member) for member in wanted} == wanted
    count("recorded answers decoded")


@pytest.mark.parametrize(("topic", "index"), REFUSED)
def test_errors_decode(topic: str, index: int) -> None:
    call, error, members, message = REFUSED[topic, index]
    flow = call(operations(topic, index))
    next(flow)
    with pytest.raises(error) as refused:
        flow.send(answer(topic, index))
    assert type(refused.value) is error
    assert {member: getattr(refused.value, member) for member in members} == members
    assert (refused.value.status, refused.value.message) == (404, message)  # type: ignore[attr-defined]
    assert members["correlation_id"] in str(refused.value)
    assert message in str(refused.value)
    count("recorded answers decoded")


@pytest.mark.parametrize("index", [1, 3, 6])
def test_cancels_are_taken(index: int) -> None:
    assert drive(operations("cancel", index).cancel_job("j"), answer("cancel", index))[0] is None
    count("recorded answers decoded")


def test_cancel_of_what_has_ended() -> None:
    """400: the client looks at the job, and an ended one is fine; one that goes on is an error."""
    ours = operations("cancel", 0)
    refused, ended, running = answer("cancel", 0), answer("command_job", 5), answer("command_job", 4)
    _, [_, look] = drive(ours.cancel_job("0" * 21), refused, ended)
    assert (look.request.method, urlsplit(look.request.url).path.rpartition("/")[2]) == ("GET", "0" * 21)
    flow = ours.cancel_job("j")
    next(flow)
    flow.send(refused)
    with pytest.raises(errors.ResponseError, match="is in terminal status") as caught:
        flow.send(running)
    assert caught.value.inner_code == "CancelPipelineRunInTerminalStatus"
    count("recorded answers decoded")


def test_run_history() -> None:
    ours = operations("workspace", 0)
    home, discovery = answer("workspace", 0), answer("run_history", 1)
    page, asked = drive(ours.list_children("test_949348733858"), home, discovery, answer("run_history", 2))
    recorded = exchange("run_history", 2)
    assert asked[1].request.url == "https://eastus2.api.azureml.ms/discovery"
    # What was recorded asks for no size of the page.
    assert asked[2].request.url == f"https://{recorded['host']}{recorded['url']}?$top=100"
    assert page.next_link is None
    for child, wanted in zip(page.items, CHILDREN, strict=True):
        assert {member: getattr(child, member) for member in wanted} == wanted
    run, _ = drive(ours.get_run("3b1793b9-f785-41d9-8490-6eb4398bf6b7"), answer("run_history", 0))
    assert {member: getattr(run, member) for member in CHILDREN[1]} == CHILDREN[1]
    root, _ = drive(ours.get_root("3b1793b9-f785-41d9-8490-6eb4398bf6b7"), answer("run_history", 0))
    assert root == "test_949348733858"
    count("recorded answers decoded", 4)


def test_trials_parameters_are_the_sweeps_tags() -> None:
    ours = operations("workspace", 0)
    sweep = answer("sweep_job", 1)
    names = ["test_372297463163_1", "test_372297463163_0"]
    children = Answered({"value": [{"runId": name, "status": "Running"} for name in names]})
    nothing = Answered({"run": {"data": {}}})
    trials, _ = drive(
        ours.list_trials("test_372297463163"),
        *(sweep, answer("workspace", 0), answer("run_history", 1), children, nothing, nothing),
    )
    assert [(trial.name, trial.params) for trial in trials] == [
        (names[1], {"conv_size": 7, "dropout_rate": 0.41041880282792276, "lr": 0.07595767225733792}),
        (names[0], {"conv_size": 2, "dropout_rate": 0.16058341822747627, "lr": 0.048652094159765555}),
    ]
