"""Command jobs: one command in one environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs import wire_2021
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.kind import Kind
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.lookups import read_code, read_environment
from airflow_provider_amlrest.rest.jobs.placeholders import check_placeholders
from airflow_provider_amlrest.rest.jobs.spec import COMMON_KEYS, JobSpec, read_common
from airflow_provider_amlrest.rest.reading.fields import (
    SOMETHING,
    json_map,
    no_other_keys,
    read_typed,
    string_map,
    text_list,
)
from airflow_provider_amlrest.rest.reading.values import (
    mapping,
    optional_seconds,
    whole,
)
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import NEVER, Feature
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import DISTRIBUTIONS, iso_duration, without_nones


@dataclass(frozen=True)
class Resources:
    """``docker_args`` is one text; a list is another member on the wire."""

    instance_count: int | None = 1
    instance_type: str | None = None
    shm_size: str | None = None
    docker_args: str | None = None
    docker_args_list: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    max_instance_count: int | None = None
    locations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Distribution:
    """``type``: pytorch, mpi or tensorflow; the rest is that type's own."""

    type: str
    process_count_per_instance: int | None = None
    parameter_server_count: int | None = None
    worker_count: int | None = None


@dataclass(frozen=True)
class Run:
    """What a command job runs once, and a sweep's trials over and over."""

    command: str
    environment: str | Lookup
    code: str | Lookup | None = None
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    distribution: Distribution | None = None
    resources: Resources = Resources()


@dataclass(frozen=True, kw_only=True)
class CommandJob(JobSpec, Run):
    job_type = "Command"

    timeout: float | None = None


RESOURCE_FEATURES = (
    Feature(
        Resources,
        "shm_size",
        "the size of shared memory",
        "2022-10-01",
        lambda resources: resources.shm_size is not None,
    ),
    Feature(
        Resources,
        "docker_args",
        "arguments of docker run",
        "2022-10-01",
        lambda resources: resources.docker_args is not None,
    ),
    Feature(
        Resources,
        "docker_args",
        "a list of arguments of docker run",
        "2025-12-01",
        lambda resources: bool(resources.docker_args_list),
    ),
    Feature(
        Resources,
        "job_resources.properties",
        "properties of the resources",
        PREVIEW_2022_02,
        lambda resources: bool(resources.properties),
    ),
    Feature(
        Resources,
        "job_resources.max_instance_count",
        "the most instances of a job",
        NEVER,
        lambda resources: resources.max_instance_count is not None,
    ),
    Feature(
        Resources,
        "job_resources.locations",
        "the locations of a job",
        NEVER,
        lambda resources: bool(resources.locations),
    ),
)


def _in_every_version(run: Run) -> Wire:
    """The members that all api-versions spell alike."""
    return without_nones(
        environmentId=run.environment,
        codeId=run.code,
        environmentVariables=dict(run.environment_variables),
    )


def run_body(run: Run) -> Wire:
    """What a command job and a sweep's trial have in common."""
    return {
        "command": run.command,
        **_in_every_version(run),
        **without_nones(
            distribution=_distribution(run.distribution), resources=resources_body(run.resources)
        ),
    }


def resources_body(resources: Resources) -> dict[str, Any]:
    return without_nones(
        instanceCount=resources.instance_count,
        instanceType=resources.instance_type,
        shmSize=resources.shm_size,
        dockerArgs=resources.docker_args,
        dockerArgsList=list(resources.docker_args_list) or None,
        properties=dict(resources.properties),
    )


def _distribution(value: Distribution | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return without_nones(
        distributionType=DISTRIBUTIONS[value.type],
        processCountPerInstance=value.process_count_per_instance,
        parameterServerCount=value.parameter_server_count,
        workerCount=value.worker_count,
    )


def run_body_2021(spelling: Spelling, job: JobSpec, run: Run, command: str) -> Wire:
    """The same in 2021-03-01-preview, which has inputs and outputs there.

    :param command: the run's, without what this version says in another way.
    """
    return without_nones(
        command=wire_2021.bind(command, job.inputs),
        **_in_every_version(run),
        distribution=wire_2021.distribution(run.distribution, run.resources),
        **wire_2021.bindings(spelling, job.inputs, job.outputs),
    )


def _body(spelling: Spelling, job: CommandJob) -> Wire:
    limits = {"jobLimitsType": "Command", "timeout": iso_duration(job.timeout)}
    return {**run_body(job), **without_nones(limits=limits if job.timeout else None)}


def _body_2021(spelling: Spelling, job: CommandJob) -> Wire:
    return {
        **run_body_2021(spelling, job, job, job.command),
        **without_nones(
            timeout=iso_duration(job.timeout), compute=wire_2021.compute(job.compute, job.resources)
        ),
    }


RUN_KEYS = {
    name: name for name in ("command", "environment", "code", "environment_variables", "distribution")
} | {"resources": "job_resources"}
OF_RESOURCES = ("instance_count", "instance_type", "shm_size", "docker_args")
"""Members of the resources that are arguments of their own, too."""


def read_run(given: Given) -> dict[str, Any]:
    """The members that a command job and a sweep's trial have."""
    return {
        "command": given["command"],
        "environment": read_environment("environment", given["environment"], given.base),
        "code": read_code("code", given["code"], given.base),
        "environment_variables": string_map("environment_variables", given["environment_variables"]),
        "distribution": parse_distribution("distribution", given["distribution"]),
        "resources": parse_resources(
            given["instance_count"],
            given["instance_type"],
            given["shm_size"],
            given["docker_args"],
            given["job_resources"],
        ),
    }


def _read(given: Given) -> CommandJob:
    job = CommandJob(
        **read_common(given),
        **read_run(given),
        timeout=parse_command_limits("limits", given["limits"]),
    )
    check_command("command", job.command, {"inputs": job.inputs, **job.placeholders()})
    return job


KIND = Kind(
    "Command",
    read=_read,
    keys={**COMMON_KEYS, **RUN_KEYS, "limits": "limits"},
    body=_body,
    body_2021=_body_2021,
    features=RESOURCE_FEATURES,
    parts=("resources",),
)


_OPTIONAL = re.compile(r"\$\[\[.*?(\]\]|$)")


def parse_command_limits(field: str, value: Any) -> float | None:
    """Read ``{"timeout": seconds}``."""
    limits = mapping(field, value)
    no_other_keys(field, limits, {"timeout"})
    return optional_seconds(f"{field}.timeout", limits.get("timeout"))


def parse_distribution(field: str, value: Any) -> Distribution | None:
    """Read ``{"type": "pytorch", "process_count_per_instance": 4}``, or the type alone."""
    return read_typed(field, value, Distribution, tuple(DISTRIBUTIONS))


def parse_resources(
    instance_count: Any,
    instance_type: Any,
    shm_size: Any = None,
    docker_args: Any = None,
    job_resources: Any = None,
) -> Resources:
    """How many nodes, of which size, with how much shared memory (``"2g"``).

    :param job_resources: the same as the CLI's mapping, and what is only in that one.
    """
    members = mapping("job_resources", job_resources)
    given = {name: value for name, value in members.items() if value is not None}
    beside = {"instance_count": None if instance_count == 1 else instance_count}
    beside |= {"instance_type": instance_type, "shm_size": shm_size, "docker_args": docker_args}
    no_other_keys("job_resources", given, {*beside, "properties", "max_instance_count", "locations"})
    for name in sorted(given.keys() & beside):
        if beside[name] is not None:
            raise InvalidSpecError(
                f"job_resources.{name}", f"there is {name}={beside[name]!r} as well; give one."
            )
    instance_type = given.get("instance_type", instance_type)
    shm_size, docker_args = given.get("shm_size", shm_size), given.get("docker_args", docker_args)
    arguments = tuple(docker_args) if isinstance(docker_args, list | tuple) else ()
    texts = {"instance_type": instance_type, "docker_args": None if arguments else docker_args}
    texts |= {f"docker_args[{index}]": value for index, value in enumerate(arguments)}

    nodes = given.get("instance_count", instance_count)
    if nodes is not None:
        nodes = whole("instance_count", nodes, 1, 10_000)
    for name, value in texts.items():
        if value is not None and (not isinstance(value, str) or not value):
            raise InvalidSpecError(name, f"{value!r} must be text; leave it out if there is none.")
    if shm_size is not None and not re.fullmatch(r"\d+[bBkKmMgG]", str(shm_size)):
        raise InvalidSpecError("shm_size", f"{shm_size!r} must be a number and a unit, such as '2g'.")
    most, locations = given.get("max_instance_count"), given.get("locations", ())
    if most is not None:
        most = whole("job_resources.max_instance_count", most, 1, 10_000)
    if locations:
        locations = text_list("job_resources.locations", locations)
    return Resources(
        nodes,
        instance_type,
        shm_size,
        texts["docker_args"],
        arguments,
        json_map("job_resources.properties", given.get("properties")),
        most,
        tuple(locations),
    )


def check_command(field: str, command: str, groups: Mapping[str, Iterable[str]]) -> list[str]:
    """Check a command's placeholders against the names there are, a group each: inputs, outputs, ...

    :return: the search-space parameters that the command never uses.
    :raises InvalidSpecError: for an empty command, a placeholder without its input, output or parameter, and
        ``$[[...]]``, which components alone have.
    """
    if isinstance(command, list | tuple):
        raise InvalidSpecError(
            field,
            f"{command!r} is a list; a job runs one text in a shell: ' && '.join(...) makes one of steps.",
        )
    if command is not None and not isinstance(command, str):
        raise InvalidSpecError(field, f"{command!r} must be text.")
    if command is None or not SOMETHING.search(command):
        raise InvalidSpecError(
            field, "it is empty, or without letter or digit; give the command that the job runs."
        )
    if optional := _OPTIONAL.search(command):
        raise InvalidSpecError(
            field,
            f"{optional[0]!r}: optional arguments are for components, not for jobs. Leave the brackets out; "
            "where there is no such input, the argument too.",
        )
    used = check_placeholders(field, command, groups)
    return [name for name in groups.get("search_space", ()) if ("search_space", name) not in used]
