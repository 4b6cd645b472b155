"""Command jobs: processes on the nodes of a compute, or states on a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_amlrest.emulator.runtime.simulated import SimulatedRunner

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.runner import Runner, RunnerParts


def make_runner(parts: RunnerParts) -> Runner:
    if parts.simulated:
        return SimulatedRunner()
    # It loads azure-storage-blob and requests, which states on a clock do not need.
    from airflow_provider_amlrest.emulator.runtime.command_processes import CommandRunner

    settings = parts.services.settings
    return CommandRunner(
        parts.computes,
        parts.environments if settings.runtime == "venv" else None,
        SimulatedRunner() if settings.distributed == "simulated" else None,
    )
