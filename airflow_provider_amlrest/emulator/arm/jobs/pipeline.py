"""Pipeline jobs, as ARM takes and answers them. Their nodes become jobs of other kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.answers import MlError, not_emulated
from airflow_provider_amlrest.emulator.arm import components
from airflow_provider_amlrest.emulator.arm.computes import need_compute
from airflow_provider_amlrest.emulator.arm.jobs.graph import JOBS, read_graph
from airflow_provider_amlrest.emulator.arm.jobs.kind import Kind, Properties
from airflow_provider_amlrest.emulator.arm.jobs.nodes import compute_id, default_datastore, job_properties
from airflow_provider_amlrest.emulator.arm.jobs.shapes import BASE
from airflow_provider_amlrest.emulator.arm.shapes import Field, MapOf, Place, Record, lowered, text
from airflow_provider_amlrest.emulator.arm.versions import Since

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.call import Call
    from airflow_provider_amlrest.emulator.store import JobRecord


def _untyped(value: Any, place: Place) -> Any:
    """Nodes and settings pass through as they were sent, as recorded."""
    lowered(value, place)
    return value


NOT_EMULATED = ("on_init", "on_finalize")
"""Settings that would let nodes run before and after the others."""
SHAPE = Record(
    "PipelineJob",
    **{name: member for name, member in BASE.items() if name != "queueSettings"},
    jobs=Field(MapOf(_untyped), dict),
    settings=_untyped,
    sourceJobId=Field(text, since=Since("2023-04-01", "2022-10-01")),
)


def _check(properties: Properties, call: Call) -> None:
    """The graph, and what its nodes refer to.

    Raises:
        MlError: 404 for a component or the default datastore, 400 for a compute or a node that cannot be.
    """
    if properties["sourceJobId"] or properties["componentId"]:
        raise not_emulated("pipelines of a source job or of a component, without nodes of their own")
    for name in NOT_EMULATED:
        if (properties["settings"] or {}).get(name):
            raise not_emulated(f"the setting {name} of pipelines")
    if not properties["jobs"]:
        raise JOBS.wrong("a pipeline needs a node")
    datastore = default_datastore(properties)
    if datastore not in call.workspace.datastores:
        raise MlError(404, f"Could not find datastore: {datastore}.", ("NotFoundError",))
    graph = read_graph(
        properties["jobs"],
        lambda reference: components.find(call.context.settings, call.store, call.workspace, reference),
        inputs=properties["inputs"],
        outputs=properties["outputs"],
    )
    for node in graph.values():
        need_compute(call, compute_id(node, properties, call.workspace, properties["inputs"]))
        # Their values are not known yet; everything else of the job is.
        inputs = {name: {"jobInputType": "literal", "value": ""} for name in node.inputs}
        job_properties(node, properties, call.workspace, inputs)


def _references(properties: Properties) -> tuple[str | None, ...]:
    return ()


def _service_properties(properties: Properties) -> dict[str, str]:
    # Recorded: a pipeline that is NotStarted has none; they come with its run.
    return {}


def _answer(job: JobRecord, answer: Properties) -> Properties:
    # Recorded: a pipeline has no output for its artifacts, and inputs are null if there are none.
    outputs = {name: output for name, output in answer["outputs"].items() if name != "default"}
    return {**answer, "outputs": outputs, "inputs": answer["inputs"] or None}


def _late_cancel(job: JobRecord) -> MlError:
    return MlError(
        400,
        f"The pipeline run {job.name} is in terminal status, it can't be canceled.",
        ("BadArgument", "ArgumentInvalid", "CancelPipelineRunInTerminalStatus"),
    )


KIND = Kind(
    "Pipeline",
    run_type="azureml.PipelineRun",
    shape=SHAPE,
    initial_status="NotStarted",
    references=_references,
    service_properties=_service_properties,
    check=_check,
    answer=_answer,
    has_tracking=True,
    step_type="azureml.StepRun",
    traits=("MFE", "HTTP", "DevPlatv2"),
    orchestrator="Pipeline",
    late_cancel=_late_cancel,
)
