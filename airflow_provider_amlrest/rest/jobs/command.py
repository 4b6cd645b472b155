"""Command jobs: one command in one environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

from airflow_provider_amlrest.rest.jobs import wire_2021
from airflow_provider_amlrest.rest.jobs.job import JobSpec
from airflow_provider_amlrest.rest.jobs.kind import Kind
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import NEVER, Feature
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import DISTRIBUTIONS, iso_duration, without_nones


@dataclass(frozen=True)
class Resources:
    """``docker_args`` is one text; a list is another member on the wire."""

    instance_count: int = 1
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


class Runs(Protocol):
    """What a command job and a sweep's trial have in common."""

    @property
    def command(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def code(self) -> str | None: ...
    @property
    def environment_variables(self) -> Mapping[str, str]: ...
    @property
    def distribution(self) -> Distribution | None: ...
    @property
    def resources(self) -> Resources: ...


@dataclass(frozen=True, kw_only=True)
class CommandJob(JobSpec):
    job_type = "Command"

    command: str
    environment: str
    code: str | None = None
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    distribution: Distribution | None = None
    resources: Resources = Resources()
    timeout: float | None = None

    def with_run(self, environment: str, code: str | None) -> Self:
        return replace(self, environment=environment, code=code)


def run_features(of: type) -> tuple[Feature, ...]:
    """What not every api-version can say of what a job or a trial runs."""
    return (
        Feature(
            of,
            "shm_size",
            "the size of shared memory",
            "2022-10-01",
            lambda run: run.resources.shm_size is not None,
        ),
        Feature(
            of,
            "docker_args",
            "arguments of docker run",
            "2022-10-01",
            lambda run: run.resources.docker_args is not None,
        ),
        Feature(
            of,
            "docker_args",
            "a list of arguments of docker run",
            "2025-12-01",
            lambda run: bool(run.resources.docker_args_list),
        ),
        Feature(
            of,
            "job_resources.properties",
            "properties of the resources",
            PREVIEW_2022_02,
            lambda run: bool(run.resources.properties),
        ),
        Feature(
            of,
            "job_resources.max_instance_count",
            "the most instances of a job",
            NEVER,
            lambda run: run.resources.max_instance_count is not None,
        ),
        Feature(
            of,
            "job_resources.locations",
            "the locations of a job",
            NEVER,
            lambda run: bool(run.resources.locations),
        ),
    )


def run_body(run: Runs) -> dict[str, Any]:
    """What a command job and a sweep's trial have in"""
    resources = run.resources
    return without_nones(
        command=run.command,
        environmentId=run.environment,
        codeId=run.code,
        environmentVariables=dict(run.environment_variables),
        distribution=_distribution(run.distribution),
        resources=without_nones(
            instanceCount=resources.instance_count,
            instanceType=resources.instance_type,
            shmSize=resources.shm_size,
            dockerArgs=resources.docker_args,
            dockerArgsList=list(resources.docker_args_list) or None,
            properties=dict(resources.properties),
        ),
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


def _body(spelling: Spelling, job: CommandJob) -> Wire:
    limits = {"jobLimitsType": "Command", "timeout": iso_duration(job.timeout)}
    return {**run_body(job), **without_nones(limits=limits if job.timeout else None)}


def _body_2021(spelling: Spelling, job: CommandJob) -> Wire:
    return {
        **wire_2021.run_body(spelling, job, job.command, job.inputs, job.outputs),
        **without_nones(
            timeout=iso_duration(job.timeout), compute=wire_2021.compute(job.compute, job.resources)
        ),
    }


KIND = Kind(
    "Command",
    body=_body,
    body_2021=_body_2021,
    features=run_features(CommandJob),
)
