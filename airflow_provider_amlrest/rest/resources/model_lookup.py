"""The model of a deployment: a reference to one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import ResourceId
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.lookups import asked_for, check_workspace, written_as
from airflow_provider_amlrest.rest.reading.references import Named, Reference, Registry, parse_reference

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.ids import WorkspaceId


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
            check_workspace(workspace, self.field, self.reference)

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


def read_model_reference(field: str, value: Any, base: Path) -> Lookup:
    """A model: a reference, or what registered it has returned.

    :param base: the folder that local paths are relative to.
    """
    reference = parse_reference(field, value, "models")
    if reference is None:
        raise InvalidSpecError(
            field,
            f"{value!r} is not a reference to a model: give name:version, name@latest, an ARM id, or what "
            "AzureMLRegisterModelOperator returned.",
        )
    return ModelLookup(field, reference)
