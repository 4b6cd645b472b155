"""Jobs and assets of the neutral model that use every option there is, for codecs and schemas."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_amlrest.rest import model
from airflow_provider_amlrest.rest.ids import WorkspaceId

WORKSPACE = WorkspaceId("sub", "group", "ws")


def arm_id(kind: str, name: str, version: str | None = None) -> str:
    return str(WORKSPACE.resource(kind, name, version))


ENVIRONMENT = model.Environment(
    "sk",
    "1",
    image="docker.io/library/python:3.11",
    conda={"dependencies": ["python=3.11", {"pip": ["lightgbm==4.6.0"]}]},
    description="what it is for",
    tags={"team": "ml"},
)

CODE = model.Code(
    "train",
    "1",
    "https://acct.blob.core.windows.net/c/LocalUpload/ab12/src",
    "workspaceblobstore",
    "LocalUpload/ab12/src",
    "ab12",
    "what it is for",
    {"team": "ml"},
)

DATA = model.Data(
    "iris",
    "1",
    "uri_file",
    "azureml://datastores/workspaceblobstore/paths/data/iris.csv",
    "what",
    {"team": "ml"},
)

# What all api-versions can say.
PLAIN = model.CommandJob(
    command="python main.py --csv ${{inputs.iris}} --lr ${{inputs.lr}} --out ${{outputs.model}}",
    environment=arm_id("environments", "sk", "1"),
    code=arm_id("codes", "train", "1"),
    compute=arm_id("computes", "cpu"),
    inputs={
        "iris": model.DataInput("uri_file", arm_id("data", "iris", "1"), "download"),
        "lr": model.LiteralInput("0.1"),
    },
    outputs={
        "model": model.Output(
            "uri_folder", "upload", "azureml://datastores/workspaceblobstore/paths/models/m"
        )
    },
    environment_variables={"A": "b"},
    distribution=model.Distribution("pytorch", 4),
    resources=model.Resources(2, "Standard_E4s_v3"),
    experiment_name="exp",
    description="what it is for",
    tags={"dag_id": "d"},
    properties={"p": "q"},
    identity=model.Identity("managed", client_id="00000000-0000-0000-0000-000000000001"),
    timeout=3600.5,
)

# What the default api-version can say beside that.
FULL = replace(
    PLAIN,
    outputs={
        "model": replace(PLAIN.outputs["model"], type="custom_model"),
        "table": model.Output("mltable", "direct", name="registered"),
    },
    resources=model.Resources(2, "Standard_E4s_v3", "2g", "--ipc=host"),
    display_name="Train",
    identity=model.Identity("user_identity"),
    services={
        "ssh": model.Service("ssh", all_nodes=True),
        "board": model.Service("tensor_board", 6006, {"logDir": "logs"}),
    },
    job_tier="spot",
)

SWEEP = model.SweepJob(
    trial=model.Trial(
        "python main.py --csv ${{inputs.iris}} --lr ${{search_space.lr}} --depth=${{search_space.depth}}",
        arm_id("environments", "sk", "1"),
        arm_id("codes", "train", "1"),
        {"A": "b"},
        model.Distribution("mpi", 2),
    ),
    compute=arm_id("computes", "cpu"),
    inputs={"iris": model.DataInput("uri_folder", arm_id("data", "iris", "1"))},
    search_space={
        "lr": model.SearchDistribution("uniform", (0.01, 0.9)),
        "depth": model.SearchDistribution("choice", ((3, 5),)),
    },
    objective=model.Objective("maximize", "accuracy"),
    limits=model.SweepLimits(20, 4, 7200, 90),
    early_termination=model.EarlyTermination("bandit", 1, 5, slack_factor=0.1),
    experiment_name="exp",
    identity=model.Identity("aml_token"),
)

FULL_SWEEP = replace(
    SWEEP,
    sampling_algorithm=model.SamplingAlgorithm("random", "sobol", 7),
    outputs={"model": model.Output("mlflow_model")},
    trial=replace(SWEEP.trial, resources=model.Resources(2, shm_size="2g")),
    early_termination=model.EarlyTermination("truncation_selection", 1, 5, truncation_percentage=20),
)
