"""The canonical shape of jobs: api-version 2025-12-01, and which members other versions have."""

from __future__ import annotations

from typing import Any

from airflow_provider_amlrest.emulator.arm.shapes import (
    Field,
    ListOf,
    MapOf,
    NotEmulated,
    OneOf,
    Place,
    Reader,
    Record,
    Union,
    anything,
    boolean,
    duration,
    filled,
    integer,
    number,
    positive,
    required,
    string_map,
    text,
)
from airflow_provider_amlrest.emulator.arm.text_limits import experiment, limited, pairs
from airflow_provider_amlrest.emulator.arm.versions import NEVER, Since

DISTRIBUTIONS = {
    "choice": 1,
    "randint": 1,
    "uniform": 2,
    "quniform": 3,
    "loguniform": 2,
    "qloguniform": 3,
    "normal": 2,
    "qnormal": 3,
    "lognormal": 2,
    "qlognormal": 3,
}
"""Name on the wire -> number of arguments."""


def of_previews(first: str, last: str) -> Field:
    """A member that never became general: taken in the previews that have it, and without effect."""
    return Field(anything, since=Since(None, first, last))


URI: dict[str, Reader | Field] = {
    "description": text,
    "uri": required(filled),
    "mode": Field(
        OneOf("ReadOnlyMount", "ReadWriteMount", "Download", "Direct", "EvalMount", "EvalDownload"),
        "ReadOnlyMount",
    ),
    "pathOnCompute": of_previews("2024-01-01", "2024-04-01"),
}
INPUT = Union(
    "jobInputType",
    literal=Record("LiteralJobInput", description=text, value=required(text)),
    uri_file=Record("UriFileJobInput", **URI),
    uri_folder=Record("UriFolderJobInput", **URI),
    mltable=Record("MLTableJobInput", **URI),
    custom_model=Record("CustomModelJobInput", **URI),
    mlflow_model=Record("MLFlowModelJobInput", **URI),
    triton_model=Record("TritonModelJobInput", **URI),
)
URI_OUTPUT: dict[str, Reader | Field] = {
    "description": text,
    "uri": text,
    "assetName": Field(text, since=Since("2025-12-01", "2022-12-01", gap="2024-07-01")),
    "assetVersion": of_previews("2022-12-01", "2024-04-01"),
    "autoDeleteSetting": of_previews("2023-04-01", "2024-04-01"),
    "pathOnCompute": of_previews("2024-01-01", "2024-04-01"),
    "mode": Field(
        OneOf("ReadWriteMount", "Upload", Direct=Since("2024-04-01", "2022-10-01")), "ReadWriteMount"
    ),
}
OUTPUT = Union(
    "jobOutputType",
    uri_file=Record("UriFileJobOutput", **URI_OUTPUT),
    uri_folder=Record("UriFolderJobOutput", **URI_OUTPUT),
    mltable=Record("MLTableJobOutput", **URI_OUTPUT),
    custom_model=Record("CustomModelJobOutput", **URI_OUTPUT),
    mlflow_model=Record("MLFlowModelJobOutput", **URI_OUTPUT),
    triton_model=Record("TritonModelJobOutput", **URI_OUTPUT),
)
DISTRIBUTION = Union(
    "distributionType",
    Mpi=Record("Mpi", processCountPerInstance=positive),
    PyTorch=Record("PyTorch", processCountPerInstance=positive),
    TensorFlow=Record("TensorFlow", parameterServerCount=Field(integer, 0), workerCount=positive),
    Ray=NotEmulated("the distribution Ray", Since(None, "2023-04-01", "2024-04-01")),
)
IDENTITY = Union(
    "identityType",
    AMLToken=Record("AmlToken"),
    Managed=Record("ManagedIdentity", clientId=text, objectId=text, resourceId=text),
    UserIdentity=Record("UserIdentity"),
)
EVALUATION: dict[str, Reader | Field] = {
    "evaluationInterval": Field(integer, 0),
    "delayEvaluation": Field(integer, 0),
}
EARLY_TERMINATION = Union(
    "policyType",
    Bandit=Record("BanditPolicy", **EVALUATION, slackFactor=Field(number, 0), slackAmount=Field(number, 0)),
    MedianStopping=Record("MedianStoppingPolicy", **EVALUATION),
    TruncationSelection=Record(
        "TruncationSelectionPolicy", **EVALUATION, truncationPercentage=Field(integer, 0)
    ),
)
SAMPLING_ALGORITHM = Union(
    "samplingAlgorithmType",
    Random=Record(
        "RandomSamplingAlgorithm",
        rule=Field(OneOf("Random", "Sobol"), "Random"),
        logbase=of_previews("2022-12-01", "2024-04-01"),
        seed=integer,
    ),
    Grid=Record("GridSamplingAlgorithm"),
    Bayesian=Record("BayesianSamplingAlgorithm"),
)
OBJECTIVE = Record("Objective", primaryMetric=required(filled), goal=required(OneOf("Minimize", "Maximize")))
DOCKER = Since("2022-10-01", "2022-06-01")
RESOURCES: dict[str, Reader | Field] = {
    "instanceCount": Field(positive, 1),
    "instanceType": text,
    "properties": MapOf(anything),
    "locations": of_previews("2023-02-01", "2024-04-01"),
    "maxInstanceCount": of_previews("2023-04-01", "2024-04-01"),
    "dockerArgs": Field(text, since=DOCKER),
    "dockerArgsList": Field(ListOf(text), since=Since("2025-12-01", "2025-01-01")),
}


def resources(shm_size: str | None) -> Field:
    """Recorded: a job's have a default ``shmSize``, those of a sweep's trial do not."""
    record = Record("JobResourceConfiguration", **RESOURCES, shmSize=Field(text, shm_size, since=DOCKER))
    return Field(record, lambda: record({}, Place(())))


SERVICE = Record(
    "JobService",
    jobServiceType=text,
    port=integer,
    properties=MapOf(anything),
    endpoint=text,
    nodes=Field(
        Union(
            "nodesValueType",
            All=Record("AllNodes"),
            Custom=NotEmulated("nodes of the type Custom", Since(None, "2022-10-01", "2024-04-01")),
        ),
        since=Since("2023-04-01", "2022-10-01"),
    ),
    status=Field(text, answered=True),
    errorMessage=Field(text, answered=True),
)
NOTIFICATIONS = Record(
    "NotificationSetting",
    emailOn=ListOf(OneOf("JobCompleted", "JobFailed", "JobCancelled")),
    emails=ListOf(text),
    webhooks=Field(
        MapOf(Union("webhookType", AzureDevOps=Record("AzureDevOpsWebhook", eventType=text))),
        since=Since("2023-10-01", "2023-04-01"),
    ),
)


def search_space(value: Any, place: Place) -> dict[str, Any]:
    """Each parameter as ``["distribution", [arguments]]``; {"type": ...} is the form of the CLI's files."""
    space = MapOf(anything)(value, place)
    if not value:
        raise place.wrong("must name at least one hyper-parameter")
    for name, parameter in value.items():
        _check_distribution(parameter, place / name)
    return space


def _check_distribution(value: Any, place: Place) -> None:
    form = 'must look like ["uniform", [0.01, 0.9]] or ["choice", [["gbdt", "dart"]]]'
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[1], list)):
        raise place.wrong(form)
    name, arguments = value
    if not isinstance(name, str) or name not in DISTRIBUTIONS:
        raise place.wrong(f"{name!r} is none of {', '.join(DISTRIBUTIONS)}")
    if len(arguments) != DISTRIBUTIONS[name]:
        raise place.wrong(
            f"{name} takes {DISTRIBUTIONS[name]} argument(s), not {len(arguments)}; the form {form}"
        )
    if name == "choice" and not (isinstance(arguments[0], list) and arguments[0]):
        raise place.wrong("choice takes one list of values, within the list of arguments")
    if name != "choice":
        for index, argument in enumerate(arguments):
            number(argument, place / 1 / index)


BASE: dict[str, Reader | Field] = {
    "description": limited("description"),
    "tags": Field(pairs("tags"), dict),
    "properties": Field(pairs("properties"), dict),
    "displayName": limited("displayName"),
    "experimentName": Field(experiment, "Default"),
    "services": Field(MapOf(SERVICE), dict),
    "computeId": filled,
    "isArchived": Field(boolean, default=False),
    "identity": IDENTITY,
    "componentId": Field(text, since=Since("2022-10-01", "2022-06-01")),
    "notificationSetting": Field(NOTIFICATIONS, since=Since("2024-04-01", "2023-02-01")),
    "secretsConfiguration": of_previews("2023-04-01", "2024-04-01"),
    "parentJobName": of_previews("2025-01-01", NEVER),
    "schedule": Field(NotEmulated("the schedule of a job"), since=Since(None, "2022-02-01", "2022-02-01")),
    "inputs": Field(MapOf(INPUT), dict),
    "outputs": Field(MapOf(OUTPUT), dict),
    "queueSettings": Field(
        Record(
            "QueueSettings",
            jobTier=OneOf("Spot", "Basic", "Standard", "Premium", Null=Since("2023-10-01", "2023-06-01")),
            priority=of_previews("2023-02-01", "2024-04-01"),
        ),
        since=Since("2023-10-01", "2023-02-01"),
    ),
    "status": Field(text, answered=True),
}
TRIAL: dict[str, Reader | Field] = {
    "codeId": text,
    "command": required(filled),
    "environmentId": required(filled),
    "environmentVariables": Field(string_map, dict),
    "distribution": DISTRIBUTION,
}
JOB = Union(
    "jobType",
    Command=Record(
        "CommandJob",
        **BASE,
        **TRIAL,
        resources=resources("2g"),
        limits=Union("jobLimitsType", Command=Record("CommandJobLimits", timeout=duration)),
        autologgerSettings=of_previews("2022-10-01", "2024-04-01"),
        parameters=Field(anything, answered=True),
    ),
    Sweep=Record(
        "SweepJob",
        **BASE,
        searchSpace=required(search_space),
        samplingAlgorithm=required(SAMPLING_ALGORITHM),
        limits=Union(
            "jobLimitsType",
            Sweep=Record(
                "SweepJobLimits",
                maxTotalTrials=positive,
                maxConcurrentTrials=positive,
                timeout=duration,
                trialTimeout=duration,
            ),
        ),
        earlyTermination=EARLY_TERMINATION,
        objective=required(OBJECTIVE),
        trial=required(Record("TrialComponent", **TRIAL, resources=resources(None))),
        resources=of_previews("2023-08-01", "2024-04-01"),
        componentConfiguration=of_previews("2023-08-01", "2024-04-01"),
    ),
    AutoML=NotEmulated("jobs of the type AutoML", Since("2022-10-01", "2022-02-01")),
    Pipeline=NotEmulated("jobs of the type Pipeline"),
    Spark=NotEmulated("jobs of the type Spark", Since("2024-04-01", "2022-10-01")),
    Labeling=NotEmulated("jobs of the type Labeling", Since(None, "2022-10-01", "2024-04-01")),
    FineTuning=NotEmulated("jobs of the type FineTuning", Since(None, "2024-01-01", gap="2024-07-01")),
    Distillation=NotEmulated("jobs of the type Distillation", Since(None, "2025-01-01")),
)
