"""A resource as a person describes it, in the format of the CLI's YAML."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.lookup import resolve
from airflow_provider_amlrest.rest.jobs.wire import filled, lookups
from airflow_provider_amlrest.rest.reading.fields import no_other_keys, one_of, unknown_key
from airflow_provider_amlrest.rest.reading.values import blank, items, mapping, structured
from airflow_provider_amlrest.rest.resources.endpoints import Existing
from airflow_provider_amlrest.rest.resources.goal import Present
from airflow_provider_amlrest.rest.resources.names import with_article
from airflow_provider_amlrest.rest.versions.features import Feature, missing
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import without_nones

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.ids import WorkspaceId
    from airflow_provider_amlrest.rest.reading.documents import Located

IDENTITIES = {"system_assigned": "SystemAssigned", "user_assigned": "UserAssigned", "none": "None"}


@dataclass(frozen=True)
class ResourceSpec:
    """A resource as it is wanted.

    ``collection``: ``computes``; below an endpoint, ``onlineEndpoints/NAME/deployments``. ``what``: it in
    words. ``body``: of its PUT; what is to be looked up stands in it. ``features``: what not every
    api-version can say of its kind. ``of_user``, ``kept``, ``notes``: see :class:`goal.Present`. ``checks``:
    what :meth:`check` does beside the rest. ``only_exists``: one that exists already is left as it is.
    ``located``: for errors about it that come later than its reading.
    """

    collection: str
    name: str
    what: str
    body: Wire = field(repr=False)
    features: tuple[Feature, ...] = ()
    of_user: tuple[str, ...] = ("tags",)
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    checks: tuple[Callable[[], object], ...] = ()
    only_exists: bool = False
    located: Located = field(default=nullcontext, compare=False, repr=False)

    @property
    def path(self) -> str:
        return f"{self.collection}/{self.name}"

    @property
    def kind(self) -> str:
        """``an online endpoint``."""
        return with_article(self.what)

    def check(self, spelling: Spelling) -> None:
        """Raises InvalidSpecError for what can be known to be wrong without asking the service."""
        for problem in self.problems(spelling, spelling.workspace):
            raise problem

    def problems(self, spelling: Spelling, workspace: WorkspaceId | None = None) -> list[InvalidSpecError]:
        """All that can be known to be wrong without asking the service.

        :param workspace: None: it is not known yet.
        """
        unsupported = missing(spelling.api_version, self.features, self)
        checks: list[Callable[[], object]] = [*self.checks]
        checks += [partial(lookup.check, workspace) for lookup in lookups(self.body)]
        return [*unsupported, *(problem for check in checks for problem in self._problems(check))]

    def _problems(self, check: Callable[[], object]) -> list[InvalidSpecError]:
        try:
            with self.located():
                check()
        except InvalidSpecError as problem:
            return [problem]
        return []

    def goal(
        self, client: AzureMLClient, marks: Mapping[str, str], resolved: MutableMapping[str, str]
    ) -> Present:
        """What is wanted, with everything looked up, and uploaded that the workspace does not have.

        :param resolved: see :func:`lookup.resolve`.
        """
        with self.located():
            body = filled(self.body, lambda lookup: resolve(lookup, client, resolved))
        body.setdefault("location", client.get_workspace().location)
        kind = Existing if self.only_exists else Present
        return kind(self.path, f"{self.what} {self.name}", body, self.of_user, marks, self.kept, self.notes)


def says(path: str) -> Callable[[ResourceSpec], bool]:
    """Whether the body of a resource has a member: ``properties.mirrorTraffic``."""

    def is_said(spec: ResourceSpec) -> bool:
        member: Any = spec.body
        for name in path.split("."):
            member = member.get(name) if isinstance(member, Mapping) else None
        return member is not None

    return is_said


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
    ids = structured(given.get("user_assigned_identities"))
    ids = [ids] if isinstance(ids, str | Mapping) else ids
    names = [_identity(one) for one in items("identity.user_assigned_identities", ids)]
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
