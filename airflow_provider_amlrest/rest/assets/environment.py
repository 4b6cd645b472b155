"""Environments: what makes one, and when two are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from airflow_provider_amlrest.rest.assets.uris import same_uri
from airflow_provider_amlrest.rest.ids import WorkspaceId


@dataclass(frozen=True)
class BuildContext:
    """A folder with a Dockerfile: its URI, and the file's path in it."""

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
    """What makes an environment what it is. Versions are made of this: it must not change."""
    build = environment.build
    return {
        "image": environment.image,
        "conda_file": environment.conda,
        "build": [build.uri.rstrip("/"), build.dockerfile_path] if build else None,
        "os_type": environment.os_type,
    }


def differences(left: Environment, right: Environment, workspace: WorkspaceId) -> list[str]:
    """In which parts two environments differ, by what they mean and not by how they are written."""
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
        # The name and the place of a conda environment are Azure ML's to choose.
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
    """A conda file's values as text: the service may give numbers back so. Lists keep their order."""
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
