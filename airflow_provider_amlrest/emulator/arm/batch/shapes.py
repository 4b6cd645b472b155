"""The canonical shapes of batch endpoints, their deployments, and the requests to them."""

from __future__ import annotations

from airflow_provider_amlrest.emulator.arm import endpoints
from airflow_provider_amlrest.emulator.arm.endpoints import TRACKED
from airflow_provider_amlrest.emulator.arm.jobs.shapes import DATA_TYPES, of_data
from airflow_provider_amlrest.emulator.arm.shapes import (
    Field,
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
    positive,
    required,
    scalar_text,
    string_map,
    text,
)
from airflow_provider_amlrest.emulator.arm.versions import Since

PIPELINES = Since("2024-04-01", "2023-02-01")
"""azure-ai-ml 1.35.2 sends it with 2023-02-01-preview; that no earlier preview has it is a guess."""

DEFAULTS = Record("BatchEndpointDefaults", deploymentName=text)
ENDPOINT = Record(
    "BatchEndpoint",
    **endpoints.ENDPOINT,
    defaults=Field(DEFAULTS, lambda: {"deploymentName": None}),
)
ENDPOINT_RESOURCE = Record("BatchEndpointTrackedResource", **TRACKED, properties=required(ENDPOINT))

ASSET = Union(
    "referenceType",
    Id=Record("IdAssetReference", assetId=required(filled)),
    DataPath=NotEmulated("models of batch deployments that are data paths (DataPath)"),
    OutputPath=NotEmulated("models of batch deployments that are outputs of jobs (OutputPath)"),
)
RETRIES = Record("BatchRetrySettings", maxRetries=Field(integer, 3), timeout=Field(duration, "PT30S"))
RESOURCES = Record(
    "DeploymentResourceConfiguration",
    instanceCount=Field(positive, 1),
    instanceType=text,
    properties=MapOf(anything),
)
LEVEL = OneOf("Info", "Warning", "Debug")
CONFIGURATION = Union(
    "deploymentConfigurationType",
    PipelineComponent=Record(
        "BatchPipelineComponentDeploymentConfiguration",
        componentId=required(Record("IdAssetReference", referenceType=text, assetId=required(filled))),
        description=text,
        settings=Field(string_map, dict),
        tags=Field(string_map, dict),
    ),
)
DEPLOYMENT = Record(
    "BatchDeployment",
    **endpoints.DEPLOYMENT,
    compute=text,
    errorThreshold=Field(integer, -1),
    retrySettings=Field(RETRIES, lambda: RETRIES({}, Place(()))),
    miniBatchSize=Field(positive, 10),
    loggingLevel=Field(LEVEL, "Info"),
    model=ASSET,
    maxConcurrencyPerInstance=Field(positive, 1),
    outputAction=Field(OneOf("AppendRow", "SummaryOnly"), "AppendRow"),
    outputFileName=Field(filled, "predictions.csv"),
    resources=Field(RESOURCES, lambda: RESOURCES({}, Place(()))),
    deploymentConfiguration=Field(CONFIGURATION, since=PIPELINES),
)
DEPLOYMENT_RESOURCE = Record("BatchDeploymentTrackedResource", **TRACKED, properties=required(DEPLOYMENT))
PARTIAL_DEPLOYMENT = Record(
    "PartialBatchDeploymentPartialMinimalTrackedResourceWithProperties",
    tags=string_map,
    properties=Record("PartialBatchDeployment", description=text),
)

# Requests, in api-version 2020-09-01-dataplanepreview: its names are those of azure-ai-ml 1.35.2.

DATA: dict[str, Reader | Field] = {"description": text, "uri": required(filled), "mode": text}
INPUT = Union(
    "jobInputType",
    Literal=Record("LiteralJobInput", description=text, value=required(scalar_text)),
    **of_data("JobInput", DATA, DATA_TYPES.values()),
)
WRITTEN: dict[str, Reader | Field] = {"description": text, "uri": text, "mode": text}
OUTPUT = Union("jobOutputType", **of_data("JobOutput", WRITTEN, DATA_TYPES.values()))
REQUEST = Record(
    "BatchJob",
    inputData=Field(MapOf(INPUT), dict),
    outputData=Field(MapOf(OUTPUT), dict),
    compute=Record(
        "ComputeConfiguration",
        target=text,
        instanceCount=positive,
        isLocal=boolean,
        location=text,
        instanceType=text,
        properties=MapOf(anything),
    ),
    retrySettings=Record("BatchRetrySettings", maxRetries=integer, timeout=duration),
    errorThreshold=integer,
    miniBatchSize=positive,
    loggingLevel=LEVEL,
    outputFileName=filled,
    description=text,
    name=text,
    tags=Field(string_map, dict),
    properties=Field(string_map, dict),
    dataset=NotEmulated("dataset in requests to batch endpoints: use inputData"),
    outputDataset=NotEmulated("outputDataset in requests to batch endpoints: use outputData"),
    partitionKeys=NotEmulated("partitionKeys in requests to batch endpoints"),
)
