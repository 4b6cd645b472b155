"""The canonical shapes of online endpoints and their deployments."""

from __future__ import annotations

from typing import Any

from airflow_provider_amlrest.emulator.arm import endpoints
from airflow_provider_amlrest.emulator.arm.endpoints import TRACKED
from airflow_provider_amlrest.emulator.arm.shapes import (
    Field,
    ListOf,
    MapOf,
    NotEmulated,
    OneOf,
    Place,
    Record,
    Union,
    boolean,
    duration,
    filled,
    integer,
    number,
    of_previews,
    positive,
    required,
    string_map,
    text,
)
from airflow_provider_amlrest.emulator.arm.versions import NEVER, Since

MIRROR = Since("2023-04-01", "2022-02-01")
PUBLIC_ACCESS = Since("2022-10-01", "2022-02-01")
COLLECTOR = Since("2024-04-01", "2023-04-01")
STARTUP_PROBE = Since("2024-10-01", NEVER)
"""A guess for all versions but 2025-12-01, whose types have it."""

ENABLED = OneOf("Enabled", "Disabled")
PARTIAL_SKU = Record("PartialSku", name=text, tier=text, size=text, family=text, capacity=positive)
ENDPOINT = Record(
    "OnlineEndpoint",
    **endpoints.ENDPOINT,
    compute=text,
    traffic=Field(MapOf(integer), dict),
    mirrorTraffic=Field(MapOf(integer), dict, since=MIRROR),
    publicNetworkAccess=Field(ENABLED, "Enabled", since=PUBLIC_ACCESS),
)
ENDPOINT_RESOURCE = Record("OnlineEndpointTrackedResource", **TRACKED, properties=required(ENDPOINT))

PROBE = Record(
    "ProbeSettings",
    failureThreshold=Field(positive, 30),
    successThreshold=Field(positive, 1),
    timeout=Field(duration, "PT2S"),
    period=Field(duration, "PT10S"),
    initialDelay=Field(duration, "PT10S"),
)
REQUESTS = Record(
    "OnlineRequestSettings",
    # Recorded; the definitions say PT0.5S.
    maxQueueWait=Field(duration, "PT0S"),
    requestTimeout=Field(duration, "PT5S"),
    maxConcurrentRequestsPerInstance=Field(positive, 1),
)
SCALE = Union(
    "scaleType",
    Default=Record("DefaultScaleSettings"),
    TargetUtilization=Record(
        "TargetUtilizationScaleSettings",
        pollingInterval=Field(duration, "PT1S"),
        targetUtilizationPercentage=Field(positive, 70),
        minInstances=Field(positive, 1),
        maxInstances=Field(positive, 1),
    ),
)
COLLECTION = Record(
    "Collection",
    samplingRate=Field(number, 1.0),
    dataCollectionMode=Field(ENABLED, "Disabled"),
    dataId=text,
    clientId=text,
)
DATA_COLLECTOR = Record(
    "DataCollector",
    collections=required(MapOf(COLLECTION)),
    rollingRate=Field(OneOf("Year", "Month", "Day", "Hour", "Minute"), "Hour"),
    requestLogging=Record("RequestLogging", captureHeaders=ListOf(text)),
)


def _defaults(reader: Record) -> Any:
    return lambda: reader({}, Place(()))


MANAGED = Record(
    "ManagedOnlineDeployment",
    **endpoints.DEPLOYMENT,
    scaleSettings=Field(SCALE, lambda: {"scaleType": "Default"}),
    requestSettings=Field(REQUESTS, _defaults(REQUESTS)),
    modelMountPath=text,
    appInsightsEnabled=Field(boolean, default=False),
    livenessProbe=Field(PROBE, _defaults(PROBE)),
    readinessProbe=Field(PROBE, _defaults(PROBE)),
    startupProbe=Field(PROBE, since=STARTUP_PROBE),
    instanceType=Field(filled, "Standard_F4s_v2"),
    model=text,
    egressPublicNetworkAccess=Field(ENABLED, "Enabled", since=PUBLIC_ACCESS),
    privateNetworkConnection=of_previews("2022-02-01", "2022-02-01"),
    dataCollector=Field(DATA_COLLECTOR, since=COLLECTOR),
)
DEPLOYMENT = Union(
    "endpointComputeType", Managed=MANAGED, Kubernetes=NotEmulated("Kubernetes online deployments")
)
DEPLOYMENT_RESOURCE = Record("OnlineDeploymentTrackedResource", **TRACKED, properties=required(DEPLOYMENT))

PARTIAL_DEPLOYMENT = Record("PartialMinimalTrackedResourceWithSku", tags=string_map, sku=PARTIAL_SKU)

REGENERATE = Record(
    "RegenerateEndpointKeysRequest", keyType=required(OneOf("Primary", "Secondary")), keyValue=text
)
LOGS = Record(
    "DeploymentLogsRequest",
    containerType=Field(OneOf("StorageInitializer", "InferenceServer"), "InferenceServer"),
    tail=integer,
)
