"""Which processes show what a job carries and prints, where Airflow masks something of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred, mask_secret

from airflow_provider_amlrest.lifecycle.completion import show
from airflow_provider_amlrest.lifecycle.masking import (
    MASKED_PROPERTY,
    NOT_SHOWN,
    learn,
    masked,
    masks_the_same,
    may_show,
    note,
    visible,
    without_texts,
)
from airflow_provider_amlrest.lifecycle.record import JOB_KEY, JobRecord
from airflow_provider_amlrest.lifecycle.task_identity import IDENTITY_PROPERTY
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.jobs.search_space import parse_search_space
from airflow_provider_amlrest.sensors import AzureMLJobSensor
from tests.support.tasks import Try, as_stored, fire

SECRET = "a-secret-that-only-tasks-know-77c1"


@pytest.fixture(autouse=True)
def known() -> None:
    """This process has learned the secret, as a task's does when it renders its templates."""
    mask_secret(SECRET)


def job(**properties: str) -> Job:
    return Job("/j", "j", "Command", "Running", properties=properties, tags={"owner": SECRET})


def test_a_value_is_masked_however_deep_it_is() -> None:
    space = parse_search_space({"key": {"type": "choice", "values": [["a", [SECRET]]]}})
    body: Any = {"properties": {"a": {"b": {"c": {"d": {"e": {"f": [[f"x {SECRET}"]]}}}}}}}
    assert learn(body)
    assert SECRET not in json.dumps(masked(body))
    assert learn([one.arguments for one in space.values()])


def test_what_is_noted_does_not_depend_on_what_was_learned_before() -> None:
    """The line in the first text is masked only since the second one was looked at."""
    value = ["echo first-line-77c1", "first-line-77c1\nsecond-line-77c1"]
    mask_secret(value[1])
    noted = note(value)
    assert len(noted) == 2
    assert masks_the_same(noted, value)


def test_a_name_alone_makes_no_secret_of_a_value() -> None:
    """Else each ``max_tokens`` would cost a job its log. It is not shown, but it is not known either."""
    body = {"TOKENIZERS_PARALLELISM": "false", "max_tokens": "4096"}
    assert not learn(body)
    assert masked(body) == dict.fromkeys(body, "***")


def test_a_secret_of_several_lines_is_masked_line_by_line() -> None:
    lines = ["the first line of a key", "the second line of a key", "}"]
    mask_secret("\n".join(lines))
    assert learn({"PEM": "\n".join(["prefix", *lines, "suffix"])})
    assert masked([*lines, "prefix"]) == ["***", "***", "}", "prefix"]


@pytest.mark.parametrize(
    ("properties", "shown"),
    [
        ({}, True),
        ({IDENTITY_PROPERTY: "i", MASKED_PROPERTY: "false"}, True),
        ({IDENTITY_PROPERTY: "i", MASKED_PROPERTY: "true"}, False),
        # Of an earlier version of the provider, which did not say.
        ({IDENTITY_PROPERTY: "i"}, False),
    ],
)
def test_who_knows_no_secrets_shows_what_has_none(properties: dict[str, str], shown: bool) -> None:
    assert may_show(job(**properties)) is shown
    assert (SECRET in str(visible(job(**properties)))) is shown


def test_numbers_of_trials_are_no_secrets() -> None:
    assert without_texts({"rate": 0.1, "key": "x", "depth": 3}) == {"rate": 0.1, "depth": 3}


@pytest.fixture
def task(command_task: Any) -> Any:
    """Make a task whose job carries the secret."""

    def make(**says: Any) -> Any:
        tags = {f"emulator.{name}": str(value) for name, value in {"seconds": 0.4, **says}.items()}
        return command_task(environment_variables={"KEY": SECRET}, tags=tags)

    return make


def test_the_job_says_that_it_has_secrets(command_task: Any, client: Any) -> None:
    for secret, said in ((SECRET, "true"), ("no secret", "false")):
        attempt = Try(
            command_task(command=f"echo {secret}", wait_for_completion=False, tags={"emulator.seconds": "0"}),
            run_id=said,
        )
        found = client.get_job(attempt.execute()["name"])
        assert found.properties[MASKED_PROPERTY] == said
        shown = json.dumps(attempt.xcoms)
        assert secret in shown or "echo ***" in shown
        assert SECRET not in shown


def test_the_task_shows_all_of_the_log(task: Any, said: Any) -> None:
    Try(task(log_lines=4)).execute()
    text = said()
    assert text.count("| line 4 of 4") == text.count("| line 1 of 4") > 0
    assert NOT_SHOWN not in text


@pytest.fixture
def deferred(task: Any, request: pytest.FixtureRequest) -> Any:
    """A task that has deferred, and its trigger's event."""

    async def make(**says: Any) -> Any:
        attempt = Try(task(**says))
        attempt.task.deferrable = True
        with pytest.raises(TaskDeferred) as raised:
            attempt.task.execute(attempt.context)
        trigger = raised.value.trigger
        assert SECRET not in json.dumps(trigger.serialize())
        return attempt, await fire(as_stored(trigger))

    return make


@pytest.mark.parametrize("mode", ["deferred"])
async def test_the_triggerer_shows_nothing_and_who_resumes_shows_all(deferred: Any, said: Any) -> None:
    attempt, event = await deferred(log_lines=4, seconds=1)
    assert "| line" not in said()
    assert event["log"] == {}
    assert SECRET not in json.dumps(event)
    attempt.task.execute_complete(attempt.context, event)
    assert "| line 4 of 4" in said()


@pytest.mark.parametrize("mode", ["deferred"])
async def test_who_resumes_and_cannot_mask_shows_nothing(deferred: Any, said: Any) -> None:
    """As after a template that has made something else this time."""
    attempt, event = await deferred(log_lines=4, outcome="failed", error=f"denied for {SECRET}")
    attempt.task.environment_variables = attempt.task.tags = {"KEY": "another"}
    with pytest.raises(Exception, match="the reason is not shown here") as raised:
        attempt.task.execute_complete(attempt.context, event)
    assert SECRET not in str(raised.value)
    text = said()
    assert "| line" not in text
    assert NOT_SHOWN in text


def test_a_failure_is_told_without_the_secret(task: Any) -> None:
    with pytest.raises(Exception, match=r"denied for \*\*\*"):
        Try(task(outcome="failed", error=f"denied for {SECRET}")).execute()


def test_what_is_refused_is_quoted_masked(task: Any) -> None:
    made = task()
    made.timeout = f"{SECRET} s"
    with pytest.raises(AirflowFailException, match=r"timeout.*\*\*\* s"):
        Try(made).execute()


def test_lines_of_the_log_are_masked_before_they_are_written(said: Any) -> None:
    """Airflow 3.3 masks the task's log, but writes it to the worker's output as it is."""
    mask_secret("one part of a secret\nanother part of it")
    show(["before", f"KEY={SECRET}", "one part of a secret", "another part of it", "after"])
    text = said()
    assert SECRET not in text
    assert "part of" not in text
    assert all(line in text for line in ("| before", "| KEY=***", "| ***", "| after"))
    show([])
    assert "| \n" not in said()


@pytest.mark.parametrize("mode", ["sync"])
def test_a_sensor_tells_nothing_of_such_a_job(task: Any, said: Any) -> None:
    made = task(outcome="failed", error=f"denied for {SECRET}")
    made.wait_for_completion = False
    name = Try(made).execute()["name"]
    attempt = Try(AzureMLJobSensor(task_id="sense", job_name=name, poke_interval=0.2))
    with pytest.raises(AirflowFailException, match="the reason is not shown here"):
        attempt.execute()
    assert JobRecord.read(attempt.xcoms[JOB_KEY]) == JobRecord(name, "Command", "")
    assert "denied" not in said()


def test_a_sweep_of_secrets(sweep_task: Any) -> None:
    """The parameters of the best trial are masked; of a sensor there are only the numbers."""
    space = {
        "lr": {"type": "choice", "values": [0.1]},
        "key": {"type": "choice", "values": [SECRET]},
    }
    made = sweep_task(search_space=space, command="echo ${{search_space.lr}} ${{search_space.key}}")
    result = Try(made).execute()
    assert result["best_trial"]["params"] == {"lr": 0.1, "key": "***"}
    sensed = Try(AzureMLJobSensor(task_id="sense", job_name=result["name"], poke_interval=0.2)).execute()
    assert sensed["best_trial"]["params"] == {"lr": 0.1}


@pytest.mark.parametrize(
    "value",
    [None, "file:///objects/1", {}, {"name": 7}, {"name": "j", "request": {"tags": ["x"], "command": 7}}],
)
def test_odd_records_are_no_reason_to_fail(value: Any) -> None:
    record = JobRecord.read(value)
    assert record is None or record == JobRecord("j", "", "")
