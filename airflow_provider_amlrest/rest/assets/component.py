"""Components: the steps that pipelines are made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import unsupported
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import asset_version, properties_of, text_map, without_nones

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.reading.documents import Located

ANONYMOUS = "azureml_anonymous"
"""The name under which azure-ai-ml registers components that are defined where they are used."""


@dataclass(frozen=True)
class Component:
    """A version of a component. ``spec``: its definition, in the words of its YAML, with ids."""

    name: str
    version: str
    spec: Mapping[str, Any]
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    is_anonymous: bool = False
    id: str = ""
    located: Located = field(default=nullcontext, compare=False, repr=False)
    """For errors about its definition that come later than its reading."""


def anonymous_version(spec: Mapping[str, Any]) -> str:
    """The version of an anonymous component: a GUID made of its definition, as azure-ai-ml 1.35.2 has it."""
    content = {name: member for name, member in spec.items() if name not in ("name", "version", "_source")}
    return str(UUID(hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]))


def check_components(spelling: Spelling) -> None:
    """Raises InvalidSpecError for 2021-03-01-preview, which has no components."""
    if spelling.is_of_2021:
        raise unsupported(spelling.api_version, "component", "a component", PREVIEW_2022_02)


def component_body(spelling: Spelling, component: Component) -> Wire:
    """The properties of its PUT. Raises InvalidSpecError as :func:`check_components`."""
    check_components(spelling)
    return {
        "componentSpec": dict(component.spec),
        "isAnonymous": component.is_anonymous,
        **without_nones(
            description=component.description,
            tags=dict(component.tags),
            properties=dict(component.properties),
        ),
    }


def read_component(spelling: Spelling, resource: Mapping[str, Any]) -> Component:
    """The component that an ARM resource is."""
    properties = properties_of(resource)
    name, version = asset_version(resource)
    return Component(
        name,
        version,
        properties.get("componentSpec") or {},
        description=properties.get("description"),
        tags=text_map(properties.get("tags")),
        properties=text_map(properties.get("properties")),
        is_anonymous=bool(properties.get("isAnonymous")),
        id=resource["id"],
    )
