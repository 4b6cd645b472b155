"""MLflow's model registry: the models that Resource Manager has, in MLflow's words.

A registered model is a container, a model version a version. What MLflow registers, Resource Manager lists,
and the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from airflow_provider_amlrest.emulator.answers import MlError
from airflow_provider_amlrest.emulator.arm import models
from airflow_provider_amlrest.emulator.arm.assets import CONTAINER_KIND
from airflow_provider_amlrest.emulator.config import ARTIFACT_DATASTORE
from airflow_provider_amlrest.emulator.data_plane.call import DataCall
from airflow_provider_amlrest.emulator.data_plane.mlflow_parts import (
    MlflowError,
    as_pairs,
    bad_parameter,
    found_by,
    milliseconds,
    missing,
    need,
    page,
    pairs,
)
from airflow_provider_amlrest.emulator.store import AssetRecord, utc_now

CONTAINER = CONTAINER_KIND.format(models.KIND)
STAGES = {"none": None, "staging": "Staging", "production": "Production", "archived": "Archived"}
"""MLflow's stages -> what Resource Manager shows."""
IN_USE = ("Staging", "Production")
VERSION_URI = re.compile(r"models:/(?P<name>[^/]+)/(?P<version>[^/]+)")
PLACE = re.compile(r"azureml://(?:.*/)?datastores/(?P<datastore>[^/]+)/paths/(?P<path>.*)", re.IGNORECASE)
MOST_MODELS, MOST_VERSIONS = 1000, 10_000

Answer = dict[str, Any]


# registered models


def create_model(call: DataCall, body: Answer) -> Answer:
    name, store = str(need(body, "name")), call.context.store
    with store.transaction():
        if _exists(call, name):
            raise MlflowError(
                400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists."
            )
        _keep_container(call, name, tags=pairs(body.get("tags") or []), description=body.get("description"))
    return {"registered_model": _model(call, name)}


def get_model(call: DataCall, body: Answer) -> Answer:
    return {"registered_model": _model(call, _known_model(call, body))}


def update_model(call: DataCall, body: Answer) -> Answer:
    name = _known_model(call, body)
    _keep_container(call, name, description=body.get("description"))
    return {"registered_model": _model(call, name)}


def delete_model(call: DataCall, body: Answer) -> Answer:
    name, store = _known_model(call, body), call.context.store
    with store.transaction():
        for record in store.assets(call.workspace.name, models.KIND, name):
            store.delete_asset(call.workspace.name, models.KIND, name, record.version)
        store.delete_asset(call.workspace.name, CONTAINER, name, "")
    return {}


def search_models(call: DataCall, body: Answer) -> Answer:
    home = call.workspace.name
    records = [*call.context.store.assets(home, models.KIND), *call.context.store.assets(home, CONTAINER)]
    shapes = [_model(call, name) for name in sorted({record.name for record in records})]
    found = found_by(body, ((shape, _views(shape)) for shape in shapes))
    return page(body, "registered_models", found, MOST_MODELS, lambda shape: shape)


def latest_versions(call: DataCall, body: Answer) -> Answer:
    name, stages = _known_model(call, body), body.get("stages") or []
    wanted = {_stage(stage) for stage in ([stages] if isinstance(stages, str) else stages)}
    found = [r for r in _latest(_versions(call, name)) if not wanted or r.properties["stage"] in wanted]
    return {"model_versions": [_version(record) for record in found]}


def set_model_tag(call: DataCall, body: Answer) -> Answer:
    name = _known_model(call, body)
    with call.context.store.transaction():
        tags = _container_properties(call, name)["tags"] or {}
        _keep_container(call, name, tags={**tags, str(need(body, "key")): str(body.get("value", ""))})
    return {}


def delete_model_tag(call: DataCall, body: Answer) -> Answer:
    name, key = _known_model(call, body), str(need(body, "key"))
    with call.context.store.transaction():
        tags = _container_properties(call, name)["tags"] or {}
        _keep_container(call, name, tags={known: value for known, value in tags.items() if known != key})
    return {}


# versions


async def create_version(call: DataCall, body: Answer) -> Answer:
    """Register what lies at ``source``, as an MLflow model, under the next number."""
    name, source = _known_model(call, body), str(need(body, "source"))
    if match := VERSION_URI.fullmatch(source):
        source = str(_record(call, match["name"], match["version"]).properties["modelUri"])
    try:
        uri = models.find(call.context, call.workspace, source)
        await models.check_files(call.context, call.workspace, source, uri)
    except MlError as error:
        raise bad_parameter("; ".join((str(error), *(text for _, text in error.details)))) from None
    job = body.get("run_id") or models.job_of(source)
    properties = {
        "description": body.get("description"),
        "tags": pairs(body.get("tags") or []),
        "properties": {},
        "isAnonymous": False,
        "isArchived": False,
        "modelType": "mlflow_model",
        "modelUri": uri,
        "flavors": {},
        "jobName": job,
        "stage": None,
        "datasets": None,
    }
    store, home = call.context.store, call.workspace.name
    with store.transaction():
        version = models.next_version(store, home, name)
        record = AssetRecord(
            *(home, models.KIND, name, version, properties), created_by=call.principal.application_id
        )
        store.put_asset(record)
    return {"model_version": _version(record)}


def get_version(call: DataCall, body: Answer) -> Answer:
    return {"model_version": _version(_known_version(call, body))}


def update_version(call: DataCall, body: Answer) -> Answer:
    return _changed(call, body, lambda properties: {"description": body.get("description")})


def delete_version(call: DataCall, body: Answer) -> Answer:
    record = _known_version(call, body)
    call.context.store.delete_asset(record.workspace, models.KIND, record.name, record.version)
    return {}


def search_versions(call: DataCall, body: Answer) -> Answer:
    records = call.context.store.assets(call.workspace.name, models.KIND)
    shapes = [_version(record) for record in records if not record.properties["isArchived"]]
    found = found_by(body, ((shape, _views(shape)) for shape in shapes))
    return page(body, "model_versions", found, MOST_VERSIONS, lambda shape: shape)


def transition_stage(call: DataCall, body: Answer) -> Answer:
    stage, alone = _stage(need(body, "stage")), bool(body.get("archive_existing_versions"))
    if alone and stage not in IN_USE:
        raise bad_parameter(
            f"Model version transition cannot archive existing versions because '{stage}' is "
            f"not one of {', '.join(IN_USE)}."
        )
    store = call.context.store
    with store.transaction():
        record = _known_version(call, body)
        for other in _versions(call, record.name) if alone else ():
            if other.version != record.version and other.properties["stage"] == stage:
                models.change(store, other, stage="Archived")
        return {"model_version": _version(models.change(store, record, stage=stage))}


def set_version_tag(call: DataCall, body: Answer) -> Answer:
    added = {str(need(body, "key")): str(body.get("value", ""))}
    _changed(call, body, lambda properties: {"tags": {**properties["tags"], **added}})
    return {}


def delete_version_tag(call: DataCall, body: Answer) -> Answer:
    key = str(need(body, "key"))
    _changed(call, body, lambda p: {"tags": {name: v for name, v in p["tags"].items() if name != key}})
    return {}


def download_uri(call: DataCall, body: Answer) -> Answer:
    """Where Microsoft's plugin finds the files: an origin and a container of the artifacts' service."""
    uri = str(_known_version(call, body).properties["modelUri"])
    if match := PLACE.fullmatch(uri):
        datastore, path = match["datastore"], match["path"].rstrip("/")
        uri = f"azureml://artifacts/{'' if datastore == ARTIFACT_DATASTORE else f'{datastore}/'}{path}"
    return {"artifact_uri": uri}


# what there is


def _exists(call: DataCall, name: str) -> bool:
    store, home = call.context.store, call.workspace.name
    return store.asset(home, CONTAINER, name, "") is not None or bool(store.assets(home, models.KIND, name))


def _known_model(call: DataCall, body: Answer) -> str:
    name = str(need(body, "name"))
    if not _exists(call, name):
        raise missing(f"Registered Model with name={name} not found")
    return name


def _known_version(call: DataCall, body: Answer) -> AssetRecord:
    return _record(call, str(need(body, "name")), str(need(body, "version")))


def _record(call: DataCall, name: str, version: str) -> AssetRecord:
    record = call.context.store.asset(call.workspace.name, models.KIND, name, version)
    if record is None:
        raise missing(f"Model Version (name={name}, version={version}) not found")
    return record


def _versions(call: DataCall, name: str) -> list[AssetRecord]:
    """Newest first."""
    return call.context.store.assets(call.workspace.name, models.KIND, name)


def _latest(versions: Iterable[AssetRecord]) -> list[AssetRecord]:
    """The newest of each stage."""
    latest: dict[str | None, AssetRecord] = {}
    for record in versions:
        latest.setdefault(record.properties["stage"], record)
    return list(latest.values())


def _changed(call: DataCall, body: Answer, change: Callable[[Answer], Answer]) -> Answer:
    with call.context.store.transaction():
        record = _known_version(call, body)
        record = models.change(call.context.store, record, **change(record.properties))
    return {"model_version": _version(record)}


def _container_properties(call: DataCall, name: str) -> Answer:
    record = call.context.store.asset(call.workspace.name, CONTAINER, name, "")
    empty: Answer = {"description": None, "tags": None, "properties": None, "isArchived": False}
    return {**empty, **record.properties} if record else empty


def _keep_container(call: DataCall, name: str, **properties: Any) -> None:
    store, home = call.context.store, call.workspace.name
    old = store.asset(home, CONTAINER, name, "")
    record = AssetRecord(
        *(home, CONTAINER, name, "", {**_container_properties(call, name), **properties}),
        created_at=old.created_at if old else utc_now(),
        created_by=old.created_by if old else call.principal.application_id,
        modified_at=utc_now() if old else None,
    )
    store.put_asset(record)


def _stage(text: Any) -> str | None:
    if str(text).lower() not in STAGES:
        names = ", ".join(name.capitalize() for name in STAGES)
        raise bad_parameter(f"Invalid Model Version stage: {text}. Value must be one of {names}.")
    return STAGES[str(text).lower()]


# shapes


def _model(call: DataCall, name: str) -> Answer:
    versions, properties = _versions(call, name), _container_properties(call, name)
    explicit = call.context.store.asset(call.workspace.name, CONTAINER, name, "")
    first = explicit or versions[-1]
    last = max(record.modified_at or record.created_at for record in (first, *versions))
    shape = {
        "name": name,
        "creation_timestamp": milliseconds(first.created_at),
        "last_updated_timestamp": milliseconds(last),
        "user_id": first.created_by,
        "latest_versions": [_version(record) for record in _latest(versions)],
        "tags": as_pairs(properties["tags"]),
    }
    return {**shape, "description": properties["description"]} if properties["description"] else shape


def _version(record: AssetRecord) -> Answer:
    properties = record.properties
    shape = {
        "name": record.name,
        "version": record.version,
        "creation_timestamp": milliseconds(record.created_at),
        "last_updated_timestamp": milliseconds(record.modified_at or record.created_at),
        "user_id": record.created_by,
        "current_stage": properties["stage"] or "None",
        "source": properties["modelUri"],
        "run_id": properties["jobName"] or "",
        "status": "READY",
        "tags": as_pairs(properties["tags"]),
    }
    return {**shape, "description": properties["description"]} if properties["description"] else shape


def _views(shape: Answer) -> dict[str, dict[str, Any]]:
    version = shape.get("version", "")
    number = {"version_number": int(version)} if version.isdigit() else {}
    timestamp = {"timestamp": shape["last_updated_timestamp"]}
    return {"attributes": {**shape, **number, **timestamp}, "tags": pairs(shape["tags"])}


OPERATIONS: dict[tuple[str, str], Callable[[DataCall, Answer], Answer | Awaitable[Answer]]] = {
    ("POST", "registered-models/create"): create_model,
    ("GET", "registered-models/get"): get_model,
    ("PATCH", "registered-models/update"): update_model,
    ("DELETE", "registered-models/delete"): delete_model,
    ("GET", "registered-models/search"): search_models,
    ("GET", "registered-models/get-latest-versions"): latest_versions,
    ("POST", "registered-models/get-latest-versions"): latest_versions,
    ("POST", "registered-models/set-tag"): set_model_tag,
    ("DELETE", "registered-models/delete-tag"): delete_model_tag,
    ("POST", "model-versions/create"): create_version,
    ("GET", "model-versions/get"): get_version,
    ("PATCH", "model-versions/update"): update_version,
    ("DELETE", "model-versions/delete"): delete_version,
    ("GET", "model-versions/search"): search_versions,
    ("POST", "model-versions/transition-stage"): transition_stage,
    ("POST", "model-versions/set-tag"): set_version_tag,
    ("DELETE", "model-versions/delete-tag"): delete_version_tag,
    ("GET", "model-versions/get-download-uri"): download_uri,
}
"""Models are not renamed (documented), and nothing is known of aliases: these two are answered 501."""
