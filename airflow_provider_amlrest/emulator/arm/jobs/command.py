"""Command jobs, as ARM takes and answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.arm.jobs import wire_2021
from airflow_provider_amlrest.emulator.arm.jobs.kind import Kind, Properties, Wire2021
from airflow_provider_amlrest.emulator.arm.jobs.shapes import BASE, RUN, resources
from airflow_provider_amlrest.emulator.arm.shapes import Field, Record, Union, anything, duration, of_previews

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.arm.call import Call
    from airflow_provider_amlrest.emulator.store import JobRecord

SHAPE = Record(
    "CommandJob",
    **BASE,
    **RUN,
    resources=resources("2g"),
    limits=Union("jobLimitsType", Command=Record("CommandJobLimits", timeout=duration)),
    autologgerSettings=of_previews("2022-10-01", "2024-04-01"),
    parameters=Field(anything, answered=True),
)
SHAPE_2021 = Record(
    "CommandJob", **wire_2021.BASE, **wire_2021.RUN, parameters=Field(anything, answered=True)
)


def _references(properties: Properties) -> tuple[str | None, ...]:
    return properties["environmentId"], properties["codeId"]


def _service_properties(properties: Properties) -> dict[str, str]:
    return {"_azureml.ComputeTargetType": "amlctrain"}


def _answer(job: JobRecord, answer: Properties) -> Properties:
    return {**answer, "parameters": job.params}


def _from_2021(sent: dict[str, Any], call: Call) -> Properties:
    limits = {"jobLimitsType": "Command", "timeout": sent["timeout"]} if sent["timeout"] else None
    return (
        wire_2021.base_to_canonical(sent)
        | wire_2021.run_to_canonical(sent, sent["compute"])
        | wire_2021.bindings_to_canonical(sent, call)
        | {"limits": limits}
    )


def _to_2021(canonical: Properties) -> Properties:
    return (
        wire_2021.base_from_canonical(canonical, canonical)
        | wire_2021.run_from_canonical(canonical, canonical)
        | {"timeout": (canonical["limits"] or {}).get("timeout")}
    )


KIND = Kind(
    "Command",
    run_type="azureml.scriptrun",
    shape=SHAPE,
    initial_status="Starting",
    references=_references,
    service_properties=_service_properties,
    answer=_answer,
    has_tracking=True,
    occupies_nodes=True,
    wire_2021=Wire2021(SHAPE_2021, _from_2021, _to_2021),
)
