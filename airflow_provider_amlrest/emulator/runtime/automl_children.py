"""The runs that belong to an AutoML job: command jobs, one after the other or side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_amlrest.emulator.runtime.stand_ins import automl_environment
from airflow_provider_amlrest.emulator.store import JobRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_amlrest.emulator.runtime.context import JobContext

StartJob: TypeAlias = Callable[[JobRecord], "asyncio.Task[None]"]


@dataclass(frozen=True)
class Children:
    """Makes them and runs them to their end."""

    context: JobContext
    start_job: StartJob
    job_type: str

    async def run(
        self, name: str, properties: Mapping[str, Any], shown: Mapping[str, str] | None = None
    ) -> JobRecord:
        """The child of a name, once it has ended. One that ended before a restart does not run again.

        When the caller is cancelled, the child is ended first.

        :param properties: what it has beside what it has of its parent.
        :param shown: what run history shows among its properties.
        """
        job = self._find_or_add(name, properties, dict(shown or {}))
        if job.active:
            task = self.start_job(job)
            try:
                await asyncio.wait([task])
            finally:
                task.cancel()
                await asyncio.wait([task])
        return self.context.store.job(job.workspace, name) or job

    def _find_or_add(self, name: str, properties: Mapping[str, Any], shown: dict[str, str]) -> JobRecord:
        parent = self.context.job
        known = self.context.store.job(parent.workspace, name)
        if known is not None:
            return known
        of_parent = ("experimentName", "computeId", "environmentVariables", "identity", "queueSettings")
        defaults: dict[str, Any] = {
            "jobType": self.job_type,
            "displayName": name,
            "environmentId": parent.properties.get("environmentId") or automl_environment(),
            **{member: parent.properties.get(member) for member in of_parent},
            **{member: {} for member in ("inputs", "outputs", "tags", "properties")},
            "isArchived": False,
        }
        job = JobRecord(
            workspace=parent.workspace,
            name=name,
            job_type=self.job_type,
            parent=parent.name,
            status="Starting",
            created_by=parent.created_by,
            properties=defaults | dict(properties),
            run_properties=shown,
        )
        self.context.store.add_job(job)
        return job
