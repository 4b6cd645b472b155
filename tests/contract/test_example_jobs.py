"""Microsoft's published examples of jobs: asked for the same, the client sends the same."""

from __future__ import annotations

from typing import Any

import pytest

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
from tests.contract.bodies import differences, wire
from tests.contract.schemas import published
from tests.contract.tally import count

OLD = "2021-03-01-preview"
TEXTS = {"string": "string"}
PROPERTIES = dict.fromkeys(("additionalProp1", "additionalProp2", "additionalProp3"), "string")

WORKSPACE = WorkspaceId("00000000-1111-2222-3333-444444444444", "resourceGroup-1234", "testworkspace")
OLD_RUN: dict[str, Any] = {
    "command": "python file.py test",
    "code": str(WORKSPACE.resource("codes", "mycode", "1")),
    "environment": str(WORKSPACE.resource("environments", "AzureML-Tutorial", "1")),
    "environment_variables": {"MY_ENV_VAR1": "string", "MY_ENV_VAR2": "string"},
    # Two processes in all, on the one node.
    "distribution": Distribution("pytorch", 2),
}
OLD_JOB: dict[str, Any] = {
    "compute": str(WORKSPACE.resource("computes", "mycompute")),
    "inputs": {"test": DataInput("uri_folder", str(WORKSPACE.resource("data", "mydataset", "1")))},
    "description": "string",
    "tags": PROPERTIES,
    "properties": PROPERTIES,
    "identity": Identity("aml_token"),
}
RESOURCES = Resources(1, "string")
JOB: dict[str, Any] = {
    "compute": "string",
    "experiment_name": "string",
    "display_name": "string",
    "description": "string",
    "tags": TEXTS,
    "properties": TEXTS,
    "services": {"string": Service("custom", 1, TEXTS)},
}
COMMAND = CommandJob(
    **JOB,
    command="string",
    environment="string",
    code="string",
    environment_variables=TEXTS,
    distribution=Distribution("tensorflow", parameter_server_count=1, worker_count=1),
    resources=RESOURCES,
    timeout=300,
    inputs={"string": LiteralInput("string")},
    outputs={"string": Output("uri_file", uri="string")},
    identity=Identity("aml_token"),
)
SPACE = {"string": SearchDistribution("choice", ((1,),))}
SWEEP = SweepJob(
    **JOB,
    trial=Trial("string", "string", "string", TEXTS, Distribution("mpi", 1), RESOURCES),
    search_space=SPACE,
    objective=Objective("minimize", "string"),
    sampling_algorithm=SamplingAlgorithm("grid"),
    limits=SweepLimits(1, 1, trial_timeout=1),
    early_termination=EarlyTermination("median_stopping", 1, 1),
)

JOBS = {
    (OLD, "CommandJob"): CommandJob(**OLD_RUN, **OLD_JOB, experiment_name="myExperiment", timeout=60),
    (OLD, "SweepJob"): SweepJob(
        **OLD_JOB,
        trial=Trial(**OLD_RUN),
        search_space={"name": SearchDistribution("choice", ((1,),))},
        objective=Objective("minimize", "string"),
        sampling_algorithm=SamplingAlgorithm("grid"),
        limits=SweepLimits(1, 1, 60, 60),
    ),
    ("2024-04-01", "CommandJob"): COMMAND,
    ("2024-04-01", "SweepJob"): SWEEP,
    ("2025-12-01", "CommandJob"): COMMAND,
    ("2025-12-01", "SweepJob"): SWEEP,
}
UNMODELLED = {
    # The examples' search spaces are empty objects.
    "searchSpace",
    # A description of an input or output, not of the job: that one is checked below.
    "description",
    # A kind of service has a word of Azure ML's; "string" is none.
    "jobServiceType",
    *("endpoint", "parentJobName", "pathOnCompute"),
    # The old examples' outputs name no path.
    "outputDataBindings",
}


@pytest.mark.parametrize(("api_version", "kind"), JOBS)
def test_we_would_ask_the_same(api_version: str, kind: str) -> None:
    example = published(f"examples/{api_version}/Job/{kind}/createOrUpdate.json")
    theirs, ours = example["parameters"]["body"]["properties"], wire(api_version, JOBS[api_version, kind])
    # "Additional properties" of the resources: the examples have a placeholder there.
    for run in (theirs, theirs.get("trial", {})):
        run.get("resources", {}).pop("properties", None)
    assert not differences(theirs, ours, UNMODELLED)
    assert ours["description"] == theirs["description"]
    count("requests of examples that ours equal")
