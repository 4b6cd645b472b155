"""The process that serves a deployment, from the fetch of its files to its end."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.backends import Backend
from airflow_provider_amlrest.emulator.container_log import ContainerLog, deployment_folder
from airflow_provider_amlrest.emulator.runtime.asked_environment import environment_spec
from airflow_provider_amlrest.emulator.runtime.conda import EnvironmentSpec, read_conda_file
from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds
from airflow_provider_amlrest.emulator.runtime.environments import Interpreter, base_environment
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.process import run_supervised
from airflow_provider_amlrest.emulator.runtime.serving.files import fetch_code, fetch_model
from airflow_provider_amlrest.emulator.runtime.serving.servers import Server, free_port, server_of

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.environments import EnvironmentCache
    from airflow_provider_amlrest.emulator.runtime.services import Services
    from airflow_provider_amlrest.emulator.tracked import Resource

CONTAINER_CRASHED = (
    "ResourceNotReady: User container has crashed or terminated. Please see troubleshooting guide, "
    "available here: https://aka.ms/oe-tsg#error-resourcenotready"
)
"""As users report it, of an ``init`` that fails, say."""
SERVED = ("codeConfiguration", "environmentId", "environmentVariables", "model", "endpointComputeType")
"""The properties that a process is made from."""
_PROBE_SECONDS = 0.1
_RESTART_SECONDS = (0.5, 30.0)
"""The first pause before a container that has ended starts again, and the longest."""


class Container:
    """One process, which is started again if it ends by itself.

    :param deployment: what it serves; its scale and tags may change while it runs.
    """

    def __init__(self, services: Services, environments: EnvironmentCache, deployment: Resource) -> None:
        self.deployment = deployment
        self.backend = Backend("score", healthy=False)
        self._services = services
        self._environments = environments
        [self._workspace] = [w for w in services.settings.workspaces if w.name == deployment.workspace]
        home = deployment_folder(services.settings.data_dir, deployment.workspace, deployment.path)
        self._folder = home.resolve() / uuid.uuid4().hex[:12]
        self._output = self._folder / "container.log"
        self._log = ContainerLog(home)
        self._ready: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def serves(self, deployment: Resource) -> bool:
        """Whether the same process would be made for a deployment."""
        return _made_from(self.deployment) == _made_from(deployment)

    async def start(self) -> None:
        """Start it, and wait until it answers.

        :raises JobError: it does not; its log and the message say why.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the process. Its log stays until the next container's."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.to_thread(_clean, self._folder)

    async def _start(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True)
        for old in self._folder.parent.glob("*/container.log"):
            if old != self._output and not (old.parent / "home").exists():
                shutil.rmtree(old.parent, ignore_errors=True)
        self._log.begin(self._output)
        self._log.stage("SystemSetup", "Succeeded")
        properties = self.deployment.properties
        self._log.event("Downloading", "Start downloading models")
        model = await self._stage("ModelDownload", asyncio.to_thread(self._fetch_model))
        code = await asyncio.to_thread(fetch_code, self._services, self._workspace, properties, self._folder)
        self._log.event("Pulling", "Start pulling container image")
        interpreter = await self._stage("UserContainerImagePull", self._interpreter(model))
        self._log.event("Pulled", "Container image is pulled successfully")
        script = (properties["codeConfiguration"] or {}).get("scoringScript")
        server = server_of(interpreter, code, script, model)
        self._log.stage("UserContainerStart", "InProgress")
        await self._serve(server, interpreter)
        self._log.stage("UserContainerStart", "Succeeded")
        self._log.event("ContainerReady", "Container is ready")

    async def _stage(self, name: str, work: Any) -> Any:
        try:
            result = await work
        except JobError as error:
            self._log.stage(name, "Failed")
            self._log.event(name, str(error), "Warning")
            raise JobError(f"BadArgument: {error}") from None
        self._log.stage(name, "Succeeded")
        return result

    def _fetch_model(self) -> Path | None:
        reference = self.deployment.properties["model"]
        if not reference:
            return None
        return fetch_model(self._services, self._workspace, reference, self._folder / "azureml-models")

    async def _interpreter(self, model: Path | None) -> Interpreter:
        if self._services.settings.runtime == "host":
            return Interpreter(Path(sys.prefix))
        spec = self._spec(model)
        return self._environments.built(spec) or await self._environments.build(spec)

    def _spec(self, model: Path | None) -> EnvironmentSpec:
        reference = self.deployment.properties["environmentId"]
        if reference:
            return environment_spec(self._services, self._workspace, reference)
        own = model / "conda.yaml" if model is not None and model.is_dir() else None
        if own is None or not own.exists():
            raise JobError("The deployment has no environment, and its model brings none (conda.yaml).")
        return read_conda_file(own.read_text())

    async def _serve(self, server: Server, interpreter: Interpreter) -> None:
        self._ready = asyncio.get_running_loop().create_future()
        variables = (
            base_environment(interpreter, self._folder)
            | server.variables
            | self.deployment.properties["environmentVariables"]
        )
        self.backend.speaks = server.speaks
        self._task = asyncio.create_task(self._keep_running(server, variables))
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), self._patience())
        except TimeoutError:
            self._log.event("ReadinessProbeFailed", "Readiness probe failed", "Warning")
            raise JobError(CONTAINER_CRASHED) from None

    def _patience(self) -> float:
        """How long the readiness probe is tried, in seconds."""
        probe = self.deployment.properties["readinessProbe"]
        initial, period = (timeout_seconds(probe[name], name) or 0.0 for name in ("initialDelay", "period"))
        return float(initial + period * probe["failureThreshold"])

    async def _keep_running(self, server: Server, variables: dict[str, str]) -> None:
        pause, longest = _RESTART_SECONDS
        while True:
            code = await self._run_once(server, variables)
            self.backend.healthy = False
            self._log.event("Terminated", f"Container has ended with exit code {code}", "Warning")
            if self._ready is not None and not self._ready.done():
                self._ready.set_exception(JobError(CONTAINER_CRASHED))
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)

    async def _run_once(self, server: Server, variables: dict[str, str]) -> int:
        port = free_port()
        probing = asyncio.create_task(self._probe(port, server.health))
        try:
            return await run_supervised(
                server.command(port), environment=variables, folder=server.folder, log=self._output
            )
        finally:
            probing.cancel()

    async def _probe(self, port: int, path: str) -> None:
        """Wait until the process answers 200, which is when it serves."""
        while True:
            if await _is_healthy(port, path):
                self.backend.port = port
                self.backend.healthy = True
                if self._ready is not None and not self._ready.done():
                    self._ready.set_result(None)
                return
            await asyncio.sleep(_PROBE_SECONDS)


async def _is_healthy(port: int, path: str) -> bool:
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split()[1:2] == [b"200"]


def _made_from(deployment: Resource) -> str:
    return json.dumps({name: deployment.properties[name] for name in SERVED}, sort_keys=True)


def _clean(folder: Path) -> None:
    """Keep the log alone."""
    for entry in folder.glob("*"):
        if entry.name != "container.log":
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
