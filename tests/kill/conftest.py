"""One Airflow for all tests that lose its processes, and one on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.kill.harness import Stage
from tools.postgres import Postgres


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as exits:
        yield Stage(tmp_path_factory.mktemp("kill"), exits)


@pytest.fixture(scope="session")
def on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("kill")
    with ExitStack() as exits:
        postgres = exits.enter_context(Postgres(folder / "postgres.log"))
        yield Stage(folder, exits, postgres.url)
