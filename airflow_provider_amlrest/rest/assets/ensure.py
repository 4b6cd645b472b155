"""Same content, same asset: register what is new, find what exists."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.data import Data, data_body
from airflow_provider_amlrest.rest.assets.environment import Environment, differences, environment_body
from airflow_provider_amlrest.rest.assets.upload.ways import datastore_path, upload_code, upload_to_datastore
from airflow_provider_amlrest.rest.assets.uris import DEFAULT_DATASTORE, same_uri
from airflow_provider_amlrest.rest.http.errors import (
    ConflictError,
    NotFoundError,
    ProvisioningError,
    ProvisioningTimeoutError,
)
from airflow_provider_amlrest.rest.versions.features import unsupported
from airflow_provider_amlrest.rest.versions.spelling import PROVISIONING_STATES

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.assets.upload.content import LocalContent
    from airflow_provider_amlrest.rest.client import AzureMLClient

log = logging.getLogger(__name__)

Asset = TypeVar("Asset", Environment, Code, Data)

VERSION_LENGTH = 16
"""Characters of a version made from a hash; the service accepts up to 30 for data."""

LAST_READ_PATIENCE = 15.0
"""Seconds for the last read of an environment that is not ready in time."""


def content_version(*parts: Any) -> str:
    """A version derived from the parts of an asset: the same parts give the same version."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_LENGTH]


def ensure_environment(
    client: AzureMLClient, wanted: Environment, context: LocalContent | None = None
) -> tuple[Environment, bool]:
    """Find the environment's version, or register it.

    :param context: a local build context, uploaded if the version is new.
    :return: the environment as the service has it, and whether it is new.
    :raises ConflictError: if the version exists with other content.
    """
    found, new = _find(client.get_environment, wanted), False
    if found is None:
        if context is not None and wanted.build is not None:
            # Refuse what the api-version cannot express before anything is uploaded.
            environment_body(client.operations.spelling, wanted)
            uri = f"{upload_to_datastore(client, context).url}/"
            wanted = replace(wanted, build=replace(wanted.build, uri=uri))
        found, new = _register(client.create_environment, client.get_environment, wanted)
    if not new and context is not None and wanted.build is not None and found.build is not None:
        uri = found.build.uri if lies_in(found.build.uri, context) else ""
        wanted = replace(wanted, build=replace(wanted.build, uri=uri))
    different = [] if new else differences(wanted, found, client.operations.workspace)
    if different:
        raise changed("environments", wanted.name, wanted.version, different)
    return found, new


def check_reports_states(client: AzureMLClient) -> None:
    """Raises InvalidSpecError for an api-version that does not report an environment's state."""
    api_version = client.operations.api_version
    if api_version < PROVISIONING_STATES:
        raise unsupported(
            api_version, "wait_for_build", "whether an environment is provisioned", PROVISIONING_STATES
        )


def wait_until_provisioned(
    client: AzureMLClient, environment: Environment, *, poll_interval: float, timeout: float | None
) -> Environment:
    """Read an environment's version until the service has provisioned it.

    :param poll_interval: seconds between two reads.
    :param timeout: seconds; None: no limit. The last read has LAST_READ_PATIENCE in addition.
    :raises ProvisioningError: if it ended as Failed or Canceled.
    :raises ProvisioningTimeoutError: after ``timeout``; the service continues.
    """
    deadline = inf if timeout is None else time.time() + timeout
    logged = ""
    while (state := environment.provisioning_state or "Succeeded") != "Succeeded":
        asset = f"{environment.name}, version {environment.version}"
        if state in ("Failed", "Canceled"):
            raise ProvisioningError(f"The provisioning of the environment {asset}, ended as {state}.")
        left = deadline - time.time()
        if left <= 0:
            raise ProvisioningTimeoutError(
                f"The environment {asset}, is still {state} after {timeout:g} s; the service goes on with it."
            )
        if state != logged:
            log.info("Environment %s: %s.", asset, state)
            logged = state
        time.sleep(min(poll_interval, left))
        with client.until(None if timeout is None else deadline + LAST_READ_PATIENCE):
            environment = client.get_environment(environment.name, environment.version)
    if logged:
        log.info("Environment %s, version %s: Succeeded.", environment.name, environment.version)
    return environment


def ensure_code(
    client: AzureMLClient, content: LocalContent, *, name: str | None = None, version: str | None = None
) -> tuple[Code, bool]:
    """Find code with this content, or upload and register it.

    Without name and version, any code of the workspace with the same content is used, whoever registered it.

    :return: the code as the service has it, and whether it is new.
    :raises ConflictError: if the named version exists with other content.
    """
    digest = content.hash
    if name is None and version is None and client.operations.spelling.uploads_by_service:
        found = client.find_code(digest)
        if found is not None:
            return found, False
    wanted = Code(name or f"code-{digest[:32]}", version or digest[:VERSION_LENGTH], "", content_hash=digest)
    found, new = _find(client.get_code, wanted), False
    if found is None:
        uploaded = upload_code(client, content, wanted.name, wanted.version)
        wanted = replace(wanted, uri=uploaded.url, datastore=uploaded.datastore, path=uploaded.path)
        found, new = _register(client.create_code, client.get_code, wanted)
    if not new and found.content_hash != digest:
        raise changed("codes", wanted.name, wanted.version, ["content"])
    return found, new


def ensure_data(
    client: AzureMLClient, wanted: Data, content: LocalContent | None = None
) -> tuple[Data, bool]:
    """Find the data's version, or register it.

    :param content: local data, uploaded to the default datastore if the version is new.
    :return: the data as the service has it, and whether it is new.
    :raises ConflictError: if the version exists with another type, URI or content.
    """
    found, new = _find(client.get_data, wanted), False
    if found is None:
        if content is not None:
            # As above.
            data_body(
                client.operations.spelling,
                replace(wanted, uri=datastore_uri(DEFAULT_DATASTORE, datastore_path(content), content)),
            )
            uploaded = upload_to_datastore(client, content)
            wanted = replace(wanted, uri=datastore_uri(uploaded.datastore, uploaded.path, content))
        found, new = _register(client.create_data, client.get_data, wanted)
    if content is None:
        same_place = same_uri(found.uri, wanted.uri, client.operations.workspace)
    else:
        same_place = lies_in(found.uri, content)
    different = [] if found.type == wanted.type else ["type"]
    if not same_place:
        different.append("path" if content is None else "content")
    if different and not new:
        raise changed("data", wanted.name, wanted.version, different)
    return found, new


def ensure_uploaded(client: AzureMLClient, content: LocalContent) -> str:
    """The URI of local files in the default datastore, below a path made of their content.

    Files that are there already are not uploaded again.
    """
    uploaded = upload_to_datastore(client, content)
    return datastore_uri(uploaded.datastore, uploaded.path, content)


def _find(get: Callable[[str, str], Asset], wanted: Asset) -> Asset | None:
    try:
        return get(wanted.name, wanted.version)
    except NotFoundError:
        return None


def _register(
    create: Callable[[Asset], Asset], get: Callable[[str, str], Asset], wanted: Asset
) -> tuple[Asset, bool]:
    """Register a version, or find the one that another task has registered meanwhile, which is not new."""
    try:
        return create(wanted), True
    except ConflictError:
        found = _find(get, wanted)
        if found is None:
            raise
        return found, False


def datastore_uri(datastore: str | None, path: str | None, content: LocalContent) -> str:
    """The URI of uploaded content in a datastore."""
    return f"azureml://datastores/{datastore}/paths/{path}{'/' if content.is_folder else ''}"


def lies_in(uri: str, content: LocalContent) -> bool:
    """Whether this content was uploaded there, from a folder with any name."""
    return f"/{datastore_path(content).rpartition('/')[0]}/" in uri


def changed(kind: str, name: str, version: str, different: list[str]) -> ConflictError:
    """The error for a version that exists otherwise."""
    return ConflictError(
        f"Registering {kind}/{name}/versions/{version}",
        409,
        code="UserError",
        message=f"This version exists with another {' and '.join(different)}, and versions cannot be "
        "changed. Leave version out to derive it from the content, or choose a new one.",
    )
