"""The shapes of computes: what Resource Manager takes and answers of clusters and instances."""

from __future__ import annotations

from typing import Any

from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.compute_nodes import NodeCounts
from airflow_provider_amlrest.emulator.arm.shapes import (
    Field,
    ListOf,
    NotEmulated,
    OneOf,
    Reader,
    Record,
    Union,
    anything,
    boolean,
    duration,
    filled,
    integer,
    required,
    string_map,
    text,
    write,
)
from airflow_provider_amlrest.emulator.arm.versions import Since
from airflow_provider_amlrest.emulator.computes import CLUSTER, INSTANCE, ComputeState
from airflow_provider_amlrest.emulator.config import NAMESPACE

LATER = Since("2022-05-01", "2022-02-01")
"""All versions but the first one."""
SINCE_2025 = Since("2025-04-01", "2023-08-01")
"""Known of azure-ai-ml, which sends them with 2023-08-01-preview; since when general is a guess."""

SCALE = Record(
    "ScaleSettings",
    maxNodeCount=required(integer),
    minNodeCount=Field(integer, 0),
    nodeIdleTimeBeforeScaleDown=Field(duration, "PT2M"),
)
SUBNET = Record("ResourceId", id=required(filled))
ANSWERED = Field(anything, answered=True)
COMPUTE: dict[str, Reader | Field] = {
    "computeLocation": text,
    "description": text,
    "resourceId": text,
    "disableLocalAuth": Field(boolean, default=False),
    **dict.fromkeys(
        ("provisioningState", "createdOn", "modifiedOn", "provisioningErrors", "isAttachedCompute"), ANSWERED
    ),
}
CLUSTER_PROPERTIES = Record(
    "AmlComputeProperties",
    vmSize=required(filled),
    vmPriority=Field(OneOf("Dedicated", "LowPriority"), "Dedicated"),
    virtualMachineImage=anything,
    isolatedNetwork=Field(boolean, default=False),
    scaleSettings=Field(SCALE, required=True),
    userAccountCredentials=Record(
        "UserAccountCredentials",
        adminUserName=required(filled),
        adminUserSshPublicKey=text,
        adminUserPassword=text,
    ),
    subnet=SUBNET,
    remoteLoginPortPublicAccess=Field(OneOf("Enabled", "Disabled", "NotSpecified"), "NotSpecified"),
    osType=Field(OneOf("Linux", "Windows"), "Linux"),
    enableNodePublicIp=boolean,
    # Recorded, and in no API definition.
    enableBatchPrivateLink=Field(boolean, since=LATER),
    propertyBag=Field(anything, since=LATER),
    **dict.fromkeys(
        (
            *("allocationState", "allocationStateTransitionTime", "errors", "currentNodeCount"),
            *("targetNodeCount", "nodeStateCounts"),
        ),
        ANSWERED,
    ),
)
LAST_OPERATION = Record(
    "ComputeInstanceLastOperation",
    operationName=text,
    operationTime=text,
    operationStatus=text,
    operationTrigger=Field(text, since=LATER),
)
INSTANCE_PROPERTIES = Record(
    "ComputeInstanceProperties",
    vmSize=required(filled),
    subnet=SUBNET,
    applicationSharingPolicy=Field(OneOf("Personal", "Shared"), "Shared"),
    sshSettings=Record(
        "ComputeInstanceSshSettings",
        sshPublicAccess=Field(OneOf("Enabled", "Disabled"), "Disabled"),
        adminPublicKey=text,
        adminUserName=ANSWERED,
        sshPort=ANSWERED,
    ),
    customServices=Field(ListOf(anything), since=LATER),
    computeInstanceAuthorizationType=Field(OneOf("personal"), "personal"),
    personalComputeInstanceSettings=anything,
    setupScripts=anything,
    # Read-only from 2022-02-01-preview to 2022-10-01.
    schedules=anything,
    enableNodePublicIp=boolean,
    idleTimeBeforeShutdown=Field(duration, since=SINCE_2025),
    enableSSO=Field(boolean, since=SINCE_2025),
    enableRootAccess=Field(boolean, since=Since(None, "2023-08-01")),
    releaseQuotaOnStop=Field(boolean, since=Since(None, "2023-08-01")),
    enableOSPatching=Field(boolean, since=Since(None, "2023-08-01")),
    osImageMetadata=Field(anything, since=LATER, answered=True),
    containers=Field(anything, since=LATER, answered=True),
    dataDisks=Field(anything, since=LATER, answered=True),
    dataMounts=Field(anything, since=LATER, answered=True),
    versions=Field(anything, since=LATER, answered=True),
    lastOperation=Field(LAST_OPERATION, answered=True),
    **dict.fromkeys(("connectivityEndpoints", "applications", "createdBy", "errors", "state"), ANSWERED),
)
PROPERTIES = Union(
    "computeType",
    **{
        CLUSTER: Record(CLUSTER, **COMPUTE, properties=Field(CLUSTER_PROPERTIES, required=True)),
        INSTANCE: Record(INSTANCE, **COMPUTE, properties=Field(INSTANCE_PROPERTIES, required=True)),
        **{
            name: NotEmulated(
                f"computes of the type {name}", None if general else Since("2022-05-01", "2022-02-01")
            )
            for name, general in {
                "AKS": True,
                "Databricks": True,
                "DataFactory": True,
                "DataLakeAnalytics": True,
                "HDInsight": True,
                "VirtualMachine": True,
                "Kubernetes": False,
                "SynapseSpark": False,
            }.items()
        },
    },
)
SCALED = Record("ScaleSettingsInformation", scaleSettings=required(SCALE))
UPDATE = Record("ClusterUpdateProperties", properties=required(SCALED))
"""What PATCH takes as ``properties``; the first version leaves a level out."""
IDENTITY = Record(
    "ManagedServiceIdentity",
    type=required(OneOf("SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned", "None")),
    userAssignedIdentities=anything,
    principalId=ANSWERED,
    tenantId=ANSWERED,
)
RESOURCE = Record("ComputeResource", location=text, tags=string_map, identity=IDENTITY, sku=anything)


def answer(call: Call, state: ComputeState, nodes: NodeCounts) -> dict[str, Any]:
    """A compute as it is answered."""
    resource = state.resource
    outer, creating = resource["properties"], state.provisioning_state == "Creating"
    inner = _cluster(state, nodes) if state.kind == CLUSTER else _instance(call, state, nodes)
    properties = {
        "createdOn": state.created_at,
        "modifiedOn": state.modified_at,
        "disableLocalAuth": outer["disableLocalAuth"],
        "description": outer["description"],
        "resourceId": None,
        "computeType": state.kind,
        # Recorded: it is not there before the compute is.
        **({} if creating else {"computeLocation": resource["location"]}),
        "provisioningState": state.provisioning_state,
        "provisioningErrors": [{"error": state.failure}] if state.failure else None,
        "isAttachedCompute": False,
        "properties": inner,
    }
    identity = _identity(call, resource["identity"])
    return {
        "id": f"{call.workspace.arm_id}/computes/{state.name}",
        "name": state.name,
        "type": f"{NAMESPACE}/workspaces/computes",
        "location": resource["location"],
        "tags": resource["tags"] if creating else resource["tags"] or {},
        **({"identity": identity} if identity else {}),
        "properties": write(PROPERTIES, properties, call.version),
    }


def _identity(call: Call, identity: dict[str, Any] | None) -> dict[str, Any] | None:
    if identity is None or identity["type"] == "None":
        return None
    tokens, own = call.context.tokens, {"type": identity["type"]}
    if identity["type"].startswith("SystemAssigned"):
        own |= {"principalId": tokens.object_id, "tenantId": tokens.tenant_id}
    users = identity["userAssignedIdentities"]
    return {**own, "userAssignedIdentities": users} if users else own


def _cluster(state: ComputeState, nodes: NodeCounts) -> dict[str, Any]:
    settings, is_there = state.settings, state.provisioning_state != "Creating"
    login = settings.get("userAccountCredentials")
    given = {
        name: settings[name]
        for name in ("enableNodePublicIp", "enableBatchPrivateLink")
        if settings.get(name) is not None
    }
    return {
        "vmSize": settings["vmSize"].upper(),
        "vmPriority": settings["vmPriority"],
        "scaleSettings": settings["scaleSettings"],
        # Recorded: nothing of the login comes back before the cluster is there, and its password never.
        **({"userAccountCredentials": login} if login and is_there else {}),
        "subnet": settings.get("subnet"),
        **nodes.answer(),
        "errors": None,
        "remoteLoginPortPublicAccess": _login(settings),
        "osType": settings["osType"],
        "virtualMachineImage": settings.get("virtualMachineImage"),
        "isolatedNetwork": bool(settings.get("isolatedNetwork")),
        **given,
        **({"propertyBag": settings.get("propertyBag") or {}} if is_there else {}),
    }


def _login(settings: dict[str, Any]) -> str:
    """Documented: without a word on it, the port is open unless there is a subnet."""
    wanted = str(settings["remoteLoginPortPublicAccess"])
    if wanted != "NotSpecified":
        return wanted
    return "Disabled" if settings.get("subnet") else "Enabled"


def _instance(call: Call, state: ComputeState, nodes: NodeCounts) -> dict[str, Any]:
    settings, tokens = state.settings, call.context.tokens
    current = state.instance_state
    host = f"https://{state.name}.{state.resource['location']}.instances.azureml.ms"
    ssh = {"sshPublicAccess": "Disabled", **(settings.get("sshSettings") or {})}
    return {
        **{name: value for name, value in settings.items() if value is not None},
        "vmSize": settings["vmSize"].upper(),
        "subnet": settings.get("subnet"),
        "sshSettings": {
            **{name: value for name, value in ssh.items() if value is not None},
            "adminUserName": "azureuser",
            "sshPort": 50000,
        },
        "personalComputeInstanceSettings": settings.get("personalComputeInstanceSettings"),
        "createdBy": {
            "userName": tokens.client_id,
            "userOrgId": tokens.tenant_id,
            "userId": tokens.object_id,
        },
        "connectivityEndpoints": {"publicIpAddress": None, "privateIpAddress": None},
        "applications": [
            {"displayName": name, "endpointUri": f"{host}/{path}"}
            for name, path in (("Jupyter", "tree/"), ("Jupyter Lab", "lab"))
        ],
        "errors": [],
        "state": "JobRunning" if nodes.running and current == "Running" else current,
        "lastOperation": _last_operation(state),
        "containers": [],
        "dataDisks": [],
        "dataMounts": [],
        "versions": {"runtime": None},
        "schedules": settings.get("schedules"),
    }


def _last_operation(state: ComputeState) -> dict[str, Any] | None:
    last = next((op for op in reversed(state.operations) if op.name != "Update"), None)
    if last is None:
        return None
    failed = f"{last.name}Failed" if last.error else "Succeeded"
    return {
        "operationName": last.name,
        "operationTime": last.started_at,
        "operationStatus": failed if last.is_over else "InProgress",
        "operationTrigger": "User",
    }
