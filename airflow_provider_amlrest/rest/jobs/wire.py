"""Jobs on the wire: the whole body of a PUT, and what the service answers, in both spellings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.jobs import kind_of, wire_2021
from airflow_provider_amlrest.rest.jobs.input_wire import input_body
from airflow_provider_amlrest.rest.jobs.job import (
    DataInput,
    Input,
    InputLookup,
    Job,
    LiteralInput,
    Output,
)
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.spec import FEATURES, JobSpec, common_body, common_body_2021
from airflow_provider_amlrest.rest.times import duration
from airflow_provider_amlrest.rest.versions.features import refuse_member, refuse_unsupported, unsupported
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import (
    MODES_BACK,
    properties_of,
    read_type,
    text_map,
)

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.ids import WorkspaceId


def job_body(spelling: Spelling, job: JobSpec) -> Wire:
    """The properties of its PUT; what is to be looked up stands in it as it is, for :func:`looked_up`.

    :raises InvalidSpecError: for what the api-version cannot say.
    """
    kind = kind_of(job.job_type)
    assert kind is not None, "a job that is made here is of a kind that is known here"  # noqa: S101
    parts = [attrgetter(name)(job) for name in kind.parts]
    with job.located():
        body = kind.body_in(spelling)
        if body is None:
            raise unsupported(spelling.api_version, "type", f"a job of the type {kind.job_type}", kind.since)
        refuse_unsupported(spelling.api_version, (*FEATURES, *kind.features), job, *parts)
        common = common_body_2021(job) if spelling.is_of_2021 else common_body(spelling, job)
        return {"jobType": kind.job_type, **body(spelling, job), **common}


def lookups(member: Any) -> Iterator[Lookup]:
    """What is still to be looked up in a body."""
    if isinstance(member, Lookup):
        yield member
    elif isinstance(member, Mapping):
        for value in member.values():
            yield from lookups(value)


def replaced(member: Any, by: Callable[[Lookup], Any]) -> Any:
    """A body with something else for what is to be looked up; without that for which there is None."""
    if isinstance(member, Lookup):
        return by(member)
    if not isinstance(member, Mapping):
        return member
    members = {
        name: new
        for name, value in member.items()
        if (new := replaced(value, by)) is not None or value is None
    }
    return members if members or not member else None


def check_lookups(body: Wire, workspace: WorkspaceId | None) -> None:
    """Raises InvalidSpecError for what is not this workspace's, and for local files that are not there."""
    for lookup in lookups(body):
        lookup.check(workspace)


def looked_up(client: AzureMLClient, body: Wire) -> Wire:
    """The same body with everything looked up, and uploaded that the workspace does not have.

    :raises InvalidSpecError: also for data that turns out to be what the api-version cannot say.
    """
    return filled(body, partial(_find, client))


def filled(body: Wire, find: Callable[[Lookup], Any]) -> Wire:
    """The same body with what is found for what is to be looked up; what may take long comes last."""
    found = {id(one): find(one) for one in sorted(lookups(body), key=lambda one: one.uploads)}
    whole: Wire = replaced(body, lambda lookup: found[id(lookup)])
    return whole


def unresolved(spelling: Spelling, body: Wire) -> Wire:
    """The same body with what is to be looked up as it was written."""

    def as_written(lookup: Lookup) -> Any:
        if not isinstance(lookup, InputLookup):
            return lookup.written
        return input_body(spelling, DataInput(lookup.type or "uri_folder", lookup.written, lookup.mode))

    written: Wire = replaced(body, as_written)
    return written


def _find(client: AzureMLClient, lookup: Lookup) -> Any:
    found, spelling = lookup.find(client), client.operations.spelling
    if not isinstance(found, DataInput):
        return found
    refuse_member(spelling.api_version, FEATURES, "inputs", lookup.field, found)
    return input_body(spelling, found)


def read_job(spelling: Spelling, resource: Mapping[str, Any]) -> Job:
    """The job that an ARM resource is."""
    members = wire_2021.read_job(resource) if spelling.is_of_2021 else _read(resource)
    return Job(**_read_base(resource), **members)


def _read(resource: Mapping[str, Any]) -> dict[str, Any]:
    properties = properties_of(resource)
    studio = (properties.get("services") or {}).get("Studio") or {}
    inputs = (properties.get("inputs") or {}).items()
    outputs = (properties.get("outputs") or {}).items()
    return {
        "studio_url": studio.get("endpoint"),
        "compute": properties.get("computeId"),
        "outputs": {name: _read_output(value or {}) for name, value in outputs},
        "inputs": {name: _read_input(value or {}) for name, value in inputs},
        "jobs": properties.get("jobs") or {},
    }


def _read_base(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a job that all api-versions spell alike."""
    properties = properties_of(resource)
    objective = properties.get("objective") or {}
    run = properties.get("trial") or properties
    return {
        "id": resource["id"],
        "name": resource["name"],
        "type": properties.get("jobType") or "",
        "status": properties.get("status") or "Unknown",
        "display_name": properties.get("displayName"),
        "experiment_name": properties.get("experimentName"),
        "created_at": (resource.get("systemData") or {}).get("createdAt"),
        "tags": text_map(properties.get("tags")),
        "properties": text_map(properties.get("properties")),
        "command": run.get("command"),
        "environment": run.get("environmentId"),
        "code": run.get("codeId"),
        "goal": str(objective["goal"]).lower() if objective.get("goal") else None,
        "primary_metric": objective.get("primaryMetric"),
        # 2021-03-01-preview has it beside the other members.
        "limit": duration((properties.get("limits") or {}).get("timeout") or properties.get("timeout")),
    }


def _read_input(value: Mapping[str, Any]) -> Input:
    if read_type(value.get("jobInputType")) == "literal":
        return LiteralInput(str(value.get("value") or ""))
    mode = MODES_BACK.get(value.get("mode") or "", "ro_mount")
    return DataInput(read_type(value.get("jobInputType")), str(value.get("uri") or ""), mode)


def _read_output(value: Mapping[str, Any]) -> Output:
    return Output(
        read_type(value.get("jobOutputType")),
        MODES_BACK.get(value.get("mode") or "", "rw_mount"),
        value.get("uri"),
        value.get("assetName"),
    )
