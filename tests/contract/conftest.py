"""The contract tests' examples are the same in every run, so that a failure is somebody's change."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "contract",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("contract")
