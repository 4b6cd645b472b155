"""A session of azure-ai-ml with an emulator whose jobs and deployments are processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sdk.steps import PYTHON, Session
from tests.support.emulated import Emulated
from tools.proxy import LoopbackProxy


@pytest.fixture(scope="module")
def session(training_emulator: Emulated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    assert PYTHON.exists(), "make test-sdk makes the environment of azure-ai-ml"
    with LoopbackProxy() as proxy:
        yield Session(training_emulator, proxy, tmp_path_factory.mktemp("sdk"))
