"""Jobs from the YAML files of Azure ML's CLI: ``az ml job create --file job.yml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from airflow_provider_amlrest.kinds import KINDS
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs import kind_of
from airflow_provider_amlrest.rest.jobs.command import OF_RESOURCES
from airflow_provider_amlrest.rest.jobs.given import NOTHING_OURS, Given, Ours
from airflow_provider_amlrest.rest.jobs.kind import Kind
from airflow_provider_amlrest.rest.jobs.spec import JobSpec
from airflow_provider_amlrest.rest.reading.documents import Document
from airflow_provider_amlrest.rest.reading.fields import unknown_key
from airflow_provider_amlrest.rest.reading.values import mapping

_OF_THE_FILE = ("$schema", "type")
"""What a file says of itself."""
_OF_STEPS = {
    # The API has componentId on every job. The CLI's schema refuses the key, and azure-ai-ml 1.35.2 sends the
    # member for pipelines alone: what the service makes of it elsewhere is not known.
    "component": "only a step of a pipeline runs a component. Make it the one step of a job of type "
    "pipeline: jobs: {run: {component: ..., inputs: ...}}.",
}
"""Keys that a step has, and a job of its type has not: what is said of them."""


def read_job_file(document: Document, ours: Ours = NOTHING_OURS) -> tuple[JobSpec, str | None]:
    """The job that a file describes, and the name that it gives the job.

    :raises InvalidSpecError: for a key that there is not, with the nearest one that there is, and for a value
        that is not what it must be; with file and line.
    """
    type_ = document.values.get("type") or ("pipeline" if "jobs" in document.values else "command")
    kind = kind_of(type_) if type_ in KINDS else None
    with document.located():
        if kind is None:
            raise InvalidSpecError("type", f"{type_!r} is not one of: {', '.join(KINDS)}.")
        for name in _OF_STEPS.keys() - kind.keys.keys():
            if name in document.values:
                raise InvalidSpecError(name, _OF_STEPS[name])
        members = dict(_members(document.values, kind.keys, ""))
        arguments = {kind.keys[member]: value for member, value in members.items()}
    located = partial(document.located, _written(kind))
    with located():
        given = Given(arguments, document.folder, ours, input_mode=None, output_mode=None)
        job: JobSpec = kind.read(given)
    return replace(job, located=located), arguments.get("job_name")


def _written(kind: Kind) -> dict[str, str]:
    """The members of the file by the arguments that they are."""
    names = {argument: member for member, argument in kind.keys.items()}
    resources = names.get("job_resources", "resources")
    return {name: f"{resources}.{name}" for name in OF_RESOURCES} | names


def _members(values: Mapping[str, Any], keys: Mapping[str, str], prefix: str) -> Iterator[tuple[str, Any]]:
    """The members by their whole names. Raises InvalidSpecError for one that there is not."""
    known = [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]
    groups = {key.partition(".")[0] for key in known if "." in key}
    for name, value in values.items():
        member = f"{prefix}{name}"
        if member in keys and not (name in groups and isinstance(value, Mapping)):
            yield member, value
        elif name in groups:
            yield from _members(mapping(member, value), keys, f"{member}.")
        elif prefix or name not in _OF_THE_FILE:
            raise unknown_key(member, str(name), [key.partition(".")[0] for key in known])
