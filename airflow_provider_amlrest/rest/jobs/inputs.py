"""Inputs of jobs, as a person writes them: literals, URIs, references to data and models, local paths."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.assets.data import DATA_TYPES
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import ResourceId
from airflow_provider_amlrest.rest.jobs.job import DataInput, Input, InputLookup, LiteralInput
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.lookups import LocalPath, asked_for, check_workspace, written_as
from airflow_provider_amlrest.rest.reading.fields import (
    SOMETHING,
    URI_SCHEMES,
    check_unsigned,
    is_uri,
    no_other_keys,
    word,
)
from airflow_provider_amlrest.rest.reading.references import (
    Named,
    Reference,
    Registry,
    parse_reference,
    unrendered,
)
from airflow_provider_amlrest.rest.reading.values import mapping

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.assets.data import Data
    from airflow_provider_amlrest.rest.assets.model import Model
    from airflow_provider_amlrest.rest.ids import WorkspaceId

log = logging.getLogger(__name__)

INPUT_MODES = ("ro_mount", "rw_mount", "download", "direct", "eval_mount", "eval_download")
_REFERENCE = re.compile(r"azureml:|/subscriptions/|[a-zA-Z0-9][\w.\-]{0,254}@latest$")
"""How a text begins that is no literal."""
_LIKE_DATA = re.compile(r"[a-zA-Z][a-zA-Z0-9_\-]{0,254}:[0-9]+")
"""A literal that is a reference without its prefix, perhaps. Not 12:30, not db.example.org:5432."""


def read_inputs(
    field: str,
    value: Any,
    base: Path | None = None,
    mode: str | None = "ro_mount",
    *,
    any_literal: bool = False,
) -> dict[str, Input | Lookup]:
    """Inputs: literals, URIs, references, local paths. Raises InvalidSpecError for what is none of them.

    :param base: the folder that local paths are relative to; None: there may be none.
    :param mode: of data without one; None: the service's default.
    :param any_literal: a step of a pipeline takes those without letter or digit, and lists as their text.
    """
    inputs = mapping(field, value)
    read: dict[str, Input | Lookup] = {}
    for name, member in inputs.items():
        if any_literal and isinstance(member, str | list) and not SOMETHING.search(str(member)):
            read[str(name)] = LiteralInput(str(member))
        else:
            read[str(name)] = _read_input(f"{field}.{name}", member, base, mode)
    return read


def _check_there(field: str, value: Any) -> None:
    """Raises InvalidSpecError for None, also as Jinja renders it: what an XCom is that is not there."""
    if value is None or value == "None":
        raise InvalidSpecError(
            field,
            f"{value!r} is what an XCom gives that is not there. The output 'model' of an upstream job is "
            'train.output["outputs.model"], in Jinja '
            "{{ ti.xcom_pull('train', key='outputs.model') }}; see 'Outputs for the next task' in the docs.",
        )


def _read_input(field: str, value: Any, base: Path | None, mode: str | None) -> Input | Lookup:
    if value is None:
        _check_there(field, value)
    value = {"path": value} if isinstance(value, PurePath) else unrendered(value)
    if isinstance(value, Mapping) and "path" in value:
        no_other_keys(field, value, {"type", "path", "mode"})
        return _read_data(field, value["path"], value.get("type"), value.get("mode", mode), base)
    if isinstance(value, Mapping) and "id" not in value:
        raise InvalidSpecError(
            field,
            f"{dict(value)!r} has no 'path'. Write data as {{'type': 'uri_file', 'path': ...}}, or pass what "
            "an upstream task returned, which has an 'id'.",
        )
    if isinstance(value, str) and not _REFERENCE.match(value):
        if _LIKE_DATA.fullmatch(value):
            # Otherwise the script alone notices, on a compute that is paid for.
            log.warning("%s: %r is passed as text; for data write %r.", field, value, f"azureml:{value}")
        return parse_literal(field, value)
    reference = parse_reference(field, value, "data")
    if reference is not None:
        type_ = value.get("type") if isinstance(value, Mapping) else None
        return ReferencedInput(field, reference, type_, mode)
    if isinstance(value, str) and value.startswith("azureml://"):
        raise InvalidSpecError(field, f'write a URI as {{"type": "uri_file", "path": {value!r}}}.')
    if isinstance(value, str):
        raise InvalidSpecError(
            field, f"{value!r} is no reference to data: azureml:name:version, name@latest."
        )
    return parse_literal(field, value)


def parse_literal(field: str, value: Any) -> LiteralInput:
    """A literal input. The wire takes text only, so numbers and booleans become text.

    Raises InvalidSpecError for what is none, and as :func:`check_unsigned`.
    """
    if not isinstance(value, str | int | float | bool):
        raise InvalidSpecError(
            field,
            f"{value!r} is no input. Use text, a number or a boolean for a literal; for data a reference, "
            'or {"type": "uri_file", "path": "azureml:name:version"}.',
        )
    if not SOMETHING.search(str(value)):
        raise InvalidSpecError(
            field,
            f"{value!r} is no input, as it has no letter or digit; leave the input out, or write it into "
            "the command.",
        )
    return LiteralInput(check_unsigned(field, str(value)))


def _read_data(field: str, path: Any, type_: Any, mode: Any, base: Path | None) -> Input | Lookup:
    _check_there(f"{field}.path", path)
    if mode is not None:
        mode = word(f"{field}.mode", mode, INPUT_MODES)
    if type_ is not None:
        type_ = word(f"{field}.type", type_, DATA_TYPES + MODEL_TYPES)
    reference = parse_reference(f"{field}.path", path, "models" if type_ in MODEL_TYPES else "data")
    if reference is not None:
        return ReferencedInput(field, reference, type_, mode)
    if is_uri(f"{field}.path", path):
        return DataInput(type_ or "uri_folder", path, mode)
    if base is None or not isinstance(path, str | PurePath) or "://" in str(path):
        raise InvalidSpecError(
            f"{field}.path",
            f"{path!r} is neither a reference (azureml:name:version), nor a URI ({', '.join(URI_SCHEMES)}), "
            "nor a local path.",
        )
    return LocalInput(f"{field}.path", LocalPath(f"{field}.path", base, str(path), True), type_, mode)


@dataclass(frozen=True)
class ReferencedInput(InputLookup):
    """Data or a model by its name or id. Its ``repr`` is part of the digests of jobs that run."""

    field: str
    reference: Reference
    type: str | None
    mode: str | None

    @property
    def name(self) -> str:
        """Of the input."""
        return self.field.rpartition("inputs.")[2]

    @property
    def meaning(self) -> str:
        return repr(self)

    @property
    def written(self) -> str:
        return written_as(self.reference)

    def check(self, workspace: WorkspaceId | None) -> None:
        if isinstance(self.reference, ResourceId) and self.type is None:
            check_workspace(workspace, self.field, self.reference)

    def find(self, client: AzureMLClient) -> DataInput:
        reference = self.reference
        if isinstance(reference, Registry):
            return DataInput(self.type or "uri_folder", reference.uri, self.mode)
        if isinstance(reference, ResourceId) and self.type is not None:
            return DataInput(self.type, str(reference), self.mode)
        found: Data | Model
        if self.type in MODEL_TYPES:
            with asked_for(self.field, "model", reference):
                found = _find_model(client, reference)
        else:
            with asked_for(self.field, "data", reference):
                found = _find_data(client, reference)
        return DataInput(self.type or found.type, found.id, self.mode)


@dataclass(frozen=True)
class LocalInput(InputLookup):
    """Local data, or a local model: uploaded to where azure-ai-ml uploads it, unless it is there already."""

    uploads = True
    field: str
    source: LocalPath
    type: str | None
    mode: str | None

    @property
    def meaning(self) -> str:
        return repr((self.source.content.hash, self.type, self.mode))

    @property
    def written(self) -> str:
        return self.source.path

    def check(self, workspace: WorkspaceId | None) -> None:
        """What is local must be there, and be what its type says."""
        is_folder, type_ = self.source.content.is_folder, self.type or "uri_folder"
        if type_ in ("uri_file", "uri_folder", "mltable") and is_folder != (type_ != "uri_file"):
            is_one = "folder" if is_folder else "file"
            raise InvalidSpecError(
                self.field.removesuffix("path") + "type",
                f"{type_!r} does not fit {self.source.path!r}, which is a {is_one}.",
            )

    def find(self, client: AzureMLClient) -> DataInput:
        from airflow_provider_amlrest.rest.assets.ensure import ensure_uploaded

        uri = ensure_uploaded(client, self.source.content)
        # An mltable is named without a slash at its end: session "pipeline-parallel" of azure-ai-ml 1.35.2.
        return DataInput(
            self.type or "uri_folder", uri.rstrip("/") if self.type == "mltable" else uri, self.mode
        )


def _find_data(client: AzureMLClient, reference: Named | ResourceId) -> Data:
    if reference.version is None:
        return client.get_latest_data(reference.name)
    return client.get_data(reference.name, reference.version)


def _find_model(client: AzureMLClient, reference: Named | ResourceId) -> Model:
    if reference.version is None:
        return client.get_latest_model(reference.name)
    return client.get_model(reference.name, reference.version)
