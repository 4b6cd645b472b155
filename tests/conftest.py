"""Fixtures that several kinds of tests share. Servers listen on loopback and are stopped by pid."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

# Before anything imports Airflow: it reads these once.
_HOME = tempfile.mkdtemp(prefix="amlrest-airflow-")
os.environ["AIRFLOW_HOME"] = _HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
os.environ["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] = "False"
for _name in [name for name in os.environ if name.startswith(("AIRFLOW_CONN_", "AZURE_", "AMLREST_"))]:
    if _name != "AMLREST_EMULATOR_CACHE":
        del os.environ[_name]

from tests.support.emulated import Emulated  # noqa: E402

# Here and not beside the tests that it is for: a run spread over processes prints it, too.
pytest_plugins = ["tests.contract.tally"]

# The same examples in every run, so that a failure is somebody's change; and none is judged by its time.
settings.register_profile("same", derandomize=True, deadline=None, database=None, report_multiple_bugs=False)
settings.load_profile("same")
# Hypothesis draws, too, the constants of the modules of ours that happen to be imported: other ones with each
# selection of tests, each Airflow, and each change.
pytest.MonkeyPatch().setattr(providers, "_get_local_constants", Constants)
# For tools.mutate_wire, where a counterexample is enough: it need not be the smallest.
settings.register_profile("first", parent=settings.get_profile("same"), phases=[Phase.generate])


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """An emulator whose jobs are states on a clock: no processes, no blob storage."""
    yield from _emulator(tmp_path_factory.mktemp("simulated"), "simulated")


@pytest.fixture(scope="session")
def training_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """An emulator with blob storage that runs jobs with the interpreter at hand."""
    yield from _emulator(tmp_path_factory.mktemp("host"), "host")


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """azure-core tries again at once, in all clients."""
    from azure.core.pipeline.transport import AioHttpTransport, RequestsTransport

    async def sleep(self: object, duration: float) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(RequestsTransport, "sleep", lambda self, duration: None)
    monkeypatch.setattr(AioHttpTransport, "sleep", sleep)


def _emulator(folder: Path, runtime: str) -> Iterator[Emulated]:
    emulator = Emulated(folder, runtime)
    yield emulator
    emulator.stop()
