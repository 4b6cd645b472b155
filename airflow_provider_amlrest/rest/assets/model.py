"""Models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.rest.assets.places_2021 import uri_of
from airflow_provider_amlrest.rest.versions.spelling import Spelling
from airflow_provider_amlrest.rest.versions.words import (
    asset_version,
    properties_of,
    read_type,
)

MODEL_TYPES = ("custom_model", "mlflow_model", "triton_model")


@dataclass(frozen=True)
class Model:
    """A version of a model. ``type``: custom_model, mlflow_model or triton_model."""

    name: str
    version: str
    type: str
    uri: str
    id: str = ""


def read_model(spelling: Spelling, resource: Mapping[str, Any]) -> Model:
    """The model in an ARM resource."""
    return _read_2021(resource) if spelling.is_of_2021 else _read(resource)


def _read(resource: Mapping[str, Any]) -> Model:
    properties = properties_of(resource)
    name, version = asset_version(resource)
    type_ = read_type(properties.get("modelType") or "custom_model")
    return Model(name, version, type_, properties.get("modelUri") or "", resource["id"])


def _read_2021(resource: Mapping[str, Any]) -> Model:
    """This version does not report the type."""
    properties = properties_of(resource)
    name, version = asset_version(resource)
    return Model(name, version, "custom_model", uri_of(properties), resource["id"])
