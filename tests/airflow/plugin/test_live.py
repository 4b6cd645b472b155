"""Jobs that pages are open on, against the emulator."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.operators import AzureMLSubmitPipelineJobOperator
from airflow_provider_amlrest.plugin import live, reads
from airflow_provider_amlrest.plugin.live import JobCache, JobRef
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from tests.support.emulated import Emulated
from tests.support.tasks import Try, unique


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts are read at each look, unless a test says otherwise."""
    monkeypatch.setattr(reads, "PART_SECONDS", 0.0)


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
    monkeypatch.setattr(reads, "PATIENCE", 0.05)
    go = asyncio.Event()
    begun = []

    async def read() -> str:
        begun.append(1)
        await go.wait()
        return "there"

    part = reads.CachedRead(read)
    assert await part.get(settled=True) is None
    assert await part.get(settled=True) is None
    go.set()
    assert await part.get(settled=True) == "there"
    assert len(begun) == 1
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
    assert known[done].made_for.task_id.endswith("test_statuses_of_a_list")
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


COMMAND = {"command": "true", "environment": "AzureML-any:1"}


@pytest.fixture
def pipeline(connection: str, tmp_path: Path, request: pytest.FixtureRequest) -> JobRef:
    """A pipeline that has a sweep, a step that failed, and a pipeline of its own."""
    trial = {"type": "command", "name": "trial", "inputs": {"rate": {"type": "number"}}, **COMMAND}
    inner = {"type": "pipeline", "name": "inner", "jobs": {"first": COMMAND, "second": COMMAND}}
    jobs = {
        "start": COMMAND,
        "tune": {
            "type": "sweep",
            "trial": trial,
            "sampling_algorithm": "random",
            "search_space": {"rate": {"type": "uniform", "min_value": 0.1, "max_value": 0.9}},
            "objective": {"goal": "maximize", "primary_metric": "auc"},
            "limits": {"max_total_trials": 2, "max_concurrent_trials": 2},
        },
        "within": {"type": "pipeline", "component": inner},
    }
    task = AzureMLSubmitPipelineJobOperator(
        task_id=unique(request)[-60:],
        jobs=jobs,
        settings={"default_compute": "cpu-cluster"},
        tags={"emulator.seconds": "0", "emulator.log_lines": "2"},
        poll_interval=0.2,
    )
    return JobRef("azureml_default", None, Try(task, dag_file=str(tmp_path / "dag.py")).execute()["name"])


async def test_steps_trials_and_nested_steps_are_shown_through_their_parents(
    pipeline: JobRef, emulator: Emulated
) -> None:
    board = JobCache()
    job = await board.job(pipeline)
    runs = {run.display_name: run for run in await job.steps.needed(settled=job.settled)}
    start = await job.step(runs["start"].name)
    assert start.job.type == "Command"
    assert start.job.id.endswith(f"/jobs/{start.name}")
    assert await start.log.get(settled=True) == ["line 1 of 2", "line 2 of 2"]
    tune = await job.step(runs["tune"].name)
    assert (tune.job.type, tune.job.goal, tune.job.primary_metric) == ("Sweep", "maximize", "auc")
    trials = await tune.trials.needed(settled=True)
    assert [set(trial.params) for trial in trials] == [{"rate"}, {"rate"}]
    trial = await tune.step(trials[1].name)
    assert (trial.job.type, trial.job.status, trial.active) == ("Command", "Completed", False)
    within = await job.step(runs["within"].name)
    assert list(await within.plan.needed(settled=True)) == ["first", "second"]
    inner = {run.display_name: run for run in await within.steps.needed(settled=True)}
    assert (await within.step(inner["second"].name)).job.status == "Completed"
    # The same object for all who look, and nothing that is not its own.
    assert await job.step(start.name) is start
    for strange in (inner["second"].name, trials[0].name, job.name, "no-such-run", ""):
        assert await job.step(strange) is None, strange
    for strange in (start.name, trials[0].name):
        assert await within.step(strange) is None, strange
    await close(board)


async def test_a_look_at_a_pipeline_reads_its_steps_once(
    pipeline: JobRef, emulator: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "PART_SECONDS", 60.0)
    board = JobCache()
    job = await board.job(pipeline)
    mark = emulator.mark()
    runs = await job.steps.needed(settled=False)
    await asyncio.gather(*(job.step(run.name) for run in runs * 5), job.steps.get(settled=False))
    assert [entry["path"].rpartition("/")[2] for entry in emulator.asked("GET", since=mark)] == ["children"]
    await close(board)


async def test_steps_that_cannot_be_read_are_no_steps_that_there_are_not(
    pipeline: JobRef, emulator: Emulated
) -> None:
    board = JobCache()
    job = await board.job(pipeline)
    with emulator.fault("/children", status=403, times=None), pytest.raises(AzureMLError, match="403"):
        await job.step("any")
    assert await job.step("any") is None
    await close(board)


async def test_a_step_that_nobody_asks_for_is_let_go(pipeline: JobRef) -> None:
    board = JobCache()
    job = await board.job(pipeline)
    name = (await job.steps.needed(settled=False))[0].name
    step = await job.step(name)
    await job.let_go(60)
    assert await job.step(name) is step
    await job.let_go(0)
    assert await job.step(name) is not step
    await close(board)
