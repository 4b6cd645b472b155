"""What templates have made of the arguments of tasks that submit jobs is read here, and only here.

It is imported when a task runs: parsing a DAG needs none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_amlrest.lifecycle.job_request import JobRequest
from airflow_provider_amlrest.lifecycle.naming import MAX_CHOSEN_LENGTH
from airflow_provider_amlrest.lifecycle.task_identity import PROPERTIES, TAGS
from airflow_provider_amlrest.operators.base import text
from airflow_provider_amlrest.rest.jobs import lookups
from airflow_provider_amlrest.rest.jobs.command import (
    CommandJob,
    check_command,
    parse_command_limits,
    parse_distribution,
    parse_resources,
)
from airflow_provider_amlrest.rest.jobs.job import (
    JobSpec,
    parse_identity,
    parse_job_tier,
    parse_outputs,
    parse_services,
)
from airflow_provider_amlrest.rest.jobs.search_space import parse_search_space
from airflow_provider_amlrest.rest.jobs.sweep import (
    SamplingAlgorithm,
    SweepJob,
    Trial,
    check_sweep,
    parse_early_termination,
    parse_objective,
    parse_sampling_algorithm,
    parse_sweep_limits,
)
from airflow_provider_amlrest.rest.reading import values
from airflow_provider_amlrest.rest.reading.fields import check_name, one_of, string_map, text_list
from airflow_provider_amlrest.rest.reading.text_limits import check_experiment, check_pairs, check_text


@dataclass(frozen=True)
class WaitOptions:
    """How a task waits for its job; what templates have made of the arguments is read here, and only here."""

    wait_for_completion: bool
    deferrable: bool
    poll_interval: float
    timeout: float | None
    on_timeout: str
    cancel_on_kill: bool
    resubmit_canceled: bool
    get_logs: bool
    require_metrics: tuple[str, ...]


def read_wait_options(task: Any) -> WaitOptions:
    """Read the rendered arguments of a task. Raises InvalidSpecError for one that is not what it must be."""
    return WaitOptions(
        wait_for_completion=values.boolean("wait_for_completion", task.wait_for_completion),
        deferrable=values.boolean("deferrable", task.deferrable),
        poll_interval=values.required_seconds("poll_interval", task.poll_interval),
        timeout=values.optional_seconds("timeout", task.timeout),
        on_timeout=one_of("on_timeout", task.on_timeout, ("cancel", "leave")),
        cancel_on_kill=values.boolean("cancel_on_kill", task.cancel_on_kill),
        resubmit_canceled=values.boolean("resubmit_canceled", task.resubmit_canceled),
        get_logs=values.boolean("get_logs", task.get_logs),
        require_metrics=text_list("require_metrics", task.require_metrics),
    )


def _common(task: Any) -> dict[str, Any]:
    """The members that both kinds of job have, as far as they need no asking."""
    if task.job_name is not None:
        check_name("job_name", text("job_name", task.job_name), MAX_CHOSEN_LENGTH)
    return {
        "outputs": parse_outputs("outputs", task.outputs),
        "experiment_name": check_experiment("experiment_name", text("experiment_name", task.experiment_name)),
        "display_name": check_text("display_name", text("display_name", task.display_name)),
        "description": check_text("description", text("description", task.description)),
        "tags": check_pairs("tags", string_map("tags", task.tags), TAGS),
        "properties": check_pairs("properties", string_map("properties", task.properties), PROPERTIES),
        "identity": parse_identity("identity", task.identity),
        "services": parse_services("services", task.services),
        "job_tier": parse_job_tier("queue_settings", task.queue_settings),
    }


def _run(task: Any) -> dict[str, Any]:
    """The members that a command job and a sweep's trial have; the environment is looked up later."""
    return {
        "command": task.command,
        "environment": "",
        "environment_variables": string_map("environment_variables", task.environment_variables),
        "distribution": parse_distribution("distribution", task.distribution),
        "resources": parse_resources(
            task.instance_count, task.instance_type, task.shm_size, task.docker_args, task.job_resources
        ),
    }


def read_command(task: Any, base: Path) -> JobRequest:
    """What a task was asked for that submits a command job."""
    job = CommandJob(
        **_common(task),
        **_run(task),
        timeout=parse_command_limits("limits", task.limits),
    )
    return _request(task, job, base)


def read_sweep(task: Any, base: Path) -> JobRequest:
    """What a task was asked for that submits a sweep."""
    sampling = parse_sampling_algorithm("sampling_algorithm", task.sampling_algorithm)
    job = SweepJob(
        **_common(task),
        trial=Trial(**_run(task)),
        search_space=parse_search_space(task.search_space),
        objective=parse_objective("objective", task.objective),
        sampling_algorithm=sampling or SamplingAlgorithm("random"),
        limits=parse_sweep_limits("limits", task.limits),
        early_termination=parse_early_termination("early_termination", task.early_termination),
    )
    check_sweep(job)
    return _request(task, job, base)


def _request(task: Any, job: JobSpec, base: Path) -> JobRequest:
    """Read the references, and check the command against the names that there are."""
    inputs = lookups.read_inputs(task.inputs)
    for name in check_command("command", task.command, {"inputs": inputs, **job.placeholders()}):
        task.log.warning("The command never uses the sweep's parameter ${{search_space.%s}}.", name)
    environment = lookups.read_environment(task.environment)
    return JobRequest(job, environment, lookups.read_code(task.code, base), inputs)
