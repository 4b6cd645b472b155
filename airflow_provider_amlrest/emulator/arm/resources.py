"""Workspace and datastores."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import MlError, pretty
from airflow_provider_amlrest.emulator.arm import lists, wire_2021
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.shapes import Record, boolean, positive, read
from airflow_provider_amlrest.emulator.arm.versions import EXPIRABLE_SECRETS
from airflow_provider_amlrest.emulator.config import ARTIFACT_DATASTORE, DEFAULT_DATASTORE, NAMESPACE
from airflow_provider_amlrest.emulator.storage.blobs import ACCOUNT

CREATED_SETTING = "created_at"
SECRET_EXPIRY = Record("SecretExpiry", expirableSecret=boolean, expireAfterHours=positive)
SECRET_HOURS = 1
"""As long as a signature is good that is asked for without a time. The service's own default is not known."""


def get_workspace(call: Call) -> Response:
    workspace = call.workspace
    group = f"/subscriptions/{workspace.subscription_id}/resourceGroups/{workspace.resource_group}/providers"
    host = call.context.endpoint.removeprefix("https://")
    created = call.store.setting(CREATED_SETTING) or ""
    body: dict[str, Any] = {
        "id": workspace.arm_id,
        "name": workspace.name,
        "type": f"{NAMESPACE}/workspaces",
        "location": workspace.location,
        "tags": {},
        "etag": None,
        "properties": {
            "friendlyName": workspace.name,
            "description": "An emulated workspace",
            "storageAccount": f"{group}/Microsoft.Storage/storageAccounts/{ACCOUNT}",
            "hbiWorkspace": False,
            "tenantId": call.context.tokens.tenant_id,
            "imageBuildCompute": None,
            "provisioningState": "Succeeded",
            "v1LegacyMode": False,
            "workspaceId": workspace.workspace_id,
            "publicNetworkAccess": "Enabled",
            "discoveryUrl": f"{call.context.endpoint}/discovery",
            "mlFlowTrackingUri": f"azureml://{host}/mlflow/v1.0{workspace.arm_id}",
        },
        "identity": {
            "type": "SystemAssigned",
            "principalId": workspace.workspace_id,
            "tenantId": call.context.tokens.tenant_id,
        },
        "kind": "Default",
        "sku": {"name": "Basic", "tier": "Basic"},
        "systemData": call.system_data(created, call.principal.application_id, created),
    }
    if call.version.is_2021:
        del body["kind"]
        for later in ("v1LegacyMode", "publicNetworkAccess", "mlFlowTrackingUri"):
            del body["properties"][later]
    return pretty(body)


# datastores


def list_datastores(call: Call) -> Response:
    names = list(call.workspace.datastores)
    if (default := call.query.get("isdefault")) is not None:
        names = [name for name in names if (name == DEFAULT_DATASTORE) == (default.lower() == "true")]
    if wanted := call.query.get("names"):
        names = [name for name in names if name in wanted.split(",")]
    if part := call.query.get("searchtext"):
        names = [name for name in names if part.lower() in name]
    return pretty(lists.page(call, [_datastore(call, name) for name in names]))


def get_datastore(call: Call, name: str) -> Response:
    return pretty(_datastore(call, _known_datastore(call, name)))


async def list_secrets(call: Call, name: str) -> Response:
    _known_datastore(call, name)
    asked: dict[str, Any] = {}
    if call.body is not None and call.version.has(EXPIRABLE_SECRETS):
        asked = read(SECRET_EXPIRY, call.body, call.version)
    blobs = await call.context.need_blobs("listSecrets")
    # azure-ai-ml 1.35.2 uploads with the signature of the one and signs URLs of logs with the other's key.
    if not asked.get("expirableSecret") or name == ARTIFACT_DATASTORE:
        return pretty({"secretsType": "AccountKey", "key": blobs.key})
    token = blobs.container_token(
        call.workspace.datastores[name], "racwdl", hours=asked["expireAfterHours"] or SECRET_HOURS
    )
    return pretty({"secretsType": "Sas", "sasToken": token})


def _known_datastore(call: Call, name: str) -> str:
    if name not in call.workspace.datastores:
        raise MlError(404, f"Could not find datastore: {name}.", ("NotFoundError",))
    return name


def _datastore(call: Call, name: str) -> dict[str, Any]:
    created = call.store.setting(CREATED_SETTING) or ""
    properties = {
        "description": None,
        "tags": None,
        "properties": None,
        "isDefault": name == DEFAULT_DATASTORE,
        "credentials": {"credentialsType": "AccountKey"},
        "datastoreType": "AzureBlob",
        "accountName": ACCOUNT,
        "containerName": call.workspace.datastores[name],
        "endpoint": call.context.blobs.suffix,
        "protocol": "https",
        # Recorded, for the default one; others have None.
        "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity"
        if name == DEFAULT_DATASTORE
        else "None",
    }
    if call.version.is_2021:
        properties = wire_2021.datastore_answer(properties)
    system_data = call.system_data(created, call.principal.application_id, created)
    return call.resource(f"datastores/{name}", properties, system_data)
