"""What runs the jobs of one kind, and what it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from airflow_provider_amlrest.emulator.kinds import KINDS
from airflow_provider_amlrest.emulator.runtime.distributed import Nodes

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.runtime.environments import EnvironmentCache
    from airflow_provider_amlrest.emulator.runtime.services import Services
    from airflow_provider_amlrest.emulator.store import JobRecord

SERVERLESS_NODES = 4
"""Nodes of serverless compute: of the jobs that name no compute."""


class Runner(Protocol):
    """Takes one job from its first status to its last but one."""

    async def run(self, context: JobContext) -> None: ...


@dataclass(frozen=True)
class RunnerParts:
    services: Services
    environments: EnvironmentCache
    start_job: Callable[[JobRecord], asyncio.Task[None]]
    """Runs a job that belongs to another one, such as a sweep's trial."""

    @property
    def simulated(self) -> bool:
        """Whether jobs are states on a clock."""
        return self.services.settings.runtime == "simulated"

    @cached_property
    def nodes(self) -> dict[str, Nodes]:
        """By the compute's name in lower case, ``""`` is serverless; all kinds of jobs share them."""
        computes = {compute.name.lower(): compute.nodes for compute in self.services.settings.computes}
        return {name: Nodes(count) for name, count in {**computes, "": SERVERLESS_NODES}.items()}


def make_runner(job_type: str, parts: RunnerParts) -> Runner:
    """The runner of a kind: its module's ``make_runner``."""
    runner: Runner = import_module(f"{__package__}.{KINDS[job_type]}").make_runner(parts)
    return runner
