"""Models as a person writes them: the members of a YAML file of the CLI, or of an operator's arguments."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES, Model
from airflow_provider_amlrest.rest.assets.upload.content import LocalContent, local_path, read_local
from airflow_provider_amlrest.rest.assets.uris import run_of
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.documents import Document
from airflow_provider_amlrest.rest.reading.fields import (
    URI_SCHEMES,
    check_name,
    check_version,
    is_uri,
    one_of,
    path_text,
    string_map,
    text,
    unknown_key,
)
from airflow_provider_amlrest.rest.reading.values import mapping

KEYS = (
    *("$schema", "name", "version", "path", "type", "description", "tags", "properties", "stage"),
    "flavors",
)
_OF_A_RUN = re.compile(r"runs:/[^/]+/.")
MLMODEL = "MLmodel"
"""The file that makes a folder an MLflow model."""


def read_model_file(document: Document) -> Model:
    """The model that a file defines. A local path is its ``uri``, as it is written.

    :raises InvalidSpecError: for a member that there is not, or that is not what it must be, with its line.
    """
    with document.located():
        for key in document.values:
            if key not in KEYS:
                raise unknown_key(str(key), str(key), KEYS)
        return read_members(document.values)


def read_members(given: Mapping[str, Any]) -> Model:
    """The model that these members describe; the version is empty if none is given.

    :raises InvalidSpecError: for a member that is missing, or is not what it must be.
    """
    version, path = text("version", given.get("version")), path_text("path", given.get("path"))
    if not path:
        raise InvalidSpecError("path", "it is missing: a local file or folder, or a URI.")
    return Model(
        check_name("name", text("name", given.get("name")) or ""),
        check_version("version", version) if version else "",
        one_of("type", given.get("type") or "custom_model", MODEL_TYPES),
        path,
        description=text("description", given.get("description")),
        tags=string_map("tags", given.get("tags")),
        properties=string_map("properties", given.get("properties")),
        stage=text("stage", given.get("stage")) or None,
        flavors={
            str(name): string_map(f"flavors.{name}", data)
            for name, data in mapping("flavors", given.get("flavors")).items()
        },
        job_name=run_of(path),
    )


def is_local(model: Model) -> bool:
    """Whether its files are on this machine. Raises InvalidSpecError for a URI that no model can have."""
    if is_uri("path", model.uri) or _OF_A_RUN.match(model.uri):
        return False
    if "://" in model.uri or model.uri.startswith(("azureml:", "runs:")):
        raise InvalidSpecError(
            "path",
            f"{model.uri!r} must be local, runs:/<run>/<path>, or one of {', '.join(URI_SCHEMES)}; a job's "
            "output is azureml://jobs/<job>/outputs/<output>/paths/<path>.",
        )
    return True


def read_files(model: Model, folder: Path) -> LocalContent | None:
    """The files of a local model; None for a URI.

    :param folder: what its path is relative to.
    :raises InvalidSpecError: if there are none, or they are no model of its type.
    """
    if not is_local(model):
        return None
    content = read_local("path", folder, model.uri, is_data=True)
    if model.type == "mlflow_model" and MLMODEL not in {file.name for file in content.files}:
        raise InvalidSpecError(
            "type", f"'mlflow_model' is a folder with a file {MLMODEL!r}, which {model.uri!r} is not."
        )
    if model.type == "triton_model" and not content.is_folder:
        raise InvalidSpecError("type", f"'triton_model' is a folder, which {model.uri!r} is not.")
    return content


def printed(model: Model, folder: Path) -> Model:
    """The model with the whole of a local path, for a body that is shown and not sent."""
    if not is_local(model):
        return model
    return replace(model, uri=os.path.normpath(local_path("path", folder, model.uri)))
