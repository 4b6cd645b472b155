"""Pipeline jobs: steps, and how data goes from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.graph import check_graph
from airflow_provider_amlrest.rest.jobs.kind import Kind
from airflow_provider_amlrest.rest.jobs.lookups import read_compute
from airflow_provider_amlrest.rest.jobs.spec import JobSpec, read_common, without
from airflow_provider_amlrest.rest.jobs.steps import Step, read_steps
from airflow_provider_amlrest.rest.reading.documents import Document, read_document
from airflow_provider_amlrest.rest.reading.fields import no_other_keys, text
from airflow_provider_amlrest.rest.reading.plain import plain
from airflow_provider_amlrest.rest.reading.values import boolean, mapping
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire

SETTINGS = (
    *(
        "default_compute",
        "default_datastore",
        "continue_on_step_failure",
        "continue_run_on_failed_optional_input",
    ),
    *("force_rerun", "on_init", "on_finalize"),
)


@dataclass(frozen=True, kw_only=True)
class PipelineJob(JobSpec):
    """``settings``: in the words of the CLI, what is to be looked up among them."""

    job_type = "Pipeline"

    steps: Mapping[str, Step]
    settings: Mapping[str, Any] = field(default_factory=dict)


def _read(given: Given) -> PipelineJob:
    # Steps have the modes that their components ask for.
    given = replace(given, arguments=given, input_mode=None, output_mode=None)
    inputs, outputs = mapping("inputs", given["inputs"]), mapping("outputs", given["outputs"])
    jobs = plain("jobs", given["jobs"])
    document, source = Document({"jobs": jobs, "outputs": outputs}, given.base), "YAML.JOB"
    if (component := given["component"]) is not None:
        if jobs is not None:
            raise InvalidSpecError("jobs", "there is a component as well; give one.")
        inner = read_document("component", Path(str(component).removeprefix("file:")), given.base)
        document, source = replace(inner, values={**inner.values, "outputs": outputs}), "YAML.COMPONENT"
        if "jobs" not in inner.values:
            raise InvalidSpecError("component", f"{component!r} is not a pipeline component: it has no jobs.")
    steps = read_steps(document, "jobs.", inputs)
    if not steps:
        raise InvalidSpecError("jobs", "it is missing; give the steps of the pipeline by their names.")
    check_graph(steps, inputs, outputs)
    settings = {**_settings(given["settings"]), "_source": source}
    return PipelineJob(**read_common(given), steps=steps, settings=settings)


def _settings(value: Any) -> dict[str, Any]:
    given = dict(mapping("settings", value))
    no_other_keys("settings", given, SETTINGS)
    settings: dict[str, Any] = {}
    for name, member in given.items():
        if member is None:
            continue
        if name == "default_compute":
            settings[name] = read_compute(f"settings.{name}", text(f"settings.{name}", member))
        elif name.startswith("default"):
            settings[name] = str(text(f"settings.{name}", member)).removeprefix("azureml:")
        elif name.startswith("on_"):
            settings[name] = text(f"settings.{name}", member)
        else:
            settings[name] = boolean(f"settings.{name}", member)
    return settings


def _body(spelling: Spelling, job: PipelineJob) -> Wire:
    return {
        "jobs": {name: dict(step.wire) for name, step in job.steps.items()},
        "settings": dict(job.settings),
    }


KIND = Kind(
    "Pipeline",
    read=_read,
    keys={
        **without("queue_settings"),
        **{name: name for name in ("jobs", "component", "settings")},
    },
    body=_body,
    wants_user_token=True,
    has_steps=True,
)
