"""Prints, as JSON, the keys that the schemas of azure-ai-ml have for jobs, steps and components."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from marshmallow import fields

logging.disable(logging.CRITICAL)

AUTOML = ("Classification", "Regression", "Forecasting")
SCHEMAS = {
    "job command": ["job.command_job:CommandJobSchema"],
    "job sweep": ["_sweep.sweep_job:SweepJobSchema"],
    "job pipeline": ["pipeline.pipeline_job:PipelineJobSchema"],
    "job spark": ["job.spark_job:SparkJobSchema"],
    "job automl": [
        *(f"automl:AutoML{task}Schema" for task in AUTOML),
        *("pipeline.automl_node:ImageObjectDetectionSchema", "pipeline.automl_node:TextNerSchema"),
    ],
    "step command": ["pipeline.component_job:CommandSchema"],
    "step sweep": ["pipeline.component_job:SweepSchema"],
    "step parallel": ["pipeline.component_job:ParallelSchema"],
    "step spark": ["pipeline.component_job:SparkSchema"],
    "step pipeline": ["pipeline.pipeline_component:PipelineSchema"],
    "step automl": [
        *(f"pipeline.automl_node:AutoML{task}NodeSchema" for task in AUTOML),
        *("pipeline.automl_node:ImageObjectDetectionNodeSchema", "pipeline.automl_node:AutoMLTextNerNode"),
    ],
    "component command": ["component.command_component:CommandComponentSchema"],
    "component parallel": ["component.parallel_component:ParallelComponentSchema"],
    "component spark": ["component.spark_component:SparkComponentSchema"],
    "component pipeline": ["pipeline.pipeline_component:PipelineComponentSchema"],
}
OPEN = ("jobs", "component", "trial", "search_space")
"""Keys whose members are not those of one mapping."""


def members(field: Any) -> Iterator[tuple[str, Any]]:
    """The members of a key that holds a mapping, or one of several kinds of mapping."""
    if isinstance(field, fields.Nested):
        for name, member in field.schema.fields.items():
            if not member.dump_only:
                yield member.data_key or name, member
    elif isinstance(field, fields.Dict) and field.value_field is not None:
        yield from ((f"<name>.{name}", member) for name, member in members(field.value_field))
    for inner in getattr(field, "_union_fields", ()):
        yield from members(inner)
    if hasattr(field, "_experimental_field"):
        yield from members(field._experimental_field)


def keys(place: str) -> Iterator[str]:
    for where in SCHEMAS[place]:
        module, _, name = where.partition(":")
        schema = getattr(import_module(f"azure.ai.ml._schema.{module}"), name)
        for key, field in schema(context={"base_path": "./"}).fields.items():
            written = field.data_key or key
            yield written
            if written not in OPEN:
                yield from (f"{written}.{member}" for member, _ in members(field))


print(json.dumps({place: sorted(set(keys(place))) for place in SCHEMAS}))  # noqa: T201
