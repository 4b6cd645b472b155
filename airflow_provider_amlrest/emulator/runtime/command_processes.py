"""Command jobs that really run, in the runtimes ``venv`` and ``host``."""

from __future__ import annotations

import asyncio
import shutil
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_amlrest.emulator.runtime.conda import EnvironmentSpec, read_conda_file
from airflow_provider_amlrest.emulator.runtime.data import DataResolver
from airflow_provider_amlrest.emulator.runtime.distributed import (
    Process,
    is_distributed,
    processes_of,
    run_all,
)
from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds
from airflow_provider_amlrest.emulator.runtime.environments import BUILD_LOG, EnvironmentCache, Interpreter
from airflow_provider_amlrest.emulator.runtime.errors import JobError, JobTimeoutError
from airflow_provider_amlrest.emulator.runtime.log_upload import shown_log
from airflow_provider_amlrest.emulator.runtime.placeholders import resolve
from airflow_provider_amlrest.emulator.runtime.process import run_supervised, tail_of
from airflow_provider_amlrest.emulator.runtime.staging import Staging
from airflow_provider_amlrest.emulator.runtime.stand_ins import stand_in
from airflow_provider_amlrest.emulator.store import utc_now

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.computes import Computes
    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.runtime.simulated import SimulatedRunner

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class CommandRunner:
    """Runs one command job at a time per call; many calls may be under way."""

    computes: Computes
    environments: EnvironmentCache | None
    """None: jobs run with the emulator's own interpreter (runtime ``host``)."""
    distributed: SimulatedRunner | None = None
    """What runs distributed jobs in its place."""

    async def run(self, context: JobContext) -> None:
        """Take a job from Starting to the end of its command and the upload of what it wrote.

        :raises JobError: the job has failed, or run out of time.
        """
        if self.distributed is not None and is_distributed(context.properties):
            await self.distributed.run(context)
            return
        staging = Staging(context)
        staging.check()
        interpreter = await self._interpreter(context)
        context.move("Queued")
        async with self.computes.taken(context):
            shutil.rmtree(context.folder, ignore_errors=True)
            context.folder.mkdir(mode=0o700, parents=True)
            context.move("Running", started_at=utc_now())
            try:
                await self._run_on_node(context, staging, interpreter)
            finally:
                await asyncio.to_thread(_clean, context.folder)

    async def _run_on_node(self, context: JobContext, staging: Staging, interpreter: Interpreter) -> None:
        processes = processes_of(context.properties)
        async with AsyncExitStack() as shown:
            for process in processes:
                await shown.enter_async_context(shown_log(context, context.folder / process.log, process.log))
            seconds = timeout_seconds(
                (context.properties.get("limits") or {}).get("timeout"), "limits.timeout"
            )
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.to_thread(staging.fetch)
                    process, code = await self._execute(context, staging, interpreter, processes)
            except TimeoutError:
                raise JobTimeoutError(
                    f"The job was canceled: it ran longer than limits.timeout, {seconds:g} seconds."
                ) from None
        context.move("Finalizing")
        await asyncio.to_thread(staging.deliver)
        if code != 0:
            raise JobError(
                f"Execution failed. User process 'bash' exited with status code {code}. Please check log "
                f"file '{process.log}' for error details. Error: {tail_of(context.folder / process.log)}",
                "UserScriptError",
            )
        staging.register_outputs()

    async def _execute(
        self, context: JobContext, staging: Staging, interpreter: Interpreter, processes: list[Process]
    ) -> tuple[Process, int]:
        """Run the command in all processes; the one that failed, or the first, and its exit code."""
        command = resolve(
            context.properties["command"], {"inputs": staging.input_texts, "outputs": staging.output_texts}
        )
        variables = job_environment(context, staging, interpreter)
        return await run_all(
            processes,
            lambda process: run_supervised(
                ["bash", "-c", command],
                environment=variables | process.variables,
                folder=staging.code_folder,
                log=context.folder / process.log,
            ),
        )

    async def _interpreter(self, context: JobContext) -> Interpreter:
        if self.environments is None:
            return Interpreter(Path(sys.prefix))
        spec = environment_spec(context)
        built = self.environments.built(spec)
        if built is not None:
            return built
        context.move("Preparing")
        log = self.environments.log_file(spec)
        async with shown_log(context, log, BUILD_LOG):
            return await self.environments.build(spec)


def environment_spec(context: JobContext) -> EnvironmentSpec:
    """What the job's environment asks for.

    :raises JobError: the workspace does not have it, or it cannot be had without Docker.
    """
    reference = context.properties["environmentId"]
    if spec := stand_in(reference):
        return spec
    data = DataResolver(context.services, context.workspace)
    asset = data.asset(reference, "environments")
    if asset is None:
        raise JobError(
            f"Environment {reference!r} is not of this workspace or of a registry that the emulator has, and "
            "it has no curated environments: create an environment with the packages you need, or start the "
            "emulator with --runtime host.",
            "NotEmulated",
        )
    if asset.properties.get("build"):
        raise JobError(
            f"Environment {asset.name}:{asset.version} is built from a Docker build context, which is not "
            "emulated: use image and condaFile instead, or start the emulator with --runtime host.",
            "NotEmulated",
        )
    return read_conda_file(asset.properties.get("condaFile"))


def job_environment(context: JobContext, staging: Staging, interpreter: Interpreter) -> dict[str, str]:
    """The environment variables of a job's command: a clean base, the service's own, then the user's."""
    workspace, job, services = context.workspace, context.job, context.services
    experiment = context.properties.get("experimentName") or "Default"
    home, temporary = context.folder / "home", context.folder / "tmp"
    for folder in (home, temporary):
        folder.mkdir()
    variables = {
        "PATH": f"{interpreter.bin}:{SYSTEM_PATH}",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "AZUREML_RUN_ID": job.name,
        "AZUREML_ROOT_RUN_ID": services.store.root(job).name,
        "AZUREML_EXPERIMENT_NAME": experiment,
        "AZUREML_ARM_SUBSCRIPTION": workspace.subscription_id,
        "AZUREML_ARM_RESOURCEGROUP": workspace.resource_group,
        "AZUREML_ARM_WORKSPACE_NAME": workspace.name,
        "AZUREML_ARM_PROJECT_NAME": experiment,
        "AZUREML_WORKSPACE_ID": workspace.workspace_id,
        "AZUREML_SERVICE_ENDPOINT": services.endpoint,
        "MLFLOW_TRACKING_URI": services.mlflow_tracking_uri(workspace),
        "MLFLOW_TRACKING_TOKEN": services.issue_job_token(workspace, job.name),
        "MLFLOW_TRACKING_SERVER_CERT_PATH": str(services.ca_bundle),
        "MLFLOW_EXPERIMENT_NAME": experiment,
        "MLFLOW_RUN_ID": job.name,
    }
    variables |= {f"AZURE_ML_INPUT_{name}": text for name, text in staging.input_texts.items()}
    variables |= {f"AZURE_ML_OUTPUT_{name}": text for name, text in staging.output_texts.items()}
    libgomp = interpreter.bundled_libgomp()
    if libgomp:
        libraries = context.folder / "lib"
        libraries.mkdir()
        (libraries / "libgomp.so.1").symlink_to(libgomp)
        variables["LD_LIBRARY_PATH"] = str(libraries)
    return variables | (context.properties.get("environmentVariables") or {})


def _clean(folder: Path) -> None:
    """Keep the logs of a job that has ended; the rest is in blob storage."""
    for entry in folder.iterdir():
        if entry.name != "user_logs":
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
