"""Jobs and assets of the neutral model that use every option there is, for bodies and schemas."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.command import CommandJob, Distribution, Resources
from airflow_provider_amlrest.rest.jobs.job import DataInput, Identity, LiteralInput, Output, Service
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution
from airflow_provider_amlrest.rest.jobs.sweep import (
    EarlyTermination,
    Objective,
    SamplingAlgorithm,
    SweepJob,
    SweepLimits,
    Trial,
)

WORKSPACE = WorkspaceId("sub", "group", "ws")


def arm_id(kind: str, name: str, version: str | None = None) -> str:
    return str(WORKSPACE.resource(kind, name, version))


ENVIRONMENT = Environment(
    "sk",
    "1",
    image="docker.io/library/python:3.11",
    conda={"dependencies": ["python=3.11", {"pip": ["lightgbm==4.6.0"]}]},
    description="what it is for",
    tags={"team": "ml"},
)

CODE = Code(
    "train",
    "1",
    "https://acct.blob.core.windows.net/c/LocalUpload/ab12/src",
    "workspaceblobstore",
    "LocalUpload/ab12/src",
    "ab12",
    "what it is for",
    {"team": "ml"},
)

DATA = Data(
    "iris",
    "1",
    "uri_file",
    "azureml://datastores/workspaceblobstore/paths/data/iris.csv",
    "what",
    {"team": "ml"},
)

MODEL = Model(
    "iris",
    "3",
    "mlflow_model",
    "azureml://datastores/workspaceblobstore/paths/models/iris/",
    "what",
    {"team": "ml"},
    {"made": "by hand"},
    flavors={"sklearn": {"sklearn_version": "1.5"}, "python_function": {}},
    job_name="train",
)

# What all api-versions can say.
PLAIN = CommandJob(
    command="python main.py --csv ${{inputs.iris}} --lr ${{inputs.lr}} --out ${{outputs.model}}",
    environment=arm_id("environments", "sk", "1"),
    code=arm_id("codes", "train", "1"),
    compute=arm_id("computes", "cpu"),
    inputs={
        "iris": DataInput("uri_file", arm_id("data", "iris", "1"), "download"),
        "lr": LiteralInput("0.1"),
    },
    outputs={
        "model": Output("uri_folder", "upload", "azureml://datastores/workspaceblobstore/paths/models/m")
    },
    environment_variables={"A": "b"},
    distribution=Distribution("pytorch", 4),
    resources=Resources(2, "Standard_E4s_v3"),
    experiment_name="exp",
    description="what it is for",
    tags={"dag_id": "d"},
    properties={"p": "q"},
    identity=Identity("managed", client_id="00000000-0000-0000-0000-000000000001"),
    timeout=3600.5,
)

# What the default api-version can say beside that.
FULL = replace(
    PLAIN,
    outputs={
        "model": replace(PLAIN.outputs["model"], type="custom_model"),
        "table": Output("mltable", "direct", name="registered"),
    },
    resources=Resources(2, "Standard_E4s_v3", "2g", "--ipc=host"),
    display_name="Train",
    identity=Identity("user_identity"),
    services={
        "ssh": Service("ssh", all_nodes=True),
        "board": Service("tensor_board", 6006, {"logDir": "logs"}),
    },
    job_tier="spot",
)

SWEEP = SweepJob(
    trial=Trial(
        "python main.py --csv ${{inputs.iris}} --lr ${{search_space.lr}} --depth=${{search_space.depth}}",
        arm_id("environments", "sk", "1"),
        arm_id("codes", "train", "1"),
        {"A": "b"},
        Distribution("mpi", 2),
    ),
    compute=arm_id("computes", "cpu"),
    inputs={"iris": DataInput("uri_folder", arm_id("data", "iris", "1"))},
    search_space={
        "lr": SearchDistribution("uniform", (0.01, 0.9)),
        "depth": SearchDistribution("choice", ((3, 5),)),
    },
    objective=Objective("maximize", "accuracy"),
    limits=SweepLimits(20, 4, 7200, 90),
    early_termination=EarlyTermination("bandit", 1, 5, slack_factor=0.1),
    experiment_name="exp",
    identity=Identity("aml_token"),
)

FULL_SWEEP = replace(
    SWEEP,
    sampling_algorithm=SamplingAlgorithm("random", "sobol", 7),
    outputs={"model": Output("mlflow_model")},
    trial=replace(SWEEP.trial, resources=Resources(2, shm_size="2g")),
    early_termination=EarlyTermination("truncation_selection", 1, 5, truncation_percentage=20),
)
