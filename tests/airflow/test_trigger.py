"""The trigger in an event loop, against the emulator over real HTTP."""

from __future__ import annotations

import asyncio
import gc
import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_amlrest import triggers
from airflow_provider_amlrest.lifecycle.deferral import AIRFLOW_CALLS_ON_KILL, has_left_deferral
from airflow_provider_amlrest.triggers import AzureMLJobTrigger
from tests.support.tasks import Try, as_stored, fire
from tests.support.waiting import wait_for


@pytest.fixture
def mode() -> str:
    """The jobs are submitted without waiting."""
    return "sync"


@pytest.fixture
def submitted(command_task: Any, client: Any) -> Callable[..., str]:
    """Submit a job with these tags; its name."""

    def submit(run_id: str = "r", **tags: str) -> str:
        named = {f"emulator.{key}": value for key, value in tags.items()}
        return str(Try(command_task(wait_for_completion=False, tags=named), run_id=run_id).execute()["name"])

    return submit


def trigger(name: str, **arguments: Any) -> Any:
    return as_stored(AzureMLJobTrigger(job_name=name, poll_interval=0.2, **arguments))


def test_what_is_stored_is_all_there_is() -> None:
    given: dict[str, Any] = {
        "job_name": "j",
        "azureml_conn_id": "c",
        "api_version": "2025-12-01",
        "poll_interval": 5.0,
        "deadline": 1.5,
        "job_status": "Running",
        "log": {"user_logs/std_log.txt": 7},
        "on_timeout": "cancel",
        "cancel_on_kill": False,
        "owner": "2/0123456789ab",
    }
    path, stored = AzureMLJobTrigger(**given).serialize()
    assert path == "airflow_provider_amlrest.triggers.AzureMLJobTrigger"
    assert json.loads(json.dumps(stored)) == given


@pytest.mark.parametrize("value", [None, "", "x" * 10_000, -1, float("nan"), {}, []])
def test_the_constructor_never_raises(value: Any) -> None:
    _, stored = AzureMLJobTrigger(job_name="j").serialize()
    AzureMLJobTrigger(**dict.fromkeys(stored, value))


@pytest.mark.parametrize("outcome", ["completed", "failed", "canceled"])
async def test_it_fires_once_at_the_jobs_end(submitted: Any, outcome: str) -> None:
    event = await fire(trigger(submitted(seconds="0.5", outcome=outcome)))
    assert event["status"] == "ended"
    assert event["job_status"].lower() == outcome


async def test_at_the_deadline_it_cancels_the_job_if_told_so(submitted: Any, client: Any) -> None:
    for on_timeout, canceled in (("leave", False), ("cancel", True)):
        name = submitted(run_id=on_timeout, outcome="stuck")
        event = await fire(trigger(name, deadline=0.0, on_timeout=on_timeout))
        assert event["status"] == "timeout"
        assert (client.get_job(name).status in ("CancelRequested", "Canceled")) is canceled
        client.cancel_job(name)


async def test_a_doubled_trigger_fires_twice_and_harms_nobody(submitted: Any) -> None:
    name = submitted(seconds="0.5")
    one, other = await asyncio.gather(fire(trigger(name)), fire(trigger(name)))
    assert one == other


async def test_all_triggers_of_a_process_share_their_reads(submitted: Any, emulator: Any) -> None:
    names = [submitted(run_id=f"r{number}", seconds="3") for number in range(30)]
    mark = emulator.mark()
    events = await asyncio.gather(*(fire(trigger(name)) for name in names))
    assert {event["status"] for event in events} == {"ended"}
    pages = emulator.asked("GET", "/jobs$", since=mark)
    assert pages
    assert len(emulator.asked("POST", "/token$", since=mark)) == 1


def task_is(monkeypatch: pytest.MonkeyPatch, *, over: bool) -> None:
    """Let Airflow say whether the task has been ended."""

    async def answer(trigger: Any) -> bool:
        return over

    monkeypatch.setattr(triggers, "has_left_deferral", answer)


class TestCancel:
    async def stop(self, name: str, monkeypatch: pytest.MonkeyPatch, *, over: bool, **arguments: Any) -> None:
        """Cancel the coroutine of a trigger that waits, as a triggerer of Airflow before 3.3 does."""
        task_is(monkeypatch, over=over)
        monkeypatch.setattr(triggers, "AIRFLOW_CALLS_ON_KILL", False)
        task = asyncio.create_task(fire(trigger(name, **arguments)))
        await asyncio.sleep(0.5)
        for _ in range(3):
            # Airflow does so each second, until the trigger is gone.
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_a_task_that_is_over_takes_its_job_along(
        self, submitted: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = submitted(outcome="stuck")
        await self.stop(name, monkeypatch, over=True)
        wait_for(lambda: emulator.asked("POST", f"/{name}/cancel"))

    @pytest.mark.parametrize("facts", [{"over": False}, {"over": True, "cancel_on_kill": False}])
    async def test_a_restart_cancels_nothing_and_neither_does_who_opted_out(
        self, submitted: Any, client: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch, facts: Any
    ) -> None:
        name = submitted(outcome="stuck")
        await self.stop(name, monkeypatch, **facts)
        assert emulator.asked("POST", f"/{name}/cancel") == []
        client.cancel_job(name)

    async def test_on_kill_cancels_once_and_never_raises(
        self, submitted: Any, client: Any, emulator: Any, said: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task_is(monkeypatch, over=True)
        name = submitted(outcome="stuck")
        with emulator.fault("/cancel", status=503, times=1):
            await trigger(name).on_kill()
        assert len(emulator.asked("POST", f"/{name}/cancel")) == 1
        await trigger(name).on_kill()
        await trigger("no-such-job").on_kill()
        assert (status := client.get_job(name).status) in ("CancelRequested", "Canceled")
        await trigger(name).on_kill()
        assert f"was to end, as the task was ended, but is left: it is {status}." in said()

    @pytest.mark.skipif(not AIRFLOW_CALLS_ON_KILL, reason="Airflow 3.3 calls on_kill.")
    async def test_a_triggerer_that_does_not_wait_for_the_answers_ends_the_job(
        self, submitted: Any, emulator: Any, said: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It cancels what it runs again and again, its own call of on_kill included."""
        from airflow.jobs.triggerer_job_runner import TriggerRunner

        async def answer_slowly(trigger: Any) -> bool:
            await asyncio.sleep(0.5)
            return True

        monkeypatch.setattr(triggers, "has_left_deferral", answer_slowly)
        name = submitted(outcome="stuck")
        runner = TriggerRunner()
        runner.triggers[1] = {"task": None, "is_watcher": False, "name": "it", "events": 0}  # type: ignore[assignment]
        task = asyncio.create_task(runner.run_trigger(1, trigger(name)))
        runner.triggers[1]["task"] = task
        await asyncio.sleep(0.5)
        while not task.done():
            runner.to_cancel.append(1)
            await runner.cancel_triggers()
            await asyncio.sleep(0.1)
        assert len(emulator.asked("POST", f"/{name}/cancel")) == 1
        assert "was asked to end" in said()

    async def test_a_trigger_that_another_triggerer_has_by_now_cancels_nothing(
        self, submitted: Any, client: Any, emulator: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Airflow 3.3 calls on_kill then, too."""
        task_is(monkeypatch, over=False)
        name = submitted(outcome="stuck")
        await trigger(name).on_kill()
        assert emulator.asked("POST", f"/{name}/cancel") == []
        client.cancel_job(name)

    async def test_airflow_that_cannot_be_asked_cancels_nothing(self) -> None:
        assert await has_left_deferral(trigger("j")) is False


class TestConnection:
    async def test_one_that_cannot_be_used_is_waited_for(
        self, submitted: Any, emulator: Any, connection: str, monkeypatch: pytest.MonkeyPatch, said: Any
    ) -> None:
        name = submitted(seconds="0.1")
        monkeypatch.setattr(triggers, "REOPEN_PAUSE", 0.2)
        monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", '{"conn_type": "azureml"}')
        task = asyncio.create_task(fire(trigger(name)))
        await asyncio.sleep(0.5)
        monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", connection)
        assert (await task)["status"] == "ended"
        assert "cannot be used" in said()

    async def test_it_is_read_once_for_many(self, submitted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        from airflow_provider_amlrest.hook import AzureMLHook

        loads = []
        load = AzureMLHook.load

        async def counted(self: Any) -> Any:
            loads.append(self)
            return await load(self)

        name = submitted(seconds="0.5")
        monkeypatch.setattr(AzureMLHook, "load", counted)
        await asyncio.gather(*(fire(trigger(name)) for _ in range(20)))
        # Once for all, and once for the client.
        assert len(loads) <= 2


async def test_a_thousand_deferrals_leave_nothing_open(submitted: Any) -> None:
    import psutil

    names = [submitted(run_id=f"r{number}", seconds="0") for number in range(10)]
    memory = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        for wave in range(100):
            await asyncio.gather(*(fire(trigger(name)) for name in names))
            if wave in (30, 99):
                gc.collect()
                memory.append(psutil.Process().memory_info().rss)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert others == set()
    assert [thing for thing in gc.get_objects() if type(thing).__name__ == "ClientSession"] == []
    assert memory[1] - memory[0] < 20 * 1024 * 1024
