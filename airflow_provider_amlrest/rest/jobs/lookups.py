"""What a person gives for environment, code, compute and inputs becomes ids of the workspace.

In two steps: ``read_*`` looks at the value alone and says what is wrong with it, and gives a :class:`Lookup`;
its ``find`` asks the service.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, MissingAssetError, NotFoundError
from airflow_provider_amlrest.rest.ids import ResourceId
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.reading.fields import (
    check_name,
    no_other_keys,
)
from airflow_provider_amlrest.rest.reading.references import (
    LATEST,
    Named,
    Reference,
    Registry,
    parse_reference,
    unrendered,
)

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.assets.environment import Environment
    from airflow_provider_amlrest.rest.assets.upload.content import LocalContent
    from airflow_provider_amlrest.rest.ids import WorkspaceId

log = logging.getLogger(__name__)

CURATED_PREFIX = "AzureML-"
SERVERLESS = "serverless"
"""The name by which pipelines ask for serverless compute, as azure-ai-ml 1.35.2 sends it."""
_CURATED_LABEL = re.compile(rf"azureml:{CURATED_PREFIX}[\w.\-]+@(?!latest$)[\w.\-]+")
"""Curated environments have labels of their own, such as ``@prod``."""
NO_ENVIRONMENT = (
    "it is missing; give the environment that the command runs in: azureml:name@latest, "
    "azureml:name:version, or a definition, such as {image: python:3.11}."
)
_ENVIRONMENT = ("name", "version", "image", "conda_file", "build", "os_type", "description", "tags")
"""Members of an environment's definition."""
_MAKERS = {
    "environment": "with AzureMLCreateEnvironmentOperator",
    "code": "with AzureMLUploadCodeOperator",
    "data": "with AzureMLRegisterDataOperator",
    "model": "as the output of a job",
    "component": "with AzureMLCreateComponentOperator",
}
"""How each kind of asset gets into the workspace."""


def read_environment(field: str, value: Any, base: Path) -> EnvironmentLookup | InlineEnvironment:
    """An environment: a reference, or its definition.

    :param base: the folder that local paths of a definition are relative to.
    :raises InvalidSpecError: for what is neither.
    """
    value = unrendered(value)
    if value is None or value == "":
        raise InvalidSpecError(field, NO_ENVIRONMENT)
    if isinstance(value, Mapping) and "id" not in value:
        return _read_inline(field, value, base)
    if isinstance(value, str) and _CURATED_LABEL.fullmatch(value):
        return EnvironmentLookup(field, Registry(value))
    reference = parse_reference(field, value, "environments")
    if reference is None:
        raise InvalidSpecError(
            field,
            f"{value!r} is not a reference to an environment: give name:version, name@latest, an ARM id, "
            "what AzureMLCreateEnvironmentOperator returned, or a mapping that defines one: "
            "image, conda_file, build.",
        )
    return EnvironmentLookup(field, reference)


@contextmanager
def asked_for(field: str, kind: str, reference: Named | ResourceId) -> Iterator[None]:
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

    @property
    def written(self) -> str:
        return written_as(self.reference)

    def check(self, workspace: WorkspaceId | None) -> None:
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
        with asked_for(self.field, "environment", reference):
            if reference.version is None:
                return client.get_latest_environment(reference.name).id
            return client.get_environment(reference.name, reference.version).id


def written_as(reference: Reference) -> str:
    """A reference as azure-ai-ml prints it, without ``azureml:`` before a name."""
    if isinstance(reference, Registry):
        return reference.uri
    if isinstance(reference, ResourceId):
        return str(reference)
    return f"{reference.name}:{reference.version}" if reference.version else f"{reference.name}@{LATEST}"


def _read_inline(field: str, value: Mapping[str, Any], base: Path) -> InlineEnvironment:
    no_other_keys(field, value, {"$schema", *_ENVIRONMENT})
    inline = InlineEnvironment(field, value, base)
    if not isinstance(value.get("build"), Mapping):
        inline.definition  # noqa: B018 (what is wrong with it)
    return inline


@dataclass(frozen=True)
class InlineEnvironment(Lookup):
    """An environment that is defined where it is used: registered, unless the same is there already."""

    uploads = True
    field: str
    given: Mapping[str, Any]
    base: Path

    @cached_property
    def definition(self) -> tuple[Environment, LocalContent | None]:
        """As it is read, with the files of a local build context. Raises InvalidSpecError."""
        from airflow_provider_amlrest.rest.assets.reading import read_environment

        # azure-ai-ml ignores the name and version of such a one, too.
        given = {**self.given, "name": None, "version": None}
        return read_environment(given, self.base, f"{self.field}.")

    @property
    def meaning(self) -> str:
        from airflow_provider_amlrest.rest.assets.environment import environment_parts

        environment, context = self.definition
        return repr((environment_parts(environment), context and context.hash))

    @property
    def written(self) -> str:
        from airflow_provider_amlrest.rest.assets.reading import ANONYMOUS

        try:
            environment = self.definition[0]
        except InvalidSpecError:
            return ANONYMOUS
        return f"{environment.name}:{environment.version}"

    @property
    def as_defined(self) -> dict[str, Any]:
        """Its definition with the name and version that it has."""
        try:
            environment = self.definition[0]
        except InvalidSpecError:
            return dict(self.given)
        members: dict[str, Any] = {"name": environment.name, "version": environment.version}
        members["image"] = environment.image
        members["conda_file"] = environment.conda
        if environment.build is not None:
            path = self.definition[1].root if self.definition[1] else environment.build.uri
            members["build"] = {"path": str(path), "dockerfile_path": environment.build.dockerfile_path}
        return {name: member for name, member in members.items() if member is not None}

    def check(self, workspace: WorkspaceId | None) -> None:
        self.definition  # noqa: B018

    def find(self, client: AzureMLClient) -> str:
        from airflow_provider_amlrest.rest.assets.ensure import ensure_environment

        return ensure_environment(client, *self.definition)[0].id


def read_code(field: str, value: Any, base: Path, includes: tuple[str, ...] = ()) -> CodeLookup | None:
    """Code: a reference, or the files at a local path."""
    if value is None:
        return None
    reference = parse_reference(field, value, "codes")
    if reference is not None:
        return CodeLookup(field, reference)
    if not isinstance(value, str | PurePath) or not value:
        raise InvalidSpecError(field, f"{value!r} must be a path, or a reference to uploaded code.")
    return CodeLookup(field, LocalPath(field, base, str(value), includes=includes))


@dataclass(frozen=True)
class LocalPath:
    """A path of this machine. What is there is read when it is needed, once."""

    field: str
    base: Path
    path: str
    is_data: bool = False
    includes: tuple[str, ...] = ()
    """Other files and folders, which lie beside what is there (``additional_includes``)."""

    @property
    def absolute(self) -> Path:
        """Where it is, without a look at it."""
        return Path(os.path.normpath(self.base.absolute() / Path(self.path).expanduser()))

    @cached_property
    def content(self) -> LocalContent:
        """Raises InvalidSpecError if there is nothing to upload."""
        from airflow_provider_amlrest.rest.assets.upload.content import read_local

        content = read_local(self.field, self.base, self.path, is_data=self.is_data)
        for include in self.includes:
            content = content.with_other(read_local("additional_includes", self.base, include))
        return content


@dataclass(frozen=True)
class CodeLookup(Lookup):
    """Code by its name or id, or local files, which are uploaded if the workspace does not have them."""

    uploads = True
    field: str
    source: Reference | LocalPath

    @property
    def meaning(self) -> str:
        return repr(self.source) if isinstance(self.source, Reference) else self.source.content.hash

    @property
    def written(self) -> str:
        return written_as(self.source) if isinstance(self.source, Reference) else self.source.path

    def check(self, workspace: WorkspaceId | None) -> None:
        """The service refuses another workspace's itself; what is local must be there."""
        if isinstance(self.source, LocalPath):
            self.source.content  # noqa: B018

    def find(self, client: AzureMLClient) -> str:
        source = self.source
        if isinstance(source, ResourceId):
            return str(source)
        if isinstance(source, Registry):
            return source.uri
        if isinstance(source, Named):
            with asked_for(self.field, "code", source):
                if source.version is None:
                    return client.get_latest_code(source.name).id
                return client.get_code(source.name, source.version).id
        from airflow_provider_amlrest.rest.assets.ensure import ensure_code

        return ensure_code(client, source.content)[0].id


def read_compute(field: str, value: str | None) -> ComputeLookup | None:
    """A compute by its name or id; None: serverless. Raises InvalidSpecError for what is neither."""
    if value is None:
        return None
    reference = parse_reference(field, value, "computes")
    if isinstance(reference, ResourceId):
        return ComputeLookup(field, reference.name, value, reference)
    return ComputeLookup(field, value.removeprefix("azureml:"), value)


@dataclass(frozen=True)
class ComputeLookup(Lookup):
    """A compute by its name."""

    field: str
    name: str
    given: str
    id: ResourceId | None = None

    @property
    def meaning(self) -> str:
        return self.given

    @property
    def written(self) -> str:
        return self.given.removeprefix("azureml:")

    def check(self, workspace: WorkspaceId | None) -> None:
        check_name(self.field, self.name)
        if self.id is not None:
            check_workspace(workspace, self.field, self.id)

    def find(self, client: AzureMLClient) -> str:
        """As :class:`Lookup`; the error names those that the workspace has."""
        if self.name == SERVERLESS:
            return str(client.operations.workspace.resource("computes", self.name))
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


def check_workspace(ours: WorkspaceId | None, field: str, reference: ResourceId, advice: str = "") -> None:
    """Raises InvalidSpecError for an id of another workspace, which cannot be asked from here."""
    if ours is not None and reference.workspace != ours:
        raise InvalidSpecError(
            field,
            f"'{reference}' is in the workspace {reference.workspace.name!r}, but the connection's is "
            f"{ours.name!r} in resource group {ours.resource_group!r}. {advice}".rstrip(),
        )
