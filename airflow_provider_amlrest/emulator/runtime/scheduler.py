"""The thread in which jobs and operations go on: one task per active one, on one event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.arm.jobs import all_kinds, kind_of
from airflow_provider_amlrest.emulator.runtime.computes import Computes
from airflow_provider_amlrest.emulator.runtime.context import JobContext
from airflow_provider_amlrest.emulator.runtime.data import DataResolver, WebLocation
from airflow_provider_amlrest.emulator.runtime.environments import EnvironmentCache
from airflow_provider_amlrest.emulator.runtime.errors import JobCanceledError, JobError, ServiceSideError
from airflow_provider_amlrest.emulator.runtime.operations import Operations
from airflow_provider_amlrest.emulator.runtime.runner import RunnerParts, make_runner
from airflow_provider_amlrest.emulator.storage.azurite import cache_dir
from airflow_provider_amlrest.emulator.store import MLFLOW_RUN, utc_now

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.config import Workspace
    from airflow_provider_amlrest.emulator.runtime.services import Services
    from airflow_provider_amlrest.emulator.store import JobRecord

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0


class Runtime:
    """Runs the jobs that the store holds."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store
        self._workspaces = {w.name: w for w in services.settings.workspaces}
        self._environments = EnvironmentCache(cache_dir() / "environments")
        self._operations = Operations(services, self._environments)
        self._computes = Computes(services)
        self._lost: dict[tuple[str, str], JobError] = {}
        """Jobs whose compute has gone."""
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._seen = 0
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken: asyncio.Event | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run_thread, name="jobs", daemon=True)

    def start(self) -> None:
        """Take up all active jobs, and those to come. Jobs that an earlier stop cut off run again."""
        self._thread.start()
        self._started.wait()

    def wake(self) -> None:
        """Say that there is a job or an operation, or one to be cancelled. Safe to call from any thread."""
        if self._loop is not None and self._woken is not None and not self._stopping:
            self._loop.call_soon_threadsafe(self._woken.set)

    def clear(self) -> None:
        """End all jobs and forget them, with everything else that the store holds of the workspaces."""
        if self._loop is None:
            raise RuntimeError("The runtime has not been started.")
        asyncio.run_coroutine_threadsafe(self._clear(), self._loop).result()

    def stop(self) -> None:
        """End all processes and the thread. The jobs stay active: the next start runs them again."""
        self._stopping = True
        if self._loop is not None and self._woken is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._woken.set)
            self._thread.join(STOP_SECONDS)

    def resolve(self, workspace: Workspace, reference: str) -> str:
        """The URI of what a URI of a job, a run or an asset means.

        :raises LookupError: it means nothing.
        """
        try:
            return DataResolver(self._services, workspace).uri(reference, "models")
        except JobError as error:
            raise LookupError(str(error)) from None

    def has_files(self, workspace: Workspace, uri: str) -> bool:
        """Whether something lies there. Simulated jobs leave nothing, so then nothing is missing; elsewhere
        than in this emulator's storage, it does not look."""
        if self._services.settings.runtime == "simulated":
            return True
        # It loads azure-storage-blob and requests, which states on a clock do not need.
        from airflow_provider_amlrest.emulator.runtime.transfer import is_there

        try:
            location = DataResolver(self._services, workspace).locate(uri)
        except JobError:
            return not uri.startswith("azureml://")
        return isinstance(location, WebLocation) or is_there(self._services.blobs.service, location)

    def copy_files(self, workspace: Workspace, uri: str, container: str) -> str:
        """Copy what lies there to a container of this emulator's storage, if it is in this storage.

        :return: the URL of the copy, or that of files somewhere else.
        :raises LookupError: it means no place.
        """
        try:
            location = DataResolver(self._services, workspace).locate(uri)
        except JobError as error:
            raise LookupError(str(error)) from None
        if isinstance(location, WebLocation):
            return uri
        blobs = self._services.blobs
        if blobs.running:  # if not, nothing has been stored: jobs are states on a clock
            from airflow_provider_amlrest.emulator.runtime.transfer import copy

            copy(blobs.service, location, container)
        return f"{blobs.endpoint}/{container}/{location.path}"

    # inside the thread

    def _run_thread(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        parts = RunnerParts(self._services, self._computes, self._environments, self._start_job)
        self._runners = {kind.job_type: make_runner(kind.job_type, parts) for kind in all_kinds()}
        self._operations.revive()
        self._started.set()
        while not self._stopping:
            try:
                self._take_in()
                self._operations.take_in()
            except Exception:  # the next job must not suffer from this one
                log.exception("Jobs could not be taken in")
            await self._woken.wait()
            self._woken.clear()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), self._operations.stop(), self._environments.stop())

    async def _clear(self) -> None:
        while tasks := list(self._tasks.values()):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._operations.stop()
        self._store.clear()

    def _take_in(self) -> None:
        """Start what is new, and cancel what is to be cancelled."""
        for sequence, job in self._store.new_jobs(self._seen):
            self._seen = sequence
            # A trial belongs to its sweep, a step to its pipeline, which start them.
            if job.parent is None and job.status != "CancelRequested":
                self._start_job(job)
        for job in self._store.jobs_with_status("CancelRequested"):
            task = self._tasks.get((job.workspace, job.name))
            if task is not None:
                task.cancel()
            else:
                self._end_at_once(job)
        self._computes.refresh()
        self._stop_lost()

    def _stop_lost(self) -> None:
        """End the jobs whose compute has gone from under them."""
        for job, error in self._computes.lost():
            key = (job.workspace, job.name)
            if key in self._tasks and key not in self._lost:
                self._lost[key] = error
                self._tasks[key].cancel()

    def _start_job(self, job: JobRecord) -> asyncio.Task[None]:
        key = (job.workspace, job.name)
        task = self._tasks[key] = asyncio.create_task(self._run_job(job))
        task.add_done_callback(lambda done: self._forget(job, done))
        return task

    def _forget(self, job: JobRecord, task: asyncio.Task[None]) -> None:
        self._tasks.pop((job.workspace, job.name), None)
        self._lost.pop((job.workspace, job.name), None)
        if task.cancelled() and not self._stopping:  # before it took its first step
            self._end_at_once(job)

    def _end_at_once(self, job: JobRecord) -> None:
        """End a job that nothing runs for, with the trials or steps that it may have left."""
        self._end_children(job)
        self._context(job).end("Canceled")

    def _end_children(self, job: JobRecord) -> None:
        for child in self._store.children(job.workspace, job.name):
            if child.active and child.job_type != MLFLOW_RUN:
                self._end_at_once(child)

    def _context(self, job: JobRecord) -> JobContext:
        return JobContext(self._services, self._workspaces[job.workspace], job)

    async def _run_job(self, job: JobRecord) -> None:
        context = self._context(job)
        status, error, changes = await self._ending(context)
        if status is not None:
            # A job that ends leaves nothing behind that would never run.
            self._end_children(job)
            context.end(status, error, **changes)

    async def _ending(self, context: JobContext) -> tuple[str | None, JobError | None, dict[str, Any]]:
        """Run a job: its terminal status, why, and what else changes; None: the next start goes on."""
        key = (context.job.workspace, context.job.name)
        kind = kind_of(context.job.job_type)
        try:
            if kind is not None and kind.occupies_nodes:
                await self._computes.ready(context)
            await self._runners[context.job.job_type].run(context)
        except asyncio.CancelledError:
            if key in self._lost:
                return "Failed", self._lost[key], {}
            # Cancelling its task is how a job is cancelled; at a stop it is left to the next start.
            return None if self._stopping else "Canceled", None, {}
        except JobCanceledError as canceled:
            changes = {} if canceled.by is None else {"modified_by": canceled.by, "modified_at": utc_now()}
            return "Canceled", canceled.error, changes
        except JobError as failure:
            return "Failed", failure, {}
        except Exception as error:
            log.exception("Job %s could not be run", context.job.name)
            message = f"The emulator could not run the job ({type(error).__name__}); its log says more."
            return "Failed", ServiceSideError(message), {}
        return "Completed", None, {}
