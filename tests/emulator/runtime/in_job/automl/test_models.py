"""Algorithms, where their libraries are missing; where they are not, ``make test-demo`` trains them."""

from __future__ import annotations

import sys

import pytest

from airflow_provider_amlrest.emulator.runtime.in_job.automl.models import missing_algorithms


def test_an_algorithm_without_its_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    missing = missing_algorithms("Classification", ["LightGBM"])
    assert "lightgbm" in missing["LightGBM"]
