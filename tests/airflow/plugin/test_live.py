"""Jobs that pages are open on, against the emulator."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from airflow_provider_amlrest.plugin import live
from airflow_provider_amlrest.plugin.live import JobCache, JobRef
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from tests.support.emulated import Emulated
from tests.support.tasks import Try


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts are read at each look, unless a test says otherwise."""
    monkeypatch.setattr(live, "PART_SECONDS", 0.0)


@pytest.fixture
def mode() -> str:
    return "sync"


@pytest.fixture
def record(command_task: Any) -> Any:
    """Submit a job that does what is said; its record."""

    def make(**says: Any) -> JobRef:
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in says.items()}
        tags = {f"emulator.{key}": text for key, text in texts.items()}
        result = Try(command_task(wait_for_completion=False, tags=tags)).execute()
        return JobRef("azureml_default", None, result["name"])

    return make


async def until_ended(job: live.LiveJob) -> None:
    async with asyncio.timeout(60):
        await asyncio.wait({job._task})
    assert not job.active


async def close(board: JobCache) -> None:
    for workspace in board._workspaces.values():
        workspace._task.cancel()
        await asyncio.wait({workspace._task})


async def test_a_job_is_followed_to_its_end(record: Any) -> None:
    board = JobCache()
    says = {"metrics": {"auc": 0.5}, "metric_steps": 3, "log_lines": 4}
    job = await board.job(record(seconds=1, queue_seconds=1, **says))
    assert job.active
    await until_ended(job)
    assert [status for status, _ in job.seen][-1] == "Completed"
    assert len(job.seen) > 1
    metrics = await job.metrics.get(settled=True)
    assert [(point.step, point.value) for point in metrics["auc"]] == [(0, 0.25), (1, 0.375), (2, 0.5)]
    assert await job.log.get(settled=True) == [f"line {number} of 4" for number in (1, 2, 3, 4)]
    assert (await job.run.get(settled=True)).end_time
    await close(board)


async def test_many_pages_read_once(record: Any, emulator: Emulated) -> None:
    board, what = JobCache(), record(seconds=0, metrics={"auc": 0.5})
    jobs = await asyncio.gather(*(board.job(what) for _ in range(20)))
    assert all(job is jobs[0] for job in jobs)
    await until_ended(jobs[0])
    mark = emulator.mark()
    await asyncio.gather(*(jobs[0].metrics.get(settled=True) for _ in range(20)))
    await jobs[0].metrics.get(settled=True)
    assert len(emulator.asked("GET", "mlflow", since=mark)) == 2, "the last values, and one history"
    await close(board)


async def test_a_metric_that_has_not_changed_is_not_read_again(record: Any, emulator: Emulated) -> None:
    board = JobCache()
    job = await board.job(record(seconds=0, metrics={"auc": 0.5, "loss": 0.1}))
    await until_ended(job)
    await job.metrics.get(settled=False)
    mark = emulator.mark()
    await job.metrics.get(settled=False)
    assert [entry["path"].rpartition("/")[2] for entry in emulator.asked("GET", "mlflow", since=mark)] == [
        "get"
    ]
    await close(board)


async def test_a_read_that_fails_leaves_what_was_there(record: Any, emulator: Emulated) -> None:
    board = JobCache()
    job = await board.job(record(seconds=0, metrics={"auc": 0.5}))
    await until_ended(job)
    before = await job.metrics.get(settled=False)
    with emulator.fault("mlflow/.*runs/get", status=403, times=None):
        assert await job.metrics.get(settled=True) == before
        assert "403" in str(job.metrics.error)
    await job.metrics.get(settled=True)
    assert job.metrics.error is None
    await close(board)


async def test_a_read_that_takes_long_goes_on(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.05)
    go = asyncio.Event()
    reads = []

    async def read() -> str:
        reads.append(1)
        await go.wait()
        return "there"

    part = live.CachedRead(read)
    assert await part.get(settled=True) is None
    assert await part.get(settled=True) is None
    go.set()
    assert await part.get(settled=True) == "there"
    assert len(reads) == 1
    await part.close()


async def test_statuses_of_a_list(record: Any, emulator: Emulated) -> None:
    board = JobCache()
    done = record(seconds=0)
    await until_ended(await board.job(done))
    missing = JobRef("azureml_default", None, "no-such-job")
    unreadable = JobRef("no_such_connection", None, "other")
    known, notice = await board.statuses([done, missing, unreadable], patience=2)
    assert notice == "There is no connection no_such_connection."
    assert await board.statuses([missing], patience=2) == ({}, None), "nobody learns which jobs there are"
    assert {job: status.status for job, status in known.items()} == {done: "Completed"}
    assert known[done].ended_at is not None
    assert known[done].made_for.task_id == "test_statuses_of_a_list"
    mark = emulator.mark()
    assert await board.statuses([done], patience=2) == (known, None)
    assert emulator.asked("GET", f"/jobs/{done.name}", since=mark) == []
    await close(board)


@pytest.mark.parametrize(
    ("conn_id", "said"),
    [
        ("no_such_connection", "There is no connection no_such_connection"),
        ("bad", "cannot be used: .*tenant_id"),
    ],
)
async def test_a_connection_that_does_not_do(
    connection: str, emulator: Emulated, monkeypatch: pytest.MonkeyPatch, conn_id: str, said: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BAD", emulator.connection_uri(tenant_id=None))
    with pytest.raises(AzureMLError, match=said):
        await JobCache().job(JobRef(conn_id, None, "j"))


async def test_what_nobody_asks_for_is_let_go(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "IDLE", 0.4)
    board, what = JobCache(), record(outcome="stuck")
    first = await board.job(what)
    async with asyncio.timeout(20):
        await asyncio.wait({first._task, *(workspace._task for workspace in board._workspaces.values())})
    again = await board.job(what)
    assert again is not first
    assert again.job is not None
    await close(board)
