"""Operators that register assets: the same content is the same asset, read off the request log."""

from __future__ import annotations

import pytest

from tests.support.emulated import Emulated

VERSIONS = ("2025-12-01", "2022-10-01", "2021-03-01-preview")


@pytest.fixture(params=VERSIONS)
def workspace(
    training_emulator: Emulated, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Emulated:
    """The emulator with blobs, by a connection of each api-version."""
    uri = training_emulator.connection_uri(api_version=request.param)
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", uri)
    return training_emulator


@pytest.fixture
def current(training_emulator: Emulated, monkeypatch: pytest.MonkeyPatch) -> Emulated:
    """The emulator with blobs, by a connection of the default api-version."""
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", training_emulator.connection_uri())
    return training_emulator
