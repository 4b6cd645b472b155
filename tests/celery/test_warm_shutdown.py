"""Celery workers that are told to end let their tasks go on; a killed one leaves its jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stop.gone import Run, taken_over
from tests.stop.harness import IMPATIENT, UNDER_WAY, Stage
from tests.support.waiting import wait_for
from tools.postgres import Postgres
from tools.redis import Redis

pytestmark = pytest.mark.celery


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as exits:
        postgres = exits.enter_context(Postgres(tmp_path / "postgres.log"))
        redis = exits.enter_context(Redis(tmp_path / "redis.log"))
        yield Stage(tmp_path, exits, IMPATIENT, database=postgres.url, broker=redis.url, workers=2)


def test_a_warm_shutdown_costs_no_job(stage: Stage) -> None:
    airflow = stage.airflow
    runs = [Run(dag_id, *stage.begin(dag_id)) for dag_id in ("plain_sync", "retried_sync")]
    names = [name for name in ("worker-1", "worker-2") if airflow.task_processes(name)]
    busy = [airflow.put_aside(name) for name in names]
    for worker in busy:
        worker.terminate()
    assert stage.stays_quiet([run.job for run in runs])
    ends, killed = runs
    stage.let_go(ends.job)
    wait_for(lambda: stage.state(ends.dag_id, ends.run_id) not in UNDER_WAY)
    for name, worker in zip(names, busy, strict=True):
        worker.kill()
        airflow.start_again(name)
    wait_for(lambda: taken_over(stage, killed))
    stage.let_go(killed.job)
    wait_for(lambda: stage.state(killed.dag_id, killed.run_id) not in UNDER_WAY)
    for run in runs:
        assert stage.state(run.dag_id, run.run_id) == "success"
        assert (len(stage.jobs(run.run_id)), stage.cancels(run.job)) == (1, 0)
