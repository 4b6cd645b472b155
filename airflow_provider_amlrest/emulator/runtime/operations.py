"""Long operations on resources: one task per operation, on the event loop of the jobs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from airflow_provider_amlrest.emulator.behaviour.provisioning import read_provisioning
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.serving import CONTAINER_CRASHED, OnlineEndpoints
from airflow_provider_amlrest.emulator.tracked import Operation, Tracked

if TYPE_CHECKING:
    from typing import Any

    from airflow_provider_amlrest.emulator.behaviour.provisioning import Provisioning
    from airflow_provider_amlrest.emulator.runtime.environments import EnvironmentCache
    from airflow_provider_amlrest.emulator.runtime.services import Services

log = logging.getLogger(__name__)


class Carrier(Protocol):
    """Brings the resources of some kinds to the state that they are to have."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Of the operations that are its business."""

    async def carry_out(self, operation: Operation, behaviour: Provisioning) -> None: ...
    def revive(self) -> None:
        """Let run again what an earlier start of the emulator ran."""

    async def stop(self) -> None:
        """End everything that runs."""


class Operations:
    """Carries out the operations that the store holds."""

    def __init__(self, services: Services, environments: EnvironmentCache) -> None:
        self._services = services
        self._tracked = Tracked(services.store)
        self._carriers: list[Carrier] = [OnlineEndpoints(services, environments)]
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        """By workspace and path: of two operations on one resource the later waits for the other."""

    def revive(self) -> None:
        for carrier in self._carriers:
            carrier.revive()

    def take_in(self) -> None:
        """Start what is new, and cancel what has been superseded."""
        active = {operation.id: operation for operation in self._tracked.active_operations()}
        for operation_id, task in list(self._tasks.items()):
            if operation_id not in active:
                task.cancel()
        for operation in active.values():
            if operation.id not in self._tasks:
                task = asyncio.create_task(self._run(operation), name=operation.id)
                self._tasks[operation.id] = task
                task.add_done_callback(lambda ended: self._tasks.pop(ended.get_name(), None))

    async def stop(self) -> None:
        """End everything; operations that are under way stay so, and go on at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(carrier.stop() for carrier in self._carriers))

    async def _run(self, operation: Operation) -> None:
        lock = self._locks.setdefault((operation.workspace, operation.path.lower()), asyncio.Lock())
        async with lock:
            try:
                await self._carry_out(operation)
            except JobError as error:
                self._tracked.end(operation, _as_answered(str(error)))
            except Exception as error:
                log.exception("The operation on %s could not be carried out", operation.path)
                message = f"InternalServerError: {type(error).__name__}; the emulator's log says more."
                self._tracked.end(operation, _as_answered(message))
            else:
                self._tracked.end(operation)

    async def _carry_out(self, operation: Operation) -> None:
        behaviour = read_provisioning(operation.says, self._services.tuning.operation_seconds)
        if behaviour.outcome == "stuck":
            await asyncio.Event().wait()
        await asyncio.sleep(behaviour.seconds)
        if behaviour.outcome == "failed":
            raise JobError(behaviour.error or CONTAINER_CRASHED)
        # A batch endpoint and its deployments are no more than what the store has of them.
        for carrier in self._carriers:
            if operation.prefix in carrier.prefixes:
                await carrier.carry_out(operation, behaviour)


def _as_answered(message: str) -> dict[str, Any]:
    """The error of an operation. Clients print none as its code: the message begins with it."""
    return {"code": None, "message": message, "details": [], "additionalInfo": []}
