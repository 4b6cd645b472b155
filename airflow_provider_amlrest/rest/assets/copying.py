"""Copies a version of a model to another workspace, through this machine."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_amlrest.rest.assets.download import download_model
from airflow_provider_amlrest.rest.assets.ensure import changed
from airflow_provider_amlrest.rest.assets.model_files import read_files
from airflow_provider_amlrest.rest.assets.model_versions import ensure_model
from airflow_provider_amlrest.rest.http.errors import NotFoundError

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.assets.model import Model
    from airflow_provider_amlrest.rest.client import AzureMLClient

ORIGIN = "airflow_promoted_from"
"""The property of a copy with the ARM id of the version that it was made of."""


def copy_model(
    client: AzureMLClient, model: Model, there: AzureMLClient, name: str, version: str
) -> tuple[Model, bool]:
    """Find the copy of a version in another workspace, or make it.

    A copy has type, description, tags, properties and flavors of the original, but no stage, which is
    the other workspace's affair, and no job.

    :param there: a client of the other workspace.
    :return: the copy, and whether it is new.
    :raises ConflictError: if the version exists there, and is no copy of this one.
    """
    try:
        found = there.get_model(name, version)
    except NotFoundError as error:
        if error.has_no_workspace:
            raise
    else:
        if found.properties.get(ORIGIN, "").lower() == model.id.lower():
            return found, False
        raise changed("models", name, version, ["origin"])
    copy = replace(
        model,
        name=name,
        version=version,
        properties={**model.properties, ORIGIN: model.id},
        stage=None,
        job_name=None,
        is_archived=False,
        id="",
    )
    with tempfile.TemporaryDirectory(prefix="azureml-model-") as folder:
        target = Path(folder) / "model"
        download_model(client, model, target)
        copy = replace(copy, uri=str(_local(target, model)))
        return ensure_model(there, copy, read_files(copy, Path(folder)))


def _local(folder: Path, model: Model) -> Path:
    """The folder; or its only file, if the model is one."""
    file = folder / model.uri.rstrip("/").rpartition("/")[2]
    return file if file.is_file() and len(list(folder.iterdir())) == 1 else folder
