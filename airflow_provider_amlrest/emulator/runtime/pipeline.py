"""Pipeline jobs: run the nodes of a graph, each when what it waits for has completed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.answers import GatewayError, MlError
from airflow_provider_amlrest.emulator.arm import components
from airflow_provider_amlrest.emulator.arm.jobs.graph import read_graph
from airflow_provider_amlrest.emulator.arm.jobs.nodes import default_datastore
from airflow_provider_amlrest.emulator.behaviour.scripts import CANCELED
from airflow_provider_amlrest.emulator.runtime.errors import JobError, StepsFailedError
from airflow_provider_amlrest.emulator.runtime.execution_log import execution_log
from airflow_provider_amlrest.emulator.runtime.simulated import canceled, read_tags
from airflow_provider_amlrest.emulator.runtime.steps import Steps
from airflow_provider_amlrest.emulator.store import utc_now

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.jobs.nodes.node import Node
    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.runtime.execution_log import ExecutionLog
    from airflow_provider_amlrest.emulator.runtime.runner import RunnerParts
    from airflow_provider_amlrest.emulator.runtime.steps import StartStep


def make_runner(parts: RunnerParts) -> PipelineRunner:
    return PipelineRunner(parts.start_job, simulated=parts.simulated)


class PipelineRunner:
    """Runs pipeline jobs; their nodes are jobs of other kinds that ``start_step`` starts."""

    def __init__(self, start_step: StartStep, *, simulated: bool) -> None:
        self._start_step = start_step
        self._simulated = simulated

    async def run(self, context: JobContext) -> None:
        """Run a pipeline, or go on with it after a restart.

        :raises JobError: a node has failed.
        """
        if not context.job.started_at:
            # One that is a step has the properties of a step.
            added = {} if context.job.parent else run_properties(context.properties)
            context.move("Preparing", run_properties={**added, **context.job.run_properties})
        started_at = context.job.started_at or utc_now()
        context.move("Running", started_at=started_at)
        async with execution_log(context, simulated=self._simulated) as log:
            pipeline = _Pipeline(context, Steps(context, graph_of(context), self._start_step), log)
            await pipeline.run()
        stages = {"StartTime": started_at, "EndTime": utc_now(), "Status": "Finished"}
        pipeline.conclude(json.dumps({"Initialization": None, "Execution": stages}, separators=(",", ":")))
        if failed := pipeline.failed:
            if self._simulated and (behaviour := read_tags(context)).outcome in CANCELED:
                raise canceled(behaviour)
            raise StepsFailedError(failed)


def graph_of(context: JobContext) -> dict[str, Node]:
    """The nodes of a pipeline that has been checked when it was submitted.

    :raises JobError: since then, a component has been deleted.
    """
    try:
        return read_graph(
            context.properties["jobs"],
            lambda reference: components.find(
                context.services.settings, context.store, context.workspace, reference
            ),
        )
    except (MlError, GatewayError) as error:
        raise JobError(str(error), "NotFoundError") from None


class _Pipeline:
    def __init__(self, context: JobContext, steps: Steps, log: ExecutionLog) -> None:
        self._context = context
        self._steps = steps
        self._log = log
        settings = context.properties.get("settings") or {}
        self._goes_on = is_set(settings, "continue_on_step_failure")
        self._does_without = is_set(settings, "continue_run_on_failed_optional_input", default=True)

    @property
    def failed(self) -> list[str]:
        """The nodes that have ended, and not well."""
        return [name for name, step in self._steps.all.items() if step.ended_badly]

    async def run(self) -> None:
        """Run all nodes that can run."""
        self._steps.take_up()
        try:
            while self._advance():
                await asyncio.wait(self._steps.tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._steps.cancel()
        self._steps.cancel_others()
        self._log.write("Finishing experiment: no runs left and nothing to schedule.")

    def conclude(self, stages: str) -> None:
        """Keep where the pipeline's outputs lie, which its nodes have written."""
        key = (self._context.job.workspace, self._context.job.name)
        with self._context.store.transaction():
            job = self._context.store.job(*key)
            if job is not None:
                added = {} if job.parent else {"azureml.pipelines.stages": stages}
                self._context.store.update_job(
                    *key,
                    passed_outputs=self._steps.passed_outputs(),
                    run_properties={**job.run_properties, **added},
                )

    def _advance(self) -> bool:
        """Start what can start by now. False when nothing runs and nothing is to come."""
        self._collect()
        begun = True
        while begun and (self._goes_on or not self.failed):
            begun = False
            for step in self._steps.waiting():
                if self._can_begin(step.node):
                    self._log.write(f"Submitting 1 runs, first five are: {step.node_id}:{step.name}")
                    step.begin()
                    begun = True
            # Reused steps, and those that cannot run, have ended already.
            self._collect()
        return bool(self._steps.tasks)

    def _collect(self) -> None:
        for step in self._steps.ended():
            self._log.write(f"Completing processing run id {step.name}.")

    def _can_begin(self, node: Node) -> bool:
        """Whether all that it waits for has completed; what is optional may have failed."""
        optional = self._steps.only_optionally(node) if self._does_without else set()
        return all(
            step.completed or (step.ended_badly and name in optional)
            for name, step in ((name, self._steps.all[name]) for name in node.waits_for)
        )


def is_set(settings: dict[str, Any], name: str, *, default: bool = False) -> bool:
    """A setting, which is not typed on the wire."""
    return str(settings.get(name, default)).lower() == "true"


def run_properties(properties: dict[str, Any]) -> dict[str, str]:
    """What the service writes on a pipeline that it prepares, as recorded."""
    settings = properties.get("settings") or {}
    values = {
        name: given["value"]
        for name, given in (properties.get("inputs") or {}).items()
        if given.get("value") is not None
    }
    compute = properties.get("computeId") or settings.get("default_compute") or ""
    without = is_set(settings, "continue_run_on_failed_optional_input", default=True)
    return {
        "azureml.DevPlatv2": "true",
        "azureml.runsource": "azureml.PipelineRun",
        "runSource": "MFE",
        "runType": "HTTP",
        "azureml.parameters": json.dumps(values, separators=(",", ":")),
        "azureml.continue_on_step_failure": str(is_set(settings, "continue_on_step_failure")),
        "azureml.continue_on_failed_optional_input": str(without),
        "azureml.defaultComputeName": compute.rstrip("/").rpartition("/")[2].rpartition(":")[2],
        "azureml.defaultDataStoreName": default_datastore(properties),
        "azureml.pipelineComponent": "pipelinerun",
    }
