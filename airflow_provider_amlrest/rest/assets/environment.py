"""Environments: their parts, and when two are the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from airflow_provider_amlrest.rest.assets.uris import same_uri
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import Feature, refuse_unsupported
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import (
    asset_version,
    properties_of,
    text_map,
    without_nones,
)


@dataclass(frozen=True)
class BuildContext:
    """A folder with a Dockerfile: the folder's URI, and the file's path in it."""

    uri: str
    dockerfile_path: str = "Dockerfile"


@dataclass(frozen=True)
class Environment:
    """A version of an environment: an image or a build context, and the conda file on top of it."""

    name: str
    version: str
    image: str | None = None
    conda: Mapping[str, Any] | None = None
    build: BuildContext | None = None
    os_type: str = "Linux"
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    provisioning_state: str | None = None
    """Creating, Updating, Succeeded, Failed, Canceled...; None before api-version 2023-04-01. Read only."""


def environment_parts(environment: Environment) -> dict[str, Any]:
    """The parts that identify an environment. Versions are derived from them: do not change this."""
    build = environment.build
    return {
        "image": environment.image,
        "conda_file": environment.conda,
        "build": [build.uri.rstrip("/"), build.dockerfile_path] if build else None,
        "os_type": environment.os_type,
    }


def differences(left: Environment, right: Environment, workspace: WorkspaceId) -> list[str]:
    """The parts in which two environments differ, by meaning and not by spelling."""
    ours, theirs = _meaning(left), _meaning(right)
    different = [part for part in ours if ours[part] != theirs[part]]
    if not _same_build(left.build, right.build, workspace):
        different.append("build")
    return different


def _meaning(environment: Environment) -> dict[str, Any]:
    conda = environment.conda and {
        key: value for key, value in environment.conda.items() if key not in ("name", "prefix")
    }
    return {
        "image": _image(environment.image),
        # Azure ML chooses the name and the place of a conda environment.
        "conda_file": _plain(conda or None),
        "os_type": environment.os_type.lower(),
    }


def _image(image: str | None) -> str | None:
    """An image's name in lower case, as registries have it; tags and digests have a case."""
    if image is None:
        return None
    name, at, digest = image.strip().partition("@")
    folder, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    return f"{folder.lower()}{slash}{last.lower()}{colon}{tag}{at}{digest}"


def _plain(value: Any) -> Any:
    """A conda file's values as text: the service may return numbers as text. Lists keep their order."""
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value).strip()


def _same_build(left: BuildContext | None, right: BuildContext | None, workspace: WorkspaceId) -> bool:
    if left is None or right is None:
        return left is right
    return PurePosixPath(left.dockerfile_path) == PurePosixPath(right.dockerfile_path) and same_uri(
        left.uri, right.uri, workspace
    )


FEATURES = (
    Feature(
        Environment,
        "build",
        "an environment from a build context",
        PREVIEW_2022_02,
        lambda environment: environment.build is not None,
    ),
)


def environment_body(spelling: Spelling, environment: Environment) -> Wire:
    """The properties for its PUT. Raises InvalidSpecError for what the api-version cannot express."""
    refuse_unsupported(spelling.api_version, FEATURES, environment)
    if spelling.is_of_2021:
        return _body_2021(environment)
    return _body(environment)


def read_environment(spelling: Spelling, resource: Mapping[str, Any]) -> Environment:
    """The environment in an ARM resource."""
    return _read_2021(resource) if spelling.is_of_2021 else _read(resource)


def _body(environment: Environment) -> dict[str, Any]:
    build = environment.build
    return without_nones(
        image=environment.image,
        condaFile=conda_text(environment.conda),
        build=build and {"contextUri": build.uri, "dockerfilePath": build.dockerfile_path},
        osType=environment.os_type,
        description=environment.description,
        tags=dict(environment.tags),
    )


def _read(resource: Mapping[str, Any]) -> Environment:
    properties = properties_of(resource)
    build = properties.get("build")
    name, version = asset_version(resource)
    return Environment(
        name,
        version,
        image=properties.get("image"),
        conda=read_conda(properties.get("condaFile")),
        build=BuildContext(build.get("contextUri") or "", build.get("dockerfilePath") or "Dockerfile")
        if build
        else None,
        os_type=properties.get("osType") or "Linux",
        description=properties.get("description"),
        tags=text_map(properties.get("tags")),
        id=resource["id"],
        provisioning_state=properties.get("provisioningState"),
    )


def _body_2021(environment: Environment) -> dict[str, Any]:
    docker = {
        "dockerSpecificationType": "Image",
        "dockerImageUri": environment.image,
        "platform": {"operatingSystemType": environment.os_type},
    }
    return without_nones(
        docker=docker if environment.image else None,
        condaFile=conda_text(environment.conda),
        description=environment.description,
        tags=dict(environment.tags),
    )


def _read_2021(resource: Mapping[str, Any]) -> Environment:
    properties = properties_of(resource)
    docker = properties.get("docker") or {}
    name, version = asset_version(resource)
    return Environment(
        name,
        version,
        image=docker.get("dockerImageUri"),
        conda=read_conda(properties.get("condaFile")),
        os_type=(docker.get("platform") or {}).get("operatingSystemType") or "Linux",
        description=properties.get("description"),
        tags=text_map(properties.get("tags")),
        id=resource["id"],
    )


def conda_text(conda: Mapping[str, Any] | None) -> str | None:
    """A conda file as YAML text."""
    import yaml

    # Through JSON, because YAML does not support other kinds of mappings, and tuples.
    return None if conda is None else yaml.safe_dump(json.loads(json.dumps(conda)), sort_keys=False)


def read_conda(text: str | None) -> dict[str, Any] | None:
    """A conda file as the service returns it: JSON text, or YAML from other clients; None if neither."""
    import yaml

    try:
        # Not all JSON means the same as YAML: 1e3, and characters beyond the basic plane.
        parsed = json.loads(text or "null")
    except ValueError:
        try:
            parsed = yaml.safe_load(text or "")
        except yaml.YAMLError:
            return None
    return parsed if isinstance(parsed, dict) else None
