"""Recorded requests to the real service: asked for the same, the client sends the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import BuildContext, Environment
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.job import DataInput, Identity, Output
from airflow_provider_amlrest.rest.jobs.sweep import EarlyTermination, Objective, SweepJob, SweepLimits, Trial
from airflow_provider_amlrest.rest.operations import Operations
from tests.contract.bodies import differences, wire
from tests.contract.recordings import (
    BLOBS,
    CODE_HASH,
    CODE_URI,
    COMPUTE,
    CONDA,
    CONTEXT,
    CURATED,
    IMAGE,
    SNAPSHOT,
    SPACE,
    SWEPT,
    ZEROS,
    arm_id,
    exchange,
    operations,
    version_of,
)
from tests.contract.tally import count

ASKED: dict[tuple[str, int], Any] = {
    ("command_job", 0): CommandJob(
        command='echo "inputs dont need to be used in command"',
        environment=CURATED,
        compute=COMPUTE,
        display_name="test_829867244508",
        experiment_name="mfe-test1",
        outputs={
            "test1": Output(),
            "test2": Output(mode="upload", name="test2_output"),
            "test3": Output(name="test3_output"),
        },
    ),
    ("command_job", 1): CommandJob(
        command="echo ${{inputs.test1}}",
        environment=arm_id("environments", "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu", "1"),
        compute=COMPUTE,
        display_name="test_678714524976",
        experiment_name="mfe-test1",
        inputs={
            "test1": DataInput(
                "uri_file", "https://test.blob.core.windows.net/non-existent-ds/testdata/data.csv"
            )
        },
        properties={
            "test_property": "test_value",
            "mlflow.source.git.repoURL": "https://github.com/needuv/azure-sdk-for-python.git",
            "mlflow.source.git.branch": "needuv/add-live-tests",
            "mlflow.source.git.commit": "bfb49b1c10f7fa8fc23bbc5886da63bd780a30aa",
            "azureml.git.dirty": "True",
        },
    ),
    ("command_job", 6): CommandJob(
        command="pip freeze",
        environment=CURATED,
        display_name="test_dataset_display_name1",
        experiment_name="mfe-test1-dataset",
        identity=Identity("aml_token"),
        inputs={"testdataset": DataInput("uri_folder", f"{BLOBS}/{ZEROS}/data/")},
        job_tier="standard",
    ),
    ("command_job", 8): CommandJob(
        command="python ./simple_train.py -c 45",
        code=SNAPSHOT,
        environment=arm_id("environments", "test_336753143760", "bar"),
        compute=COMPUTE,
        display_name="test_551947383965",
        experiment_name="mfe-test1",
        inputs={"testdata": DataInput("uri_folder", arm_id("data", "test_317326998364", "foo"))},
    ),
    ("sweep_job", 0): SweepJob(
        trial=Trial(SWEPT, CURATED, SNAPSHOT),
        compute=COMPUTE,
        display_name="test_372297463163",
        experiment_name="azure-ai-ml",
        search_space=SPACE,
        objective=Objective("maximize", "accuracy"),
        limits=SweepLimits(2, 10, 300),
    ),
    ("sweep_job", 2): SweepJob(
        trial=Trial(
            SWEPT, CURATED, SNAPSHOT, {"test_var1": "set", "AZUREML_COMPUTE_USE_COMMON_RUNTIME": "false"}
        ),
        compute=COMPUTE,
        display_name="test_884316075920",
        experiment_name="sdk-cli-v2",
        search_space=SPACE,
        objective=Objective("maximize", "accuracy"),
        limits=SweepLimits(1, 10, 60),
        early_termination=EarlyTermination("truncation_selection", 100, 200, truncation_percentage=40),
    ),
    ("environment", 1): Environment("env-test-7231524", "1", IMAGE, CONDA, description="This is description"),
    ("environment", 3): Environment(
        "env-test-7927186",
        "1",
        build=BuildContext(CONTEXT, "DockerfileNonDefault"),
        description="Docker context environment",
        tags={"test": "test"},
    ),
    ("code", 5): Code("test_258295764843", "1", CODE_URI, content_hash=CODE_HASH),
    ("model", 0): Model(
        "test_349681564114",
        "3",
        "mlflow_model",
        "azureml://subscriptions/00000000-0000-0000-0000-000000000/resourcegroups/00000/workspaces/00000"
        f"/datastores/workspaceblobstore/paths/LocalUpload/{ZEROS}/lightgbm_mlflow_model",
        description="this is my test model with stage",
        tags={"foo": "bar", "abc": "123"},
        stage="Production",
        flavors={
            "sklearn": {"sklearn_version": "0.23.2"},
            "python_function": {"loader_module": "office.plrmodel", "python_version": "3.8.5"},
        },
    ),
    ("data", 0): Data("list_data_v2_test", "1", "uri_folder", "https://bla"),
    ("data", 4): Data("test_602857110540", "4", "uri_file", f"{BLOBS}/000000000000000000000/sample1.csv"),
    ("data", 6): Data(
        "test_369006372062",
        "1",
        "uri_file",
        f"{BLOBS}/{ZEROS}/simple_train.py",
        description="this is a test dataset",
    ),
}
"""What the recorded request bodies say, in our words."""

UNMODELLED = {"isArchived", "isAnonymous", "assetVersion"}


@pytest.mark.parametrize(("topic", "index"), ASKED)
def test_we_would_ask_the_same(topic: str, index: int) -> None:
    recorded, wanted = exchange(topic, index), ASKED[topic, index]
    ours = operations(topic, index)
    name = urlsplit(recorded["url"]).path.rpartition("/")[2]
    flow = {
        Environment: lambda: ours.create_environment(wanted),
        Code: lambda: ours.create_code(wanted),
        Data: lambda: ours.create_data(wanted),
        Model: lambda: ours.create_model(wanted),
    }.get(type(wanted), lambda: ours.create_job(name, wanted))()
    request = next(flow).request
    assert (request.method, urlsplit(request.url).path) == (
        recorded["method"],
        urlsplit(recorded["url"]).path,
    )
    assert urlsplit(request.url).netloc == recorded["host"]
    sent = wire(version_of(recorded), wanted)
    assert not differences(recorded["request_body"]["properties"], sent, UNMODELLED)
    count("recorded requests that ours equal")


READS: list[tuple[str, int, Callable[[Operations], Any]]] = [
    ("code", 3, lambda o: o.find_code("a4e91c079c2a271d699ffac5ca5441abc8034151356913e57bff8f483c3d3a3b")),
    ("code", 4, lambda o: o.get_code("3f8da52e-b145-44b7-8fc2-399e3d40f070", "1")),
    ("command_job", 3, lambda o: o.get_job("test_92541083814")),
    ("compute", 0, lambda o: o.get_compute("cpu-cluster")),
    ("data", 5, lambda o: o.get_data("test_602857110540", "4")),
    ("model", 1, lambda o: o.get_model("test_349681564114", "3")),
    ("datastore", 1, lambda o: o.list_datastore_secrets("workspaceblobstore")),
    ("cancel", 6, lambda o: o.cancel_job("test_551947383965")),
    ("lists", 0, lambda o: o.get_latest_environment("test_281837473308")),
    ("lists", 6, lambda o: o.get_default_datastore()),
    ("workspace", 0, lambda o: o.get_workspace()),
]
PAGING = {"count", "orderByAsc"}


@pytest.mark.parametrize(("topic", "index", "call"), READS)
def test_we_would_read_the_same(topic: str, index: int, call: Callable[[Operations], Any]) -> None:
    recorded = exchange(topic, index)
    request = next(call(operations(topic, index))).request
    ours, theirs = urlsplit(request.url), urlsplit(recorded["url"])
    assert request.method == recorded["method"]
    if "hash=" not in recorded["url"]:  # Such a search goes by no name.
        assert ours.path == theirs.path
    recorded_query = {k: v for k, v in parse_qs(theirs.query).items() if k not in {*PAGING, "api-version"}}
    assert {k: v for k, v in parse_qs(ours.query).items() if k != "api-version"} == recorded_query
    assert request.content is None
    assert not recorded["request_body"]
    count("recorded requests that ours equal")
