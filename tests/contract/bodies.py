"""What the client would send for one thing in each api-version, held against Microsoft's own files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any

import isodate
import yaml

from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.sweep import SweepJob
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS
from tests.contract import openapi, schemas
from tests.contract.strategies import commanded
from tests.contract.tally import count
from tests.support.codec import codec_for
from tests.unit.jobs import WORKSPACE, arm_id

Wanted = Environment | Code | Data | Model | CommandJob | SweepJob

KINDS = {
    Environment: ("environments", "environment_body"),
    Code: ("codes", "code_body"),
    Data: ("data", "data_body"),
    Model: ("models", "model_body"),
    CommandJob: ("jobs", "job_body"),
    SweepJob: ("jobs", "job_body"),
}
LAST = "later than all"
OLD = "2021-03-01-preview"
FIRST = re.compile(r"; (\S+) is the first after it that can\.")


def wire(version: str, wanted: Wanted) -> dict[str, Any]:
    """The body as it would be on the wire, where tuples are lists. Raises InvalidSpecError."""
    body = getattr(codec_for(version, WORKSPACE), KINDS[type(wanted)][1])(wanted)
    return dict(json.loads(json.dumps(body, allow_nan=False)))


def check(version: str, wanted: Wanted, body: dict[str, Any]) -> None:
    """Raises for a body that the version would refuse, or that does not say all that was wanted."""
    check_shape(version, wanted, body)
    check_nothing_is_lost(version, wanted, body)


def check_shape(version: str, wanted: Wanted, body: dict[str, Any]) -> None:
    """Raises for a body that the version would refuse."""
    kind = KINDS[type(wanted)][0]
    schemas.check(version, kind, body)
    if version in openapi.FILES:
        openapi.check_body(version, kind, body)
    count("bodies x api-versions validated")


def check_everywhere(wanted: Wanted) -> None:
    """Check the body of each api-version; what a version refuses is left out, as its refusal says to do."""
    refusals: dict[str, dict[str, str]] = {}
    for version in API_VERSIONS:
        refusals[version] = {}
        said = wanted
        while True:
            try:
                body = wire(version, said)
            except InvalidSpecError as refused:
                if refused.field in refusals[version]:
                    raise  # It was left out, which should have helped.
                refusals[version][refused.field] = first_version(version, refused)
                said = without(said, refused.field)
            else:
                break
        check(version, said, body)
    check_first_versions(refusals)


def first_version(version: str, refused: InvalidSpecError) -> str:
    """The version that a refusal sends to."""
    match = FIRST.search(refused.problem)
    assert match, refused
    assert f"api-version {version} " in refused.problem
    assert API_VERSIONS.index(match[1]) > API_VERSIONS.index(version), refused
    return match[1]


def check_first_versions(refusals: Mapping[str, Mapping[str, str]]) -> None:
    """What a refusal says of other versions holds: those before the first refuse, too; the first does not.

    (Or it refuses another thing about the same field, which a later version is the first to have.)
    """
    for version, refused in refusals.items():
        for field, first in refused.items():
            between = API_VERSIONS[API_VERSIONS.index(version) : API_VERSIONS.index(first)]
            assert all(_refuses(refusals[v], field) for v in between), (field, version, first, refusals)
            assert refusals[first].get(field, LAST) > first, (field, version, first, refusals)


def _refuses(refused: Mapping[str, str], field: str) -> bool:
    """Whether a version refuses a field, as a whole or for its members."""
    return any(name.partition(".")[0] == field.partition(".")[0] for name in refused)


def without(wanted: Any, field: str) -> Any:
    """What was wanted without the field that a refusal names."""
    name, _, member = field.partition(".")
    match name:
        case "compute":
            return replace(wanted, compute=arm_id("computes", "cpu"))
        case "inputs" | "outputs":
            kept = {key: value for key, value in getattr(wanted, name).items() if member and key != member}
            return commanded(replace(wanted, **{name: kept}))
        case "queue_settings":
            return replace(wanted, job_tier=None)
        case "notification_setting":
            return replace(wanted, notifications=None)
        case "sampling_algorithm":
            return replace(
                wanted, sampling_algorithm=replace(wanted.sampling_algorithm, rule=None, seed=None)
            )
        case "shm_size" | "docker_args" | "job_resources" if isinstance(wanted, SweepJob):
            return replace(wanted, trial=without(wanted.trial, field))
        case "job_resources":
            return replace(wanted, resources=_with_default(wanted.resources, member))
        case "shm_size":
            return replace(wanted, resources=_with_default(wanted.resources, name))
        case "docker_args":
            without_arguments = replace(wanted.resources, docker_args=None, docker_args_list=())
            return replace(wanted, resources=without_arguments)
        case "build":
            return replace(wanted, build=None, image="image")
        case "type":
            return replace(wanted, type="uri_file", referenced_uris=())
        case "path":
            return replace(wanted, uri="azureml://datastores/d/paths/p")
        case "archived":
            return replace(wanted, is_archived=False)
    return _with_default(wanted, name)


def _with_default(wanted: Any, name: str) -> Any:
    own = {field.name: field for field in fields(wanted)}
    assert name in own, f"{name} was refused, which the client does not have"
    factory = own[name].default_factory
    return replace(wanted, **{name: own[name].default if factory is MISSING else factory()})


# Nothing is lost

OF_THE_ASSETS_ADDRESS = {"name", "version", "id"}
REWRITTEN = {"command", "conda", "timeout", "trial_timeout"}
"""Checked by tests of their own."""
WORDS = {"type", "mode", "goal", "rule", "os_type", "job_tier", "all_nodes", "email_on"}
"""Spelled otherwise on the wire."""
REWRITTEN_BY_OLD = {"uri", "value", "process_count_per_instance", "is_archived"}


def check_nothing_is_lost(version: str, wanted: Wanted, body: dict[str, Any]) -> None:
    """Every text and number that was wanted is somewhere in the body."""
    skipped = REWRITTEN | WORDS | (REWRITTEN_BY_OLD if version == OLD else {"datastore", "path"})
    found = list(_leaves(body, skipped=set()))
    texts = "\n".join(leaf for leaf in found if isinstance(leaf, str))
    numbers = {(type(leaf) is bool, leaf) for leaf in found if not isinstance(leaf, str)}
    for leaf in _leaves(wanted, skipped):
        assert leaf in texts if isinstance(leaf, str) else (type(leaf) is bool, leaf) in numbers, leaf


def _leaves(value: Any, skipped: set[str]) -> Iterator[str | float]:
    if is_dataclass(value):
        if isinstance(value, Environment | Code | Data | Model):
            skipped = skipped | OF_THE_ASSETS_ADDRESS
        for field in fields(value):
            if field.compare and field.name not in skipped:
                yield from _leaves(getattr(value, field.name), skipped)
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield key
            yield from _leaves(member, skipped)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _leaves(member, skipped)
    elif value is not None:
        yield value


# The same as somebody else's

SAID_BY_US = {
    ("mode", "ReadOnlyMount"),
    ("mode", "ReadWriteMount"),
    ("osType", "Linux"),
    ("instanceCount", 1),
}
"""What the service fills in (so it was recorded), and we say."""


def differences(theirs: Any, ours: Any, unmodelled: Set[str], path: str = "") -> list[str]:
    """Where our body says something else than Microsoft's."""
    if path.endswith(".condaFile"):
        theirs, ours = yaml.safe_load(theirs), yaml.safe_load(ours)
    if path.endswith(".goal"):
        theirs = theirs.capitalize()  # The service takes either.
    if path.endswith("imeout"):
        theirs, ours = isodate.parse_duration(theirs), isodate.parse_duration(ours)
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return [] if theirs == ours else [f"{path}: theirs is {theirs!r}, ours is {ours!r}"]
    found = []
    for key in sorted({*theirs, *ours} - unmodelled):
        if key not in theirs:
            value = ours[key]
            said = set(value.items() if isinstance(value, dict) else [(key, value)])
            found += [] if said <= SAID_BY_US else [f"{path}.{key} is ours alone: {value!r}"]
        elif theirs[key] != {}:
            found += differences(theirs[key], ours.get(key), unmodelled, f"{path}.{key}")
    return found
