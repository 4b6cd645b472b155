"""A resource as a person describes it, in the words of the CLI's YAML."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.lookup import lookups, replaced
from airflow_provider_amlrest.rest.reading.fields import no_other_keys, one_of, unknown_key
from airflow_provider_amlrest.rest.reading.values import blank, mapping, structured
from airflow_provider_amlrest.rest.resources.endpoints import Existing
from airflow_provider_amlrest.rest.resources.goal import Present
from airflow_provider_amlrest.rest.versions.features import unsupported
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import without_nones

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.ids import WorkspaceId

IDENTITIES = {"system_assigned": "SystemAssigned", "user_assigned": "UserAssigned", "none": "None"}


@dataclass(frozen=True)
class ResourceSpec:
    """A resource as it is wanted.

    ``collection``: ``computes``; below an endpoint, ``onlineEndpoints/NAME/deployments``. ``what``: it in
    words. ``body``: of its PUT; what is to be looked up stands in it. ``since``: the first api-version that
    has it; ``newer``: what of it came later, as (field, in words, first api-version). ``of_user``, ``kept``,
    ``notes``: see :class:`goal.Present`.
    ``checks``: what :meth:`check` does beside the rest. ``only_exists``: one that
    exists already is left as it is.
    """

    collection: str
    name: str
    what: str
    body: Wire = field(repr=False)
    since: str = ""
    of_user: tuple[str, ...] = ("tags",)
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    checks: tuple[Callable[[], object], ...] = ()
    only_exists: bool = False
    newer: tuple[tuple[str, str, str], ...] = ()

    @property
    def path(self) -> str:
        return f"{self.collection}/{self.name}"

    @property
    def kind(self) -> str:
        """``an online endpoint``."""
        return f"{'an' if self.what[0] in 'aeiou' else 'a'} {self.what}"

    def check(self, spelling: Spelling) -> None:
        """Raises InvalidSpecError for what can be known to be wrong without asking the service."""
        for problem in self.problems(spelling, spelling.workspace):
            raise problem

    def problems(self, spelling: Spelling, workspace: WorkspaceId | None = None) -> list[InvalidSpecError]:
        """All that can be known to be wrong without asking the service.

        :param workspace: None: it is not known yet.
        """
        if spelling.api_version < self.since:
            return [unsupported(spelling.api_version, "type", self.kind, self.since)]
        version = spelling.api_version
        missing = [unsupported(version, *member) for member in self.newer if version < member[2]]
        checks: list[Callable[[], object]] = [*self.checks]
        checks += [partial(lookup.check, workspace) for lookup in lookups(self.body)]
        return missing + [problem for check in checks for problem in _problems(check)]

    def goal(self, client: AzureMLClient, marks: Mapping[str, str]) -> Present:
        """What is wanted, with everything looked up, and uploaded that the workspace does not have."""
        found = {id(one): one.find(client) for one in sorted(lookups(self.body), key=lambda one: one.uploads)}
        body: Wire = replaced(self.body, lambda lookup: found[id(lookup)])
        body.setdefault("location", client.get_workspace().location)
        kind = Existing if self.only_exists else Present
        return kind(self.path, f"{self.what} {self.name}", body, self.of_user, marks, self.kept, self.notes)


def _problems(check: Callable[[], object]) -> list[InvalidSpecError]:
    try:
        check()
    except InvalidSpecError as problem:
        return [problem]
    return []


def check_members(given: Iterable[Any], allowed: Collection[str]) -> None:
    """Raises InvalidSpecError for a member that there is not, and names it, so that its line can be said."""
    for name in given:
        if name not in allowed:
            raise unknown_key(str(name), str(name), allowed)


def read_identity(value: Any) -> Wire | None:
    """``{"type": "user_assigned", "user_assigned_identities": [{"resource_id": ...}]}``, or just the type."""
    value = structured(value)
    if value is None:
        return None
    given = {"type": value} if isinstance(value, str) else mapping("identity", value)
    no_other_keys("identity", given, ("type", "user_assigned_identities", "principal_id", "tenant_id"))
    type_ = one_of("identity.type", given.get("type"), IDENTITIES)
    ids = structured(given.get("user_assigned_identities")) or ()
    names = [_identity(one) for one in (ids if isinstance(ids, list | tuple) else [ids])]
    if (type_ == "user_assigned") != bool(names):
        raise InvalidSpecError(
            "identity", "a user_assigned identity has user_assigned_identities, and no other has."
        )
    return without_nones(type=IDENTITIES[type_], userAssignedIdentities={name: {} for name in names} or None)


def _identity(one: Any) -> str:
    id_ = one.get("resource_id") if isinstance(one, Mapping) else one
    if not isinstance(id_, str) or blank(id_):
        raise InvalidSpecError(
            "identity.user_assigned_identities", f"{id_!r} must be the ARM id of one, /subscriptions/..."
        )
    return id_
