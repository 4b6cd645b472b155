"""Kill matrix of what is brought to a state: each request is taken once, and what is there is as asked."""

from __future__ import annotations

import json
import logging
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from tests.kill.harness import Stage, lose_somebody, write
from tests.kill.report import RESOURCES
from tests.kill.resource_points import BOTH, POINTS, play
from tests.kill.resources import Brought, Deploying, RollingOut, Scoring, Stopping, Work

log = logging.getLogger(__name__)

CASES = [(name, mode) for name, point in POINTS.items() for mode in point.modes]
QUICK = [(name, mode) for name, point in POINTS.items() for mode in point.quick]
MOMENTS = 70
AT_A_TIME = 4
KINDS: tuple[type[Work], ...] = (Deploying, Stopping, RollingOut, RollingOut, Scoring)


@pytest.fixture(scope="module")
def results() -> Iterator[list[Brought]]:
    """How the runs of this module went; kept for the report."""
    results: list[Brought] = []
    yield results
    write(results, RESOURCES / f"{int(time.time())}.json")


def check(result: Brought, results: list[Brought]) -> None:
    results.append(result)
    assert result.problems == [], result


@pytest.mark.kill
@pytest.mark.parametrize(("point", "mode"), QUICK)
def test_some_points(on_sqlite: Stage, results: list[Brought], point: str, mode: str) -> None:
    check(play(on_sqlite, point, mode), results)


@pytest.mark.kill_long
@pytest.mark.parametrize(("point", "mode"), CASES)
def test_each_point_on_postgresql(on_postgres: Stage, results: list[Brought], point: str, mode: str) -> None:
    check(play(on_postgres, point, mode), results)


@pytest.mark.timeout(3600)
@pytest.mark.kill_long
def test_random_moments(on_postgres: Stage) -> None:
    """Runs overlap; somebody is killed every other second: mostly a task, now and then a service."""
    seed = random.SystemRandom().randrange(10**6)
    log.info("seed %d", seed)
    chance, stage = random.Random(seed), on_postgres
    works: list[Work] = []
    killed: Counter[str] = Counter()
    while killed.total() < MOMENTS:
        live = [work for work in works if work.task.state not in ("success", "failed")]
        while len(live) < AT_A_TIME:
            live.append(chance.choice(KINDS)(stage, chance.choice(BOTH)))
            live[-1].prepare_all()
            live[-1].begin()
            works.append(live[-1])
        time.sleep(chance.uniform(0.2, 3))
        killed.update(filter(None, [lose_somebody(stage, chance)]))
        for work in live:
            work.look()
    runs = [end(work) for work in works]
    RESOURCES.mkdir(parents=True, exist_ok=True)
    kept = {"killed": killed, "runs": [asdict(run) for run in runs]}
    (RESOURCES / "random.json").write_text(json.dumps(kept, indent=1))
    assert [run for run in runs if run.problems] == []


def end(work: Work) -> Brought:
    """A batch endpoint may have been asked by a try that died: then the task fails and says so."""
    work.stage.await_end(work.dag, work.run_id)
    gives_up = isinstance(work, Scoring) and work.task.state == "failed"
    return work.end("random", *(("failed", 0) if gives_up else ()))
