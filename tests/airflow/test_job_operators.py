"""Submit operators: once, whatever crashes; green only when the job completed."""

from __future__ import annotations

import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.lifecycle.cancellation import JobCanceledError
from airflow_provider_amlrest.lifecycle.completion import JobTimeoutError
from airflow_provider_amlrest.lifecycle.record import JOB_KEY, RESULT_KEY, JobRecord
from airflow_provider_amlrest.lifecycle.request_body import REQUEST_KEY
from airflow_provider_amlrest.lifecycle.results import JobFailedError
from airflow_provider_amlrest.links import AzureMLStudioLink
from airflow_provider_amlrest.rest.http.errors import AzureMLError, UnreachableError
from tests.support.tasks import Try, submit
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("patient_submission")


def jobs_of(client: Any, name: str) -> list[str]:
    """Names of the jobs whose name begins so, oldest first."""
    return sorted(
        (job.name for job in client.list_jobs() if job.name.startswith(name)), key=lambda n: (len(n), n)
    )


def test_a_completed_job_is_green_with_metrics_and_outputs(command_task: Any) -> None:
    task = command_task(
        outputs={"model": "uri_folder"},
        tags={"emulator.seconds": "0.1", "emulator.metrics": json.dumps({"auc": 0.93})},
    )
    attempt = Try(task)
    result = attempt.execute()
    assert result["status"] == "Completed"
    assert result["metrics"] == {"auc": 0.93}
    assert result["outputs"] == {
        "model": f"azureml://datastores/workspaceblobstore/paths/azureml/{result['name']}/model/"
    }
    assert result["id"].endswith(f"/jobs/{result['name']}")
    assert set(attempt.xcoms) == {AzureMLStudioLink.key, JOB_KEY, REQUEST_KEY, RESULT_KEY, "outputs.model"}
    assert attempt.xcoms["outputs.model"] == result["outputs"]["model"]
    assert attempt.xcoms[AzureMLStudioLink.key] == result["studio_url"]
    record = JobRecord.read(json.loads(json.dumps(attempt.xcoms[JOB_KEY])))
    assert record == JobRecord(result["name"], "Command", record.experiment_name, record.request)
    assert record.request.command == "echo hello"
    assert f"/runs/{result['name']}?wsid=" in result["studio_url"]
    assert "&tid=" in result["studio_url"]
    assert len(json.dumps(result)) < 8192


def test_the_xcom_says_as_what_outputs_were_registered(command_task: Any, mode: str) -> None:
    outputs = {
        "scores": {"name": f"{mode}-scores", "type": "uri_file"},
        "model": {"name": f"{mode}-model", "type": "custom_model"},
        "other": "uri_folder",
    }
    results = [Try(command_task(outputs=outputs), run_id=f"{number}").execute() for number in (1, 2)]
    assert [result["registered_outputs"] for result in results] == [
        {"scores": f"azureml:{mode}-scores:{number}", "model": f"azureml:{mode}-model:{number}"}
        for number in ("1", "2")
    ]
    assert results[1]["outputs"].keys() == {"scores", "model", "other"}


def test_the_job_says_who_made_it(command_task: Any, client: Any) -> None:
    task = command_task(
        tags={"emulator.seconds": "0", "team": "iris", "airflow_try_number": "mine"}, properties={"cost": 7}
    )
    job = client.get_job(Try(task, map_index=3).execute()["name"])
    assert job.properties["cost"] == "7"
    tags = job.tags
    assert tags["airflow_map_index"] == "3"
    assert tags["airflow_try_number"] == "mine"
    assert tags["airflow_dag_id"] == "tests"
    assert tags["airflow_run_id"] == "manual__2026-01-01T00:00:00+00:00"
    assert tags["team"] == "iris"


def test_templates_are_rendered_and_azure_ml_expressions_are_not(command_task: Any, client: Any) -> None:
    task = command_task(
        command="python train.py --day {{ ds }} --lr ${{inputs.lr}}",
        inputs={"lr": 0.1},
        display_name="train {{ ds }}",
    )
    result = Try(task).execute()
    assert client.get_job(result["name"]).display_name == "train 2026-01-01"
    assert task.command == "python train.py --day 2026-01-01 --lr ${{inputs.lr}}"


def test_without_waiting_the_task_ends_when_the_job_exists(command_task: Any, client: Any) -> None:
    result = Try(command_task(wait_for_completion=False, tags={"emulator.outcome": "stuck"})).execute()
    assert set(result) == {"name", "id", "status", "studio_url"}
    client.cancel_job(result["name"])


def test_a_failed_job_fails_the_task_with_its_error_and_link(command_task: Any) -> None:
    task = command_task(
        tags={"emulator.outcome": "failed", "emulator.seconds": "0.1", "emulator.error": "out of memory"}
    )
    with pytest.raises(JobFailedError, match=r"(?s)out of memory.*https://.*/runs/"):
        Try(task).execute()


def test_a_canceled_job_fails_the_task(command_task: Any) -> None:
    task = command_task(tags={"emulator.outcome": "canceled", "emulator.seconds": "0.1"})
    with pytest.raises(AirflowFailException, match="was canceled by somebody"):
        Try(task).execute()


def test_a_retry_after_a_crash_finds_the_running_job(command_task: Any, client: Any) -> None:
    crashed = command_task(wait_for_completion=False, tags={"emulator.seconds": "1"})
    first = Try(crashed).execute()
    retry = Try(command_task(tags={"emulator.seconds": "1"}), try_number=2)
    second = retry.execute()
    assert second["name"] == first["name"]
    assert second["status"] == "Completed"
    assert jobs_of(client, first["name"]) == [first["name"]]


def test_two_workers_that_run_the_same_try_have_one_job(command_task: Any, client: Any) -> None:
    tasks = [command_task(tags={"emulator.seconds": "1"}) for _ in range(4)]
    with ThreadPoolExecutor(4) as workers:
        [name] = set(workers.map(lambda task: submit(task, Try(task)), tasks))
    assert jobs_of(client, name) == [name]


def test_a_retry_takes_the_result_of_a_job_that_completed_meanwhile(command_task: Any, client: Any) -> None:
    first = Try(command_task()).execute()
    again = Try(command_task(), try_number=2).execute()
    assert again == first
    assert jobs_of(client, first["name"]) == [first["name"]]


def test_a_retry_after_a_failed_job_submits_a_new_one(command_task: Any, client: Any) -> None:
    failing = command_task(tags={"emulator.outcome": "failed", "emulator.seconds": "0"})
    with pytest.raises(JobFailedError, match="failed: "):
        Try(failing).execute()
    result = Try(command_task(), try_number=2).execute()
    base = result["name"].removesuffix("-2")
    assert jobs_of(client, base) == [base, f"{base}-2"]


def test_a_clear_submits_a_new_job(command_task: Any, client: Any) -> None:
    first = Try(command_task()).execute()
    # A clear sets max_tries to try_number + retries: Airflow 2.11 to 3.3.
    cleared = Try(command_task(), try_number=2, max_tries=1).execute()
    assert cleared["name"] != first["name"]
    assert client.get_job(cleared["name"]).status == "Completed"


def test_mapped_tasks_and_other_runs_have_jobs_of_their_own(command_task: Any) -> None:
    names = {
        Try(command_task(), map_index=index, run_id=run).execute()["name"]
        for index in (-1, 0, 1)
        for run in ("a", "b")
    }
    assert len(names) == 6


def test_changed_work_within_a_generation_is_a_new_job(command_task: Any, said: Any) -> None:
    first = Try(command_task()).execute()
    second = Try(command_task(command="echo other"), try_number=2).execute()
    assert second["name"] == f"{first['name']}-2"
    assert "Something else is asked for than when job" in said()


def test_an_active_job_of_changed_work_is_canceled(command_task: Any, client: Any) -> None:
    stuck = {"emulator.outcome": "stuck"}
    first = Try(command_task(wait_for_completion=False, tags=stuck)).execute()["name"]
    Try(command_task(command="echo other"), try_number=2).execute()
    assert status_soon(client, first) == "Canceled"


def test_an_active_job_of_changed_work_goes_on_if_the_user_wants_so(command_task: Any, client: Any) -> None:
    stuck: dict[str, Any] = {"cancel_on_kill": False, "tags": {"emulator.outcome": "stuck"}}
    first = Try(command_task(wait_for_completion=False, **stuck)).execute()["name"]
    stuck["tags"] = {}
    Try(command_task(command="echo other", **stuck), try_number=2).execute()
    assert client.get_job(first).outcome == "active"
    client.cancel_job(first)


@pytest.mark.parametrize("changed", ["display_name", "description", "experiment_name"])
def test_another_description_is_no_other_work(command_task: Any, changed: str) -> None:
    first = Try(command_task()).execute()
    assert Try(command_task(**{changed: "new"}), try_number=2).execute() == first


def test_a_clear_ends_what_it_has_left_running(command_task: Any, client: Any) -> None:
    stuck = command_task(wait_for_completion=False, tags={"emulator.outcome": "stuck"})
    first = Try(stuck).execute()["name"]
    Try(command_task(), try_number=2, max_tries=1).execute()
    assert status_soon(client, first) == "Canceled"


def test_a_retry_that_finds_its_job_asks_for_nothing_else(command_task: Any, emulator: Any) -> None:
    first = Try(command_task()).execute()
    mark = emulator.mark()
    Try(command_task(), try_number=2).execute()
    asked = {entry["path"].rpartition("/workspaces/")[2] for entry in emulator.asked(since=mark)}
    assert not [path for path in asked if "/computes" in path or "/environments" in path]
    assert first["name"] in str(asked)


def test_a_name_of_ones_own(command_task: Any, mode: str) -> None:
    assert Try(command_task(job_name=mode + "-{{ ds }}")).execute()["name"] == f"{mode}-2026-01-01"


def test_the_job_of_another_run_is_never_taken_over(command_task: Any, mode: str) -> None:
    Try(command_task(job_name=f"shared-{mode}"), run_id="monday").execute()
    with pytest.raises(AirflowFailException, match="was not made by this task and DAG run"):
        Try(command_task(job_name=f"shared-{mode}"), run_id="tuesday").execute()


def test_the_timeout_cancels_the_job(command_task: Any, client: Any, said: Any) -> None:
    """Also where the trigger has done so: the worker that resumes says the same."""
    task = command_task(timeout=2, tags={"emulator.outcome": "stuck"})
    with pytest.raises(JobTimeoutError, match=r"did not end within 2 s and was asked to end\."):
        Try(task).execute()
    assert status_soon(client, task._submitted_name) == "Canceled"
    assert "cannot be asked" not in said()


def test_a_timeout_whose_cancel_fails_says_both(command_task: Any, emulator: Any) -> None:
    task = command_task(timeout=2, tags={"emulator.outcome": "stuck"})
    with (
        emulator.fault("/cancel", status=403, times=None),
        pytest.raises(
            JobTimeoutError,
            match=r"did not end within 2 s and could not be canceled and may go on: POST jobs/.*403",
        ),
    ):
        Try(task).execute()
    task.on_kill()


def status_soon(client: Any, name: str) -> str:
    """The status that a job ends with."""
    return str(wait_for(lambda: job.status if (job := client.get_job(name)).outcome != "active" else None))


class TestOnKill:
    def test_it_cancels_the_job(self, command_task: Any, client: Any) -> None:
        task = command_task(wait_for_completion=False, tags={"emulator.outcome": "stuck"})
        name = Try(task).execute()["name"]
        task.on_kill()
        assert status_soon(client, name) == "Canceled"

    def test_while_the_job_is_awaited(self, command_task: Any, client: Any, emulator: Any) -> None:
        task = command_task(tags={"emulator.outcome": "stuck"}, timeout=120)
        mark = emulator.mark()

        def kill() -> None:
            wait_for(lambda: 200 in [e["status"] for e in emulator.asked("GET", "/jobs/", since=mark)])
            os.kill(os.getpid(), signal.SIGUSR1)

        # Airflow calls it from a signal handler: nothing else goes on meanwhile.
        before = signal.signal(signal.SIGUSR1, lambda *signal_and_frame: task.on_kill())
        with ThreadPoolExecutor(1) as killer:
            killed = killer.submit(kill)
            # The job may be seen to have ended before who ended it is noted on it.
            with pytest.raises((JobCanceledError, AirflowFailException), match="was canceled"):
                Try(task).execute()
            killed.result()
        signal.signal(signal.SIGUSR1, before)
        assert client.get_job(task._submitted_name).status == "Canceled"

    def test_before_the_job_exists_it_does_nothing(self, command_task: Any, emulator: Any) -> None:
        mark = emulator.mark()
        command_task().on_kill()
        assert emulator.asked(since=mark) == []

    def test_before_the_job_exists_none_is_made_afterwards(
        self, command_task: Any, client: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Airflow 3 calls on_kill from a signal handler, after which the task goes on for a while.
        task = command_task()
        find = type(client).get_job

        def killed(client: Any, name: str) -> Any:
            task.on_kill()
            return find(client, name)

        monkeypatch.setattr(type(client), "get_job", killed)
        mark = emulator.mark()
        with pytest.raises(AzureMLError, match="ended before its job"):
            Try(task).execute()
        assert emulator.asked("PUT", since=mark) == []

    def test_while_the_job_is_submitted(
        self, command_task: Any, client: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task = command_task(tags={"emulator.outcome": "stuck"}, timeout=120)
        create = type(client).create_job

        def killed(client: Any, *arguments: Any) -> Any:
            task.on_kill()
            return create(client, *arguments)

        monkeypatch.setattr(type(client), "create_job", killed)
        with pytest.raises(JobCanceledError):
            Try(task).execute()

    def test_a_job_that_has_ended_is_no_error(self, command_task: Any, said: Any) -> None:
        task = command_task()
        Try(task).execute()
        task.on_kill()
        assert "could not be canceled" not in said()

    def test_it_never_raises_and_says_that_the_job_may_go_on(
        self, command_task: Any, emulator: Any, said: Any
    ) -> None:
        task = command_task(wait_for_completion=False, tags={"emulator.outcome": "stuck"})
        Try(task).execute()
        mark = emulator.mark()
        with emulator.fault("/cancel", status=503, times=None):
            task.on_kill()
        assert len(emulator.asked(path="/cancel", since=mark)) == 1
        assert "could not be canceled and may go on" in said()

    def test_it_can_be_switched_off(self, command_task: Any, emulator: Any) -> None:
        task = command_task(
            wait_for_completion=False, cancel_on_kill=False, tags={"emulator.outcome": "stuck"}
        )
        Try(task).execute()
        mark = emulator.mark()
        task.on_kill()
        assert emulator.asked(path="/cancel", since=mark) == []


@pytest.mark.usefixtures("no_pauses")
class TestWeather:
    def test_a_lost_answer_to_the_put_makes_no_second_job(
        self, command_task: Any, client: Any, emulator: Any
    ) -> None:
        with emulator.fault("/jobs/", method="PUT", when="after", drop=True, times=None):
            result = Try(command_task()).execute()
        assert result["status"] == "Completed"
        assert jobs_of(client, result["name"]) == [result["name"]]

    def test_a_put_that_was_accepted_and_then_throttled_makes_no_second_job(
        self, command_task: Any, client: Any, emulator: Any
    ) -> None:
        throttled = {"status": 429, "headers": {"Retry-After": "0"}, "when": "after"}
        with emulator.fault("/jobs/", method="PUT", times=None, **throttled):
            result = Try(command_task()).execute()
        assert result["status"] == "Completed"
        assert jobs_of(client, result["name"]) == [result["name"]]

    def test_failed_reads_end_no_wait(
        self, command_task: Any, client: Any, emulator: Any, said: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create = type(client).create_job

        def then_a_storm(client: Any, *arguments: Any) -> Any:
            created = create(client, *arguments)
            rule = {"path": f"/jobs/{created.name}$", "method": "GET", "status": 503, "times": 8}
            emulator.admin("POST", "faults", rule)
            return created

        monkeypatch.setattr(type(client), "create_job", then_a_storm)
        result = Try(command_task()).execute()
        assert result["status"] == "Completed"
        assert [e["status"] for e in emulator.asked("GET", f"/jobs/{result['name']}$")].count(503) == 8
        assert 1 <= said().count("cannot be asked for") <= 2

    def test_an_outage_at_submit_is_for_airflow_to_retry(self, command_task: Any, emulator: Any) -> None:
        with (
            emulator.fault("/jobs/", method="PUT", drop=True, times=None),
            pytest.raises(UnreachableError, match="No answer to PUT jobs/"),
        ):
            Try(command_task()).execute()


class TestLog:
    def test_each_line_of_the_jobs_log_is_shown_once(self, command_task: Any, said: Any) -> None:
        Try(command_task(tags={"emulator.seconds": "1", "emulator.log_lines": "300"})).execute()
        lines = re.findall(r"\| (line \d+ of 300)\b", said())
        # structlog and caplog may both have one.
        assert list(dict.fromkeys(lines)) == [f"line {number} of 300" for number in range(1, 301)]
        assert len(lines) in (300, 600)

    def test_of_a_job_that_has_failed_too(self, command_task: Any, said: Any) -> None:
        tags = {"emulator.seconds": "0.2", "emulator.log_lines": "3", "emulator.outcome": "failed"}
        with pytest.raises(JobFailedError):
            Try(command_task(tags=tags)).execute()
        assert "| line 3 of 3" in said()

    def test_it_can_be_switched_off(self, command_task: Any, emulator: Any, said: Any) -> None:
        mark = emulator.mark()
        tags = {"emulator.seconds": "0.2", "emulator.log_lines": "3"}
        Try(command_task(get_logs=False, tags=tags)).execute()
        assert "| line" not in said()
        assert emulator.asked("GET", "user_logs", since=mark) == []


class TestBeforeAnythingIsSent:
    """What the user can get wrong before a request is said before one: no request, no retry."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"poll_interval": None}, "poll_interval: None must be a number of seconds"),
            ({"command": "x ${{inputs.iris}}"}, r"inputs has no 'iris' \(there are none\)"),
            ({"command": "x ${{input.iris}}"}, r"'\$\{\{input.iris\}\}' means nothing here"),
            ({"command": "x ${{outputs.model}}", "outputs": {"mode": None}}, "outputs has no 'model'"),
            ({"command": " "}, "command: it is empty"),
            ({"job_name": "spaces not allowed"}, "job_name: 'spaces not allowed' is not a valid name"),
            ({"environment": "sklearn"}, "environment: 'sklearn' is not a reference"),
            ({"code": "no/such/folder"}, "code: there is no file or folder"),
            ({"inputs": {"x": None}}, "inputs.x: None is what an XCom gives"),
            ({"inputs": {"x": {"path": "data.csv"}}}, "inputs.x.path: there is no file or folder"),
            ({"outputs": {"m": {"typ": "uri_file"}}}, "outputs.m: unknown key 'typ'"),
            ({"instance_count": 0}, "instance_count: 0 must be a whole number"),
            ({"limits": {"timeout": "1h"}}, "limits.timeout: '1h' must be a number of seconds"),
            ({"timeout": "1h"}, "timeout: '1h' must be a number of seconds"),
            ({"distribution": "horovod"}, "distribution.type: 'horovod' is not one of: pytorch"),
            ({"queue_settings": {"job_tier": "cheap"}}, "queue_settings.job_tier: 'cheap' is not one of"),
        ],
    )
    def test_command(self, command_task: Any, emulator: Any, arguments: dict[str, Any], message: str) -> None:
        mark = emulator.mark()
        with pytest.raises(AirflowFailException, match=message):
            Try(command_task(**arguments)).execute()
        assert emulator.asked(since=mark) == []

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"search_space": {"lr": {"type": "gaussian"}}}, "'gaussian' is no distribution of Azure ML"),
            ({"search_space": {}}, "search_space: {} must be a non-empty mapping"),
            (
                {"search_space": {"lr": {"type": "uniform", "min_value": 2, "max_value": 1}}},
                "search_space.lr: min_value 2 must be below max_value 1",
            ),
            ({"command": "x ${{search_space.momentum}}"}, r"search_space has no 'momentum' \(it has: lr\)"),
            ({"sampling_algorithm": "grid"}, "grid takes only choice"),
            ({"objective": {"goal": "best", "primary_metric": "x"}}, "objective.goal: 'best' is not one of"),
            ({"objective": {"goal": "minimize"}}, "objective: primary_metric is missing"),
            ({"limits": {"max_total_trials": 0}}, "limits.max_total_trials: 0 must be"),
            ({"early_termination": "bandit"}, "bandit takes either slack_factor or slack_amount"),
        ],
    )
    def test_sweep(self, sweep_task: Any, emulator: Any, arguments: dict[str, Any], message: str) -> None:
        mark = emulator.mark()
        with pytest.raises(AirflowFailException, match=message):
            Try(sweep_task(**arguments)).execute()
        assert emulator.asked(since=mark) == []

    @pytest.mark.parametrize("compute", ["", "a/b", ".."])
    def test_what_cannot_be_a_computes_name(self, command_task: Any, emulator: Any, compute: str) -> None:
        mark = emulator.mark()
        refusal = f"^compute: '{compute}' is not a valid name for Azure ML"
        with pytest.raises(AirflowFailException, match=refusal):
            Try(command_task(compute=compute)).execute()
        assert emulator.asked(since=mark) == []

    def test_an_unknown_compute_names_those_there_are(self, command_task: Any, emulator: Any) -> None:
        mark = emulator.mark()
        with pytest.raises(
            AirflowFailException, match=r"no compute named 'gpus'; it has: cpu-cluster, gpu-cluster"
        ):
            Try(command_task(compute="gpus", code=".")).execute()
        assert emulator.asked("PUT|POST", "/workspaces/", since=mark) == []

    def test_an_unknown_environment(self, command_task: Any, emulator: Any) -> None:
        mark = emulator.mark()
        with pytest.raises(AirflowFailException, match=r"^environment: .* no environment 'nobody:7'"):
            Try(command_task(environment="nobody:7", code=".")).execute()
        assert emulator.asked("PUT|POST", "/workspaces/", since=mark) == []
