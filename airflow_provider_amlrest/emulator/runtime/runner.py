"""What runs the jobs of one kind, and what it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from airflow_provider_amlrest.emulator.runtime.computes import Computes
    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.runtime.environments import EnvironmentCache
    from airflow_provider_amlrest.emulator.runtime.services import Services
    from airflow_provider_amlrest.emulator.store import JobRecord


class Runner(Protocol):
    """Takes one job from its first status to its last but one."""

    async def run(self, context: JobContext) -> None: ...


@dataclass(frozen=True)
class RunnerParts:
    services: Services
    computes: Computes
    """All kinds of jobs share their nodes."""
    environments: EnvironmentCache
    start_job: Callable[[JobRecord], asyncio.Task[None]]
    """Runs a job that belongs to another one, such as a sweep's trial."""

    @property
    def simulated(self) -> bool:
        """Whether jobs are states on a clock."""
        return self.services.settings.runtime == "simulated"


def make_runner(job_type: str, parts: RunnerParts) -> Runner:
    """The runner of a kind: its module's ``make_runner``."""
    runner: Runner = import_module(f"{__package__}.{job_type.lower()}").make_runner(parts)
    return runner
