"""Components as their YAML defines them, and the components that a pipeline's steps name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import yaml

from airflow_provider_amlrest.rest.assets.component import ANONYMOUS, Component, anonymous_version
from airflow_provider_amlrest.rest.assets.ensure import content_version
from airflow_provider_amlrest.rest.http.errors import ConflictError, InvalidSpecError, NotFoundError
from airflow_provider_amlrest.rest.ids import ResourceId
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.lookups import (
    NO_ENVIRONMENT,
    InlineEnvironment,
    LocalPath,
    asked_for,
    read_code,
    read_environment,
    written_as,
)
from airflow_provider_amlrest.rest.jobs.placeholders import check_placeholders
from airflow_provider_amlrest.rest.jobs.ports import read_input_ports, read_output_ports
from airflow_provider_amlrest.rest.jobs.wire import lookups, replaced
from airflow_provider_amlrest.rest.reading.documents import Document, read_document
from airflow_provider_amlrest.rest.reading.fields import check_name, string_map, text_list, unknown_key
from airflow_provider_amlrest.rest.reading.references import Reference, Registry, parse_reference

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.ids import WorkspaceId

COMMON = (
    *("$schema", "name", "version", "display_name", "description", "type", "tags", "inputs", "outputs"),
    *("is_deterministic", "properties"),
)
KEYS: dict[str, tuple[str, ...]] = {
    "command": (
        *("command", "code", "environment", "resources", "distribution", "instance_count", "limits"),
        *("additional_includes", "environment_variables"),
    ),
    "spark": (
        *("code", "entry", "py_files", "jars", "files", "archives", "conf", "args", "environment"),
        "additional_includes",
    ),
    "parallel": (
        *("task", "mini_batch_size", "mini_batch_error_threshold", "error_threshold", "input_data"),
        *("logging_level", "resources", "retry_settings", "max_concurrency_per_instance", "code"),
        *("partition_keys", "environment_variables", "environment", "additional_includes"),
    ),
    "pipeline": ("jobs", "settings"),
}
"""Type of component -> the members that it alone has."""

REQUIRED = {"command": ("command", "environment"), "spark": ("code", "entry"), "pipeline": ("jobs",)}

ReadSteps = Callable[[Document, str, Mapping[str, Any]], Mapping[str, Any]]
"""Reads the steps of a pipeline component: its document, the prefix of its members, its inputs."""


def read_component(document: Document, read_steps: ReadSteps, source: str = "YAML.COMPONENT") -> Component:
    """The component that a file defines; its ``spec`` has what is still to be looked up.

    :param read_steps: reads the steps of a pipeline component.
    :param source: where it was defined, as azure-ai-ml calls it.
    :raises InvalidSpecError: for a member that there is not, or that is not what it must be, with its line.
    """
    with document.located():
        given = document.values
        type_ = given.get("type") or ("pipeline" if "jobs" in given else "command")
        if not isinstance(type_, str) or type_ not in KEYS:
            raise InvalidSpecError("type", f"{type_!r} is not one of: {', '.join(KEYS)}.")
        for key in given:
            if key not in (*COMMON, *KEYS[type_]):
                raise unknown_key(str(key), str(key), (*COMMON, *KEYS[type_]))
        for key in REQUIRED.get(type_, ()):
            if given.get(key) is None:
                needed = f"it is missing; what is of type {type_} needs it."
                raise InvalidSpecError(key, NO_ENVIRONMENT if key == "environment" else needed)
        name, version = given.get("name"), given.get("version")
        if name is not None:
            check_name("name", name)
        spec = _spec(document, type_, read_steps)
        spec |= {"name": name or ANONYMOUS, "_source": source}
        if version is not None:
            spec["version"] = str(version)
        tags = string_map("tags", given.get("tags"))
        return Component(
            name or ANONYMOUS,
            str(version or ""),
            spec,
            given.get("description"),
            tags,
            located=document.located,
        )


def _spec(document: Document, type_: str, read_steps: ReadSteps) -> dict[str, Any]:
    given = document.values
    spec = {key: value for key, value in given.items() if value is not None and key != "additional_includes"}
    spec |= {"type": type_, "is_deterministic": given.get("is_deterministic", True)}
    if type_ == "pipeline":
        spec.pop("is_deterministic")
    spec["inputs"] = read_input_ports("inputs", given.get("inputs"))
    spec["outputs"] = read_output_ports("outputs", given.get("outputs"))
    spec = {key: value for key, value in spec.items() if value not in ({}, None)}
    if type_ == "parallel":
        spec |= mini_batches(spec, as_text=True)
    if type_ == "pipeline":
        spec["jobs"] = dict(read_steps(document, "jobs.", spec.get("inputs", {})))
    if type_ == "command":
        groups = {"inputs": spec.get("inputs", {}), "outputs": spec.get("outputs", {})}
        check_placeholders("command", spec["command"], groups)
    includes = text_list("additional_includes", given.get("additional_includes") or ())
    _look_up(spec, "", document.folder, includes)
    if isinstance(spec.get("task"), Mapping):
        spec["task"] = dict(spec["task"])
        _look_up(spec["task"], "task.", document.folder, includes)
    return spec


_UNITS = {"kb": 1024, "mb": 1024**2, "gb": 1024**3, "b": 1}


def mini_batches(given: Mapping[str, Any], *, as_text: bool) -> dict[str, Any]:
    """How a parallel step divides its data: a number of files or bytes, or partition keys as JSON.

    :param as_text: a component has the number as text.
    """
    size, keys = given.get("mini_batch_size"), given.get("partition_keys")
    members: dict[str, Any] = {}
    if size is not None or keys is not None:
        text = str(size or 0).strip().lower()
        unit = next((unit for unit in _UNITS if text.endswith(unit)), "")
        number = text.removesuffix(unit)
        if not number.isdigit():
            raise InvalidSpecError(
                "mini_batch_size", f"{size!r} must be a number of files or bytes: 10, '10kb'."
            )
        size = int(number) * _UNITS.get(unit, 1)
        members["mini_batch_size"] = str(size) if as_text else size
    if keys is not None and not as_text:
        if not isinstance(keys, str):
            keys = json.dumps(list(text_list("partition_keys", keys)))
        members["partition_keys"] = keys
    return members


def _look_up(spec: dict[str, Any], prefix: str, folder: Path, includes: tuple[str, ...]) -> None:
    """Put lookups in the place of code and environment."""
    if spec.get("code") is not None:
        code = read_code(f"{prefix}code", spec["code"], folder, includes)
        spec["code"] = Prefixed(code.field, code) if code else None
    if spec.get("environment") is not None:
        environment = read_environment(f"{prefix}environment", spec["environment"], folder)
        spec["environment"] = Prefixed(environment.field, environment)


@dataclass(frozen=True)
class Prefixed(Lookup):
    """Something in a component's definition, where ids and references have ``azureml:`` before them."""

    field: str
    inner: Lookup
    absolute: bool = False
    """Whether local code is written by its absolute path."""

    @property
    def uploads(self) -> bool:  # type: ignore[override]
        return self.inner.uploads

    @property
    def meaning(self) -> str:
        return self.inner.meaning

    @property
    def written(self) -> Any:
        if isinstance(self.inner, InlineEnvironment):
            return self.inner.as_defined
        written = str(self.inner.written)
        source = getattr(self.inner, "source", None)
        if isinstance(source, LocalPath):
            return str(source.absolute) if self.absolute else written
        return written if written.startswith("azureml:") else f"azureml:{written}"

    def check(self, workspace: WorkspaceId | None) -> None:
        self.inner.check(workspace)

    def find(self, client: AzureMLClient) -> str:
        found = str(self.inner.find(client))
        return found if found.startswith("azureml:") else f"azureml:{found}"


@dataclass(frozen=True)
class ComponentLookup(Lookup):
    """A component by its name or id."""

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
        if isinstance(reference, ResourceId):
            return str(reference)
        with asked_for(self.field, "component", reference):
            if reference.version is None:
                return client.get_latest_component(reference.name).id
            return client.get_component(reference.name, reference.version).id


@dataclass(frozen=True)
class InlineComponent(Lookup):
    """A component that is defined where it is used, or in a file: registered, unless it is there already."""

    uploads = True
    field: str
    component: Component

    @property
    def meaning(self) -> str:
        return repr(replaced(self.anonymous.spec, lambda lookup: lookup.meaning))

    @property
    def written(self) -> str:
        """As azure-ai-ml prints it: as YAML."""
        spec = replaced(self.anonymous.spec, lambda lookup: lookup.written)
        spec.pop("_source", None)
        return str(yaml.safe_dump(spec, sort_keys=False))

    def check(self, workspace: WorkspaceId | None) -> None:
        with self.component.located():
            for lookup in lookups(self.component.spec):
                lookup.check(workspace)

    def find(self, client: AzureMLClient) -> str:
        with self.component.located():
            spec = replaced(self.anonymous.spec, lambda lookup: lookup.find(client))
        component = Component(ANONYMOUS, anonymous_version(spec), spec, is_anonymous=True)
        return ensure_component(client, component)[0].id

    @property
    def anonymous(self) -> Component:
        """The same without its name."""
        spec = {**self.component.spec, "name": ANONYMOUS, "version": "1"}
        return replace(self.component, name=ANONYMOUS, version="1", spec=spec)

    @cached_property
    def inputs(self) -> Mapping[str, Any]:
        """What it takes, by name."""
        return dict(self.component.spec.get("inputs") or {})

    @cached_property
    def outputs(self) -> Mapping[str, Any]:
        """What it gives, by name."""
        return dict(self.component.spec.get("outputs") or {})


def unresolved_spec(component: Component) -> dict[str, Any]:
    """Its definition with what is to be looked up as it was written; local code by its absolute path."""

    def written(lookup: Lookup) -> Any:
        return replace(lookup, absolute=True).written if isinstance(lookup, Prefixed) else lookup.written

    spec: dict[str, Any] = replaced(dict(component.spec), written)
    return spec


def register_component(
    client: AzureMLClient, component: Component, version: str | None = None
) -> tuple[Component, bool]:
    """Register a component that has a name, or find it.

    :param version: instead of its own; without both, one made of the definition as it was written.
    :return: the component as the service has it, and whether it is new.
    :raises InvalidSpecError: for a component without a name, and for local files that are not there.
    :raises ConflictError: if the version exists with another definition.
    """
    if component.name == ANONYMOUS:
        raise InvalidSpecError("component.name", "it is missing; name the component.")
    with component.located():
        for lookup in lookups(component.spec):
            lookup.check(client.operations.workspace)
    given = {name: member for name, member in component.spec.items() if name != "version"}
    meaning = replaced(given, lambda lookup: lookup.meaning)
    own = version or component.version or content_version(meaning)
    with component.located():
        spec = replaced(given, lambda lookup: lookup.find(client))
    wanted = replace(component, version=own, spec={**spec, "version": own})
    found, new = ensure_component(client, wanted)
    if not new and (version or component.version):
        # Only the service knows whether it is the same: it answers a definition in its own words.
        found = client.create_component(wanted)
    return found, new


def ensure_component(client: AzureMLClient, component: Component) -> tuple[Component, bool]:
    """Find the component's version, or register it: an anonymous one has the version that its content makes.

    :return: the component as the service has it, and whether it is new.
    """
    try:
        return client.get_component(component.name, component.version), False
    except NotFoundError as error:
        if error.has_no_workspace:
            raise
    try:
        return client.create_component(component), True
    except ConflictError:
        try:
            return client.get_component(component.name, component.version), False
        except NotFoundError:
            pass
        raise


def named_lookup(
    field: str, value: Any, document: Document, read_steps: ReadSteps
) -> tuple[ComponentLookup | InlineComponent, str]:
    """The component that a step names, and where it comes from, as azure-ai-ml calls it.

    :param value: a reference, the path of a file (also with ``file:`` before it), or a definition.
    """
    if isinstance(value, str) and not value.startswith(("file:", "./", "../")):
        value = value.replace("azureml:/registries/", "azureml://registries/")
        reference = parse_reference(field, value, "components")
        if value.startswith("azureml://"):
            # Without a version, too, it is for the service to resolve.
            reference = Registry(value)
        if reference is not None:
            place = "REGISTRY" if isinstance(reference, Registry) else "WORKSPACE.COMPONENT"
            return ComponentLookup(field, reference), f"REMOTE.{place}"
    if isinstance(value, Mapping):
        inner = Document(dict(value), document.folder, within=document.within, prefix=f"{field}.")
        return InlineComponent(field, read_component(inner, read_steps)), "YAML.COMPONENT"
    if not isinstance(value, str | PurePath):
        raise InvalidSpecError(field, f"{value!r} must name, define, or be the file of a component.")
    path = str(value).removeprefix("file:")
    source = "YAML.JOB" if path != str(value) else "YAML.COMPONENT"
    inner = read_document(field, Path(path), document.folder)
    if inner.within & document.within:
        raise InvalidSpecError(
            field, f"{inner.name!r} is a part of itself; a component cannot be its own step."
        )
    inner = replace(inner, within=inner.within | document.within)
    return InlineComponent(field, read_component(inner, read_steps)), source
