"""Who only goes away cancels nothing, while somebody will come for the job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.stop.gone import AWAY, GONE, check
from tests.stop.harness import IMPATIENT, PATIENT, Stage, write
from tools.local_airflow import AIRFLOW_3

needs_api_server = pytest.mark.skipif(not AIRFLOW_3, reason="tasks of Airflow 2 need no API server")


@pytest.fixture(scope="module")
def cells() -> Iterator[dict[str, str]]:
    """How the runs went, for the report."""
    cells: dict[str, str] = {}
    yield cells
    write(cells, "gone")


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as exits:
        yield Stage(tmp_path_factory.mktemp("gone"), exits, IMPATIENT)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as exits:
        yield Stage(tmp_path_factory.mktemp("away"), exits, PATIENT)


@pytest.mark.stop
@pytest.mark.parametrize("who", GONE)
def test_the_job_is_left_for_the_next_try(impatient: Stage, cells: dict[str, str], who: str) -> None:
    check(impatient, cells, who, GONE[who])


@needs_api_server
@pytest.mark.parametrize(
    "who",
    [
        pytest.param("API server away for 60 s", marks=pytest.mark.stop),
        pytest.param("API server away for 180 s", marks=pytest.mark.stop_long),
    ],
)
def test_an_api_server_that_is_away_costs_no_job(patient: Stage, cells: dict[str, str], who: str) -> None:
    check(patient, cells, who, AWAY[who])
