"""The canonical shape of assets and what the service makes of what it is sent."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from airflow_provider_amlrest.emulator.answers import MlError, invalid
from airflow_provider_amlrest.emulator.arm import components
from airflow_provider_amlrest.emulator.arm.shapes import (
    Field,
    ListOf,
    MapOf,
    OneOf,
    Reader,
    Record,
    Union,
    anything,
    boolean,
    filled,
    integer,
    of_previews,
    required,
    string_map,
    text,
)
from airflow_provider_amlrest.emulator.arm.versions import NEVER, Since
from airflow_provider_amlrest.emulator.config import Registry, Scope

KINDS = {
    "environments": "Environment",
    "codes": "Code",
    "data": "Data",
    "models": "Model",
    "components": "Component",
}
CONTENT = {
    "environments": ("image", "build", "condaFile", "osType", "inferenceConfig"),
    "codes": ("codeUri",),
    "data": ("dataUri", "dataType", "referencedUris"),
    "models": ("modelUri", "modelType"),
}
"""What of a version cannot change any more."""

PROVISIONING = Since("2023-04-01", "2022-10-01")
CONTAINER: dict[str, Reader | Field] = {
    "description": text,
    "tags": string_map,
    "properties": string_map,
    "isArchived": Field(boolean, default=False),
    "latestVersion": Field(text, answered=True),
    "nextVersion": Field(text, answered=True),
}
BASE: dict[str, Reader | Field] = {
    "description": text,
    "tags": Field(string_map, dict),
    "properties": Field(string_map, dict),
    "isArchived": Field(boolean, default=False),
    "isAnonymous": Field(boolean, default=False),
    "autoDeleteSetting": of_previews("2023-04-01", "2024-04-01"),
}
PROVISIONED: dict[str, Reader | Field] = {"provisioningState": Field(text, since=PROVISIONING, answered=True)}
ROUTE = Record("Route", path=required(filled), port=required(integer))
INFERENCE: dict[str, Reader | Field] = {
    "livenessRoute": ROUTE,
    "readinessRoute": ROUTE,
    "scoringRoute": ROUTE,
}
DATA: dict[str, Reader | Field] = {
    **BASE,
    "dataUri": required(filled),
    "intellectualProperty": of_previews("2023-04-01", "2024-04-01"),
    "stage": of_previews("2023-04-01", "2024-04-01"),
}
VERSIONS: dict[str, Record | Union] = {
    "environments": Record(
        "EnvironmentVersion",
        **BASE,
        **PROVISIONED,
        image=filled,
        build=Record("BuildContext", contextUri=required(filled), dockerfilePath=Field(filled, "Dockerfile")),
        condaFile=Field(text, ""),
        osType=Field(OneOf("Linux", "Windows"), "Linux"),
        inferenceConfig=Record(
            "InferenceContainerProperties",
            **INFERENCE,
            startupRoute=Field(ROUTE, since=Since("2024-10-01", NEVER)),
        ),
        stage=Field(text, "Logged", since=Since("2023-04-01", "2023-04-01")),
        autoRebuild=Field(
            OneOf("Disabled", "OnBaseImageUpdate"), "Disabled", since=Since("2022-10-01", "2022-12-01")
        ),
        intellectualProperty=of_previews("2023-04-01", "2024-04-01"),
        imageDetails=of_previews("2025-01-01", NEVER),
        environmentType=Field(text, answered=True),
    ),
    "codes": Record("CodeVersion", **BASE, **PROVISIONED, codeUri=required(filled)),
    "data": Union(
        "dataType",
        uri_file=Record("UriFileDataVersion", **DATA),
        uri_folder=Record("UriFolderDataVersion", **DATA),
        mltable=Record("MLTableData", **DATA, referencedUris=ListOf(text)),
    ),
    "models": Record(
        "ModelVersion",
        **BASE,
        **PROVISIONED,
        modelUri=required(filled),
        modelType=Field(OneOf("custom_model", "mlflow_model", "triton_model"), "custom_model"),
        flavors=Field(MapOf(anything), dict),
        jobName=text,
        stage=Field(text, since=Since("2023-04-01", "2023-04-01")),
        intellectualProperty=of_previews("2023-04-01", "2024-04-01"),
        datasets=Field(ListOf(anything), since=Since("2025-12-01", NEVER)),
        # Recorded, on a registry's own host.
        originAssetId=Field(text, since=Since(None, "2021-10-01", "2021-10-01"), answered=True),
        system_metadata=Field(anything, since=Since(None, "2021-10-01", "2021-10-01")),
    ),
    "components": Record(
        "ComponentVersion",
        **BASE,
        **PROVISIONED,
        componentSpec=required(components.spec),
        stage=of_previews("2023-04-01", "2024-04-01"),
    ),
}
CONTAINERS = {
    "environments": Record("EnvironmentContainer", **CONTAINER, **PROVISIONED),
    "codes": Record("CodeContainer", **CONTAINER, **PROVISIONED),
    "data": Record(
        "DataContainer", **CONTAINER, dataType=required(OneOf("uri_file", "uri_folder", "mltable"))
    ),
    "models": Record("ModelContainer", **CONTAINER, **PROVISIONED),
    "components": Record("ComponentContainer", **CONTAINER, **PROVISIONED),
}
PENDING_UPLOAD = Record(
    "PendingUploadRequestDto",
    pendingUploadId=text,
    pendingUploadType=required(OneOf("TemporaryBlobReference", "None")),
)
DATA_SCHEMES = ("azureml", "https", "http", "wasbs", "wasb", "abfss", "abfs", "adl")
SHORT_URI = re.compile(r"azureml://datastores/([^/]+)/paths/(.*)", re.IGNORECASE)
LONG_URI = re.compile(
    r"azureml://subscriptions/([^/]+)/resourcegroups/([^/]+)(?:/providers/Microsoft\.MachineLearningServices)?"
    r"/workspaces/([^/]+)/datastores/([^/]+)/paths/(.*)",
    re.IGNORECASE,
)


def normalised(kind: str, values: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """What the service makes of the properties of a version that fit their type."""
    return _NORMALISE[kind](values, scope)


def _environment(values: dict[str, Any], scope: Scope) -> dict[str, Any]:
    if (values["image"] is None) == (values["build"] is None):
        raise invalid("properties.image", "give either an image or a build context")
    values["condaFile"] = conda_as_json(values["condaFile"])
    if routes := values["inferenceConfig"]:
        values["inferenceConfig"] = {name: route for name, route in routes.items() if route is not None}
    values["environmentType"] = "UserCreated"
    return values


def conda_as_json(content: str) -> str:
    """The service answers a conda file, sent as YAML, as pretty JSON text."""
    if not content.strip():
        return ""
    try:
        parsed = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise invalid("properties.condaFile", f"is not YAML: {error}") from None
    if not isinstance(parsed, dict):
        raise invalid("properties.condaFile", "must be a conda environment: a mapping with 'dependencies'")
    try:
        return json.dumps(parsed, indent=2, ensure_ascii=False, default=str)
    except (TypeError, ValueError) as error:  # a key that is not a text, an alias to what it is in
        raise invalid("properties.condaFile", f"cannot be written as JSON: {error}") from None


def _code(values: dict[str, Any], scope: Scope) -> dict[str, Any]:
    # Recorded: isAnonymous is answered false whatever was sent.
    return {**values, "isAnonymous": False}


def _data(values: dict[str, Any], scope: Scope) -> dict[str, Any]:
    values["dataUri"] = long_uri(values["dataUri"], scope, "dataUri")
    if values["dataType"] != "uri_file" and not values["dataUri"].endswith("/"):
        values["dataUri"] += "/"
    return values


def _model(values: dict[str, Any], scope: Scope) -> dict[str, Any]:
    return {**values, "modelUri": model_uri(values["modelUri"], scope)}


def model_uri(uri: str, scope: Scope) -> str:
    """Recorded: a model's URI is spelled in another case than data's. Raises like :func:`long_uri`."""
    return long_uri(uri, scope, "modelUri").replace("/resourcegroups/", "/resourceGroups/", 1)


def _component(values: dict[str, Any], scope: Scope) -> dict[str, Any]:
    # Recorded: the description is answered in the spec only.
    return {**values, "description": None}


_LONG_FORM = "azureml://subscriptions/{}/resourcegroups/{}/workspaces/{}/datastores/{}/paths/{}"


def long_uri(uri: str, scope: Scope, member: str) -> str:
    """``azureml://datastores/d/paths/p`` with the workspace's ids, in one spelling; other URIs as they are.

    Args:
        member: whose URI it is, for the message.

    Raises:
        MlError: 400, the URI's scheme is none of the service's, or it names a datastore of a registry.
    """
    ours = (scope.subscription_id, scope.resource_group, scope.name)
    if match := SHORT_URI.fullmatch(uri):
        if isinstance(scope, Registry):
            raise invalid(f"properties.{member}", f"{uri!r}: a registry has no datastores")
        return _LONG_FORM.format(*ours, *match.groups())
    if match := LONG_URI.fullmatch(uri):
        theirs = match.groups()[:3]
        is_ours = [name.lower() for name in theirs] == [name.lower() for name in ours]
        return _LONG_FORM.format(*(ours if is_ours else theirs), *match.groups()[3:])
    scheme, separator, _ = uri.partition("://")
    if not separator or scheme.lower() not in DATA_SCHEMES:
        raise invalid(f"properties.{member}", f"{uri!r} is no URI of {', '.join(DATA_SCHEMES)}")
    return uri


_NORMALISE = {
    "environments": _environment,
    "codes": _code,
    "data": _data,
    "models": _model,
    "components": _component,
}


def check_unchanged(kind: str, name: str, version: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    """A version's content is fixed; description, tags, properties and isArchived are not.

    Raises:
        MlError: 409 for environments and, as a guess, for components; 400 for the others (text of the SDK,
            the status is our guess).
    """
    if kind == components.KIND:
        is_same = components.is_same(old["componentSpec"], new["componentSpec"])
    else:
        is_same = all(old.get(name) == new.get(name) for name in CONTENT[kind])
    if is_same:
        return
    if kind in ("environments", components.KIND):
        message = f"{KINDS[kind]} {name} with version {version} is already registered and cannot be changed."
        raise MlError(409, message, ("Conflict",))
    raise MlError(400, "Asset paths cannot be updated.", ("BadArgument", "Immutable"))


def not_found(kind: str, name: str, version: str | None = None) -> MlError:
    """404 for a version or, without one, a container. The texts for environments and data are recorded."""
    if kind == "environments":
        message = f"No environment exists for name: {name}, version: {version or ''}, label: "
    elif version is not None:
        message = f"{KINDS[kind]} version {name}:{version} ({kind}ContainerName:version) not found."
        message = message.replace("codesContainerName", "codeContainerName")
    else:
        message = f"{KINDS[kind]} container {name} not found."
    return MlError(404, message, ("NotFoundError",))
