"""What a completed job's outputs become: versions of data and models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.config import DEFAULT_DATASTORE
from airflow_provider_amlrest.emulator.runtime.data import datastore_uri, output_asset_name
from airflow_provider_amlrest.emulator.runtime.placeholders import resolve_path
from airflow_provider_amlrest.emulator.store import AssetRecord

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.context import JobContext

MODEL_TYPES = frozenset({"custom_model", "mlflow_model", "triton_model"})


def given_uri(context: JobContext, name: str) -> str | None:
    """The URI that was asked for an output, with the job's values in it; None: the service chooses.

    :raises JobError: an expression that an output's path cannot have.
    """
    uri = context.properties["outputs"][name].get("uri")
    values = {"name": context.job.name, "output_name": name, "default_datastore": DEFAULT_DATASTORE}
    return resolve_path(uri, values) if uri else None


def register_output(context: JobContext, name: str, uri: str) -> None:
    """Register an output as a data asset of the job, as the service does with every one."""
    properties = _data(context.properties["outputs"][name], uri)
    _put(context, "data", output_asset_name(context.job.name, name), "1", properties)


def register_named_output(context: JobContext, name: str, uri: str) -> None:
    """Register an output under its assetName, if it has one, in its assetVersion or the next number."""
    spec = context.properties["outputs"][name]
    asset_name = spec.get("assetName")
    if not asset_name:
        return
    is_model = spec.get("jobOutputType") in MODEL_TYPES
    kind = "models" if is_model else "data"
    known = context.store.assets(context.job.workspace, kind, asset_name)
    numbers = [int(asset.version) for asset in known if asset.version.isdecimal()]
    version = spec.get("assetVersion") or str(max(numbers, default=0) + 1)
    properties = _model(context, spec, uri) if is_model else _data(spec, uri)
    _put(context, kind, asset_name, version, properties)


def register_without_files(context: JobContext) -> None:
    """Register the named outputs of a job that only seems to have run: there is nothing where they lie."""
    for name in context.properties.get("outputs") or {}:
        place = f"azureml/{context.job.name}/{name}/"
        uri = given_uri(context, name) or datastore_uri(context.workspace, DEFAULT_DATASTORE, place)
        register_named_output(context, name, uri)


def _data(spec: dict[str, Any], uri: str) -> dict[str, Any]:
    kind = spec.get("jobOutputType")
    return {"dataType": kind if kind in {"uri_file", "mltable"} else "uri_folder", "dataUri": uri}


def _model(context: JobContext, spec: dict[str, Any], uri: str) -> dict[str, Any]:
    own = {"modelType": spec["jobOutputType"], "modelUri": uri, "jobName": context.job.name}
    return {**own, "flavors": {}, "stage": None, "datasets": None}


def _put(context: JobContext, kind: str, name: str, version: str, properties: dict[str, Any]) -> None:
    empty: dict[str, Any] = {
        "description": None,
        "tags": {},
        "properties": {},
        "isAnonymous": False,
        "isArchived": False,
    }
    context.store.put_asset(
        AssetRecord(
            workspace=context.job.workspace,
            kind=kind,
            name=name,
            version=version,
            created_by=context.job.created_by,
            properties={**properties, **empty},
        )
    )
