"""Models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.rest.assets.places_2021 import is_sayable, place, uri_of
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import Feature, refuse_unsupported
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import (
    asset_version,
    properties_of,
    read_type,
    text_map,
    without_nones,
)

MODEL_TYPES = ("custom_model", "mlflow_model", "triton_model")


@dataclass(frozen=True)
class Model:
    """A version of a model. ``type``: custom_model, mlflow_model or triton_model.

    ``uri``: where its files are. The service may move them, and then answers with another one.
    ``flavors``: what can load it, and what that needs to know: ``{"sklearn": {"sklearn_version": "1.5"}}``.
    ``job_name``: the job, or the trial or step of one, that wrote it.
    """

    name: str
    version: str
    type: str
    uri: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    stage: str | None = None
    flavors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    job_name: str | None = None
    is_archived: bool = False
    id: str = ""


FEATURES = (
    Feature(
        Model,
        "path",
        "a model at a URI that is neither https nor azureml://datastores/<name>/paths/<path>",
        PREVIEW_2022_02,
        lambda model: not is_sayable(model.uri),
    ),
    Feature(Model, "stage", "the stage of a model", "2023-04-01", lambda model: model.stage is not None),
    Feature(Model, "archived", "an archived model", PREVIEW_2022_02, lambda model: model.is_archived),
)

_KEPT = ("isAnonymous", "datasets")
"""Members that we have no word for, and that a change leaves as they are."""

_TYPE_2021 = "model_type"
_JOB_2021 = "job_name"
"""Properties that say what 2021-03-01-preview has no member for."""


def model_body(spelling: Spelling, model: Model) -> Wire:
    """The properties of its PUT. Raises InvalidSpecError for what the api-version cannot express."""
    refuse_unsupported(spelling.api_version, FEATURES, model)
    return _body_2021(spelling, model) if spelling.is_of_2021 else _body(spelling, model)


def changed_body(spelling: Spelling, resource: Mapping[str, Any], model: Model) -> Wire:
    """The properties of the PUT that makes an ARM resource this model. Raises as :func:`model_body`."""
    body = model_body(spelling, model)
    if spelling.is_of_2021:
        return body
    found = properties_of(resource)
    return {name: found[name] for name in _KEPT if found.get(name) is not None} | body


def read_model(spelling: Spelling, resource: Mapping[str, Any]) -> Model:
    """The model in an ARM resource."""
    return _read_2021(resource) if spelling.is_of_2021 else _read(resource)


def _body(spelling: Spelling, model: Model) -> dict[str, Any]:
    return without_nones(
        modelType=spelling.type(model.type),
        modelUri=model.uri,
        jobName=model.job_name,
        stage=model.stage,
        isArchived=model.is_archived,
        **_common(model),
    )


def _common(model: Model) -> dict[str, Any]:
    return {
        "description": model.description,
        "tags": dict(model.tags),
        "properties": dict(model.properties),
        "flavors": {name: {"data": dict(data)} for name, data in model.flavors.items()},
    }


def _read(resource: Mapping[str, Any]) -> Model:
    properties = properties_of(resource)
    name, version = asset_version(resource)
    return Model(
        name,
        version,
        read_type(properties.get("modelType") or "custom_model"),
        properties.get("modelUri") or "",
        description=properties.get("description"),
        tags=text_map(properties.get("tags")),
        properties=text_map(properties.get("properties")),
        stage=properties.get("stage") or None,
        flavors=_read_flavors(properties),
        job_name=properties.get("jobName") or None,
        is_archived=bool(properties.get("isArchived")),
        id=resource["id"],
    )


def _read_flavors(properties: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    flavors = properties.get("flavors") or {}
    return {name: text_map((flavor or {}).get("data")) for name, flavor in flavors.items()}


def _body_2021(spelling: Spelling, model: Model) -> dict[str, Any]:
    # The version has neither the type nor the job: properties record them.
    own = without_nones(**{_TYPE_2021: model.type, _JOB_2021: model.job_name})
    members = {**_common(model), "properties": {**model.properties, **own}}
    return without_nones(**place(spelling, model.uri), **members)


def _read_2021(resource: Mapping[str, Any]) -> Model:
    properties = properties_of(resource)
    name, version = asset_version(resource)
    own = text_map(properties.get("properties"))
    return Model(
        name,
        version,
        own.pop(_TYPE_2021, "custom_model"),
        uri_of(properties),
        description=properties.get("description"),
        tags=text_map(properties.get("tags")),
        flavors=_read_flavors(properties),
        job_name=own.pop(_JOB_2021, None),
        properties=own,
        id=resource["id"],
    )
