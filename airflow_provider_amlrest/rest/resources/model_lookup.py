"""The model of a deployment: a reference to one, or its definition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.assets.model_files import KEYS, printed, read_files, read_members
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import ResourceId
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.lookups import asked_for, check_workspace, written_as
from airflow_provider_amlrest.rest.reading.fields import no_other_keys
from airflow_provider_amlrest.rest.reading.references import (
    Named,
    Reference,
    Registry,
    parse_reference,
    unrendered,
)

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.assets.model import Model
    from airflow_provider_amlrest.rest.assets.upload.content import LocalContent
    from airflow_provider_amlrest.rest.ids import WorkspaceId

_ELSEWHERE = "Bring it into this one with AzureMLPromoteModelOperator, or name a registry's."
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]+")


@dataclass(frozen=True)
class ModelLookup(Lookup):
    """A model by its name or id."""

    field: str
    reference: Reference

    @property
    def meaning(self) -> str:
        return repr(self.reference)

    @property
    def written(self) -> str:
        return written_as(self.reference)

    def check(self, workspace: WorkspaceId | None) -> None:
        if isinstance(self.reference, ResourceId):
            check_workspace(workspace, self.field, self.reference, _ELSEWHERE)

    def find(self, client: AzureMLClient) -> str:
        reference = self.reference
        if isinstance(reference, Registry):
            return reference.uri
        if not isinstance(reference, Named):
            return str(reference)
        with asked_for(self.field, "model", reference):
            if reference.version is None:
                return client.get_latest_model(reference.name).id
            return client.get_model(reference.name, reference.version).id


@dataclass(frozen=True)
class InlineModel(Lookup):
    """A model that is defined where it is used: registered, unless the same is there already."""

    uploads = True
    field: str
    given: Mapping[str, Any]
    base: Path

    @cached_property
    def definition(self) -> Model:
        """As it is read. Without a name of its own it has that of its files."""
        name = self.given.get("name") or Path(str(self.given.get("path"))).stem or "model"
        with _below(self.field):
            return read_members({**self.given, "name": _NO_NAME.sub("-", str(name))})

    @cached_property
    def content(self) -> LocalContent | None:
        """Its local files. Raises InvalidSpecError if there are none."""
        definition = self.definition
        with _below(self.field):
            return read_files(definition, self.base)

    @property
    def meaning(self) -> str:
        return repr((self.definition, self.content and self.content.hash))

    @property
    def written(self) -> str:
        return printed(self.definition, self.base).uri

    def check(self, workspace: WorkspaceId | None) -> None:
        self.content  # noqa: B018 (what is wrong with it)

    def find(self, client: AzureMLClient) -> str:
        from airflow_provider_amlrest.rest.assets.model_versions import ensure_model

        return ensure_model(client, self.definition, self.content)[0].id


@contextmanager
def _below(field: str) -> Iterator[None]:
    """Errors about members name the member that they are below."""
    try:
        yield
    except InvalidSpecError as error:
        raise type(error)(f"{field}.{error.field}", error.problem) from None


def read_model_reference(field: str, value: Any, base: Path) -> Lookup:
    """A model: a reference, what registered it has returned, or its definition.

    :param base: the folder that local paths are relative to.
    """
    value = unrendered(value)
    if isinstance(value, Mapping) and "id" not in value:
        no_other_keys(field, value, KEYS)
        inline = InlineModel(field, value, base)
        inline.definition  # noqa: B018 (what is wrong with it)
        return inline
    reference = parse_reference(field, value, "models")
    if reference is None:
        raise InvalidSpecError(
            field,
            f"{value!r} is not a reference to a model: give name:version, name@latest, an ARM id, what "
            "AzureMLRegisterModelOperator returned, or a mapping that defines one: path, type, name.",
        )
    return ModelLookup(field, reference)
