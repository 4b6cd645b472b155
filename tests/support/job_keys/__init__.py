"""Every key of a job's YAML with a value, and what the code says of it: for the documentation's tables.

A file for each kind of job has what such a job must have (``MINIMAL``), a value of each of its own keys
(``KEYS``) and of their members (``MEMBERS``), and uses of what not every version can say (``FEATURES``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow_provider_amlrest.kinds import KINDS
from airflow_provider_amlrest.rest.assets.environment import environment_body
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.lookups import InlineEnvironment
from airflow_provider_amlrest.rest.jobs.wire import job_body, lookups
from airflow_provider_amlrest.rest.reading.documents import Document
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS, DEFAULT_API_VERSION
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.support.job_keys.shared import MEMBERS_OF_ALL, OF_ALL, Tried

WORKSPACE = WorkspaceId("sub", "group", "ws")
KIND_MODULES = {kind: import_module(f"{__name__}.{kind}") for kind in KINDS}
MINIMAL: dict[str, dict[str, Any]] = {kind: module.MINIMAL for kind, module in KIND_MODULES.items()}
"""What a job of each kind must have."""
FEATURES: dict[str, Tried] = {
    what: tried for module in KIND_MODULES.values() for what, tried in getattr(module, "FEATURES", {}).items()
}
"""What only one kind has, and not in every api-version."""


def sample(kind: str, key: str) -> Any:
    """A value that a key of a job may have."""
    return KIND_MODULES[kind].KEYS.get(key, OF_ALL.get(key))


MEMBERS: dict[tuple[str, str], dict[str, tuple[dict[str, Any], Any]]] = {}
"""(Kind, key) -> member -> what stands beside it, and its value."""
for kind, module in KIND_MODULES.items():
    for key, values, beside in (*(MEMBERS_OF_ALL if kind == "command" else ()), *module.MEMBERS):
        members = MEMBERS.setdefault((kind, key), {})
        members |= {name: (dict(beside), value) for name, value in values.items()}


def with_value(kind: str, key: str, value: Any) -> dict[str, Any]:
    """The smallest file of a kind that has this key."""
    values = deepcopy(MINIMAL[kind])
    if key == "component":
        del values["jobs"]  # It has one or the other.
    *way, last = key.split(".")
    target = values
    for step in way:
        if not isinstance(target.get(step), dict):
            target[step] = {}
        target = target[step]
    target[last] = value
    return {"type": kind, **values}


def first_version(values: Mapping[str, Any], folder: Path) -> str:
    """The first api-version that can say such a file, and those before it that can, too; ``none``."""
    can = []
    for version in API_VERSIONS:
        try:
            spelling = spelling_of(version, WORKSPACE)
            body = job_body(spelling, read_job_file(Document(dict(values), folder))[0])
            for lookup in lookups(body):
                if isinstance(lookup, InlineEnvironment):
                    environment_body(spelling, lookup.definition[0])
        except InvalidSpecError as error:
            if "cannot say" not in error.problem:
                raise
        else:
            can.append(version)
    if not can:
        return "none"
    # From where on every later one can.
    refused = [version for version in API_VERSIONS if version not in can]
    since = next(version for version in can if not refused or version > refused[-1])
    return ", and ".join([since, *(version for version in can if version < since)])


def known_members(values: Mapping[str, Any], folder: Path) -> set[str]:
    """The members that the error for an unknown one lists."""
    try:
        job, _ = read_job_file(Document(dict(values), folder))
        for lookup in lookups(job_body(spelling_of(DEFAULT_API_VERSION, WORKSPACE), job)):
            if isinstance(lookup, InlineEnvironment):
                lookup.check(None)
    except InvalidSpecError as error:
        listed = re.findall(r"[Tt]here are: (.*)\.$", error.problem)
        return {name for names in listed for name in names.split(", ")}
    raise AssertionError("an unknown key is taken")
