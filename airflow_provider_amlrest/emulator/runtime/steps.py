"""The steps of a pipeline: its nodes as jobs of their own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_amlrest.emulator.answers import GatewayError, MlError
from airflow_provider_amlrest.emulator.arm.jobs import kind_of
from airflow_provider_amlrest.emulator.arm.jobs.nodes import (
    compute_id,
    is_optional,
    job_inputs,
    job_properties,
    type_of,
)
from airflow_provider_amlrest.emulator.arm.jobs.nodes.node import Source
from airflow_provider_amlrest.emulator.arm.shapes import Place
from airflow_provider_amlrest.emulator.config import ARTIFACT_DATASTORE
from airflow_provider_amlrest.emulator.kinds import NODES
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.reuse import Reuse, written
from airflow_provider_amlrest.emulator.store import utc_now

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.jobs.nodes.node import Node
    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.store import JobRecord

StartStep: TypeAlias = Callable[["JobRecord"], "asyncio.Task[None]"]
NOT_BEGUN = "NotStarted"


@dataclass
class Step:
    """One node of a running pipeline, and its job."""

    steps: Steps
    node: Node
    name: str
    """The run's."""
    began: bool = False
    """Whether it has had its turn; one that is Canceled because of others has not."""
    task: asyncio.Task[None] | None = None
    final: JobRecord | None = None
    """Its job, once it has ended."""
    reuse_key: str | None = None

    @property
    def node_id(self) -> str:
        return node_id(self.steps.context.job.name, self.node.name)

    @property
    def job(self) -> JobRecord:
        """As it is now.

        :raises asyncio.CancelledError: it has been deleted.
        """
        job = self.steps.context.store.job(self.steps.context.job.workspace, self.name)
        if job is None:
            raise asyncio.CancelledError
        return job

    @property
    def completed(self) -> bool:
        return self.final is not None and self.final.status == "Completed"

    @property
    def ended_badly(self) -> bool:
        return self.final is not None and self.final.status != "Completed"

    def begin(self) -> None:
        """Run it or, if the same has been run before, take over what that run left."""
        self.began = True
        context = self.steps.context.of(self.job)
        if not context.job.active:  # somebody has canceled this one alone
            return
        try:
            properties = self._properties()
        except (MlError, GatewayError) as error:
            context.end("Failed", JobError("; ".join(getattr(error, "problems", ())) or str(error)))
            return
        self.reuse_key = self.steps.reuse.key(self.node, properties)
        properties["tags"] = self._tags()
        job = context.store.update_job(context.job.workspace, self.name, properties=properties)
        earlier = self.steps.reuse.find(self.reuse_key, properties["tags"])
        if earlier is not None:
            self.steps.reuse.take_over(self.steps.context.of(job), earlier)
            self.reuse_key = None
        else:
            self.task = self.steps.start(job)

    def _properties(self) -> dict[str, Any]:
        parent, workspace = self.steps.context.properties, self.steps.context.workspace
        inputs = job_inputs(self.node, parent.get("inputs") or {}, self.steps.output_uri)
        properties = job_properties(self.node, parent, workspace, inputs)
        kind = kind_of(self.job.job_type)
        if kind is not None and kind.step_type is None:
            properties["outputs"] = {**properties["outputs"], "default": artifacts(self.name)}
        return properties

    def _tags(self) -> dict[str, str]:
        """How it goes without a process: as its pipeline says and, over that, a script for its name."""
        scripts = self.steps.context.services.scripts
        return {**scripts.tags(self.steps.context.job), **scripts.step_tags(self.job)}


@dataclass
class Steps:
    """All steps of one pipeline, each after those that it waits for."""

    context: JobContext
    graph: dict[str, Node]
    start: StartStep
    all: dict[str, Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reuse = Reuse(self.context)

    def take_up(self) -> None:
        """Know the steps of before a restart, and run those again that were cut off; add those to come."""
        store, pipeline = self.context.store, self.context.job
        known = {
            child.run_properties.get("azureml.nodeid"): child
            for child in store.children(pipeline.workspace, pipeline.name)
        }
        for name, node in self.graph.items():
            job = known.get(node_id(pipeline.name, name))
            if job is None:
                job = self._new(node)
                store.add_job(job)
            step = self.all[name] = Step(self, node, job.name)
            if job.status != NOT_BEGUN:
                step.began = True
                step.reuse_key = self.reuse.key_again(node, job)
                step.task = self.start(job) if job.active else None

    def _new(self, node: Node) -> JobRecord:
        pipeline, parent = self.context.job, self.context.properties
        root = self.context.store.root(pipeline).name
        identifier = node_id(pipeline.name, node.name)
        return replace(
            pipeline,
            name=str(uuid.uuid4()),
            job_type=NODES[node.type],
            parent=pipeline.name,
            status=NOT_BEGUN,
            created_at=utc_now(),
            properties={
                "displayName": node.wire.get("display_name") or node.name,
                "experimentName": parent.get("experimentName"),
                "computeId": compute_id(node, parent, self.context.workspace, parent.get("inputs") or {}),
                "tags": {},
                "properties": {},
            },
            run_tags={"azureml.nodeid": identifier, "azureml.pipeline": root},
            run_properties=step_properties(node, identifier, root),
            **FRESH,
        )

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        return [step.task for step in self.all.values() if step.task is not None]

    def waiting(self) -> list[Step]:
        """Those that have not had their turn."""
        return [step for step in self.all.values() if not step.began]

    def ended(self) -> Iterator[Step]:
        """Those whose end is new."""
        for step in self.all.values():
            runs = step.task is not None and not step.task.done()
            if not step.began or runs or step.final is not None:
                continue
            job = step.job
            if job.active:  # the emulator stops
                continue
            if job.status == "Completed":
                outputs = written(self.context.of(job))
                job = self.context.store.update_job(job.workspace, job.name, passed_outputs=outputs)
                self.reuse.remember(step.reuse_key, step.name)
            step.task, step.final = None, job
            yield step

    async def cancel(self) -> None:
        """End those that run."""
        tasks = self.tasks
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def cancel_others(self) -> None:
        """End those that have not begun: nothing will run them."""
        for step in self.waiting():
            self.context.of(step.job).end("Canceled")

    def output_uri(self, node: str, output: str) -> str:
        """Where an output of a node lies that has ended; empty if it has not written it."""
        job = self.all[node].final
        return job.passed_outputs.get(output, {}).get("uri", "") if job else ""

    def passed_outputs(self) -> dict[str, dict[str, str]]:
        """The pipeline's own outputs, as far as they have been written."""
        return {
            settings["parent"]: step.final.passed_outputs[name]
            for step in self.all.values()
            if step.final is not None
            for name, settings in step.node.outputs.items()
            if settings.get("parent") and name in step.final.passed_outputs
        }

    def only_optionally(self, node: Node) -> set[str]:
        """The nodes that one waits for only because of optional inputs."""
        needed = set()
        for name, source in node.inputs.items():
            if isinstance(source, Source) and not is_optional(node.spec["inputs"][name]):
                needed.add(source.node)
        return node.waits_for - needed


FRESH: dict[str, Any] = {
    "started_at": None,
    "modified_at": None,
    "modified_by": None,
    "as_sent": None,
    "passed_outputs": {},
}
"""What a step does not have from its pipeline."""


def node_id(pipeline: str, node: str) -> str:
    """The service's own are as short; that they follow from the names is ours."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{pipeline}/{node}").hex[:8]


def artifacts(run: str) -> dict[str, Any]:
    """The output that every job has."""
    return {
        "jobOutputType": "uri_folder",
        "mode": "ReadWriteMount",
        "uri": f"azureml://datastores/{ARTIFACT_DATASTORE}/ExperimentRun/dcid.{run}",
    }


def step_properties(node: Node, identifier: str, pipeline: str) -> dict[str, str]:
    """The properties of a step in run history, as recorded."""
    component = node.component
    return {
        "azureml.runsource": "azureml.StepRun",
        "azureml.nodeid": identifier,
        "StepType": type_of(node.type, Place(())).step_type,
        "ComputeTargetType": "AmlCompute",
        "azureml.moduleid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{component.name}:{component.version}")),
        "azureml.moduleName": component.name,
        "azureml.moduleVersion": str(node.spec.get("version") or component.version),
        "azureml.pipeline": pipeline,
        "azureml.pipelinerunid": pipeline,
        "azureml.DevPlatv2": "true",
        "azureml.pipelineComponent": "masterescloud",
        "_azureml.ComputeTargetType": "amlctrain",
    }
