"""What a person gives for environment, code, compute and inputs becomes ids of the workspace.

In two steps: ``read_*`` looks at the value alone and says what is wrong with it, and gives a :class:`Lookup`;
its ``find`` asks the service.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.assets.data import DATA_TYPES
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, MissingAssetError, NotFoundError
from airflow_provider_amlrest.rest.ids import ResourceId
from airflow_provider_amlrest.rest.jobs.job import DataInput, Input, LiteralInput, Lookup
from airflow_provider_amlrest.rest.reading.fields import (
    SOMETHING,
    URI_SCHEMES,
    check_name,
    check_unsigned,
    is_uri,
    no_other_keys,
    word,
)
from airflow_provider_amlrest.rest.reading.references import (
    LATEST,
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
    from airflow_provider_amlrest.rest.assets.upload.content import LocalContent
    from airflow_provider_amlrest.rest.ids import WorkspaceId

log = logging.getLogger(__name__)

CURATED_PREFIX = "AzureML-"
INPUT_MODES = ("ro_mount", "rw_mount", "download", "direct", "eval_mount", "eval_download")
_REFERENCE = re.compile(r"azureml:|/subscriptions/|[a-zA-Z0-9][\w.\-]{0,254}@latest$")
"""How a text begins that is no literal."""
_LIKE_DATA = re.compile(r"[a-zA-Z][a-zA-Z0-9_\-]{0,254}:[0-9]+")
"""A literal that is a reference without its prefix, perhaps. Not 12:30, not db.example.org:5432."""
_MAKERS = {
    "environment": "with AzureMLCreateEnvironmentOperator",
    "code": "with AzureMLUploadCodeOperator",
    "data": "with AzureMLRegisterDataOperator",
    "model": "as the output of a job",
}
"""How each kind of asset gets into the workspace."""


def read_environment(field: str, value: Any) -> EnvironmentLookup:
    """An environment: a reference. Raises InvalidSpecError otherwise."""
    reference = parse_reference(field, value, "environments")
    if reference is None:
        raise InvalidSpecError(
            field,
            f"{value!r} is no reference to an environment: give name:version, name@latest, an ARM id, "
            "or what AzureMLCreateEnvironmentOperator returned.",
        )
    return EnvironmentLookup(field, reference)


@contextmanager
def _asked_for(field: str, kind: str, reference: Named | ResourceId) -> Iterator[None]:
    """What the workspace does not have was not asked for rightly: raises MissingAssetError for it.

    Not where the workspace itself is missing: a new one takes its time.
    """
    try:
        yield
    except NotFoundError as error:
        if error.has_no_workspace:
            raise
        written = reference.written if isinstance(reference, Named) else str(reference)
        raise MissingAssetError(
            field,
            f"the workspace has no {kind} {written!r}: register it before the job, {_MAKERS[kind]}, or "
            f"correct the reference: azureml:name:version, azureml:name@{LATEST}. {error.message}".rstrip(),
        ) from None


@dataclass(frozen=True)
class EnvironmentLookup(Lookup):
    """An environment by its name or id."""

    field: str
    reference: Reference

    @property
    def meaning(self) -> str:
        return repr(self.reference)

    def check(self, workspace: WorkspaceId) -> None:
        """The service refuses another workspace's itself."""

    def find(self, client: AzureMLClient) -> str:
        reference = self.reference
        if isinstance(reference, Registry):
            return reference.uri
        if not isinstance(reference, Named):
            return str(reference)
        if reference.name.startswith(CURATED_PREFIX):
            # They live in a registry of Microsoft's; azure-ai-ml 1.35.2, too, has the service find them.
            version = f":{reference.version}" if reference.version else f"@{LATEST}"
            return f"azureml:{reference.name}{version}"
        with _asked_for(self.field, "environment", reference):
            if reference.version is None:
                return client.get_latest_environment(reference.name).id
            return client.get_environment(reference.name, reference.version).id


def read_code(field: str, value: Any, base: Path) -> CodeLookup | None:
    """Code: a reference, or the files at a local path."""
    if value is None:
        return None
    reference = parse_reference(field, value, "codes")
    if reference is not None:
        return CodeLookup(field, reference)
    if not isinstance(value, str | PurePath) or not value:
        raise InvalidSpecError(field, f"{value!r} must be a path, or a reference to uploaded code.")
    from airflow_provider_amlrest.rest.assets.upload.content import read_local

    return CodeLookup(field, read_local(field, base, value))


@dataclass(frozen=True)
class CodeLookup(Lookup):
    """Code by its name or id, or local files, which are uploaded if the workspace does not have them."""

    uploads = True
    field: str
    source: Reference | LocalContent

    @property
    def meaning(self) -> str:
        return repr(self.source) if isinstance(self.source, Reference) else self.source.hash

    def check(self, workspace: WorkspaceId) -> None:
        """The service refuses another workspace's itself."""

    def find(self, client: AzureMLClient) -> str:
        source = self.source
        if isinstance(source, ResourceId):
            return str(source)
        if isinstance(source, Registry):
            return source.uri
        if isinstance(source, Named):
            with _asked_for(self.field, "code", source):
                if source.version is None:
                    return client.get_latest_code(source.name).id
                return client.get_code(source.name, source.version).id
        from airflow_provider_amlrest.rest.assets.ensure import ensure_code

        return ensure_code(client, source)[0].id


def read_compute(field: str, value: str | None) -> ComputeLookup | None:
    """A compute by its name or id; None: serverless. Raises InvalidSpecError for what is neither."""
    if value is None:
        return None
    reference = parse_reference(field, value, "computes")
    if isinstance(reference, ResourceId):
        return ComputeLookup(field, check_name(field, reference.name), value, reference)
    return ComputeLookup(field, check_name(field, value.removeprefix("azureml:")), value)


@dataclass(frozen=True)
class ComputeLookup(Lookup):
    """A compute by its name."""

    field: str
    name: str
    written: str
    id: ResourceId | None = None

    @property
    def meaning(self) -> str:
        return self.written

    def check(self, workspace: WorkspaceId) -> None:
        if self.id is not None:
            _check_workspace(workspace, self.field, self.id)

    def find(self, client: AzureMLClient) -> str:
        """As :class:`Lookup`; the error names those that the workspace has."""
        try:
            client.get_compute(self.name)
        except NotFoundError:
            # Where it is the workspace that is missing, this says so.
            names = sorted(compute.name for compute in client.list_computes())
            has = f"it has: {', '.join(names)}" if names else "it has none"
            raise InvalidSpecError(
                self.field, f"the workspace has no compute named {self.name!r}; {has}."
            ) from None
        return str(client.operations.workspace.resource("computes", self.name))


def _check_workspace(ours: WorkspaceId, field: str, reference: ResourceId) -> None:
    """Raises InvalidSpecError for an id of another workspace, which cannot be asked from here."""
    if reference.workspace != ours:
        raise InvalidSpecError(
            field,
            f"'{reference}' is in the workspace {reference.workspace.name!r}, but the connection's is "
            f"{ours.name!r} in resource group {ours.resource_group!r}.",
        )


def read_inputs(field: str, value: Any) -> dict[str, Input | ReferencedInput]:
    """Inputs: literals, URIs, references. Raises InvalidSpecError for what is none of them."""
    inputs = mapping(field, value)
    return {str(name): _read_input(f"{field}.{name}", member) for name, member in inputs.items()}


def _check_there(field: str, value: Any) -> None:
    """Raises InvalidSpecError for None, also as Jinja renders it: what an XCom is that is not there."""
    if value is None or value == "None":
        raise InvalidSpecError(
            field,
            f"{value!r} is what an XCom gives that is not there. The output 'model' of an upstream job is "
            'train.output["outputs.model"], in Jinja '
            "{{ ti.xcom_pull('train', key='outputs.model') }}; see 'Outputs for the next task' in the docs.",
        )


def _read_input(field: str, value: Any) -> Input | ReferencedInput:
    if value is None:
        _check_there(field, value)
    value = {"path": value} if isinstance(value, PurePath) else unrendered(value)
    if isinstance(value, Mapping) and "path" in value:
        no_other_keys(field, value, {"type", "path", "mode"})
        return _read_data(field, value["path"], value.get("type"), value.get("mode", "ro_mount"))
    if isinstance(value, str) and not _REFERENCE.match(value):
        if _LIKE_DATA.fullmatch(value):
            # Otherwise the script alone notices, on a compute that is paid for.
            log.warning("%s: %r is passed as text; for data write %r.", field, value, f"azureml:{value}")
        return parse_literal(field, value)
    reference = parse_reference(field, value, "data")
    if reference is not None:
        type_ = value.get("type") if isinstance(value, Mapping) else None
        return ReferencedInput(field, reference, type_, "ro_mount")
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


def _read_data(field: str, path: Any, type_: Any, mode: Any) -> Input | ReferencedInput:
    _check_there(f"{field}.path", path)
    mode = word(f"{field}.mode", mode, INPUT_MODES)
    if type_ is not None:
        type_ = word(f"{field}.type", type_, DATA_TYPES + MODEL_TYPES)
    reference = parse_reference(f"{field}.path", path, "models" if type_ in MODEL_TYPES else "data")
    if reference is not None:
        return ReferencedInput(field, reference, type_, mode)
    if not is_uri(f"{field}.path", path):
        raise InvalidSpecError(
            f"{field}.path",
            f"{path!r} is neither a reference (azureml:name:version) nor a URI ({', '.join(URI_SCHEMES)}); "
            "register local data with AzureMLRegisterDataOperator.",
        )
    return DataInput(type_ or "uri_folder", path, mode)


@dataclass(frozen=True)
class ReferencedInput(Lookup):
    """Data or a model by its name or id. Its ``repr`` is part of the digests of jobs that run."""

    field: str
    reference: Reference
    type: str | None
    mode: str

    @property
    def name(self) -> str:
        """Of the input."""
        return self.field.rpartition("inputs.")[2]

    @property
    def meaning(self) -> str:
        return repr(self)

    def check(self, workspace: WorkspaceId) -> None:
        if isinstance(self.reference, ResourceId) and self.type is None:
            _check_workspace(workspace, self.field, self.reference)

    def find(self, client: AzureMLClient) -> DataInput:
        reference = self.reference
        if isinstance(reference, Registry):
            return DataInput(self.type or "uri_folder", reference.uri, self.mode)
        if isinstance(reference, ResourceId) and self.type is not None:
            return DataInput(self.type, str(reference), self.mode)
        found: Data | Model
        if self.type in MODEL_TYPES:
            with _asked_for(self.field, "model", reference):
                found = _find_model(client, reference)
        else:
            with _asked_for(self.field, "data", reference):
                found = _find_data(client, reference)
        return DataInput(self.type or found.type, found.id, self.mode)


def _find_data(client: AzureMLClient, reference: Named | ResourceId) -> Data:
    if reference.version is None:
        return client.get_latest_data(reference.name)
    return client.get_data(reference.name, reference.version)


def _find_model(client: AzureMLClient, reference: Named | ResourceId) -> Model:
    if reference.version is None:
        return client.get_latest_model(reference.name)
    return client.get_model(reference.name, reference.version)
