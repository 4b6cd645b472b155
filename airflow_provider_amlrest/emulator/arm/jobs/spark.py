"""Spark jobs, as ARM takes and answers them. No exchange with the service was recorded."""

from __future__ import annotations

from airflow_provider_amlrest.emulator.arm.jobs.kind import Kind, Properties
from airflow_provider_amlrest.emulator.arm.jobs.shapes import BASE
from airflow_provider_amlrest.emulator.arm.shapes import (
    Field,
    ListOf,
    Record,
    Union,
    filled,
    required,
    string_map,
    text,
)
from airflow_provider_amlrest.emulator.arm.versions import Since

SINCE = Since("2024-04-01", "2022-10-01")
ENTRY = Union(
    "sparkJobEntryType",
    SparkJobPythonEntry=Record("SparkJobPythonEntry", file=required(filled)),
    SparkJobScalaEntry=Record("SparkJobScalaEntry", className=required(filled)),
)
SHAPE = Record(
    "SparkJob",
    **BASE,
    codeId=required(filled),
    entry=required(ENTRY),
    args=text,
    # Any names and values: driver and executor settings are checked by Microsoft's client, and by Spark.
    conf=string_map,
    pyFiles=ListOf(text),
    jars=ListOf(text),
    files=ListOf(text),
    archives=ListOf(text),
    environmentId=text,
    environmentVariables=string_map,
    resources=Record("SparkResourceConfiguration", instanceType=text, runtimeVersion=Field(text, "3.1")),
)
SHAPE.since = SINCE


def _references(properties: Properties) -> tuple[str | None, ...]:
    return properties["environmentId"], properties["codeId"]


def _service_properties(properties: Properties) -> dict[str, str]:
    return {}


KIND = Kind(
    "Spark",
    # Best guesses: the type, the first status, and that its services name the MLflow endpoint.
    run_type="azureml.scriptrun",
    shape=SHAPE,
    initial_status="Starting",
    references=_references,
    service_properties=_service_properties,
    has_tracking=True,
    occupies_nodes=True,
    since=SINCE,
)
