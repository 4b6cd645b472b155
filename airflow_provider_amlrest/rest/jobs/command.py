"""Command jobs: one command in one environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.rest.jobs.job import JobSpec


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


@dataclass(frozen=True, kw_only=True)
class CommandJob(JobSpec):
    command: str
    environment: str
    code: str | None = None
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    distribution: Distribution | None = None
    resources: Resources = Resources()
    timeout: float | None = None
