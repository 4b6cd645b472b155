"""What stands in a body for what only the workspace can say."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.ids import WorkspaceId


class Lookup(ABC):
    """What only the workspace can say, in the place of the id or the input that it will be."""

    field: str
    """Whose value it is, for errors."""
    uploads: ClassVar[bool] = False
    """Whether looking it up may take long: such are looked up after all others."""

    @property
    def carries(self) -> Any:
        """What goes to the service with it and is not in the body, where a secret of Airflow's may be."""
        return None

    @property
    @abstractmethod
    def meaning(self) -> str:
        """What it counts as where jobs are compared: as it was given, for ``@latest`` may change."""

    @property
    @abstractmethod
    def written(self) -> Any:
        """As a person reads it: a name and version, an id, a path."""

    @abstractmethod
    def check(self, workspace: WorkspaceId | None) -> None:
        """Raises InvalidSpecError for what this workspace cannot have, and for files that are not there.

        :param workspace: None: it is not known yet.
        """

    @abstractmethod
    def find(self, client: AzureMLClient) -> Any:
        """Look it up; upload it, if it is local and not there yet.

        :raises MissingAssetError: if the workspace does not have it.
        """


def resolve(lookup: Lookup, client: AzureMLClient, resolved: MutableMapping[str, str]) -> Any:
    """What a lookup finds, or has found before: ``@latest`` may be another version by now.

    :param resolved: by lookup, what was found: plain JSON. What is found anew is added.
    """
    key = hashlib.sha256(f"{lookup.field} {lookup.meaning}".encode()).hexdigest()[:16]
    found = resolved[key] if key in resolved else lookup.find(client)
    if isinstance(found, str):
        resolved[key] = found
    return found
