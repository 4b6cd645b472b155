"""What comes out of several splits."""

from __future__ import annotations

import math

from airflow_provider_amlrest.emulator.runtime.in_job.automl.training import mean


def test_the_mean_leaves_out_what_could_not_be_computed() -> None:
    found = [{"a": 1.0, "b": math.nan, "c": math.nan}, {"a": 3.0, "b": 0.5, "c": math.inf}]
    assert mean(found) == {"a": 2.0, "b": 0.5}
