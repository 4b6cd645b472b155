"""The pytest plugin: fixture ``azureml_emulator``, a workspace of Azure ML for the tests of your DAGs.

pytest imports this module in every project where the provider is installed, used or not: it may import
nothing but the standard library and pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace, EmulatorProcess

RUNTIME_OPTION = "azureml_emulator_runtime"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        RUNTIME_OPTION,
        "how jobs of the fixture azureml_emulator run: simulated (default), host or venv",
        default="simulated",
    )


@pytest.fixture(scope="session")
def _azureml_emulator_process(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmulatorProcess]:
    """One emulator for all tests of this process, started by the first that wants it."""
    from airflow_provider_amlrest.emulator.testing import EmulatorError, EmulatorProcess

    runtime = str(request.config.getini(RUNTIME_OPTION))
    try:
        process = EmulatorProcess(tmp_path_factory.mktemp("azureml-emulator"), runtime)
    except EmulatorError as error:
        pytest.fail(str(error), pytrace=False)
    yield process
    process.stop()


@pytest.fixture
def azureml_emulator(
    _azureml_emulator_process: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmulatedWorkspace]:
    """An Azure ML workspace without jobs and assets, which the connection ``azureml_default`` leads to.

    Jobs end at once, as Completed, unless the test scripts them otherwise; see docs/emulator.md.
    """
    from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace

    workspace = EmulatedWorkspace(_azureml_emulator_process, monkeypatch.setenv)
    workspace.reset()
    workspace.connect("azureml_default")
    yield workspace
    workspace.reset()
