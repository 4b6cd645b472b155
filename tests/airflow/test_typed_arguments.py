"""Numbers, booleans, mappings and lists that came out of Jinja mean what they say, in every operator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from airflow_provider_amlrest.lifecycle.task_identity import PROPERTIES, TAGS
from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLFindOrphansOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitSweepJobOperator,
)
from airflow_provider_amlrest.sensors import AzureMLJobSensor
from tests.support.tasks import Try, read_job

ENVIRONMENT = "AzureML-sklearn-1.5:1"
JOB = {"command": "echo ${{inputs.x}}", "environment": ENVIRONMENT, "inputs": {"x": 1}}
SWEEP = {
    "command": "echo ${{search_space.lr}}",
    "environment": ENVIRONMENT,
    "search_space": {"lr": {"type": "choice", "values": [1, 2]}},
    "objective": {"goal": "minimize", "primary_metric": "loss"},
}


def body(task: Any) -> Any:
    """The job that a rendered task asks for."""
    attempt = Try(task)
    task.render_template_fields(
        attempt.context | {"params": {"n": 2, "no": False, "limits": {"timeout": 60}}}
    )
    return read_job(task, attempt.folder)


def test_a_command_job() -> None:
    job = body(
        AzureMLSubmitCommandJobOperator(
            task_id="t",
            **JOB,
            instance_count="{{ params.n }}",
            limits="{{ params.limits }}",
            distribution={"type": "mpi", "process_count_per_instance": "{{ params.n * 2 }}"},
            services={"shell": {"type": "ssh", "all_nodes": "{{ params.no }}"}},
            tags="{{ {'a': params.n} }}",
            outputs="{{ {'m': {'type': 'mlflow_model'}} }}",
            environment_variables="{{ {'A': params.n} }}",
        )
    )
    assert job.resources.instance_count == 2
    assert job.timeout == 60.0
    assert job.distribution.process_count_per_instance == 4
    assert job.services["shell"].all_nodes is False
    assert (job.tags, job.environment_variables) == ({"a": "2"}, {"A": "2"})
    assert job.outputs["m"].type == "mlflow_model"


def test_a_sweep() -> None:
    job = body(
        AzureMLSubmitSweepJobOperator(
            task_id="t",
            **{**SWEEP, "search_space": {"lr": {"type": "randint", "upper": "{{ params.n }}"}}},
            limits={"max_total_trials": "{{ params.n }}", "timeout": timedelta(minutes=1)},
            early_termination={"type": "bandit", "slack_factor": "{{ 1 / params.n }}"},
        )
    )
    assert job.search_space["lr"].arguments == (2,)
    assert (job.limits.max_total_trials, job.limits.timeout) == (2, 60.0)
    assert job.early_termination.slack_factor == 0.5


NO = "{{ not ds }}"


def test_false_is_false(connection: str, client: Any, emulator: Any) -> None:
    task = AzureMLSubmitCommandJobOperator(
        task_id="false-is-false",
        **JOB,
        tags={"emulator.outcome": "stuck"},
        wait_for_completion=NO,
        cancel_on_kill=NO,
        deferrable=NO,
        get_logs=NO,
    )
    result = Try(task).execute()
    assert set(result) == {"name", "id", "status", "studio_url"}
    job = client.get_job(result["name"])
    assert job.tags["airflow_outlives_task"] == "true"
    # What is left for the user's own.
    assert sum(name.startswith("airflow_") for name in job.properties) == PROPERTIES
    assert sum(name.startswith("airflow_") for name in job.tags) <= TAGS
    mark = emulator.mark()
    task.on_kill()
    assert emulator.asked(path="/cancel", since=mark) == []
    client.cancel_job(result["name"])


def test_a_trigger_gets_values(connection: str, client: Any) -> None:
    task = AzureMLSubmitCommandJobOperator(
        task_id="a-trigger",
        **JOB,
        tags={"emulator.outcome": "stuck"},
        deferrable="{{ not not ds }}",
        cancel_on_kill=NO,
        get_logs=NO,
        poll_interval="{{ 1 / 2 }}",
        timeout="{{ 60 * 60 }}",
    )
    attempt = Try(task)
    task.render_template_fields(attempt.context)
    with pytest.raises(TaskDeferred) as caught:
        task.execute(attempt.context)
    _, arguments = caught.value.trigger.serialize()
    assert arguments["cancel_on_kill"] is False
    assert arguments["log"] is None
    assert arguments["poll_interval"] == 0.5
    assert isinstance(arguments["deadline"], float)
    client.cancel_job(arguments["job_name"])


def test_the_sensor(connection: str, client: Any) -> None:
    submit = AzureMLSubmitCommandJobOperator(
        task_id="the-sensor", **JOB, tags={"emulator.seconds": "0"}, wait_for_completion=False
    )
    name = Try(submit).execute()["name"]
    sensor = AzureMLJobSensor(
        task_id="s", job_name=name, poke_interval=0.2, deferrable=NO, require_metrics="{{ [] }}"
    )
    assert Try(sensor).execute()["status"] == "Completed"


BAD = [
    (AzureMLSubmitCommandJobOperator, JOB, name, "flase", "must be true or false")
    for name in ("wait_for_completion", "deferrable", "cancel_on_kill", "get_logs")
] + [
    (AzureMLSubmitCommandJobOperator, JOB, "instance_count", "many", "must be a whole number from 1"),
    (AzureMLSubmitCommandJobOperator, JOB, "timeout", "soon", "must be a number of seconds"),
    (AzureMLSubmitCommandJobOperator, JOB, "poll_interval", "", "must be a number of seconds"),
    (
        AzureMLSubmitCommandJobOperator,
        JOB,
        "require_metrics",
        "auc",
        'must be a list of names, such as ["auc"]',
    ),
    (AzureMLSubmitCommandJobOperator, JOB, "on_timeout", "kill", "is not one of: cancel, leave"),
    (
        AzureMLSubmitCommandJobOperator,
        JOB,
        "experiment_name",
        "feature/x",
        "is not a valid name of an experiment",
    ),
    (
        AzureMLSubmitSweepJobOperator,
        SWEEP,
        "experiment_name",
        "feature/x",
        "is not a valid name of an experiment",
    ),
    (AzureMLJobSensor, {"job_name": "x"}, "deferrable", "flase", "must be true or false"),
    (AzureMLJobSensor, {"job_name": "x"}, "require_metrics", "auc", "must be a list of names"),
    (AzureMLFindOrphansOperator, {}, "cancel", "flase", "must be true or false"),
    (AzureMLFindOrphansOperator, {}, "min_age", "None", "must be a number of seconds"),
    (AzureMLFindOrphansOperator, {}, "max_age", "old", "must be a number of seconds"),
    *(
        (AzureMLCreateEnvironmentOperator, {"name": "e", "image": "i"}, *case)
        for case in (
            ("wait_for_build", "flase", "must be true or false"),
            ("poll_interval", "0", "must be a number of seconds"),
            ("timeout", "soon", "must be a number of seconds"),
        )
    ),
]


@pytest.mark.parametrize(
    ("cls", "arguments", "field", "value", "words"), BAD, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_text_that_says_no_such_value_is_refused_before_any_request(
    connection: str, emulator: Any, cls: Any, arguments: Any, field: str, value: str, words: str
) -> None:
    mark = emulator.mark()
    with pytest.raises(AirflowFailException) as caught:
        Try(cls(task_id="bad", **arguments, **{field: value})).execute()
    assert f"{field}: {value!r} {words}" in str(caught.value)
    assert emulator.asked(since=mark) == []


def test_orphans(connection: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_amlrest.operators import orphans

    asked: dict[str, Any] = {}
    monkeypatch.setattr(orphans, "find_orphans", lambda client, states, **given: asked.update(given) or [])
    task = AzureMLFindOrphansOperator(task_id="o", cancel=NO, min_age="{{ 60 }}", max_age=timedelta(days=1))
    nothing = {"found": 0, "canceled": 0, "orphans": [], "deleted": 0, "resources": []}
    assert Try(task).execute() == nothing
    assert (asked["min_age"], asked["max_age"]) == (60.0, 86400.0)
