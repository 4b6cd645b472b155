"""Online endpoints really serve: a process per deployment, or a text where there are no processes."""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from airflow_provider_amlrest.emulator.backends import Backend, Place
from airflow_provider_amlrest.emulator.behaviour.provisioning import read_provisioning
from airflow_provider_amlrest.emulator.container_log import STAGES, ContainerLog, deployment_folder
from airflow_provider_amlrest.emulator.runtime.serving.container import CONTAINER_CRASHED, Container
from airflow_provider_amlrest.emulator.tracked import SUCCEEDED, Resource, Tracked

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from airflow_provider_amlrest.emulator.behaviour.provisioning import Provisioning
    from airflow_provider_amlrest.emulator.runtime.environments import EnvironmentCache
    from airflow_provider_amlrest.emulator.runtime.services import Services
    from airflow_provider_amlrest.emulator.tracked import Operation

__all__ = ["CONTAINER_CRASHED", "OnlineEndpoints"]

ENDPOINT, DEPLOYMENT = "oe", "od"
DRAIN_SECONDS = 30.0
"""How long a container that is replaced may take to answer what it has begun."""


class OnlineEndpoints:
    """Lets the deployments of online endpoints serve."""

    prefixes = (ENDPOINT, DEPLOYMENT)

    def __init__(self, services: Services, environments: EnvironmentCache) -> None:
        self._services = services
        self._environments = environments
        self._tracked = Tracked(services.store)
        self._containers: dict[Place, Container] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def carry_out(self, operation: Operation, behaviour: Provisioning) -> None:
        """Bring an endpoint or a deployment to what the store says of it.

        :raises JobError: it cannot be; what served before goes on.
        """
        resource = self._tracked.get(operation.workspace, operation.path)
        if resource is None:
            return
        if operation.verb == "delete":
            below = self._tracked.below(resource.workspace, f"{resource.path}/deployments")
            gone = [resource] if operation.prefix == DEPLOYMENT else below
            await asyncio.gather(*(self._remove(deployment) for deployment in gone))
        elif operation.prefix == DEPLOYMENT:
            await self._bring(resource, behaviour)

    def revive(self) -> None:
        for workspace in self._services.settings.workspaces:
            for endpoint in self._tracked.below(workspace.name, "onlineEndpoints"):
                for deployment in self._tracked.below(workspace.name, f"{endpoint.path}/deployments"):
                    operation = self._tracked.operation(deployment.operation)
                    if deployment.state == SUCCEEDED and operation is not None:
                        behaviour = read_provisioning(operation.says, 0.0)
                        self._in_background(self._bring_again(deployment, behaviour))

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._services.backends.clear()
        containers = list(self._containers.values())
        self._containers.clear()
        await asyncio.gather(*(container.stop() for container in containers))

    async def _bring_again(self, deployment: Resource, behaviour: Provisioning) -> None:
        # What fails now is in its log; the service would try for ever, too.
        with suppress(Exception):
            await self._bring(deployment, behaviour)

    async def _bring(self, deployment: Resource, behaviour: Provisioning) -> None:
        place = Place.of(deployment.workspace, deployment.path)
        if self._services.settings.runtime == "simulated":
            backend = self._simulated(deployment, behaviour)
            await self._replace(place, backend, None)
        else:
            running = self._containers.get(place)
            if running is not None and running.serves(deployment):
                running.deployment = deployment
                backend = running.backend
            else:
                container = Container(self._services, self._environments, deployment)
                await container.start()
                backend = container.backend
                await self._replace(place, backend, container)
        if behaviour.outcome == "unhealthy":
            self._in_background(self._fall_ill(backend, deployment, behaviour.healthy_seconds))

    def _simulated(self, deployment: Resource, behaviour: Provisioning) -> Backend:
        folder = deployment_folder(self._services.settings.data_dir, deployment.workspace, deployment.path)
        log = ContainerLog(folder)
        log.begin(folder / "container.log")
        for stage in STAGES:
            log.stage(stage, "Succeeded")
        log.event("ContainerReady", "Container is ready")
        answer = behaviour.answer or json.dumps({"deployment": deployment.name})
        return Backend("nothing", 0, answer, behaviour.answer_status, behaviour.answer_seconds)

    async def _replace(self, place: Place, backend: Backend | None, container: Container | None) -> None:
        """Let another one serve; the old one ends when it has answered what it began."""
        old = self._services.backends.replace(place, backend)
        retired = self._containers.pop(place, None)
        if container is not None:
            self._containers[place] = container
        if old is not None:
            await asyncio.to_thread(old.drained, DRAIN_SECONDS)
        if retired is not None:
            await retired.stop()

    async def _remove(self, deployment: Resource) -> None:
        await self._replace(Place.of(deployment.workspace, deployment.path), None, None)
        folder = deployment_folder(self._services.settings.data_dir, deployment.workspace, deployment.path)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _fall_ill(self, backend: Backend, deployment: Resource, seconds: float) -> None:
        await asyncio.sleep(seconds)
        backend.healthy = False
        folder = deployment_folder(self._services.settings.data_dir, deployment.workspace, deployment.path)
        message = "Liveness probe failed: HTTP probe failed with statuscode: 502"
        ContainerLog(folder).event("LivenessProbeFailed", message, "Warning")

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
