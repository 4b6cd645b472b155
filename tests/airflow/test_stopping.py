"""A process that is told to go: who decided that, and who owns the job. Over real HTTP; Airflow's word is the
test's, as tests/stop has real Airflows."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_amlrest.lifecycle import patience, stopping, task_state
from airflow_provider_amlrest.lifecycle.cancellation import JobCanceledError
from airflow_provider_amlrest.lifecycle.ownership import Owner, owner_of
from airflow_provider_amlrest.lifecycle.task_state import (
    AIRFLOW_3,
    CannotAskError,
    InterruptedMessageError,
    TryState,
    ask_from_signal,
)
from tests.airflow.test_job_operators import status_soon
from tests.support.tasks import Try, submit
from tests.support.waiting import wait_for

STUCK = {"emulator.outcome": "stuck"}


@pytest.fixture
def mode() -> str:
    """The process that is told to go is a worker's."""
    return "sync"


@pytest.fixture
def airflow_says(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """What Airflow answers when it is asked for the task's state; an exception: it does not."""

    def says(answer: Any) -> None:
        def ask(ti: Any, patience: float) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, TryState) else TryState(answer, True)

        monkeypatch.setattr(stopping, "ask_from_signal", ask)

    return says


@pytest.fixture
def stuck(command_task: Any) -> Callable[..., Any]:
    """A task, after a try that has submitted a job which never ends."""

    def make(*, tries: int = 1, **arguments: Any) -> Any:
        for number in range(1, tries + 1):
            task = command_task(wait_for_completion=False, tags=STUCK, **arguments)
            Try(task, try_number=number).execute()
        return task

    return make


def goes(task: Any) -> bool:
    """Tell the task's process to go; whether it ends by itself."""
    try:
        task.on_kill()
    except SystemExit:
        return True
    return False


DECIDED = ["failed", "success", "skipped", "removed", "upstream_failed", "restarting", "missing"]
UNDECIDED = ["up_for_retry", "queued", "scheduled", "deferred", "up_for_reschedule", None]
UNKNOWN = CannotAskError("no answer")


@pytest.mark.parametrize("state", DECIDED)
def test_a_decision_ends_the_job(stuck: Any, client: Any, airflow_says: Any, state: str) -> None:
    task = stuck(retries=3)
    airflow_says(state)
    assert not goes(task)
    assert status_soon(client, task._submitted_name) == "Canceled"


@pytest.mark.parametrize("state", [*UNDECIDED, "running", UNKNOWN])
def test_without_a_decision_the_job_is_left_for_the_next_try(
    stuck: Any, client: Any, emulator: Any, airflow_says: Any, said: Any, state: Any
) -> None:
    task = stuck(retries=1)
    airflow_says(state)
    mark = emulator.mark()
    # Airflow 2.11 itself ends the process after that.
    assert goes(task) is AIRFLOW_3
    assert emulator.asked(since=mark) == []
    assert f"job {task._submitted_name} is left" in said()
    client.cancel_job(task._submitted_name)


@pytest.mark.parametrize("state", ["running", "queued", None, "failed", "restarting"])
def test_what_airflow_has_given_to_another_try_is_left(
    stuck: Any, client: Any, emulator: Any, airflow_says: Any, state: Any
) -> None:
    """Also without retries: a scheduler that ends hands its tasks on, whatever their max_tries (3.3.2)."""
    task = stuck()
    airflow_says(TryState(state, False))
    mark = emulator.mark()
    goes(task)
    assert emulator.asked(since=mark) == []
    client.cancel_job(task._submitted_name)


@pytest.mark.parametrize("state", ["running", UNKNOWN])
def test_without_a_next_try_nobody_would_come_for_it(
    stuck: Any, client: Any, airflow_says: Any, said: Any, state: Any
) -> None:
    task = stuck()
    airflow_says(state)
    assert not goes(task)
    assert status_soon(client, task._submitted_name) == "Canceled"
    assert "there is no try left that would take over" in said()


def test_the_execution_timeout_is_a_decision(stuck: Any, client: Any, airflow_says: Any) -> None:
    task = stuck(retries=1)
    airflow_says("running")
    try:
        raise AirflowTaskTimeout
    except AirflowTaskTimeout:
        assert not goes(task)
    assert status_soon(client, task._submitted_name) == "Canceled"


def test_a_try_that_has_lost_its_job_leaves_it(
    stuck: Any, client: Any, emulator: Any, airflow_says: Any, said: Any
) -> None:
    old = stuck(retries=2)
    new = stuck(tries=2, retries=2)
    assert new._submitted_name == old._submitted_name
    airflow_says("failed")
    mark = emulator.mark()
    goes(old)
    assert emulator.asked(path="/cancel", since=mark) == []
    assert "is left: it belongs to try 2 of the task by now" in said()
    goes(new)
    assert status_soon(client, new._submitted_name) == "Canceled"


def test_a_late_put_of_the_old_try_takes_nothing_back(stuck: Any, client: Any, airflow_says: Any) -> None:
    old = stuck(retries=2)
    new = stuck(tries=2, retries=2)
    attempt = Try(old)
    attempt.context["task"] = old
    client.create_job(old._submitted_name, _as_asked(old, attempt, client))
    assert owner_of(client.get_job(new._submitted_name)) == new._owner
    airflow_says("failed")
    goes(new)


def _as_asked(task: Any, attempt: Try, client: Any) -> Any:
    """The job that a try would PUT."""
    made: list[Any] = []

    class Recorder:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def get_job(self, name: str) -> Any:
            from airflow_provider_amlrest.rest.http.errors import NotFoundError

            raise NotFoundError("GET", 404)

        def create_job(self, name: str, job: Any) -> Any:
            made.append(job)
            return client.get_job(name)

    submit(task, attempt, Recorder())
    return made[0]


def test_two_processes_of_the_same_try(command_task: Any, client: Any, airflow_says: Any, said: Any) -> None:
    one, other = (command_task(wait_for_completion=False, tags=STUCK) for _ in range(2))
    for task in (one, other):
        Try(task).execute()
    airflow_says("failed")
    goes(one)
    assert "it belongs to try 1 of the task by now" in said()
    goes(other)
    assert status_soon(client, other._submitted_name) == "Canceled"


def test_if_nothing_can_be_read_the_cancel_goes_out(
    stuck: Any, client: Any, emulator: Any, airflow_says: Any
) -> None:
    task = stuck()
    airflow_says("failed")
    with emulator.fault("/jobs/[^/]*$", method="GET", status=503, times=1):
        goes(task)
    assert status_soon(client, task._submitted_name) == "Canceled"


def test_before_execute_there_is_nothing_to_end(command_task: Any, emulator: Any) -> None:
    mark = emulator.mark()
    assert not goes(command_task())
    assert emulator.asked(since=mark) == []


class TestAsk:
    TI = None
    ANSWER = TryState("running", True)

    def test_the_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(task_state, "ask_about_try", lambda ti: self.ANSWER)
        assert ask_from_signal(self.TI, 5) == self.ANSWER

    def test_it_does_not_wait_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = threading.Event()
        monkeypatch.setattr(task_state, "ask_about_try", lambda ti: asked.wait(60))
        with pytest.raises(CannotAskError, match=r"no answer within 0\.1 s"):
            ask_from_signal(self.TI, 0.1)
        asked.set()

    def test_an_error_is_no_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def ask(ti: Any) -> str:
            raise EOFError("closed")

        monkeypatch.setattr(task_state, "ask_about_try", ask)
        with pytest.raises(CannotAskError, match="closed"):
            ask_from_signal(self.TI, 5)

    def test_not_in_the_middle_of_another_question(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(task_state, "ask_about_try", lambda ti: self.ANSWER)
        comms: dict[str, Any] = {"__name__": "airflow.sdk.execution_time.comms"}
        exec("def send(then): return then()", comms)  # noqa: S102
        with pytest.raises(InterruptedMessageError, match="middle of another question"):
            comms["send"](lambda: ask_from_signal(self.TI, 5))


class TestInTheMiddleOfAMessage:
    """The signal comes while the task tells Airflow something, as each secret that it masks."""

    @pytest.fixture(autouse=True)
    def no_signal_before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stopping, "_put_off_until", None)

    @pytest.fixture
    def message(self) -> Callable[[Callable[[], Any]], Any]:
        """Do something in the middle of a message to the supervisor."""
        comms: dict[str, Any] = {"__name__": "airflow.sdk.execution_time.comms"}
        exec("def send(then): return then()", comms)  # noqa: S102
        return cast("Callable[[Callable[[], Any]], Any]", comms["send"])

    @pytest.fixture
    def told(self, stuck: Any) -> Iterator[Any]:
        """A task whose ``on_kill`` is called by SIGTERM, as by Airflow."""
        task = stuck(retries=2)
        before = signal.signal(signal.SIGTERM, lambda *signal_and_frame: task.on_kill())
        yield task
        signal.signal(signal.SIGTERM, before)

    def test_the_decision_is_asked_for_once_the_message_is_over(
        self, told: Any, message: Any, client: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(task_state, "ask_about_try", lambda ti: TryState("failed", True))
        message(lambda: signal.raise_signal(signal.SIGTERM))
        assert status_soon(client, told._submitted_name) == "Canceled"

    def test_a_message_that_does_not_end_leaves_the_job(
        self, told: Any, message: Any, client: Any, monkeypatch: pytest.MonkeyPatch, said: Any
    ) -> None:
        monkeypatch.setattr(patience, "PUT_OFF", 0.1)

        def go_on_for_ever() -> None:
            signal.raise_signal(signal.SIGTERM)
            wait_for(lambda: told._killed)

        with suppress(SystemExit):  # Airflow 2.11 ends the process itself.
            message(go_on_for_ever)
        assert "Airflow cannot be asked why (the task was in the middle" in said()
        assert client.get_job(told._submitted_name).outcome == "active"


class TestSomebodyElsesCancel:
    def test_is_not_paid_again_by_a_retry(self, stuck: Any, client: Any, command_task: Any) -> None:
        name = stuck(retries=2)._submitted_name
        client.cancel_job(name)
        status_soon(client, name)
        with pytest.raises(AirflowFailException, match=r"was canceled by .*resubmit_canceled=True"):
            Try(command_task(retries=2), try_number=2).execute()

    def test_unless_that_is_asked_for(self, stuck: Any, client: Any, command_task: Any) -> None:
        name = stuck(retries=2)._submitted_name
        client.cancel_job(name)
        again = Try(command_task(retries=2, resubmit_canceled=True), try_number=2).execute()
        assert again["name"] == f"{name}-2"

    def test_a_clear_is_a_decision_too(self, stuck: Any, client: Any, command_task: Any) -> None:
        name = stuck()._submitted_name
        client.cancel_job(name)
        assert Try(command_task(), try_number=2, max_tries=1).execute()["status"] == "Completed"

    def test_what_airflow_canceled_is_submitted_again(
        self, stuck: Any, client: Any, command_task: Any, airflow_says: Any
    ) -> None:
        task = stuck(retries=2)
        airflow_says("restarting")
        goes(task)
        assert Try(command_task(retries=2), try_number=2).execute()["name"] == f"{task._submitted_name}-2"

    @pytest.mark.parametrize(
        ("tags", "limits", "words"),
        [
            ({"emulator.seconds": "30"}, {"timeout": 1}, r"by Azure ML, after its limits\.timeout of 1 s"),
            (
                {"emulator.outcome": "canceled_by_preemption"},
                None,
                "by Azure ML, because its node was pre-empted",
            ),
        ],
    )
    def test_the_services_own_doing_is_nobodys_decision(
        self, command_task: Any, tags: Any, limits: Any, words: str
    ) -> None:
        task = command_task(tags=tags, limits=limits, retries=2, timeout=60)
        with pytest.raises(JobCanceledError, match=f"was canceled {words}"):
            Try(task).execute()
        again = command_task(command="echo again", retries=2)
        assert Try(again, try_number=2).execute()["name"] == f"{task._submitted_name}-2"

    def test_a_person_is_named_where_the_service_knows(self, command_task: Any) -> None:
        task = command_task(tags={"emulator.outcome": "canceled_by_person"})
        with pytest.raises(AirflowFailException, match=r"was canceled by (?!somebody)"):
            Try(task).execute()


class TestEarlierTries:
    def test_a_clear_after_many_tries_ends_what_runs(
        self, stuck: Any, client: Any, command_task: Any
    ) -> None:
        name = stuck(retries=20)._submitted_name
        Try(command_task(retries=20), try_number=21, max_tries=40).execute()
        assert status_soon(client, name) == "Canceled"

    @pytest.mark.parametrize("retries", [0, 1, 7])
    def test_edited_retries_do_not_pay_twice(
        self, stuck: Any, client: Any, command_task: Any, retries: int
    ) -> None:
        name = stuck(retries=3)._submitted_name
        task = command_task(retries=retries, wait_for_completion=False, tags=STUCK)
        assert Try(task, try_number=2, max_tries=3).execute()["name"] == name
        client.cancel_job(name)

    def test_nor_with_a_name_of_ones_own(self, stuck: Any, client: Any, command_task: Any) -> None:
        name = stuck(retries=3, job_name="mine")._submitted_name
        task = command_task(retries=1, wait_for_completion=False, tags=STUCK, job_name="mine")
        assert Try(task, try_number=2, max_tries=3).execute()["name"] == name == "mine"
        client.cancel_job(name)


def test_a_claim_is_seen_by_the_other(stuck: Any, client: Any) -> None:
    task = stuck(tries=2, retries=1)
    job = client.get_job(task._submitted_name)
    assert owner_of(job) == task._owner
    assert isinstance(task._owner, Owner)
    client.cancel_job(job.name)


def test_who_canceled_a_job_is_looked_for_again_while_it_cannot_be_read(
    stuck: Any, client: Any, emulator: Any, command_task: Any
) -> None:
    name = stuck(retries=3)._submitted_name
    client.cancel_job(name)
    status_soon(client, name)
    with (
        emulator.fault(f"/runs/{name}/details", status=403, times=None),
        pytest.raises(AirflowFailException, match="403"),
    ):
        Try(command_task(retries=3), try_number=2).execute()
    with pytest.raises(AirflowFailException, match="was canceled by"):
        Try(command_task(retries=3), try_number=2).execute()


@pytest.mark.parametrize("status", [403, 503])
def test_a_claim_that_cannot_be_written_is_logged_and_the_try_goes_on(
    stuck: Any, command_task: Any, client: Any, emulator: Any, said: Any, status: int
) -> None:
    name = stuck(retries=1)._submitted_name
    retry = command_task(wait_for_completion=False, tags=STUCK, retries=1)
    with emulator.fault("/set-tag$", method="POST", status=status, times=None):
        assert Try(retry, try_number=2).execute()["name"] == name
    assert f"It could not be written on job {name} that it is this try's" in said()
    client.cancel_job(name)
