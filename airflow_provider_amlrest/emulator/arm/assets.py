"""Environments, code, data, models and components: containers and versions."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import MlError, empty, invalid, pretty
from airflow_provider_amlrest.emulator.arm import components, lists, registries, wire_2021
from airflow_provider_amlrest.emulator.arm.asset_shapes import (
    CONTAINERS,
    VERSIONS,
    check_unchanged,
    normalised,
    not_found,
)
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.shapes import read, write
from airflow_provider_amlrest.emulator.arm.versions import LATEST, UPLOADS
from airflow_provider_amlrest.emulator.config import Registry
from airflow_provider_amlrest.emulator.store import AssetRecord, utc_now

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}")
LEFT_OUT = (
    *("image", "build", "inferenceConfig", "referencedUris", "imageDetails"),
    *("system_metadata", "originAssetId"),
)
"""Members that are not answered as null."""
DATA_VERSION_LENGTH = 30
PROVISIONING_TAG = "emulator.provisioning"
"""Tag of an environment that says how its provisioning ends: succeeded, failed, canceled."""
CONTAINER_KIND = "{}-container"
"""Store kind of containers that were PUT; those of versions come into being by themselves."""


def check_name(name: str, field: str) -> None:
    if not NAME.fullmatch(name):
        raise invalid(
            field, f"{name!r} must begin with a letter or digit, go on with those, - and _, and have 1-255"
        )


# versions


def put_version(call: Call, kind: str, name: str, version: str) -> Response:
    kind = kind.lower()
    check_name(name, "name")
    if kind == "environments" and name.lower().startswith("azureml"):
        raise MlError(
            400, f"Environment name {name} begins with AzureML, which is reserved.", ("BadArgument",)
        )
    if kind == "data" and len(version) > DATA_VERSION_LENGTH:
        raise invalid("version", f"{version!r} has more than {DATA_VERSION_LENGTH} characters")
    as_sent, values = _values(call, kind)
    if kind == components.KIND:
        components.check_name(name, values)
    properties = normalised(kind, values, call.scope)
    with call.store.transaction():
        old = call.store.asset(call.home, kind, name, version)
        if old is None:
            record = AssetRecord(
                call.home,
                kind,
                name,
                version,
                properties,
                created_by=call.principal.application_id,
                as_sent=as_sent,
            )
        else:
            check_unchanged(kind, name, version, old.properties, properties)
            # Recorded: an environment's lastModifiedAt stays where it was.
            modified_at = old.modified_at if kind == "environments" else utc_now()
            record = replace(
                old, properties=properties, modified_at=modified_at, as_sent=as_sent or old.as_sent
            )
        call.store.put_asset(record)
    answer = _version(call, record)
    if isinstance(call.scope, Registry):
        return registries.begun(call, call.scope, f"{kind}/{name}/versions/{version}", answer)
    created = old is None or kind == "environments"
    return pretty(answer, 201 if created else 200, {"Location": call.url} if created else None)


def _values(call: Call, kind: str) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """What was sent, in the words of 2021 (None in another version) and in canonical ones."""
    if not call.version.is_2021:
        return None, call.properties(VERSIONS[kind])
    as_sent = call.properties(wire_2021.VERSIONS[kind])
    canonical = wire_2021.version_to_canonical(kind, as_sent, call)
    return as_sent, read(VERSIONS[kind], {"properties": canonical}, LATEST, "properties")


def get_version(call: Call, kind: str, name: str, version: str) -> Response:
    record = call.store.asset(call.home, kind.lower(), name, version)
    if record is None:
        raise not_found(kind.lower(), name, version)
    return pretty(_version(call, record))


def delete_version(call: Call, kind: str, name: str, version: str) -> Response:
    return empty(200 if call.store.delete_asset(call.home, kind.lower(), name, version) else 204)


def sent_properties(call: Call, kind: str) -> dict[str, Any]:
    """The properties of a version as they were sent, in their canonical form."""
    return _values(call, kind)[1]


def list_versions(call: Call, kind: str, name: str) -> Response:
    return page_of_versions(call, listed_versions(call, kind.lower(), name))


def page_of_versions(call: Call, records: list[AssetRecord]) -> Response:
    return pretty(lists.page(call, [_version(call, record, listed=True) for record in records]))


def listed_versions(call: Call, kind: str, name: str) -> list[AssetRecord]:
    """The versions that a list shows, in its order, by the filters that all assets have."""
    content_hash = call.query.get("hash")
    if kind == "codes" and content_hash and call.version.has(UPLOADS):
        # The search is workspace wide, although a name is in the path.
        records = [r for r in call.store.assets(call.home, kind) if _has_hash(call, r, content_hash)]
    else:
        records = call.store.assets(call.home, kind, name)
    if kind != "codes":
        records = [r for r in records if lists.in_view(call, archived=r.properties["isArchived"])]
    records = [r for r in records if lists.is_listed(call, r.created_at)]
    records = [r for r in records if lists.has_pairs(r.properties["tags"], call.query.get("$tags"))]
    if _is_ascending(call.query.get("$orderby", "createdtime desc")):
        records.reverse()
    return records


def _has_hash(call: Call, record: AssetRecord, content_hash: str) -> bool:
    properties: dict[str, str] = record.properties["properties"]
    return properties.get("hash_sha256") == content_hash and (
        properties.get("hash_version") == call.query.get("hashversion", properties.get("hash_version"))
    )


def _is_ascending(order: str) -> bool:
    field, _, direction = order.strip().lower().partition(" ")
    if field not in ("createdtime", "createdat", "modifiedtime") or direction.strip() not in (
        "",
        "asc",
        "desc",
    ):
        raise invalid("$orderBy", f"{order!r} is not 'createdtime asc' or 'createdtime desc'")
    return direction.strip() != "desc"


def _version(call: Call, record: AssetRecord, *, listed: bool = False) -> dict[str, Any]:
    if call.version.is_2021:
        properties = wire_2021.version_answer(record, call)
    else:
        properties = {
            name: value
            for name, value in record.properties.items()
            if value is not None or name not in LEFT_OUT
        }
        if record.kind == components.KIND:
            properties["componentSpec"] = components.answered_spec(record)
        if record.kind != "data":
            properties["provisioningState"] = _provisioning_state(call, record)
        elif listed and not isinstance(call.scope, Registry):
            properties["dataUri"] = _listed_uri(call, properties["dataUri"])
        properties = write(VERSIONS[record.kind], properties, call.version)
    data = call.system_data(record.created_at, record.created_by, record.modified_at or record.created_at)
    if record.kind == "data" and record.modified_at is None:
        _without_modifier(data)
    return call.resource(f"{record.kind}/{record.name}/versions/{record.version}", properties, data)


def _provisioning_state(call: Call, record: AssetRecord) -> str:
    """An environment's version, and all of a registry, is Creating for a while, and ends as its tag says."""
    if record.kind != "environments" and not isinstance(call.scope, Registry):
        return "Succeeded"
    ready_at = datetime.fromisoformat(record.created_at) + timedelta(
        seconds=call.context.tuning.provisioning_seconds
    )
    if ready_at > datetime.now(UTC):
        return "Creating"
    return str(record.properties["tags"].get(PROVISIONING_TAG, "succeeded")).capitalize()


def _listed_uri(call: Call, uri: str) -> str:
    """Lists have a third form of the same URI, with the workspace's GUID."""
    return re.sub(
        r"^azureml://subscriptions/.*?/datastores/",
        f"azureml://workspaces/{call.workspace.workspace_id}/datastores/",
        uri,
    )


# containers


def put_container(call: Call, kind: str, name: str) -> Response:
    kind = kind.lower()
    check_name(name, "name")
    properties = call.properties(wire_2021.CONTAINER if call.version.is_2021 else CONTAINERS[kind])
    new = AssetRecord(
        call.home, CONTAINER_KIND.format(kind), name, "", properties, created_by=call.principal.application_id
    )
    with call.store.transaction():
        old = call.store.asset(call.home, new.kind, name, "")
        record = new if old is None else replace(old, properties=properties, modified_at=utc_now())
        call.store.put_asset(record)
    answer = _container(call, kind, name)
    if isinstance(call.scope, Registry):
        return registries.begun(call, call.scope, f"{kind}/{name}", answer)
    headers = {"Location": call.url} if old is None else None
    return pretty(answer, 201 if old is None else 200, headers)


def get_container(call: Call, kind: str, name: str) -> Response:
    return pretty(_container(call, kind.lower(), name))


def delete_container(call: Call, kind: str, name: str) -> Response:
    kind = kind.lower()
    with call.store.transaction():
        versions = call.store.assets(call.home, kind, name)
        for record in versions:
            call.store.delete_asset(call.home, kind, name, record.version)
        explicit = call.store.delete_asset(call.home, CONTAINER_KIND.format(kind), name, "")
    return empty(200 if versions or explicit else 204)


def list_containers(call: Call, kind: str) -> Response:
    kind = kind.lower()
    records = call.store.assets(call.home, kind) + call.store.assets(call.home, CONTAINER_KIND.format(kind))
    records.sort(key=lambda record: record.created_at, reverse=True)
    names = dict.fromkeys(record.name for record in records if lists.is_listed(call, record.created_at))
    items = [_container(call, kind, name) for name in names]
    if not call.version.is_2021:
        items = [item for item in items if lists.in_view(call, archived=item["properties"]["isArchived"])]
    return pretty(lists.page(call, items))


def _container(call: Call, kind: str, name: str) -> dict[str, Any]:
    versions = call.store.assets(call.home, kind, name)
    explicit = call.store.asset(call.home, CONTAINER_KIND.format(kind), name, "")
    if not versions and explicit is None:
        raise not_found(kind, name)
    properties: dict[str, Any] = {"description": None, "tags": None, "properties": None, "isArchived": False}
    if kind == "data" and versions:
        properties["dataType"] = versions[0].properties["dataType"]
    properties |= explicit.properties if explicit else {}
    if call.version.is_2021:
        properties = {key: properties[key] for key in ("description", "tags", "properties")}
    else:
        numbers = [int(record.version) for record in versions if record.version.isdigit()]
        properties["latestVersion"] = versions[0].version if versions else None
        properties["nextVersion"] = str(max(numbers, default=0) + 1)
        if kind != "data":
            properties["provisioningState"] = "Succeeded"
        properties = write(CONTAINERS[kind], properties, call.version)
    first = explicit or versions[-1]
    modified_at = (versions[0] if versions else first).created_at
    data = call.system_data(first.created_at, first.created_by, modified_at)
    if kind == "data":
        _without_modifier(data)
    return call.resource(f"{kind}/{name}", properties, data)


def _without_modifier(data: dict[str, Any]) -> None:
    """Recorded: data that nobody has changed was last modified by nobody."""
    del data["lastModifiedBy"], data["lastModifiedByType"]
