"""Kill matrix: whoever is killed when, a run ends with one job and in the right state."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator

import pytest

from tests.kill.harness import Result, Stage, lose_somebody, write
from tests.kill.points import BOTH, POINTS, play
from tests.kill.report import KILLS

log = logging.getLogger(__name__)

CASES = [(point, mode) for point, (_, modes) in POINTS.items() for mode in modes]
MOMENTS = 200


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[list[Result]]:
    """How the runs of this module went; kept for the report."""
    results: list[Result] = []
    yield results
    write(results, KILLS / f"{int(time.time())}.json")


def check(result: Result, results: list[Result]) -> None:
    results.append(result)
    assert result.is_right, result


@pytest.mark.kill
@pytest.mark.parametrize(("point", "mode"), CASES)
def test_each_point(on_sqlite: Stage, results: list[Result], point: str, mode: str) -> None:
    check(play(on_sqlite, point, mode), results)


@pytest.mark.kill_long
@pytest.mark.parametrize(("point", "mode"), CASES)
def test_each_point_on_postgresql(on_postgres: Stage, results: list[Result], point: str, mode: str) -> None:
    check(play(on_postgres, point, mode), results)


@pytest.mark.timeout(7200)
@pytest.mark.kill_long
def test_random_moments(on_postgres: Stage, results: list[Result]) -> None:
    """Runs overlap; somebody is killed every other second: mostly a task, now and then a service."""
    seed = random.SystemRandom().randrange(10**6)
    log.info("seed %d", seed)
    chance = random.Random(seed)
    stage, runs, killed = on_postgres, [], 0
    while killed < MOMENTS:
        live = [run for run in runs if stage.task(*run).state not in ("success", "failed")]
        while len(live) < 4:
            mode = chance.choice(BOTH)
            live.append((mode, stage.begin(mode)))
            runs.append(live[-1])
        time.sleep(chance.uniform(0.2, 3))
        killed += lose_somebody(stage, chance) is not None
    for mode, run_id in runs:
        result = stage.finish("random", mode, run_id, time.time())
        results.append(result)
    wrong = [result for result in results if result.point == "random" and not result.is_right]
    assert wrong == []
