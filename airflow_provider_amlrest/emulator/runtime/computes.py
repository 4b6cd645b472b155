"""Jobs and their computes: a job waits for one that is not ready, and fails with one that goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from airflow_provider_amlrest.emulator import computes
from airflow_provider_amlrest.emulator.arm.compute_nodes import count_nodes, running_jobs
from airflow_provider_amlrest.emulator.runtime.distributed import Nodes, node_count
from airflow_provider_amlrest.emulator.runtime.errors import JobError, ServiceSideError

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.computes import ComputeState
    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.runtime.services import Services
    from airflow_provider_amlrest.emulator.store import JobRecord

SERVERLESS_NODES = 4
"""Nodes of serverless compute: of the jobs that name no compute."""
LOOK_SECONDS = 0.1
"""How often a job looks whether its compute is ready by now: the clock says so, and nobody else."""


class Computes:
    """The computes of all workspaces, as jobs know them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._workspaces = {workspace.name: workspace for workspace in services.settings.workspaces}
        self._nodes: dict[tuple[str, str], Nodes] = {}

    async def ready(self, context: JobContext) -> None:
        """Wait, as Queued, until the job's compute takes jobs.

        Raises:
            JobError: there is no such compute any more.
        """
        state = self._need(context)
        if state is None or state.takes_jobs:
            return
        context.move("Queued")
        while state is not None and not state.takes_jobs:
            await asyncio.sleep(LOOK_SECONDS)
            state = self._need(context)

    @asynccontextmanager
    async def taken(self, context: JobContext) -> AsyncIterator[None]:
        """Hold the nodes that the job wants. A cluster that has too few by now takes its time to get them.

        Raises:
            JobError: it never has so many, or there is no such compute any more.
        """
        state, wanted = self._need(context), node_count(context.properties)
        nodes = self._nodes_of(context.job.workspace, state)
        if wanted > nodes.count:
            raise JobError(
                f"The job wants {wanted} nodes (instanceCount), and "
                f"{state.name if state else 'serverless compute'} has {nodes.count}. Raise maxNodeCount, or "
                "start the emulator with a larger one: amlrest-emulator start --compute NAME:NODES.",
                "NotEnoughNodes",
            )
        async with nodes.taken(wanted):
            if state is not None:
                counts = count_nodes(context.store, state)
                if counts.running + wanted > counts.current:
                    await asyncio.sleep(self._services.scripts.tuning.compute_seconds)
            # Much may have happened to it while the job waited.
            await self.ready(context)
            yield

    def refresh(self) -> None:
        """Take note of computes that have another size by now."""
        for (workspace, name), nodes in self._nodes.items():
            state = name and self._find(workspace, name)
            if state:
                nodes.resize(state.scale[1])

    def lost(self) -> Iterator[tuple[JobRecord, JobError]]:
        """The jobs that cannot go on where they run, and why. The service's words are not known."""
        for workspace in self._workspaces.values():
            for state in computes.unavailable(self._services.store, workspace):
                doing = "deleted" if state.is_gone else state.state
                error = ServiceSideError(f"The job's compute {state.name} is {doing}.", "ComputeNotAvailable")
                for job in running_jobs(self._services.store, state):
                    yield job, error

    def _need(self, context: JobContext) -> ComputeState | None:
        """None: serverless."""
        name = _name(context.job)
        if not name:
            return None
        state = self._find(context.job.workspace, name)
        if state is not None and not state.is_leaving:
            return state
        known = computes.computes(
            self._services.store, self._services.settings, self._workspaces[context.job.workspace]
        )
        names = ", ".join(sorted(state.name for state in known))
        raise JobError(f"Compute {name!r} is not in the workspace, which has {names}.", "ComputeNotFound")

    def _find(self, workspace: str, name: str) -> ComputeState | None:
        return computes.find(self._services.store, self._services.settings, self._workspaces[workspace], name)

    def _nodes_of(self, workspace: str, state: ComputeState | None) -> Nodes:
        key = (workspace, state.name.lower() if state else "")
        count = state.scale[1] if state else SERVERLESS_NODES
        nodes = self._nodes.setdefault(key, Nodes(count))
        nodes.resize(count)
        return nodes


def _name(job: JobRecord) -> str:
    return str(job.properties.get("computeId") or "").rpartition("/")[2]
