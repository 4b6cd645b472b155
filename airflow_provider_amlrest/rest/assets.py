"""Same content, same asset: register what is new, find what is there."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from airflow_provider_amlrest.rest import model
from airflow_provider_amlrest.rest.errors import ConflictError, InvalidSpecError, NotFoundError
from airflow_provider_amlrest.rest.uploads import datastore_path, upload_code, upload_to_datastore

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.client import AzureMLClient
    from airflow_provider_amlrest.rest.content import LocalContent

log = logging.getLogger(__name__)

VERSION_LENGTH = 16
"""Characters of a version made of a hash; the service takes up to 30 for data."""


def content_version(*parts: Any) -> str:
    """A version out of what an asset is made of: the same parts, the same version."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_LENGTH]


def read_conda(field: str, value: Any, base: Path) -> dict[str, Any] | None:
    """A conda file as a mapping, from a mapping, YAML text, or the path of a file.

    Text with a line break or a ``dependencies:`` in it is YAML, other text a path (relative to ``base``).
    Raises InvalidSpecError for YAML with a mistake, and for what is no conda file.
    """
    if value is None:
        return None
    source = field
    if isinstance(value, str) and "\n" not in value and "dependencies:" not in value:
        file = base / Path(value).expanduser()
        source = f"{field} {str(file)!r}"
        try:
            value = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InvalidSpecError(field, f"{str(file)!r} cannot be read: {reason}.") from None
    if isinstance(value, str):
        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InvalidSpecError(source, f"it is not valid YAML: {_one_line(error)}") from None
    if not isinstance(value, Mapping) or not isinstance(value.get("dependencies"), list):
        raise InvalidSpecError(
            source, "it is no conda file: it must be a mapping with a list named 'dependencies'."
        )
    try:
        return dict(json.loads(json.dumps(value, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise InvalidSpecError(source, f"it holds what a conda file cannot: {error}.") from None


def ensure_environment(
    client: AzureMLClient, wanted: model.Environment, context: LocalContent | None = None
) -> tuple[model.Environment, bool]:
    """Find the environment's version, or register it.

    :param context: a local build context; it is uploaded if the version is new.
    :return: the environment as the service has it, and whether it is new.
    :raises ConflictError: if the version exists with other content.
    """
    try:
        found = client.get_environment(wanted.name, wanted.version)
    except NotFoundError:
        if context is not None and wanted.build is not None:
            uri = f"{upload_to_datastore(client, context).url}/"
            wanted = replace(wanted, build=replace(wanted.build, uri=uri))
        return client.create_environment(wanted), True
    if context is not None and wanted.build is not None and found.build is not None:
        uri = found.build.uri if _lies_at(found.build.uri, context) else "elsewhere"
        found_parts = environment_parts(replace(found, build=replace(found.build, uri=uri)))
        wanted_parts = environment_parts(replace(wanted, build=replace(wanted.build, uri=found.build.uri)))
    else:
        wanted_parts, found_parts = environment_parts(wanted), environment_parts(found)
    different = [key for key in wanted_parts if wanted_parts[key] != found_parts[key]]
    if different:
        raise _changed("environments", wanted.name, wanted.version, different)
    return found, False


def environment_parts(environment: model.Environment) -> dict[str, Any]:
    """What makes an environment what it is, in a form that compares and hashes."""
    build = environment.build
    return {
        "image": environment.image,
        "conda_file": environment.conda,
        "build": [build.uri.rstrip("/"), build.dockerfile_path] if build else None,
        "os_type": environment.os_type,
    }


def ensure_code(
    client: AzureMLClient, content: LocalContent, *, name: str | None = None, version: str | None = None
) -> tuple[model.Code, bool]:
    """Find code with this content, or upload and register it.

    Without a name any code of the workspace with the same content will do, whoever registered it.

    :return: the code as the service has it, and whether it is new.
    :raises ConflictError: if the named version exists with other content.
    """
    digest = content.hash
    if name is None and client.operations.codec.uploads_by_service:
        found = client.find_code(digest)
        if found is not None:
            return found, False
    name = name or f"code-{digest[:32]}"
    version = version or digest[:VERSION_LENGTH]
    existing = _existing_code(client, name, version, digest)
    if existing is not None:
        return existing, False
    uploaded = upload_code(client, content, name, version)
    wanted = model.Code(name, version, uploaded.url, uploaded.datastore, uploaded.path, digest)
    try:
        return client.create_code(wanted), True
    except ConflictError:
        # Another task registered the same content meanwhile, from another place.
        existing = _existing_code(client, name, version, digest)
        if existing is None:
            raise
        return existing, False


def _existing_code(client: AzureMLClient, name: str, version: str, digest: str) -> model.Code | None:
    try:
        found = client.get_code(name, version)
    except NotFoundError:
        return None
    if found.content_hash != digest:
        raise _changed("codes", name, version, ["content"])
    return found


def ensure_data(
    client: AzureMLClient, wanted: model.Data, content: LocalContent | None = None
) -> tuple[model.Data, bool]:
    """Find the data's version, or register it.

    :param content: local data; it is uploaded to the default datastore if the version is new.
    :return: the data as the service has it, and whether it is new.
    :raises ConflictError: if the version exists with another type, URI or content.
    """
    try:
        found = client.get_data(wanted.name, wanted.version)
    except NotFoundError:
        if content is not None:
            uploaded = upload_to_datastore(client, content)
            slash = "/" if content.is_folder else ""
            uri = f"azureml://datastores/{uploaded.datastore}/paths/{uploaded.path}{slash}"
            wanted = replace(wanted, uri=uri)
        return client.create_data(wanted), True
    same_place = same_uri(found.uri, wanted.uri) if content is None else _lies_at(found.uri, content)
    different = [] if found.type == wanted.type else ["type"]
    if not same_place:
        different.append("path" if content is None else "content")
    if different:
        raise _changed("data", wanted.name, wanted.version, different)
    return found, False


def _lies_at(uri: str, content: LocalContent) -> bool:
    """Whether a URI is where this content is, or would be, uploaded to."""
    return uri.rstrip("/").endswith(datastore_path(content))


def same_uri(left: str, right: str) -> bool:
    """Whether two data URIs mean one place: the service lengthens azureml:// and adds a slash to folders."""
    return _short_uri(left) == _short_uri(right)


def _short_uri(uri: str) -> str:
    if uri.lower().startswith("azureml://"):
        _, separator, rest = uri.partition("/datastores/")
        uri = f"azureml://datastores/{rest}" if separator else uri
    return uri.rstrip("/")


def _changed(kind: str, name: str, version: str, different: list[str]) -> ConflictError:
    return ConflictError(
        f"Registering {kind}/{name}/versions/{version}",
        409,
        code="UserError",
        message=f"This version exists with another {' and '.join(different)}, and versions cannot be "
        "changed. Leave version out to have it made of the content, or choose a new one.",
    )


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
