"""Tries, clears, edits, lost answers and upgrades after which no job may be lost, or paid twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.lifecycle import patience, submission, task_identity
from airflow_provider_amlrest.lifecycle.completion import JobTimeoutError
from airflow_provider_amlrest.lifecycle.ownership import OWNER_TAG
from airflow_provider_amlrest.lifecycle.submission import Work, _find
from airflow_provider_amlrest.lifecycle.task_identity import TASK_TAG, WORK_PROPERTY
from airflow_provider_amlrest.operators import jobs
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from tests.airflow.test_job_operators import status_soon
from tests.support.tasks import Try

pytestmark = pytest.mark.usefixtures("patient_submission")

STUCK = {"emulator.outcome": "stuck"}


@pytest.fixture
def mode() -> str:
    return "sync"


@dataclass
class TryOfRun(Try):
    """A try of a DAG run that has begun at some time."""

    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    @property
    def context(self) -> Any:
        run = SimpleNamespace(start_date=self.start, logical_date=None, run_after=None)
        return {**super().context, "dag_run": run}


def by_older_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on jobs bear what version a5a83d8 gave them: no owner, no tag of the task, no work."""
    make = task_identity.airflow_tags

    def made_by(*args: Any, **kwargs: Any) -> dict[str, str]:
        tags = make(*args, **kwargs)
        return {
            k: v for k, v in tags.items() if not (k.startswith(OWNER_TAG) or len(k) == len(TASK_TAG) + 16)
        }

    monkeypatch.setattr(jobs, "airflow_tags", made_by)
    monkeypatch.setattr(jobs, "claim", lambda client, job, owner: job)
    properties: Any = Work.properties

    def old(work: Any) -> dict[str, str]:
        return {k: v for k, v in properties.fget(work).items() if k != WORK_PROPERTY}

    monkeypatch.setattr(Work, "properties", property(old))


def submit(task: Any, **facts: Any) -> str:
    return str(TryOfRun(task, **facts).execute()["name"])


class TestAClear:
    """Of a DAG run that is over: Airflow 2.11 to 3.3 give it a new start."""

    LATER = datetime(2026, 1, 2, tzinfo=UTC)

    @pytest.mark.parametrize("deployment", ["prod", ""])
    def test_of_a_run_that_is_over_ends_what_it_left(
        self, command_task: Any, client: Any, emulator: Any, monkeypatch: Any, said: Any, deployment: str
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri(deployment=deployment))
        old = submit(command_task(wait_for_completion=False, tags=STUCK))
        new = submit(command_task(), try_number=2, max_tries=1, start=self.LATER)
        assert new != old
        if deployment:
            assert status_soon(client, old) == "Canceled"
        else:  # Another Airflow may have a run of this name.
            assert client.get_job(old).status == "Queued"
            assert f"Job {old}" in said()
            client.cancel_job(old)

    def test_leaves_a_persons_copy_of_a_job(self, command_task: Any, client: Any) -> None:
        name = submit(command_task(wait_for_completion=False, tags=STUCK))
        job = client.get_job(name)
        copy = CommandJob(
            command="echo mine", environment=job.environment, compute=job.compute, tags=job.tags
        )
        client.create_job(f"copy-{name}"[:200], copy)
        submit(command_task(), try_number=2, max_tries=1)
        assert status_soon(client, name) == "Canceled"
        assert client.get_job(f"copy-{name}"[:200]).status == "Queued"
        client.cancel_job(f"copy-{name}"[:200])

    @pytest.mark.parametrize("mine", [None, "mine-too"])
    def test_and_then_more_retries(self, command_task: Any, client: Any, mine: str | None) -> None:
        """The generation is that of before the clear again, or even less; max_tries is not."""
        old = submit(command_task(retries=1, job_name=mine))
        new = submit(
            command_task(retries=1, job_name=mine, wait_for_completion=False, tags=STUCK),
            try_number=2,
            max_tries=2,
        )
        assert new != old
        for retries in (2, 5):
            task = command_task(retries=retries, job_name=mine, wait_for_completion=False, tags=STUCK)
            assert submit(task, try_number=3, max_tries=2) == new
        client.cancel_job(new)


class TestLostAnswers:
    def test_of_a_put_whose_job_has_failed_by_the_next_look(
        self, command_task: Any, emulator: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(patience, "SUBMIT_OUTAGE", 20.0)
        task = command_task(tags={"emulator.outcome": "failed", "emulator.seconds": "0"})
        mark = emulator.mark()
        with (
            emulator.fault("/jobs/[^/]*$", method="PUT", when="after", status=503, times=4),
            emulator.fault("/jobs/[^/]*$", method="GET", status=404, times=1),
            emulator.fault("/jobs/[^/]*$", method="GET", status=503, times=4),
            pytest.raises(Exception, match="failed"),
        ):
            TryOfRun(task).execute()
        puts = {entry["path"] for entry in emulator.asked("PUT", "/jobs/", since=mark)}
        assert len(puts) == 1, puts

    def test_of_a_cancel_at_the_deadline(self, command_task: Any, client: Any, emulator: Any) -> None:
        first = TryOfRun(command_task(retries=1, timeout=0.5, tags=STUCK))
        with (
            emulator.fault("/cancel$", method="POST", when="after", status=503, times=1),
            pytest.raises(JobTimeoutError),
        ):
            first.execute()
        assert status_soon(client, first.task._submitted_name) == "Canceled"
        assert submit(command_task(retries=1, timeout=30), try_number=2) == f"{first.task._submitted_name}-2"


class TestResubmitted:
    def test_what_runs_after_a_canceled_job_is_taken_over(self, command_task: Any, client: Any) -> None:
        """``resubmit_canceled`` was set for one try only."""
        name = submit(command_task(retries=3, wait_for_completion=False, tags=STUCK))
        client.cancel_job(name)
        status_soon(client, name)
        task = command_task(retries=3, wait_for_completion=False, tags=STUCK, resubmit_canceled=True)
        second = submit(task, try_number=2)
        assert second == f"{name}-2"
        task = command_task(retries=3, wait_for_completion=False, tags=STUCK)
        assert submit(task, try_number=3) == second
        client.cancel_job(second)


class TestUpgrade:
    def test_what_the_older_version_canceled_is_submitted_again(self, command_task: Any, client: Any) -> None:
        """Its worker had SIGTERM for the upgrade, canceled the job, and noted nothing."""
        with pytest.MonkeyPatch.context() as patch:
            by_older_version(patch)
            name = submit(command_task(retries=2, wait_for_completion=False, tags=STUCK))
        client.cancel_job(name)
        status_soon(client, name)
        assert submit(command_task(retries=2), try_number=2) == f"{name}-2"

    def test_a_person_who_is_known_is_still_heeded(self, command_task: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            by_older_version(patch)
            task = command_task(retries=2, tags={"emulator.outcome": "canceled_by_person"})
            with pytest.raises(AirflowFailException, match="was canceled by"):
                submit(task)


def test_a_kill_that_has_no_connection_says_so(
    command_task: Any, client: Any, monkeypatch: Any, said: Any
) -> None:
    task = command_task(wait_for_completion=False, tags=STUCK)
    name = submit(task)
    monkeypatch.setattr(
        "airflow_provider_amlrest.operators.jobs.judge",
        lambda ti, retries: SimpleNamespace(ends=True, why="x"),
    )

    def new_client() -> Any:
        raise RuntimeError("no connection")

    monkeypatch.setattr(task.hook, "new_client", new_client)
    task.on_kill()
    assert f"{name} could not be canceled and may go on" in said()
    client.cancel_job(name)


def test_a_decision_before_an_earlier_tries_job_is_found_ends_it(
    command_task: Any, client: Any, monkeypatch: Any
) -> None:
    """Airflow 3 calls ``on_kill`` and goes on: for as long as it does, the job is looked for."""
    name = submit(command_task(retries=1, wait_for_completion=False, tags=STUCK))
    task = command_task(retries=1, tags=STUCK)
    monkeypatch.setattr(
        "airflow_provider_amlrest.operators.jobs.judge",
        lambda ti, retries: SimpleNamespace(ends=True, why="x"),
    )
    find = _find

    def find_late(*args: Any) -> Any:
        task.on_kill()
        return find(*args)

    monkeypatch.setattr(submission, "_find", find_late)
    with pytest.raises(Exception, match=r"was canceled|was ended"):
        submit(task, try_number=2)
    assert client.get_job(name).status in ("CancelRequested", "Canceled")
