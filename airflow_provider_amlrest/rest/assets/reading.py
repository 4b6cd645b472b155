"""Environments as a person writes them: read from the members of a mapping, or of an operator's arguments."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from airflow_provider_amlrest.rest.assets.conda import read_conda
from airflow_provider_amlrest.rest.assets.ensure import content_version
from airflow_provider_amlrest.rest.assets.environment import BuildContext, Environment, environment_parts
from airflow_provider_amlrest.rest.assets.upload.content import LocalContent, read_local
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.fields import (
    check_name,
    check_unsigned,
    check_version,
    is_uri,
    no_other_keys,
    one_of,
    path_text,
    string_map,
    text,
)
from airflow_provider_amlrest.rest.reading.values import structured

DEFAULT_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
"""Azure ML's base image for CPUs, for a conda file without an image: the service wants one."""

ANONYMOUS = "CliV2AnonymousEnvironment"
"""The name under which azure-ai-ml registers environments that a file defines without a name."""

_REGISTRY_ACCESS = "Give it without: a connection of the workspace, of type container_registry, can have it."


def read_environment(
    given: Mapping[str, Any], base: Path, prefix: str = ""
) -> tuple[Environment, LocalContent | None]:
    """An environment with its version, which is made of the content if none is given.

    :param given: ``image``, ``conda_file``, ``build``, ``name``, ``version``, ``os_type``, ``description``,
        ``tags``; what is missing has its default. Without a name it is anonymous, as azure-ai-ml has it.
    :param base: the folder that local paths are relative to.
    :param prefix: of the members' names, for errors: ``environment.``.
    :return: the environment, and the files of a local build context.
    :raises InvalidSpecError: for a member that is not what it must be.
    """
    name = text(f"{prefix}name", given.get("name"))
    if name is not None:
        check_name(f"{prefix}name", name)
    os_type = one_of(f"{prefix}os_type", given.get("os_type") or "Linux", ("Linux", "Windows"))
    image = text(f"{prefix}image", given.get("image"))
    check_unsigned(f"{prefix}image", image or "", _REGISTRY_ACCESS)
    if image is None and given.get("conda_file") is not None:
        image = DEFAULT_IMAGE
    if bool(image) == (given.get("build") is not None):
        raise InvalidSpecError(f"{prefix}image", "give either an image, a conda_file or both; or build.")
    build, build_context = _read_build(f"{prefix}build", given.get("build"), base)
    version = text(f"{prefix}version", given.get("version"))
    environment = Environment(
        name or ANONYMOUS,
        check_version(f"{prefix}version", version) if version else "",
        image=image,
        conda=read_conda(f"{prefix}conda_file", given.get("conda_file"), base),
        build=build,
        os_type=os_type,
        description=text(f"{prefix}description", given.get("description")),
        tags=string_map(f"{prefix}tags", given.get("tags")),
    )
    if not environment.version:
        version = _anonymous_version(environment, build_context) if name is None else None
        made_of = [environment_parts(environment), build_context and build_context.hash]
        environment = replace(environment, version=version or content_version(*made_of))
    return environment, build_context


def _anonymous_version(environment: Environment, build_context: LocalContent | None) -> str | None:
    """As azure-ai-ml 1.35.2 makes it, so that each finds what the other has registered."""

    def digest(part: str) -> str:
        return hashlib.sha256(part.encode()).hexdigest()

    if environment.image is not None:
        parts = digest(environment.image)
        if environment.conda is not None:
            parts = parts.join(digest(yaml.dump(dict(environment.conda), sort_keys=True)))
        return digest(parts)
    if build_context is None or environment.build is None:
        return None
    return digest(digest(build_context.hash).join(digest(environment.build.dockerfile_path)))


def _read_build(field: str, value: Any, base: Path) -> tuple[BuildContext | None, LocalContent | None]:
    if value is None:
        return None, None
    build = structured(value)
    if not isinstance(build, Mapping) or not build.get("path"):
        raise InvalidSpecError(field, f"{value!r} must be a mapping with a 'path'.")
    no_other_keys(field, build, ("path", "dockerfile_path"))
    path = path_text(f"{field}.path", build["path"])
    dockerfile = path_text(f"{field}.dockerfile_path", build.get("dockerfile_path")) or "Dockerfile"
    if is_uri(f"{field}.path", path):
        return BuildContext(path, dockerfile), None
    content = read_local(f"{field}.path", base, path)
    if dockerfile not in {file.name for file in content.files}:
        raise InvalidSpecError(f"{field}.dockerfile_path", f"{path!r} has no {dockerfile!r}.")
    return BuildContext("", dockerfile), content
