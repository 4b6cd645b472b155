"""The versions of a model: the one with this content, or the next number."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.assets.ensure import changed, content_version, datastore_uri, lies_in
from airflow_provider_amlrest.rest.assets.model import Model, model_body
from airflow_provider_amlrest.rest.assets.upload.ways import datastore_path, upload_to_datastore
from airflow_provider_amlrest.rest.assets.uris import DEFAULT_DATASTORE, one_spelling, same_uri
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, NotFoundError, ResponseError
from airflow_provider_amlrest.rest.ids import ResourceId
from airflow_provider_amlrest.rest.reading.references import Named, parse_reference

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.assets.upload.content import LocalContent
    from airflow_provider_amlrest.rest.client import AzureMLClient
    from airflow_provider_amlrest.rest.ids import WorkspaceId

log = logging.getLogger(__name__)

CONTENT = "airflow_content"
"""The property of a model that says what it was made of: the service may move the files elsewhere."""

TAKEN = (400, 409)
"""What the service answers for a version that exists with other files: azure-ai-ml knows only the text."""

MAX_COLLISIONS = 20
"""Other models that may get their number first, each time that a number is tried."""


def ensure_model(
    client: AzureMLClient, wanted: Model, content: LocalContent | None = None
) -> tuple[Model, bool]:
    """Find the version with this type, job and content, or register it.

    Without a version it gets the number after the highest one, as with azure-ai-ml: MLflow takes a version
    that is no number for a stage. A version that is found stays as it is, with the tags and stage of now.

    :param content: local files, uploaded to the default datastore if the version is new.
    :return: the model as the service has it, and whether it is new.
    :raises ConflictError: if the version that was asked for exists with another type, job or content.
    """
    workspace = client.operations.workspace
    wanted = replace(wanted, properties={**wanted.properties, CONTENT: _mark(wanted, content, workspace)})
    versions = _versions(client, wanted)
    same = next((model for model in versions if is_same(model, wanted, content, workspace)), None)
    if same is not None:
        return same, False
    if wanted.version and versions:
        raise changed("models", wanted.name, wanted.version, ["type, job or content"])
    if content is not None:
        # Refuse what the api-version cannot express before anything is uploaded.
        planned = datastore_uri(DEFAULT_DATASTORE, datastore_path(content), content)
        model_body(client.operations.spelling, replace(wanted, uri=planned))
        uploaded = upload_to_datastore(client, content)
        wanted = replace(wanted, uri=datastore_uri(uploaded.datastore, uploaded.path, content))
    return _register(client, wanted, content, versions)


def _register(
    client: AzureMLClient, wanted: Model, content: LocalContent | None, versions: Iterable[Model]
) -> tuple[Model, bool]:
    """Register the version, or else the next number that nobody else has taken meanwhile."""
    number = next_number(versions)
    for attempt in range(MAX_COLLISIONS):
        model = replace(wanted, version=wanted.version or str(number + attempt))
        try:
            return client.create_model(model), True
        except ResponseError as error:
            if error.status not in TAKEN:
                raise
            try:
                there = client.get_model(model.name, model.version)
            except NotFoundError:
                raise error from None
            if is_same(there, model, content, client.operations.workspace):
                return there, False
            if wanted.version or attempt == MAX_COLLISIONS - 1:
                raise
            log.info("Version %s of the model %s belongs to another one.", model.version, model.name)
    raise AssertionError


def _versions(client: AzureMLClient, wanted: Model) -> list[Model]:
    """The version that was asked for, if it exists; else all versions."""
    try:
        if wanted.version:
            return [client.get_model(wanted.name, wanted.version)]
        return list(client.list_models(wanted.name))
    except NotFoundError:
        return []


def find_model(client: AzureMLClient, field: str, value: Any) -> Model:
    """The version that a reference names: ``iris:3``, ``iris@latest``, an ARM id, or an operator's result.

    :raises InvalidSpecError: for anything else, and for a model of another workspace or of a registry.
    :raises NotFoundError: if the workspace has no such version.
    """
    reference = parse_reference(field, value, "models")
    if isinstance(reference, Named):
        if reference.version is None:
            return client.get_latest_model(reference.name)
        return client.get_model(reference.name, reference.version)
    if isinstance(reference, ResourceId) and reference.version is not None:
        if reference.workspace == client.operations.workspace:
            return client.get_model(reference.name, reference.version)
        raise InvalidSpecError(
            field,
            f"{value!r} is a model of another workspace than the connection's: name that workspace's "
            "connection in azureml_conn_id.",
        )
    raise InvalidSpecError(
        field, f"{value!r} names no version of a model in the workspace; write iris:3 or iris@latest."
    )


def next_number(versions: Iterable[Model]) -> int:
    """The number after the highest one. Versions that are no numbers do not count."""
    numbers = [int(model.version) for model in versions if model.version.isdecimal()]
    return max(numbers, default=0) + 1


def is_same(found: Model, wanted: Model, content: LocalContent | None, workspace: WorkspaceId) -> bool:
    """Whether a version has this content.

    One that somebody else has registered says by its location: the service keeps ``LocalUpload/<hash>/`` in
    the path when it moves files.
    """
    if mark := found.properties.get(CONTENT):
        return mark == wanted.properties[CONTENT]
    if found.type != wanted.type or wanted.job_name not in (None, found.job_name):
        return False
    if content is not None:
        return lies_in(found.uri, content)
    return same_uri(found.uri, wanted.uri, workspace)


def _mark(wanted: Model, content: LocalContent | None, workspace: WorkspaceId) -> str:
    source = content.hash if content is not None else one_spelling(wanted.uri, workspace)
    return content_version(wanted.type, wanted.job_name, source)
