"""The output of a job that a model is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES
from airflow_provider_amlrest.rest.assets.uris import ARTIFACTS, artifact_uri, job_output
from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError
from airflow_provider_amlrest.rest.jobs import has_steps, has_trials
from airflow_provider_amlrest.rest.jobs.status import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_amlrest.rest.client import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job, Output


@dataclass(frozen=True)
class JobOutput:
    """What a run has written. ``type``: of a model, if the output has one."""

    run: str
    uri: str
    type: str | None = None


class JobNotCompletedError(AzureMLError):
    """The job has not ended yet."""


def find_output(
    client: AzureMLClient, job_name: str, output: str | None, path: str = "", step: str | None = None
) -> JobOutput:
    """An output of a job that has completed; of a sweep, that of its best trial.

    :param output: its name, or ``artifacts``; None: the only one that there is.
    :param path: below the output.
    :param step: the name of a pipeline's step, whose output it is.
    :raises InvalidSpecError: if there is no such step or output, or the job has not completed and never will.
    :raises JobNotCompletedError: if it has not ended yet.
    """
    job = client.get_job(job_name)
    if job.outcome is Outcome.ACTIVE:
        raise JobNotCompletedError(f"job_name: {job_name} is {job.status}, and has not ended yet.")
    if job.outcome is not Outcome.SUCCEEDED:
        raise InvalidSpecError("job_name", f"{job_name} is {job.status}, not Completed.")
    run = _run(client, job, step)
    outputs = client.get_job(run).outputs if step is not None else job.outputs
    name = _name(job_name, outputs, output)
    of_a_model = name in outputs and outputs[name].type in MODEL_TYPES
    type_ = outputs[name].type if of_a_model else None
    if not client.operations.spelling.is_of_2021:
        return JobOutput(run, job_output(run, name, path), type_)
    if name == ARTIFACTS:
        return JobOutput(run, artifact_uri(run, path))
    return JobOutput(run, f"{job.output_uris(run)[name].rstrip('/')}/{path}", type_)


def _run(client: AzureMLClient, job: Job, step: str | None) -> str:
    """The run that has written the outputs."""
    if step is None:
        if not has_trials(job.type):
            return job.name
        best = client.get_best_trial(job.name)
        if best is None:
            raise InvalidSpecError(
                "job_name", f"no trial of the sweep {job.name} has reported {job.primary_metric!r}."
            )
        return str(best.name)
    if not has_steps(job.type):
        raise InvalidSpecError("step", f"{job.name} is a {job.type.lower()} job, which has no steps.")
    steps = {run.display_name or run.name: run.name for run in client.list_children(job.name)}
    if step not in steps:
        raise InvalidSpecError("step", f"{job.name} has no step {step!r}; it has {_listed(steps)}.")
    return str(steps[step])


def _name(job_name: str, outputs: Mapping[str, Output], output: str | None) -> str:
    names = sorted(name for name in outputs if name != "default")
    if output is None:
        if len(names) != 1:
            raise InvalidSpecError(
                "job_output",
                f"{job_name} has {_listed(names)}: name the one that is the model, or {ARTIFACTS!r} for "
                "what the run has logged to MLflow.",
            )
        return names[0]
    if output not in (*names, ARTIFACTS):
        raise InvalidSpecError("job_output", f"{job_name} has no output {output!r}; it has {_listed(names)}.")
    return output


def _listed(names: Mapping[str, str] | list[str]) -> str:
    return ", ".join(map(repr, sorted(names))) or "none"
