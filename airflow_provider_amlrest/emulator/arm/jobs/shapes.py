"""What all jobs, or several kinds, have: in api-version 2025-12-01, and which members other versions have."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_amlrest.emulator.arm.jobs.text_limits import experiment, limited, pairs
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
    filled,
    integer,
    of_previews,
    positive,
    required,
    string_map,
    text,
)
from airflow_provider_amlrest.emulator.arm.versions import NEVER, Since

URI: dict[str, Reader | Field] = {
    "description": text,
    "uri": required(filled),
    "mode": Field(
        OneOf("ReadOnlyMount", "ReadWriteMount", "Download", "Direct", "EvalMount", "EvalDownload"),
        "ReadOnlyMount",
    ),
    "pathOnCompute": of_previews("2024-01-01", "2024-04-01"),
}
DATA_TYPES = {
    "uri_file": "UriFile",
    "uri_folder": "UriFolder",
    "mltable": "MLTable",
    "custom_model": "CustomModel",
    "mlflow_model": "MLFlowModel",
    "triton_model": "TritonModel",
}
"""The words of jobs, and those of requests to batch endpoints, with which the types' names begin, too."""


def of_data(ending: str, members: dict[str, Reader | Field], words: Iterable[str]) -> dict[str, Record]:
    """By their words, the shapes of inputs or outputs, which differ in their names only."""
    return {
        word: Record(f"{name}{ending}", **members)
        for word, name in zip(words, DATA_TYPES.values(), strict=True)
    }


INPUT = Union(
    "jobInputType",
    literal=Record("LiteralJobInput", description=text, value=required(text)),
    **of_data("JobInput", URI, DATA_TYPES),
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
OUTPUT = Union("jobOutputType", **of_data("JobOutput", URI_OUTPUT, DATA_TYPES))
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
RUN: dict[str, Reader | Field] = {
    "codeId": text,
    "command": required(filled),
    "environmentId": required(filled),
    "environmentVariables": Field(string_map, dict),
    "distribution": DISTRIBUTION,
}
"""What runs: a command job, or the trial of a sweep."""

NOT_EMULATED = {
    "Labeling": NotEmulated("jobs of the type Labeling", Since(None, "2022-10-01", "2024-04-01")),
    "FineTuning": NotEmulated("jobs of the type FineTuning", Since(None, "2024-01-01", gap="2024-07-01")),
    "Distillation": NotEmulated("jobs of the type Distillation", Since(None, "2025-01-01")),
}
"""Types of jobs that the service has and the emulator does not."""
