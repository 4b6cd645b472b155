"""Command jobs that really run, in the runtimes ``venv`` and ``host``."""

from __future__ import annotations

import asyncio
import shutil
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_amlrest.emulator.runtime.asked_environment import environment_spec
from airflow_provider_amlrest.emulator.runtime.distributed import (
    Process,
    is_distributed,
    processes_of,
    run_all,
)
from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds
from airflow_provider_amlrest.emulator.runtime.environments import (
    BUILD_LOG,
    EnvironmentCache,
    Interpreter,
    base_environment,
)
from airflow_provider_amlrest.emulator.runtime.errors import JobError, JobTimeoutError
from airflow_provider_amlrest.emulator.runtime.log_upload import shown_log
from airflow_provider_amlrest.emulator.runtime.placeholders import resolve
from airflow_provider_amlrest.emulator.runtime.process import run_supervised, tail_of
from airflow_provider_amlrest.emulator.runtime.staging import Staging
from airflow_provider_amlrest.emulator.store import utc_now

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.computes import Computes
    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.runtime.simulated import SimulatedRunner


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
        reference = context.properties["environmentId"]
        spec = environment_spec(context.services, context.workspace, reference)
        built = self.environments.built(spec)
        if built is not None:
            return built
        context.move("Preparing")
        log = self.environments.log_file(spec)
        async with shown_log(context, log, BUILD_LOG):
            return await self.environments.build(spec)


def job_environment(context: JobContext, staging: Staging, interpreter: Interpreter) -> dict[str, str]:
    """The environment variables of a job's command: a clean base, the service's own, then the user's."""
    workspace, job, services = context.workspace, context.job, context.services
    experiment = context.properties.get("experimentName") or "Default"
    variables = base_environment(interpreter, context.folder) | {
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
    return variables | (context.properties.get("environmentVariables") or {})


def _clean(folder: Path) -> None:
    """Keep the logs of a job that has ended; the rest is in blob storage."""
    for entry in folder.iterdir():
        if entry.name != "user_logs":
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)
